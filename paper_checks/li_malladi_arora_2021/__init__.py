"""Z. Li, S. Malladi and S. Arora, "On the Validity of Modeling SGD with Stochastic Differential Equations", 2021."""
