"""S. L. Smith and Q. V. Le, "A Bayesian Perspective on Generalization and SGD", ICLR 2018, arXiv:1710.06451."""
