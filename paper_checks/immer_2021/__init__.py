"""A. Immer et al., "Scalable Marginal Likelihood Estimation for Model Selection in Deep Learning", ICML 2021."""
