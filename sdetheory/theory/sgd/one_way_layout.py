"""SGD on the means of groups, in closed form: the batch size at which an ensemble of runs predicts best."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, optimize

from ... import _validate
from ...errors import InvalidInputError

Array = NDArray[Any]

_NODES = 24  # of each quadrature; twice as many say how wrong they are
_SPACING = 1.3  # of the batch sizes that are tried before the search
_STEP = 1e-30  # along the imaginary axis: a derivative without cancellation


@dataclass(frozen=True, slots=True, kw_only=True)
class BestBatchSize:
    """Where the expected loss of an ensemble is least.

    Parameters
    ----------
    batch_size : float
        B*, a real number; 1 or N if the smallest or the largest batch is best.
    error : float
        Bound of what quadrature and search may have changed in it.
    noise_scale : float
        g* = ε(N/B* − 1)/(1 − m).
    loss : float
        At B*.
    interior : bool
        Whether B* lies between 1 and N.
    """

    batch_size: float
    error: float
    noise_scale: float
    loss: float
    interior: bool


# Arrays have no single truth value and no hash, so layouts compare by identity.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OneWayLayout:
    r"""Least squares on d groups of n = N/d examples each, which have one input each, trained by SGD.

    .. math:: C(w) = \frac{1}{2 s^2} \sum_{j=1}^d \sum_{i=1}^n (x_j w_j - y_{ij})^2, \qquad
              y_{ij} = x_j w^*_j + \sigma \eta_{ij}, \quad \eta \sim N(0, 1)

    Parameters
    ----------
    train_size : int
        N, a multiple of the number of groups, with two or more examples in each.
    learning_rate : float
        ε > 0.
    inputs : array_like, shape (d,)
        x, none zero: the input of an example of group j is x_j in place j and 0 elsewhere. The mean cost has the
        curvatures x_j²/(d s²).
    momentum : float
        0 ≤ m < 1, undamped.
    noise_variance : float
        s² > 0, which the model assumes.
    true_noise_variance : float
        σ² > 0, which the labels have; other than s² the model is misspecified.
    n_steps : int, optional
        T; by default infinitely many.
    start : float
        w − w* of every weight at the start, which has no velocity. Forgotten after infinitely many steps.

    Raises
    ------
    InvalidInputError
        If a number is out of its range, N no multiple of d, or the mean is unstable: ε x²/(d s²) must be below
        2(1 + m).

    Notes
    -----
    Everything is exact for batches without replacement, of any real size between 1 and N: the gradient covariance of a
    group is linear in the second moment of its own weight, so that a step maps the three second moments of weight and
    velocity linearly. Averages over the labels are one integral over the χ² law of a group's sum of squares and one
    over the normal law of its mean, by Gaussian quadrature.

    The mean of the weights does not depend on B; their variance falls as B grows. One run's weights therefore predict
    best with the largest batch, whatever N, ε, m and T are. An ensemble of runs predicts with mean and variance of
    x·w + s η over runs. It is best where its variance is the squared error that it makes: with s = σ, after many
    steps, at

    .. math:: B^* \approx \frac{\epsilon N}{1 - m} \, \frac{\sum_j x_j^4}{2 s^2 d \sum_j x_j^2}
              \quad \text{for } \epsilon \to 0, \; N \to \infty,

    where the noise is that of the posterior if all x_j² are equal. With s < σ, B* stays bounded as N grows, and with
    s > σ (1 + 1/n)^½ the largest batch is best.

    References
    ----------
    S. Mandt, M. D. Hoffman and D. M. Blei (2017), Stochastic gradient descent as approximate Bayesian inference, JMLR
    18:134, for the posterior. B. Lakshminarayanan, A. Pritzel and C. Blundell (2017), Simple and scalable predictive
    uncertainty estimation using deep ensembles, NeurIPS, Section 2.4, for mean and variance of an ensemble.

    Examples
    --------
    >>> layout = OneWayLayout(train_size=6000, learning_rate=0.01, inputs=np.ones(10))
    >>> best = layout.best_batch_size()
    >>> round(best.batch_size, 3), round(best.noise_scale, 2)      # about ε N/(2 d) and 2 d
    (3.01, 19.92)
    >>> layout.one_run_loss(10.0) < layout.one_run_loss(3.0), layout.loss(10.0) < layout.loss(3.0)
    (True, False)
    """

    train_size: int
    learning_rate: float
    inputs: Any
    momentum: float = 0.0
    noise_variance: float = 1.0
    true_noise_variance: float = 1.0
    n_steps: int | None = None
    start: float = 0.0

    def __post_init__(self) -> None:
        x = _validate.reals("inputs", self.inputs, shape=(None,))
        if not len(x) or not x.all():
            raise InvalidInputError(f"inputs must be one or more numbers, none of them zero; got {x.tolist()}")
        x = x.copy()
        x.flags.writeable = False
        n = _validate.integer("train_size", self.train_size, at_least=2)
        if n % len(x) or n < 2 * len(x):
            raise InvalidInputError(
                f"train_size must be a multiple of the number of groups, which is that of inputs, {len(x)}, and two or "
                f"more for each; got {n}"
            )
        steps = None if self.n_steps is None else _validate.integer("n_steps", self.n_steps, at_least=0)
        values = {
            "inputs": x,
            "train_size": n,
            "n_steps": steps,
            "learning_rate": _validate.real("learning_rate", self.learning_rate, above=0.0),
            "momentum": _validate.real("momentum", self.momentum, at_least=0.0, below=1.0),
            "noise_variance": _validate.real("noise_variance", self.noise_variance, above=0.0),
            "true_noise_variance": _validate.real("true_noise_variance", self.true_noise_variance, above=0.0),
            "start": _validate.real("start", self.start),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        if (largest := self._pulls.max()) >= (limit := 2 * (1 + self.momentum)):
            raise InvalidInputError(
                "learning_rate must be so small that learning_rate * inputs**2 / (groups * noise_variance) is below "
                f"{limit:.6g}, where the mean loses stability; got {largest:.6g} from learning_rate "
                f"{self.learning_rate:.6g}, inputs up to {np.abs(x).max():.6g} and noise_variance "
                f"{self.noise_variance:.6g}"
            )

    @property
    def group_size(self) -> int:
        """Number n of examples in a group."""
        return self.train_size // len(self.inputs)

    def variance(self, batch_size: float, sums_of_squares: ArrayLike, offsets: ArrayLike) -> Array:
        """Return the variance of x·w over runs, for given labels.

        Parameters
        ----------
        batch_size : float
            B, from 1 to N.
        sums_of_squares : array_like, shape (..., d)
            Σᵢ (yᵢ − ȳ)² of each group.
        offsets : array_like, shape (..., d)
            x w − ȳ of each group at the start.

        Returns
        -------
        ndarray, shape (..., d)
            Var(x_j w_j) after T steps.

        Raises
        ------
        InvalidInputError
            If B is out of its range, or an array is not d numbers.
        """
        sums = _validate.vectors("sums_of_squares", sums_of_squares, len(self.inputs))
        distances = _validate.vectors("offsets", offsets, len(self.inputs))
        of_noise, of_start, _ = self._spread(self._batch(batch_size))
        return np.real(of_noise) * sums + np.real(of_start) * distances**2

    def loss(self, batch_size: float) -> float:
        r"""Return the expected −ln of the ensemble's density at new labels, the mean over groups.

        .. math:: \frac{1}{d} \sum_j \mathrm{E} \left[ \tfrac12 \ln 2\pi(s^2 + v_j)
                  + \frac{\sigma^2 + (x_j \bar w_j - x_j w_j^*)^2}{2 (s^2 + v_j)} \right]

        Parameters
        ----------
        batch_size : float
            B, from 1 to N.

        Returns
        -------
        float
            With mean w̄ over runs, v their variance of x·w, and E over the labels. Infinite where that variance is.
        """
        return float(self._loss(self._batch(batch_size), _NODES).real)

    def one_run_loss(self, batch_size: float) -> float:
        """Return the expected −ln of the density N(x·w, s²) at new labels, of the weights w of one run.

        Parameters
        ----------
        batch_size : float
            B, from 1 to N.

        Returns
        -------
        float
            The mean over groups, runs and labels; infinite where the variance is.
        """
        of_noise, of_start, decay = self._spread(self._batch(batch_size))
        error = self.true_noise_variance / self.group_size
        far = (self.inputs * self.start) ** 2
        squares = self.true_noise_variance * (self.group_size - 1) * of_noise + of_start * (far + error)
        squares = squares + self.true_noise_variance + decay**2 * far + (1 - decay) ** 2 * error
        return float(np.mean(squares).real / (2 * self.noise_variance) + 0.5 * np.log(2 * np.pi * self.noise_variance))

    def best_batch_size(self) -> BestBatchSize:
        """Return where :meth:`loss` is least.

        Returns
        -------
        BestBatchSize
            The least of the minima, if there are several that differ by more than a factor of 1.3.

        Raises
        ------
        InvalidInputError
            If the variance is infinite for all batches.
        """
        few, many = (self._best(count) for count in (_NODES, 2 * _NODES))
        ratio = self.train_size / many - 1
        return BestBatchSize(
            batch_size=many,
            error=abs(many - few) + 1e-9 * many,
            noise_scale=self.learning_rate * ratio / (1 - self.momentum),
            loss=float(self._loss(many, 2 * _NODES).real),
            interior=1 < many < self.train_size,
        )

    @property
    def _pulls(self) -> Array:
        return self.learning_rate * self.inputs**2 / (len(self.inputs) * self.noise_variance)

    def _batch(self, value: float) -> float:
        return _validate.real("batch_size", value, at_least=1.0, at_most=float(self.train_size))

    def _spread(self, batch_size: complex) -> tuple[Array, Array, Array]:
        """Return what the variance of x·w is per unit of Σ(y − ȳ)² and of the squared offset, and the mean's decay."""
        size, n, m = self.train_size, self.group_size, self.momentum
        found = []
        ratio = size * (size / batch_size - 1) / (size - 1)
        pulls, places = np.unique(self._pulls, return_inverse=True)
        for a in pulls:
            kick = (a / n) ** 2 * ratio
            # Rows: what E[u'²], E[u'p'] and E[p'²] take of E[u²], E[up] and E[p²], with u = x w − ȳ and p its change.
            last = np.array([a**2 + kick * n * (1 - n / size), -2 * m * a, m**2])
            cross = np.array([-a, m, 0.0])
            move = np.array([np.eye(3)[0] + 2 * cross + last, cross + last, last])
            mean = np.array([[1 - a, m], [-a, m]])
            if self.n_steps is None:
                stable = np.abs(linalg.eigvals(move)).max() < 1
                noise = np.linalg.solve(np.eye(3) - move, np.full(3, kick))[0] if stable else np.inf
                found.append((noise, 0.0, 0.0))
                continue
            affine = np.zeros((4, 4), dtype=move.dtype)
            affine[:3, :3], affine[:3, 3], affine[3, 3] = move, kick, 1.0
            with np.errstate(over="ignore", invalid="ignore"):
                power = np.linalg.matrix_power(affine, self.n_steps)
                decay = np.linalg.matrix_power(mean, self.n_steps)[0, 0]
            overflow = not np.isfinite(power).all()
            found.append((np.inf, 0.0, decay) if overflow else (power[0, 3], power[0, 0] - decay**2, decay))
        of_noise, of_start, decay = np.array(found)[places].T
        return of_noise, of_start, decay

    def _loss(self, batch_size: complex, nodes: int) -> Any:
        of_noise, of_start, decay = self._spread(batch_size)
        n, truth = self.group_size, self.true_noise_variance
        sums, their_weights = _gamma((n - 1) / 2, nodes)
        errors, normal_weights = np.polynomial.hermite_e.hermegauss(nodes)
        weights = np.multiply.outer(their_weights, normal_weights / math.sqrt(2 * math.pi))
        e = errors * math.sqrt(truth / n)
        total = 0.0
        _, first, counts = np.unique(self.inputs, return_index=True, return_counts=True)
        for group, count in zip(first, counts, strict=True):
            noise, origin, kept, x = of_noise[group], of_start[group], decay[group], self.inputs[group]
            if not np.isfinite(noise):
                return np.inf
            offset = x * self.start - e
            variance = self.noise_variance + 2 * truth * noise * sums[:, None] + origin * offset**2
            squares = truth + (kept * offset + e) ** 2
            total = total + count * np.sum(weights * (np.log(2 * np.pi * variance) + squares / variance)) / 2
        return total / len(self.inputs)

    def _best(self, nodes: int) -> float:
        count = max(3, math.ceil(math.log(self.train_size) / math.log(_SPACING)))
        tried = np.linspace(0.0, math.log(self.train_size), count)
        losses = np.array([np.real(self._loss(np.exp(log_b), nodes)) for log_b in tried])
        least = int(np.argmin(losses))
        if not np.isfinite(losses[least]):
            raise InvalidInputError("learning_rate must leave a batch size at which the variance is finite; none does")

        def slope(log_b: float) -> float:
            """Return the derivative; where the loss is infinite, at the smallest batches, a negative number."""
            loss = self._loss(np.exp(log_b) * (1 + 1j * _STEP), nodes)
            return float(np.imag(loss)) / _STEP if np.isfinite(loss) else -1.0

        low, high = tried[max(least - 1, 0)], tried[min(least + 1, count - 1)]
        if slope(high) <= 0:
            return float(self.train_size)
        if slope(low) >= 0:
            return 1.0
        root: Any = optimize.brentq(slope, low, high, xtol=1e-14, rtol=np.float64(1e-14))
        return math.exp(root)


def _gamma(shape: float, nodes: int) -> tuple[Array, Array]:
    """Return nodes and weights of Gauss's rule for the gamma law, which Golub and Welsch find for any shape."""
    k = np.arange(nodes)
    values, vectors = linalg.eigh_tridiagonal(2.0 * k + shape, np.sqrt(k[1:] * (k[1:] + shape - 1)))
    return values, vectors[0] ** 2
