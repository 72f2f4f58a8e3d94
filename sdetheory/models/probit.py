"""Probit regression."""

from ._formula import declared
from ._regression import TwoClasses
from .likelihoods.probit import Probit


@declared
class ProbitRegression(TwoClasses):
    r"""Two-class probit regression with a Gaussian prior, as the total (summed) cost of its weights.

    .. math:: C(w) = -\sum_{i=1}^n \ln \Phi\bigl((2 y_i - 1)\, x_i \cdot w\bigr) + \frac{\lambda}{2} |w|^2 .

    Up to a constant this is the negative log posterior of P(y = 1 | x, w) = Φ(x·w), the standard normal distribution
    function, under the prior w ~ N(0, I/λ): y says whether x·w + n > 0 for noise n ~ N(0, 1).

    Parameters
    ----------
    X : array_like, shape (n, p)
        Inputs, one example a row. No intercept is added: for one, append a column of ones.
    y : array_like, shape (n,)
        Labels, 0 or 1.
    prior_precision : float
        λ ≥ 0; the default 0 is plain maximum likelihood.

    Raises
    ------
    InvalidInputError
        If X is not a finite (n, p) array, y not n labels that are 0 or 1, or λ < 0.

    Notes
    -----
    An example that is classified wrongly by a margin z costs z²/2, not z as in logistic regression: outliers weigh
    more. No difference cancels, whatever the size of the margins. The link is not canonical, so that the Hessian
    depends on the labels, and is the Fisher information on average only.

    References
    ----------
    C. Bishop (2006), Pattern Recognition and Machine Learning, section 4.3.5.

    Examples
    --------
    >>> model = ProbitRegression([[1.0, 2.0], [1.0, -1.0], [1.0, 0.5]], [1, 0, 1], prior_precision=0.1)
    >>> round(model.cost([0.0, 0.0]), 6)       # 3 ln 2
    2.079442
    >>> model.gradient([0.0, 0.0]).round(6)    # √(2/π) (−1, −3.5)
    array([-0.797885, -2.792596])
    """

    __slots__ = ()

    likelihood = Probit()
