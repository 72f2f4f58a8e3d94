"""S. Yaida, "Fluctuation-Dissipation Relations for Stochastic Gradient Descent", ICLR 2019, arXiv:1810.00004."""
