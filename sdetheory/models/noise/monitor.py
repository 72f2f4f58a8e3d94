"""The gradient noise scale of a training that is going on, from what its steps have at hand."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ... import _validate
from ...errors import InvalidInputError
from ._ratio import GradientNoiseScale, of_parts, parts_of_norms, refuse_negative_trace

_BATCHES = 20
"""Stretches of the window whose means tell the error."""
_CORRELATED = 0.45
"""Correlation of neighbouring stretches, two standard deviations of what independent ones have."""


class NoiseScaleMonitor:
    r"""Follow B_simple through a training loop of your own, from squared norms of gradients at two batch sizes.

    .. math::
        |G|^2 \approx \frac{B_2 |G_2|^2 - B_1 |G_1|^2}{B_2 - B_1}, \qquad
        \mathrm{Tr}\, F \approx \frac{|G_1|^2 - |G_2|^2}{1/B_1 - 1/B_2}

    Both are averaged over the last `window` steps, and only then divided.

    Parameters
    ----------
    small, large : int
        Batch sizes B₁ < B₂: examples per device and on all devices, or per micro-batch and per step.
    window : int
        Number of steps, at least 2, that are averaged over.

    Raises
    ------
    InvalidInputError
        If a size or the window is not a whole number in its range, or B₁ ≥ B₂.

    Notes
    -----
    Gradients are those of the *mean* loss of their batch. A factor that both have in common, as of loss scaling,
    cancels from the ratio, though not from its parts; a large gradient that is the sum of the small ones does not, and
    is refused as soon as the data show it. Take norms before clipping, and before momentum or decay are added.

    The error comes from the means of 20 stretches of the window, so that steps which depend on each other count as the
    fewer that they are; where neighbouring stretches are still correlated, variances are raised by (1 + ρ)/(1 − ρ). As
    weights move, the result is the average over the window: of a noise scale that drifts, not its last value.

    It is that of the distribution behind the examples if batches are fresh or drawn with replacement; within one pass
    over N examples |G|² comes out smaller by Tr F/N than that of the training set.

    A monitor can be pickled; its ``state_dict`` holds plain numbers and lists.

    References
    ----------
    S. McCandlish, J. Kaplan and D. Amodei, arXiv:1812.06162, Appendix A.1.

    Examples
    --------
    Four devices with 8 examples each; |G|² = 3 and Tr F = 12:

    >>> rng = np.random.default_rng(0)
    >>> monitor = NoiseScaleMonitor(small=8, large=32, window=500)
    >>> for _ in range(1000):
    ...     monitor.update_from_gradients(1 + rng.standard_normal((4, 3)) * 2 / np.sqrt(8))
    >>> found = monitor.estimate()
    >>> print(found.noise_scale, found.interval[0] < 4 < found.interval[1])
    3.86 ± 0.12 True
    """

    _shown = ("small", "large", "steps")

    def __init__(self, small: int, large: int, *, window: int = 200) -> None:
        self.small = _validate.integer("small", small, at_least=1)
        self.large = _validate.integer("large", large, at_least=1)
        if self.small >= self.large:
            raise InvalidInputError(
                f"small must be less than large; got {self.small} and {self.large}. One batch size does not tell "
                "noise from gradient: take the gradients of devices or micro-batches as the small ones."
            )
        self._squares: deque[tuple[float, float]] = deque(maxlen=_validate.integer("window", window, at_least=2))
        self._steps = 0

    @property
    def steps(self) -> int:
        """Number of updates so far."""
        return self._steps

    def update(self, small_squares: ArrayLike, large_square: float) -> None:
        """Take in a step.

        Parameters
        ----------
        small_squares : float or array_like, shape (k,)
            Squared norm of the gradient of a batch of B₁ examples, or of several such batches.
        large_square : float
            Squared norm of the gradient of a batch of B₂ examples at the same weights; it may be that of all the small
            batches together.

        Raises
        ------
        InvalidInputError
            If a number is not finite or is negative. Leave out a step whose gradients have overflowed.
        """
        step = f"of step {self._steps + 1}; leave out a step that has overflowed"
        with _validate.naming(step):
            small = np.atleast_1d(_validate.reals("small_squares", small_squares, at_least=0.0))
            large = _validate.real("large_square", large_square, at_least=0.0)
        if small.ndim > 1 or not small.size:
            raise InvalidInputError(f"small_squares must be one or more numbers; got shape {small.shape}")
        self._squares.append((float(small.mean()), large))
        self._steps += 1

    def update_from_gradients(self, gradients: Any) -> None:
        """Take in a step by the mean gradients of its B₂/B₁ devices or micro-batches of B₁ examples.

        Parameters
        ----------
        gradients : array_like, shape (B₂/B₁, p)
            One flat gradient a row; anything with ``__array__``, or a list of such.

        Raises
        ------
        InvalidInputError
            If there are not B₂/B₁ gradients, or one is not finite.
        """
        try:
            given = gradients if hasattr(gradients, "__array__") else np.stack([np.asarray(g) for g in gradients])
        except (TypeError, ValueError):
            given = gradients
        rows = _validate.reals("gradients", given, shape=(None, None))
        if len(rows) * self.small != self.large:
            raise InvalidInputError(
                f"gradients must be those of large/small = {self.large}/{self.small} batches; got {len(rows)}"
            )
        mean = rows.mean(axis=0)
        with np.errstate(over="ignore"):
            small, large = np.vecdot(rows, rows), float(mean @ mean)
        if not np.isfinite([*small, large]).all():
            raise InvalidInputError(
                f"gradients must have squares that floating point holds; got entries up to {np.abs(rows).max():.3g}. "
                "Leave out a step that has overflowed."
            )
        self.update(small, large)

    def estimate(self, *, alpha: float = 0.05) -> GradientNoiseScale:
        """Return B_simple and its parts, averaged over the window.

        Parameters
        ----------
        alpha : float
            One minus the confidence of the interval.

        Returns
        -------
        GradientNoiseScale
            After one step without errors, and with an interval that bounds nothing.

        Raises
        ------
        InvalidInputError
            If there is no step yet, all gradients are zero, or Tr F comes out so far below zero that these cannot be
            mean gradients of batches of the two sizes.
        """
        alpha = _validate.real("alpha", alpha, at_least=1e-12, below=1.0)
        if not self._squares:
            raise InvalidInputError("a monitor needs a step before it can estimate; call update first")
        steps = parts_of_norms(self.small, self.large) @ np.array(self._squares).T
        parts = steps.mean(axis=1)
        if not np.any(steps):
            raise InvalidInputError("gradients must not all be zero: the noise scale is 0/0")
        if steps.shape[1] == 1:
            return of_parts(parts, np.full((2, 2), np.nan), 1.0, alpha)
        covariance, count = _covariance_of_mean(steps)
        refuse_negative_trace(parts, covariance, count)
        return of_parts(parts, covariance, count, alpha)

    def state_dict(self) -> dict[str, Any]:
        """Return all that a monitor holds, as plain numbers and lists."""
        return {
            "small": self.small, "large": self.large, "window": self._squares.maxlen, "steps": self._steps,
            "squares": [list(pair) for pair in self._squares],
        }  # fmt: skip

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what :meth:`state_dict` has returned, of a monitor of the same batch sizes and window.

        Raises
        ------
        InvalidInputError
            If the state is that of another kind of monitor, or of none.
        """
        own = self.state_dict()
        if not isinstance(state, Mapping) or set(state) != set(own):
            raise InvalidInputError(f"state must be what state_dict() returns; got {_validate.shown(state)}")
        for name in ("small", "large", "window"):
            if state[name] != own[name]:
                raise InvalidInputError(
                    f"state must be of a monitor with {name} = {own[name]}; got {_validate.shown(state[name])}"
                )
        steps = _validate.integer("steps of the state", state["steps"], at_least=0)
        pairs = np.reshape(_validate.reals("squares of the state", state["squares"], at_least=0.0), (-1, 2))
        if len(pairs) != min(steps, own["window"]):
            raise InvalidInputError(f"squares of the state must be those of its last steps; got {len(pairs)}")
        self._steps = steps
        self._squares = deque(((float(a), float(b)) for a, b in pairs), maxlen=own["window"])


def _covariance_of_mean(steps: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Return the covariance of the mean over steps (2, n), which may depend on each other, and what it is worth."""
    n = steps.shape[1]
    count = min(_BATCHES, n)
    length = n // count
    means = steps[:, n - count * length :].reshape(2, count, length).mean(axis=2)
    covariance = np.cov(means) / count * (count * length / n)
    if count < _BATCHES:
        return covariance, float(count)
    centred = means - means.mean(axis=1, keepdims=True)
    ratio = means[0].mean() / means[1].mean() if means[1].mean() else 0.0
    series = np.vstack([centred, centred[0] - ratio * centred[1]])
    sizes = np.vecdot(series, series)
    neighbours = np.vecdot(series[:, 1:], series[:, :-1])
    correlation = float(np.max(neighbours[sizes > 0] / sizes[sizes > 0], initial=0.0))
    if correlation <= _CORRELATED:
        return covariance, float(count)
    longer = (1 + correlation) / (1 - correlation)
    return covariance * longer, max(2.0, count / longer)
