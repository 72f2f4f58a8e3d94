"""The noise at which the expected test cost is lowest, and the batch size that makes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from ... import _validate
from ...errors import InvalidInputError
from ._box import Landscape, checked, cost
from .gibbs import gibbs

Array = NDArray[np.float64]

# Temperatures tried in each decade before the best is refined.
_PER_DECADE = 8
_MOST_DECADES = 30  # seconds' work, in one dimension


# Arrays have no single truth value and no hash, so results compare by identity.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OptimumNoise:
    """The optimum of the expected test cost over the temperature.

    Parameters
    ----------
    temperature : float
        T*; one of the bounds if the optimum is not between them.
    noise_scale : float
        g* = 2T*/f.
    test_cost : float
        E[C_test] at T*.
    interior : bool
        Whether T* lies between the bounds: if not, less noise (or more) than asked about is better still.
    temperatures, test_costs : ndarray, shape (k,)
        The curve that was searched.
    """

    temperature: float
    noise_scale: float
    test_cost: float
    interior: bool
    temperatures: Array
    test_costs: Array

    def batch_size(
        self,
        learning_rate: ArrayLike,
        train_size: ArrayLike,
        *,
        momentum: ArrayLike = 0.0,
        dampening: ArrayLike = 0.0,
        sampling: str = "without-replacement",
    ) -> Any:
        r"""Return the batch size at which SGD has the noise scale g*, a real number.

        .. math::
            B^* = \frac{N}{1 + g^*/\epsilon'} \;\text{(without replacement)}, \qquad
            B^* = \frac{(N - 1) \epsilon'}{g^*} \;\text{(with)}, \qquad
            B^* = \frac{N}{1 + \frac{N}{N - 1} g^*/\epsilon'} \;\text{(Poisson)}, \qquad
            \epsilon' = \epsilon \frac{1 - \tau}{1 - m}

        Parameters
        ----------
        learning_rate, train_size, momentum, dampening, sampling
            As for :class:`sdetheory.SGDHyperparameters`; arrays broadcast.

        Returns
        -------
        float or ndarray
            B*, proportional to ε'N where g* ≫ ε', which is where N ≫ B*. No batch has so little noise if it exceeds N,
            or so much if it is below one.
        """
        rate = _validate.reals("learning_rate", learning_rate, above=0.0)
        size = _validate.integers("train_size", train_size, at_least=2)
        m = _validate.reals("momentum", momentum, at_least=0.0, below=1.0)
        tau = _validate.reals("dampening", dampening, at_least=0.0, below=1.0)
        sampling = _validate.choice("sampling", sampling, ("without-replacement", "with-replacement", "poisson"))
        ratio = self.noise_scale * (1 - m) / (rate * (1 - tau))
        if sampling == "poisson":
            ratio = ratio * size / (size - 1)
        batch = np.asarray((size - 1) / ratio if sampling == "with-replacement" else size / (1 + ratio))
        return batch if batch.ndim else float(batch)


def optimum_noise(
    train: Landscape,
    test: Landscape,
    *,
    temperatures: tuple[float, float],
    gradient_variance: float = 1.0,
    bounds: ArrayLike | None = None,
) -> OptimumNoise:
    r"""Return the noise at which stationary Langevin dynamics on a train cost has the lowest expected test cost.

    .. math::
        \mathrm{E}_T[C_{test}] = \frac{\int C_{test} \, e^{-C_{train}/T} dw}{\int e^{-C_{train}/T} dw}, \qquad
        \frac{d}{dT} \mathrm{E}_T[C_{test}] = \frac{\mathrm{Cov}_T(C_{test}, C_{train})}{T^2}

    Parameters
    ----------
    train, test : object
        Have ``dimension``, 1 or 2, and ``value(x)``, as for :func:`gibbs`: total costs.
    temperatures : tuple of two floats
        Lower and upper bound of T, both positive.
    gradient_variance : float
        f > 0 in F = f·I, the gradient covariance of the train cost, by which T = g f/2.
    bounds : array_like, shape (d, 2), optional
        As for :func:`gibbs`.

    Returns
    -------
    OptimumNoise
        ``temperature``, ``noise_scale``, ``test_cost``, ``interior``, the curve, and ``batch_size``.

    Raises
    ------
    InvalidInputError
        If the dimensions differ, the temperatures are not in order, or e^{−C/T} does not decay.

    Notes
    -----
    The lowest of the minima is taken. Each is the root of the covariance, not the argmin of a flat curve, which makes
    T* accurate to about 1e-9 relative in one dimension. Minima closer to each other than an eighth of a decade may be
    taken for one.

    Assumed are isotropic noise that does not depend on w, a stationary law, and small steps. B* is proportional to N
    if g* stays as N grows; where both costs grow as N at a fixed shape, T*, and so g*, grows with them, and B* does not
    change.

    References
    ----------
    S. Smith and Q. Le (2018), arXiv:1710.06451, Section 5 and appendix A.

    Examples
    --------
    In training a narrow basin is best, at test time, where all minima lie elsewhere by 0.3, a broad one:

    >>> class Cost:
    ...     dimension = 1
    ...     def __init__(self, shift):
    ...         self.shift = shift
    ...     def value(self, x):
    ...         narrow, broad = -50 * (x[..., 0] + 2 - self.shift) ** 2, -1 - 2 * (x[..., 0] - 2 - self.shift) ** 2
    ...         return -np.logaddexp(narrow, broad)
    >>> best = optimum_noise(Cost(0.0), Cost(0.3), temperatures=(0.05, 5.0))
    >>> print(f"{best.temperature:.4f} {best.noise_scale:.4f} {best.batch_size(0.1, 1000):.2f}")
    1.1975 2.3950 40.08
    """
    pair = _validate.reals("temperatures", temperatures, shape=(2,))
    low, high = (_validate.real(f"temperatures[{i}]", value, above=0.0) for i, value in enumerate(pair))
    if low >= high:
        raise InvalidInputError(f"temperatures must have lower < upper; got {low:g} and {high:g}")
    if np.log10(high) - np.log10(low) > _MOST_DECADES:
        raise InvalidInputError(
            f"temperatures must span {_MOST_DECADES} decades at most, each of which takes {_PER_DECADE} laws; got "
            f"{low:g} to {high:g}"
        )
    variance = _validate.real("gradient_variance", gradient_variance, above=0.0)
    own, other = checked(train, name="train"), checked(test, name="test")
    if other != own:
        raise InvalidInputError(f"test must have the dimension of train, {own}; got {other}")

    def values(x: Array) -> Array:
        return np.stack([cost(test, x), cost(train, x)], axis=1)

    def moments(temperature: float) -> tuple[float, float]:
        """Return E[C_test] and Cov(C_test, C_train)."""
        with _validate.naming("temperatures"):
            law = gibbs(train, temperature, bounds=bounds)
        mean = law.expectation(values)
        return float(mean[0]), float(law.expectation(lambda x: np.prod(values(x) - mean, axis=1)))

    count = 2 + int(np.ceil(_PER_DECADE * np.log10(high / low)))
    curve = np.geomspace(low, high, count)
    costs, slopes = np.transpose([moments(t) for t in curve])
    candidates = [(costs[0], curve[0], False), (costs[-1], curve[-1], False)]
    for k in range(count - 1):
        if slopes[k] < 0 <= slopes[k + 1]:
            bracket = tuple(np.log(curve[k : k + 2]))
            found = optimize.root_scalar(lambda x: moments(np.exp(x))[1], bracket=bracket, xtol=1e-10)
            root = float(np.exp(found.root))
            candidates.append((moments(root)[0], root, True))
    lowest, temperature, interior = min(candidates)
    return OptimumNoise(
        temperature=float(temperature),
        noise_scale=2 * float(temperature) / variance,
        test_cost=float(lowest),
        interior=interior,
        temperatures=curve,
        test_costs=costs,
    )
