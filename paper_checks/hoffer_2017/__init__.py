"""E. Hoffer, I. Hubara and D. Soudry, "Train longer, generalize better", NeurIPS 2017."""
