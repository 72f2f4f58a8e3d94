"""Logistic regression."""

from ._formula import declared
from ._regression import TwoClasses
from .likelihoods.bernoulli import Bernoulli


@declared
class LogisticRegression(TwoClasses):
    r"""Two-class logistic regression with a Gaussian prior, as the total (summed) cost of its weights.

    .. math:: C(w) = \sum_{i=1}^n \ln\bigl(1 + e^{(1 - 2 y_i)\, x_i \cdot w}\bigr) + \frac{\lambda}{2} |w|^2 .

    Up to a constant this is the negative log posterior of P(y = 1 | x, w) = 1/(1 + exp(−x·w)) under the prior
    w ~ N(0, I/λ).

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
    No exponential overflows and no difference cancels, whatever the size of the margins.

    References
    ----------
    S. L. Smith and Q. V. Le, "A Bayesian Perspective on Generalization and Stochastic Gradient Descent", ICLR 2018,
    arXiv:1710.06451, Sections 2 and 3.

    Examples
    --------
    >>> model = LogisticRegression([[1.0, 2.0], [1.0, -1.0], [1.0, 0.5]], [1, 0, 1], prior_precision=0.1)
    >>> round(model.cost([0.0, 0.0]), 6)
    2.079442
    >>> model.gradient([0.0, 0.0])
    array([-0.5 , -1.75])
    >>> model.hessian([0.0, 0.0])
    array([[0.85  , 0.375 ],
           [0.375 , 1.4125]])
    """

    __slots__ = ()

    likelihood = Bernoulli()
