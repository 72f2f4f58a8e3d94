"""S. Mandt, M. D. Hoffman and D. M. Blei, "SGD as Approximate Bayesian Inference", JMLR 18(134), 2017."""
