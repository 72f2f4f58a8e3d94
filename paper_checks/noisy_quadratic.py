"""SGD on a quadratic loss with the same noise everywhere, in directions that do not mix: exact, with the best rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.optimize
from numpy.typing import ArrayLike

import sdetheory as st


@dataclass(frozen=True, slots=True, kw_only=True)
class NoisyQuadratic:
    """The mean loss ½Σhᵢwᵢ², whose examples have gradients with variances σᵢ², drawn independently.

    Parameters
    ----------
    curvatures, variances, squares : ndarray, shape (d,)
        hᵢ, σᵢ² and wᵢ² at the start.

    Examples
    --------
    >>> one = NoisyQuadratic(curvatures=np.array([2.0]), variances=np.array([1.0]), squares=np.array([4.0]))
    >>> one.loss(0.25, 10, 1), one.loss(0.25, 10, 1, momentum=0.9)
    (array(1.00625), array(1.00625))
    """

    curvatures: np.ndarray
    variances: np.ndarray
    squares: np.ndarray

    def loss(self, rate: ArrayLike, batch_size: ArrayLike, steps: int, *, momentum: ArrayLike = 0.0) -> np.ndarray:
        """Return the mean loss after a number of steps of the undamped heavy ball, from a start without velocity."""
        rate, size, m = (np.asarray(value, dtype=float)[..., None] for value in (rate, batch_size, momentum))
        rate, size, m = np.broadcast_arrays(rate, size, m)
        pull, kick = rate * self.curvatures, rate**2 * self.variances / size
        keep, m = 1 - pull, np.broadcast_to(m, pull.shape)
        # E w², E wv, E v² and 1 after a step.
        move = np.zeros((*pull.shape, 4, 4))
        rows = (
            (keep**2, 2 * keep * m, m**2, kick),
            (-keep * pull, (keep - pull) * m, m**2, kick),
            (pull**2, -2 * pull * m, m**2, kick),
        )
        for i, row in enumerate(rows):
            for j, value in enumerate(row):
                move[..., i, j] = value
        move[..., 3, 3] = 1.0
        with np.errstate(over="ignore", invalid="ignore"):
            power = np.linalg.matrix_power(move, steps)
            squares = power[..., 0, 0] * self.squares + power[..., 0, 3]
            total = np.sum(self.curvatures * squares, axis=-1) / 2
        return np.where(np.isfinite(total), total, np.inf)

    def package_loss(self, rate: float, batch_size: int, steps: int, *, momentum: float = 0.0) -> float:
        """Return the same by the package's moments of SGD, from N = 10⁶ examples."""
        n = 10**6
        hp = st.SGDHyperparameters(
            learning_rate=rate, train_size=n, batch_size=batch_size, momentum=momentum, sampling="with-replacement"
        )
        moments = st.theory.sgd_moments(
            n * np.diag(self.curvatures), np.diag(self.variances) * n / (n - 1), hp, start=np.sqrt(self.squares),
            steps=[steps],
        )  # fmt: skip
        return float(self.curvatures @ (moments.mean[0] ** 2 + np.diag(moments.covariance[0]))) / 2

    def best_rate(self, batch_size: float, steps: int, *, momentum: float = 0.0) -> tuple[float, float]:
        """Return the learning rate that makes the loss after some steps least, and that loss.

        It is looked for on a grid of ln ε below the last stable rate, and then between its neighbours there.
        """
        largest = 2 * (1 + momentum) / self.curvatures.max()
        grid = np.log(largest) + np.linspace(-18.0, 0.0, 181)
        best = int(np.argmin(self.loss(np.exp(grid), batch_size, steps, momentum=momentum)))
        found = scipy.optimize.minimize_scalar(
            lambda x: float(self.loss(np.exp(x), batch_size, steps, momentum=momentum)),
            bounds=(grid[max(best - 1, 0)], grid[min(best + 1, 180)]), method="bounded", options={"xatol": 1e-11},
        )  # fmt: skip
        return float(np.exp(found.x)), float(found.fun)

    def steps_to(self, target: float, batch_size: float, *, momenta: tuple[float, ...] = (0.0,)) -> float:
        """Return the fewest steps after which the loss is at a target, over rates and momenta; the last in part.

        The loss at the best of both falls as the steps grow, so that their number is found by halving.
        """

        def lowest(steps: int) -> float:
            return min(self.best_rate(batch_size, steps, momentum=m)[1] for m in momenta)

        high = 1
        while lowest(high) > target:
            high *= 2
        low = high // 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if lowest(middle) <= target else (middle, high)
        before = lowest(low) if low else float(self.curvatures @ self.squares) / 2
        return low + float(np.log(before / target) / np.log(before / lowest(high)))

    def critical_size(self, target: float, *, momenta: tuple[float, ...] = (0.0,)) -> float:
        """Return the batch size at which the target takes twice the examples that it takes at B = 1."""
        fewest = self.steps_to(target, 1, momenta=momenta)
        return float(np.exp(scipy.optimize.brentq(
            lambda x: np.log(np.exp(x) * self.steps_to(target, np.exp(x), momenta=momenta) / (2 * fewest)),
            0.0, np.log(2 * fewest), xtol=0.01,
        )))  # fmt: skip
