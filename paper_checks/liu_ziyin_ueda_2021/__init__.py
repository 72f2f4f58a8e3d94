"""K. Liu, L. Ziyin and M. Ueda, "Noise and Fluctuation of Finite Learning Rate SGD", ICML 2021."""
