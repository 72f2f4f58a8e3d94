"""L. Wu, M. Wang and W. Su, "The Alignment Property of SGD Noise and How It Helps Select Flat Minima", NeurIPS 2022."""
