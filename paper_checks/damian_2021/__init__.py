"""A. Damian, T. Ma and J. D. Lee, "Label Noise SGD Provably Prefers Flat Global Minimizers", NeurIPS 2021."""
