"""Q. Li, C. Tai and W. E, "Stochastic Modified Equations and Adaptive Stochastic Gradient Algorithms", ICML 2017."""
