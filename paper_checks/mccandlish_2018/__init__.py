"""S. McCandlish, J. Kaplan and D. Amodei, "An Empirical Model of Large-Batch Training", arXiv:1812.06162 (2018)."""
