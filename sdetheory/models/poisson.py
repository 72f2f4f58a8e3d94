"""Poisson regression."""

from ._formula import declared
from ._regression import Regression
from .likelihoods.poisson import Poisson


@declared
class PoissonRegression(Regression):
    r"""Regression of counts with a logarithmic link and a Gaussian prior, as the total (summed) cost of its weights.

    .. math:: C(w) = \sum_{i=1}^n \bigl(e^{x_i \cdot w} - y_i\, x_i \cdot w + \ln y_i!\bigr)
              + \frac{\lambda}{2} |w|^2 .

    Up to a constant this is the negative log posterior of counts y of mean exp(x·w) under the prior w ~ N(0, I/λ).

    Parameters
    ----------
    X : array_like, shape (n, p)
        Inputs, one example a row. No intercept is added: for one, append a column of ones.
    y : array_like, shape (n,)
        Counts: whole numbers 0, 1, 2, ….
    prior_precision : float
        λ ≥ 0; the default 0 is plain maximum likelihood.

    Raises
    ------
    InvalidInputError
        If X is not a finite (n, p) array, y not n counts, or λ < 0.

    Notes
    -----
    The curvature e^(x·w) has no bound: a rate at which SGD is stable near the minimum may diverge from farther away,
    and runs that do are reported. The null model of its evidence has mean 1 for every example, as all weights zero.

    References
    ----------
    P. McCullagh and J. A. Nelder (1989), Generalized Linear Models, chapter 6.

    Examples
    --------
    >>> model = PoissonRegression([[1.0, 2.0], [1.0, -1.0], [1.0, 0.5]], [3, 0, 2], prior_precision=0.1)
    >>> round(model.cost([0.0, 0.0]), 6)       # 3 + ln 3! + ln 2!
    5.484907
    >>> model.gradient([0.0, 0.0])
    array([-2. , -5.5])
    """

    __slots__ = ()

    likelihood = Poisson()
