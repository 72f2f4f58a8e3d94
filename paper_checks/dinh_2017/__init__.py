"""L. Dinh, R. Pascanu, S. Bengio and Y. Bengio, "Sharp Minima Can Generalize For Deep Nets", ICML 2017."""
