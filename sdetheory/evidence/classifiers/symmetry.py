"""How many minima are one minimum in disguise."""

from __future__ import annotations

import math

from scipy import special

from ... import _validate


def log_equivalent_modes(hidden_units: int, *, sign_flips: bool) -> float:
    r"""Return the log of the number of minima that a symmetry of the model makes of one.

    .. math:: \ln \left( h!\; 2^{h} \right) \quad \text{or} \quad \ln h!

    Laplace's approximation integrates over one minimum. If exchanging the hidden units, or changing signs in each,
    changes neither the function nor the prior, then each minimum has h! 2^h copies of the same volume, and this is to
    be added to the log evidence.

    Parameters
    ----------
    hidden_units : int
        Number h ≥ 1 of interchangeable units: of one hidden layer (add up the layers of a deep network), or of
        components of a mixture.
    sign_flips : bool
        Whether the sign of a unit's incoming weights can be undone by its outgoing ones: true of odd activations (tanh,
        the identity), false of ReLU and of mixtures.

    Returns
    -------
    float
        ln(h! 2^h) or ln h!.

    Raises
    ------
    InvalidInputError
        If `hidden_units` is not a whole number ≥ 1, or `sign_flips` not True or False.

    Notes
    -----
    Assumes separated minima: the copies must be many standard deviations apart, and the minimum must not be fixed by
    any of the symmetries (two equal units, a unit with zero weights). Where they overlap, the correction is too large:
    if the data say nothing there is one mode, the prior's, and nothing to be added.

    Rescaling the incoming weights of a ReLU unit by a and the outgoing by 1/a leaves the function alone, but not a
    Gaussian prior, which picks the point where both have the same norm. It makes a curved valley of finite volume, not
    further minima, and is not counted; along the valley Laplace's approximation can be poor.

    References
    ----------
    H. Sussmann (1992), Uniqueness of the weights for minimal feedforward nets with a given input-output map, Neural
    Networks 5, 589: for tanh these are all the symmetries.
    C. Bishop (2006), Pattern Recognition and Machine Learning, sections 5.1.1 and 5.7.

    Examples
    --------
    >>> print(f"{log_equivalent_modes(3, sign_flips=True):.4f}")       # ln 48
    3.8712
    """
    h = _validate.integer("hidden_units", hidden_units, at_least=1)
    sign_flips = _validate.flag("sign_flips", sign_flips)
    return float(special.gammaln(h + 1) + (h * math.log(2) if sign_flips else 0.0))
