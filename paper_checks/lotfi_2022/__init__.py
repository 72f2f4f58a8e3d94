"""S. Lotfi et al., "Bayesian Model Selection, the Marginal Likelihood, and Generalization", ICML 2022."""
