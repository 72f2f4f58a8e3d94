"""Linear regression."""

from ._formula import declared
from ._regression import Regression
from .likelihoods.gaussian import Gaussian


@declared
class LinearRegression(Regression):
    r"""Least squares with a Gaussian prior, as the total (summed) cost of its weights.

    .. math:: C(w) = \frac12 \sum_{i=1}^n (x_i \cdot w - y_i)^2 + \frac{\lambda}{2} |w|^2 .

    Up to a constant this is the negative log posterior of y ~ N(x·w, 1) under the prior w ~ N(0, I/λ).

    Parameters
    ----------
    X : array_like, shape (n, p)
        Inputs, one example a row. No intercept is added: for one, append a column of ones.
    y : array_like, shape (n,)
        Targets, in units of the standard deviation of their noise.
    prior_precision : float
        λ ≥ 0; the default 0 is plain least squares.

    Raises
    ------
    InvalidInputError
        If X is not a finite (n, p) array, y not n finite numbers, or λ < 0.

    Notes
    -----
    The cost is quadratic, but the noise of SGD on it depends on w: the gradients (xᵢ·w − yᵢ) xᵢ of the examples differ
    in their curvatures xᵢxᵢᵀ. For evidence see :class:`sdetheory.evidence.LinearModel`.

    References
    ----------
    C. Bishop (2006), Pattern Recognition and Machine Learning, section 3.1.

    Examples
    --------
    >>> model = LinearRegression([[1.0, 2.0], [1.0, -1.0], [1.0, 0.5]], [1.0, 0.0, 2.0])
    >>> model.cost([0.0, 0.0])
    2.5
    >>> model.gradient([0.0, 0.0])
    array([-3., -3.])
    >>> model.minibatch_gradient([0.0, 0.0], [2])      # three times that of the last example
    array([-6., -3.])
    """

    __slots__ = ()

    likelihood = Gaussian()
