"""The evidence over the strength of the prior, beside what the same fits do on data they have not seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ... import _validate
from ...errors import IncompatibleError, InvalidInputError
from ...results import Estimate
from ..linear.model import LinearModel
from ..occam import OccamDecomposition
from .laplace import laplace

Array = NDArray[np.float64]
Split = tuple[Any, ArrayLike, ArrayLike]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EvidenceCurve:
    """What :func:`evidence_curve` returns: s splits of the data at l values of λ.

    Parameters
    ----------
    prior_precision : ndarray, shape (l,)
        λ, increasing.
    occam : OccamDecomposition
        The log evidence in its parts, each of shape (s, l).
    log_evidence_ratio : ndarray, shape (s, l)
        E in favour of the null model; trust the model only where it is negative.
    train_loss, test_loss : ndarray, shape (s, l)
        Mean of −ln P(yᵢ | w₀) over the examples, w₀ the mode at that λ: of classifiers the cross-entropy.
    train_accuracy, test_accuracy : ndarray, shape (s, l), or None
        Share of examples whose likeliest class is theirs; None where labels are no classes.
    """

    prior_precision: Array
    occam: OccamDecomposition
    log_evidence_ratio: Array
    train_loss: Array
    test_loss: Array
    train_accuracy: Array | None = None
    test_accuracy: Array | None = None

    @property
    def log_evidence(self) -> Array:
        """The log evidence, shape (s, l)."""
        return self.occam.log_evidence

    @property
    def best_by_evidence(self) -> float:
        """λ of the largest log evidence, averaged over the splits; one end of the grid, if it is largest there."""
        return math.exp(_lowest(np.log(self.prior_precision), -self.log_evidence.mean(axis=0)))

    @property
    def best_by_test_loss(self) -> float:
        """λ of the smallest test loss, averaged over the splits; one end of the grid, if it is smallest there."""
        return math.exp(_lowest(np.log(self.prior_precision), self.test_loss.mean(axis=0)))

    @property
    def rank_correlation(self) -> Estimate:
        """Spearman's correlation over λ of E and the test loss, both averaged over the splits.

        1 if the evidence puts all λ in the order of their test losses. It depends on the range of λ; and as it moves in
        steps its standard error is a rough one.
        """
        return self._jackknife(_spearman)

    @property
    def distance(self) -> Estimate:
        """log₁₀ of :attr:`best_by_evidence` over :attr:`best_by_test_loss`, in decades."""
        grid = np.log10(self.prior_precision)
        return self._jackknife(lambda ratio, loss: _lowest(grid, ratio) - _lowest(grid, loss))

    @property
    def excess_loss(self) -> Estimate:
        """Test loss at the λ of the smallest E, less the smallest test loss: what trusting the evidence costs."""
        return self._jackknife(lambda ratio, loss: float(loss[np.argmin(ratio)] - loss.min()))

    def average(self, values: Array) -> Estimate:
        """Average over the splits.

        Parameters
        ----------
        values : ndarray, shape (s, ...)
            Any of the fields above.

        Returns
        -------
        Estimate
            The mean and s/√n; the standard error is NaN for a single split.
        """
        values = _validate.reals("values", values)
        n = len(self.test_loss)
        if not values.ndim or len(values) != n:
            raise InvalidInputError(f"values must have a row for each of the {n} splits; got shape {values.shape}")
        stderr = values.std(axis=0, ddof=1) / math.sqrt(n) if n > 1 else np.full(values.shape[1:], np.nan)
        return Estimate(value=values.mean(axis=0), stderr=stderr, n_eff=float(n))

    def _jackknife(self, statistic: Callable[[Array, Array], float]) -> Estimate:
        """Return a statistic of the averaged E and test loss; its error is that of leaving one split out."""
        n = len(self.test_loss)
        value = statistic(self.log_evidence_ratio.mean(axis=0), self.test_loss.mean(axis=0))
        if n == 1:
            return Estimate(value=value, stderr=math.nan, n_eff=1.0)
        rest = [np.arange(n) != i for i in range(n)]
        without = np.array(
            [statistic(self.log_evidence_ratio[i].mean(axis=0), self.test_loss[i].mean(axis=0)) for i in rest]
        )
        # Equal numbers less the first of them are exactly zero, and so is then their deviation.
        return Estimate(value=value, stderr=math.sqrt(n - 1) * float(np.std(without - without[0])), n_eff=float(n))


def evidence_curve(
    splits: Iterable[Split], prior_precision: ArrayLike, *, noise_variance: float | None = None
) -> EvidenceCurve:
    r"""Measure, over λ, the evidence of the training data and the loss on the test data.

    .. math:: L_\text{test}(\lambda) = -\frac1m \sum_{i=1}^m \ln P(y_i \mid x_i, w_0(\lambda))

    Parameters
    ----------
    splits : iterable of (model, X_test, y_test)
        One for each fold, seed, or data set: a LinearModel, LogisticRegression, SoftmaxRegression or another
        regression of the training data, and m test examples. All models must be of one type.
    prior_precision : ndarray, shape (l,)
        At least two values of λ > 0, increasing.
    noise_variance : float, optional
        σ² > 0 of linear models, and of those only.

    Returns
    -------
    EvidenceCurve
        The curves of every split, their averages, rank correlation, and the distance of the two optima.

    Raises
    ------
    InvalidInputError
        If there are no splits, λ is not increasing and positive, or test data do not fit their model.
    IncompatibleError
        If models are of different types, or `noise_variance` is missing for linear models or given to others.

    Notes
    -----
    The evidence is exact for linear models and Laplace's for others. Losses are those of the best weights w₀, as
    in the paper, and not of the posterior average. Standard errors take splits for independent: right for data sets
    drawn anew, too small for folds and reshufflings of one data set, which share examples.

    References
    ----------
    S. Smith and Q. Le (2018), arXiv:1710.06451, section 3 and figure 2.

    Examples
    --------
    >>> from sdetheory.models import LogisticRegression
    >>> model = LogisticRegression([[-2.0], [-1.0], [1.0], [3.0]], [0, 0, 1, 1])
    >>> curve = evidence_curve([(model, [[-1.0], [2.0]], [0, 1])], [0.1, 1.0, 10.0])
    >>> print(curve.log_evidence_ratio.round(4), curve.test_loss.round(4))
    [[-1.7048 -1.0574 -0.3022]] [[0.0572 0.2295 0.5209]]
    """
    precision = _validate.reals("prior_precision", prior_precision, shape=(None,), above=0.0)
    if len(precision) < 2 or not np.all(np.diff(precision) > 0):
        raise InvalidInputError(f"prior_precision must be at least two increasing values; got {precision.tolist()}")
    splits = list(splits) if isinstance(splits, Iterable) else [None]
    if not all(isinstance(split, (tuple, list)) and len(split) == 3 for split in splits):
        raise InvalidInputError(f"splits must be triples (model, X_test, y_test); got {_validate.shown(splits)}")
    for model, _, _ in splits:
        if not (hasattr(model, "has_exact_evidence") or hasattr(model, "likelihood")):
            raise InvalidInputError(
                "splits must be of type LinearModel, or with a likelihood, as LogisticRegression or SoftmaxRegression; "
                f"got {_validate.shown(model)}. A split is a model of the training data, X_test and y_test."
            )
    kinds = {type(model) for model, _, _ in splits}
    if len(kinds) != 1:
        names = sorted(kind.__name__ for kind in kinds)
        error = IncompatibleError if kinds else InvalidInputError
        raise error(f"splits must be at least one, with models of one type; got {names}")
    if hasattr(next(iter(kinds)), "has_exact_evidence") != (noise_variance is not None):
        raise IncompatibleError("noise_variance belongs to linear models, which need it, and to no others")
    if noise_variance is None:
        measured = [_approximate(model, X, y, precision) for model, X, y in splits]
    else:
        variance = _validate.real("noise_variance", noise_variance, above=0.0)
        measured = [_linear(model, X, y, precision, variance) for model, X, y in splits]
    parts = [occam for occam, _ in measured]
    occam = OccamDecomposition(
        log_likelihood_at_mode=np.array([part.log_likelihood_at_mode for part in parts]),
        weight_penalty=np.array([part.weight_penalty for part in parts]),
        half_log_curvature_ratio=np.array([part.half_log_curvature_ratio for part in parts]),
        log_intercept_width=np.array([np.broadcast_to(part.log_intercept_width, precision.shape) for part in parts]),
    )
    sizes = np.array([[len(model.y)] for model, _, _ in splits])
    return EvidenceCurve(
        prior_precision=precision,
        occam=occam,
        train_loss=-occam.log_likelihood_at_mode / sizes,
        **{name: np.array([values[name] for _, values in measured]) for name in measured[0][1]},
    )


def _approximate(model: Any, X: ArrayLike, y: ArrayLike, precision: Array) -> tuple[Any, dict[str, Array]]:
    """Return the parts of Laplace's evidence and, by name, the other fields of one split."""
    X = _validate.reals("X_test", X, shape=(None, model.X.shape[1]))
    path = laplace(model, precision)
    unseen = replace(model, X=X, y=_validate.reals("y_test", y, shape=(len(X),)), prior_precision=0.0)
    measured = {
        "log_evidence_ratio": path.log_evidence_ratio,
        "test_loss": np.array([unseen.cost(w) for w in path.mode]) / len(X),
    }
    if hasattr(model, "accuracy"):
        measured["train_accuracy"] = np.array([model.accuracy(w) for w in path.mode])
        measured["test_accuracy"] = np.array([unseen.accuracy(w) for w in path.mode])
    return path.occam, measured


def _linear(
    model: LinearModel, X: ArrayLike, y: ArrayLike, precision: Array, variance: float
) -> tuple[OccamDecomposition, dict[str, Array]]:
    """Return the parts of the exact evidence and, by name, the other fields of one split."""
    means = np.array([model.posterior(float(value), variance).predict(X).mean for value in precision])
    error = _validate.reals("y_test", y, shape=(means.shape[1],)) - means
    return model.occam(precision, variance), {
        "log_evidence_ratio": model.log_evidence_ratio(precision, variance),
        "test_loss": 0.5 * math.log(2 * math.pi * variance) + np.mean(error**2, axis=1) / (2 * variance),
    }


def _spearman(x: Array, y: Array) -> float:
    from scipy import stats  # half a second that nothing else here needs

    result: Any = stats.spearmanr(x, y)
    return float(result.statistic)


def _lowest(x: Array, values: Array) -> float:
    """Return where a curve is lowest: the vertex of the parabola through the lowest point and its two neighbours."""
    i = int(np.argmin(values))
    if i in (0, len(x) - 1):
        return float(x[i])
    left, right = x[i - 1] - x[i], x[i + 1] - x[i]
    rise_left, rise_right = values[i - 1] - values[i], values[i + 1] - values[i]
    bend = (rise_right / right - rise_left / left) / (right - left)
    slope = rise_right / right - bend * right
    return float(x[i] - slope / (2 * bend)) if bend > 0 else float(x[i])
