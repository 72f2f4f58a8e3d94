"""S. L. Smith, E. Elsen and S. De, "On the Generalization Benefit of Noise in Stochastic Gradient Descent", 2020."""
