"""L. Wu, C. Ma and W. E, "How SGD Selects the Global Minima in Over-parameterized Learning", NeurIPS 2018."""
