"""Stochastic gradient descent as a stochastic differential equation, and the Bayesian evidence of what it finds.

The public names are loaded on first use (SPEC 1): ``import sdetheory`` by itself loads none of sympy, numba and
matplotlib.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
__version__ = "0.1.0"
