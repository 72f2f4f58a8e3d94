"""T. Mori, L. Ziyin, K. Liu and M. Ueda, "Power-Law Escape Rate of SGD", ICML 2022."""
