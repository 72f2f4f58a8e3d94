"""D. J. C. MacKay, "Bayesian Interpolation", Neural Computation 4 (1992) 415."""
