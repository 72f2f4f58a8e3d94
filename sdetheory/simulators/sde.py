"""Stochastic differential equations, as the simulators take them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .. import _validate
from .._kernels.block import BlockFunction
from ..errors import InvalidInputError
from ..landscapes import Landscape


@dataclass(frozen=True, kw_only=True, eq=False)
class SDE:
    r"""An Itô equation with additive, diagonal noise, dw = f(w) dt + diag(s) dW.

    Built by :func:`langevin`. With additive noise the Itô and the Stratonovich reading agree.

    Attributes
    ----------
    name : str
        What it is called in messages.
    drift : BlockFunction
        f, compiled for blocks of paths.
    noise_amplitude : ndarray, shape (d,)
        s.
    """

    name: str
    drift: BlockFunction
    noise_amplitude: NDArray[np.float64]

    @property
    def dimension(self) -> int:
        """Number d of components of w."""
        return self.drift.rows


def langevin(landscape: Landscape, temperature: float) -> SDE:
    r"""Return the overdamped Langevin equation of a landscape.

    .. math:: dw = -\nabla C(w)\, dt + \sqrt{2T}\, dW

    Parameters
    ----------
    landscape : Landscape
        The cost C.
    temperature : float
        T ≥ 0, in units of the cost. SGD has T = g f / 2 where its gradient covariance is F = f·I.

    Returns
    -------
    SDE
        The equation; its stationary density is ∝ e^{−C/T}.

    Raises
    ------
    InvalidInputError
        The temperature is negative or not finite, or the first argument is not a landscape.

    References
    ----------
    .. [1] S. L. Smith and Q. V. Le, "A Bayesian Perspective on Generalization and Stochastic Gradient Descent",
       ICLR 2018, appendix A.

    Examples
    --------
    >>> import sdetheory as st
    >>> langevin(st.landscapes.double_well(), temperature=0.5).noise_amplitude
    array([1.])
    """
    if not isinstance(landscape, Landscape):
        raise InvalidInputError(
            f"landscape must be a Landscape; got {type(landscape).__name__}. "
            "Build one with sdetheory.landscapes or Landscape.from_sympy."
        )
    temperature = _validate.real("temperature", temperature, at_least=0.0)
    return SDE(
        name=f"Langevin equation of the {landscape.name} at temperature {temperature:g}",
        drift=landscape.drift,
        noise_amplitude=np.full(landscape.dimension, np.sqrt(2 * temperature)),
    )
