"""Optimizers that divide by the size of recent gradients."""

from __future__ import annotations

from dataclasses import dataclass

from .. import _validate


@dataclass(frozen=True, slots=True, kw_only=True)
class Adam:
    r"""Adam, on the mean gradient ĝ = Ĝ/N.

    .. math::
        m \leftarrow \beta_1 m + (1 - \beta_1) \hat g, \quad s \leftarrow \beta_2 s + (1 - \beta_2) \hat g^2, \quad
        w \leftarrow w - \epsilon \frac{m / (1 - \beta_1^t)}{\sqrt{s / (1 - \beta_2^t)} + \delta}

    Parameters
    ----------
    beta1, beta2 : float
        Decay of the averages of gradients and of their squares, from 0 to less than 1.
    floor : float
        δ ≥ 0, which keeps the step finite. The literature calls it ε, which is the learning rate here.

    Raises
    ------
    InvalidInputError
        If a number is out of its range.

    References
    ----------
    D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, arXiv:1412.6980, Algorithm 1.

    Examples
    --------
    >>> Adam(beta2=0.99)
    Adam(beta1=0.9, beta2=0.99, floor=1e-08)
    """

    beta1: float = 0.9
    beta2: float = 0.999
    floor: float = 1e-8

    def __post_init__(self) -> None:
        for name in ("beta1", "beta2"):
            _validate.real(name, getattr(self, name), at_least=0.0, below=1.0)
        _validate.real("floor", self.floor, at_least=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RMSprop:
    r"""RMSprop, on the mean gradient ĝ = Ĝ/N.

    .. math::
        s \leftarrow \beta s + (1 - \beta) \hat g^2, \qquad w \leftarrow w - \epsilon \frac{\hat g}{\sqrt s + \delta}

    Parameters
    ----------
    beta : float
        Decay of the average of squares, from 0 to less than 1.
    floor : float
        δ ≥ 0, which keeps the step finite.

    Raises
    ------
    InvalidInputError
        If a number is out of its range.

    References
    ----------
    S. Malladi, K. Lyu, A. Panigrahi and S. Arora, "On the SDEs and scaling rules for adaptive gradient algorithms",
    NeurIPS 2022, arXiv:2205.10287, Definition 2.1 (with the square of the present gradient included in s).

    Examples
    --------
    >>> RMSprop()
    RMSprop(beta=0.99, floor=1e-08)
    """

    beta: float = 0.99
    floor: float = 1e-8

    def __post_init__(self) -> None:
        _validate.real("beta", self.beta, at_least=0.0, below=1.0)
        _validate.real("floor", self.floor, at_least=0.0)
