"""How fast a scheme converges: strong and weak errors on shared Brownian paths, and their orders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from .. import _validate
from .._intervals import law_of_mean
from ..engine.run import whole_run
from ..equations.sde import SDE
from ..errors import DivergedError, InvalidInputError
from ..results import Estimate
from ..simulators.schemes import INCREMENTS, SCHEMES, prepare
from ..simulators.simulate import simulate

_BATCHES = 32
"""Paths are cut into so many batches, whose scatter gives every error."""

_FINER = 16
"""The reference run makes so many steps for each of the finest run that is measured."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConvergenceStudy:
    """What :func:`convergence_study` returns.

    Attributes
    ----------
    dts : ndarray, shape (k,)
        The steps h, in increasing order.
    strong_error : Estimate or None
        E|X_h − X| at the final time, arrays of shape (k,). This, like all that is strong, is None where an
        `expectation` stood for the solution: there are no paths to compare with.
    weak_error : Estimate
        E f(X_h) − E f(X) at the final time, with its sign, arrays of shape (k,).
    strong_order, weak_order : Estimate, the first or None
        Slopes of ln error over ln h; NaN where fewer than two errors exceed three standard errors.
    strong_bias, weak_bias : float, the first or None
        What the next order in h may add to the slopes, or take: see the notes of :func:`convergence_study`.
    method, equation : str
        The scheme, and the name of the SDE.
    reference : str
        What the runs were compared with: "exact", or the step of the finest run.
    replay : dict
        Arguments that repeat the study to the same bits: ``convergence_study(**study.replay)``.
    """

    dts: NDArray[np.float64]
    strong_error: Estimate | None
    weak_error: Estimate
    strong_order: Estimate | None
    weak_order: Estimate
    strong_bias: float | None
    weak_bias: float
    method: str
    equation: str
    reference: str
    replay: dict[str, Any]

    def interval(self, kind: str, *, alpha: float) -> tuple[float, float]:
        """Return the confidence interval of an order, "strong" or "weak": Student's, and the bias on either side.

        Parameters
        ----------
        kind : {"strong", "weak"}
            Which order.
        alpha : float
            Probability, in (0, 1), that the interval leaves out the true order.

        Raises
        ------
        InvalidInputError
            An argument out of range, or the strong order of a study that measured none.
        """
        strong = _validate.choice("kind", kind, ("strong", "weak")) == "strong"
        alpha = _validate.real("alpha", alpha, above=0.0, below=1.0)
        if strong:
            if self.strong_order is None or self.strong_bias is None:
                raise InvalidInputError(
                    'kind must be "weak": with an expectation in place of a solution no strong order was measured. '
                    "Leave expectation out, or pass exact, for one."
                )
            return _interval(self.strong_order, self.strong_bias, alpha)
        return _interval(self.weak_order, self.weak_bias, alpha)


def convergence_study(
    sde: SDE,
    x0: ArrayLike,
    *,
    time: float,
    dts: ArrayLike,
    n_paths: int,
    method: str = "euler-maruyama",
    increments: str = "gaussian",
    exact: Callable[[NDArray[np.float64]], ArrayLike] | None = None,
    expectation: float | None = None,
    observable: Callable[[NDArray[np.float64]], ArrayLike] | None = None,
    rng: Any = None,
) -> ConvergenceStudy:
    r"""Measure the strong and the weak order of a scheme on an equation.

    .. math:: e_{\mathrm{strong}}(h) = E |X_h(t) - X(t)|, \qquad e_{\mathrm{weak}}(h) = E f(X_h(t)) - E f(X(t))

    All runs, and the solution X that they are compared with, share one Brownian path for each of the paths; or, for any
    scheme and any increments, E f(X) is given and only the weak order is measured.

    Parameters
    ----------
    sde : SDE
        The equation.
    x0 : ndarray, shape (d,) or (n_paths, d)
        Where the paths start.
    time : float
        Final time t > 0, a whole multiple of each step.
    dts : ndarray, shape (k,)
        At least two steps, each a whole multiple of the smallest; four or more octaves make a good slope.
    n_paths : int
        Number of paths, at least 64.
    method : str, optional
        A scheme; without `expectation` one that follows a Brownian path: not "baoab" or "exact".
    increments : {"gaussian", "three-point", "two-point"}, optional
        As in :func:`simulate`; only gaussian ones follow a Brownian path.
    exact : function, optional
        The solution at the final time, from the Brownian path's end W_t of shape (n_paths, m) to shape (n_paths, d).
        By default the scheme's own run at 1/16 of the smallest step, which shows that it converges, and how fast, but
        not to what.
    expectation : float, optional
        E f(X) at the final time, in place of a solution. There are then no strong errors.
    observable : function, optional
        f, from positions (n_paths, d) to n_paths numbers; |x|² by default.
    rng : None, int, SeedSequence or Generator, optional
        Source of randomness (SPEC 7).

    Returns
    -------
    ConvergenceStudy
        Errors at each step and their orders, each with its standard error.

    Raises
    ------
    InvalidInputError
        Steps that do not divide the time or one another, wrong shapes, too few paths; both `exact` and `expectation`.
    IncompatibleError
        A scheme that follows no Brownian path, or that does not serve the equation.
    DivergedError
        A path overflowed.
    KeyboardInterrupt
        Ctrl-C: part of a study has no order.

    Notes
    -----
    Errors come from the scatter of 32 batches of paths. Orders are weighted least-squares slopes, with standard errors
    from a jackknife over the batches, since errors at different steps share paths.

    The slope is biased by the next term of the error, of higher order in h. A fit to the smaller half of the steps has
    less than half of this bias if the next term is higher by a whole order and there are four halvings of the step, or
    by half an order and seven halvings; so twice the difference of both slopes bounds it, to which
    twice the standard error of that difference is added in squares: that both slopes agree may be chance. With fewer
    than four errors there is no bound. Without `exact` the reference run has an error of its own, about (1/16)^p of
    the smallest step's; what it can do to the slope at most is added to the bound.

    References
    ----------
    .. [1] P. E. Kloeden and E. Platen, *Numerical Solution of Stochastic Differential Equations*, Springer 1992,
       sections 9.3, 9.4 and 9.6, 9.7.

    Examples
    --------
    >>> import numpy as np
    >>> import sdetheory as st
    >>> gbm = st.SDE.from_sympy(["x"], ["x"], variables=["x"])
    >>> study = convergence_study(gbm, [1.0], time=1.0, dts=2.0 ** -np.arange(4, 9), n_paths=2000, rng=0,
    ...                           exact=lambda w: np.exp(0.5 + w))
    >>> bool(abs(study.strong_order.value - 0.5) < 0.1)
    True
    """
    _validate.choice("method", method, SCHEMES)
    _validate.choice("increments", increments, INCREMENTS)
    for name, function in (("exact", exact), ("observable", observable)):
        if function is not None:
            _validate.function(name, function, "of an array with a row for each path")
    time = _validate.real("time", time, above=0.0)
    steps = np.unique(_validate.reals("dts", dts, above=0.0, shape=(None,)))
    n_paths = _validate.integer("n_paths", n_paths, at_least=2 * _BATCHES)
    counts = time / steps
    if len(steps) < 2 or (np.abs(counts - np.rint(counts)) > 1e-9 * counts).any() or (np.rint(counts) < 1).any():
        raise InvalidInputError(
            f"dts must be at least two different steps that divide time={time:g}; got {steps}. "
            "Take time / 2**k for a few whole k."
        )
    if counts.max() > 2**40:
        raise InvalidInputError(f"dts must be steps of which time holds fewer than 2**40; got {counts.max():.3g}")
    if exact is not None and expectation is not None:
        raise InvalidInputError("exact and expectation are two ways to say what is right; give one of them")
    finest = float(steps[0]) / (1 if exact is not None else _FINER)
    brownian_dt = finest if expectation is None else None
    seed = _validate.seed_sequence(rng)

    def run(equation: SDE, start: ArrayLike, dt: float, scheme: str = method) -> NDArray[np.float64]:
        final = whole_run(
            simulate, equation, start, dt=dt, n_steps=round(time / dt), n_paths=n_paths, rng=seed, method=scheme,
            increments=increments, brownian_dt=brownian_dt,
        ).final  # fmt: skip
        if not np.isfinite(final).all():
            raise DivergedError(f"paths overflowed at dt={dt:g}; take smaller steps", result=final)
        return final

    def observed(x: NDArray[np.float64]) -> NDArray[np.float64]:
        if observable is None:
            return _square(x)
        values = _validate.called("observable", observable, x)
        return _validate.reals("what observable returns", values, shape=(n_paths,))

    ends = [run(sde, x0, float(dt)) for dt in steps]
    if expectation is not None:
        reference, goal = None, _validate.real("expectation", expectation)
    else:
        if exact is None:
            reference = run(sde, x0, finest)
        else:
            count = prepare(sde, SCHEMES[method], increments, finest, 1).layout.numbers
            free = SDE.from_sympy([0] * count, [1] * count, variables=[f"w{i}" for i in range(count)])
            brownian = run(free, np.zeros(count), finest, "euler-maruyama")[:, : sde.n_noises]
            values = _validate.called("exact", exact, brownian)
            reference = _validate.reals("what exact returns", values, shape=(n_paths, sde.dimension))
        goal = observed(reference)
    weak = np.array([observed(end) - goal for end in ends])
    own = finest if exact is None and expectation is None else 0.0
    strong_error, strong_order, strong_bias = None, None, None
    if reference is not None:
        strong = np.array([np.linalg.norm(end - reference, axis=1) for end in ends])
        strong_error, strong_order, strong_bias = _order(steps, strong, own, positive=True)
    weak_error, weak_order, weak_bias = _order(steps, weak, own)
    return ConvergenceStudy(
        dts=steps,
        strong_error=strong_error,
        weak_error=weak_error,
        strong_order=strong_order,
        weak_order=weak_order,
        strong_bias=strong_bias,
        weak_bias=weak_bias,
        method=method,
        equation=sde.name,
        reference=f"dt = {finest:g}" if exact is None and expectation is None else "exact",
        replay={
            "sde": sde, "x0": x0, "time": time, "dts": steps, "n_paths": n_paths, "method": method,
            "increments": increments, "exact": exact, "expectation": expectation, "observable": observable, "rng": seed,
        },
    )  # fmt: skip


def _square(x: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(over="ignore"):
        squares = np.sum(x**2, axis=1)
    if not np.isfinite(squares).all():
        raise InvalidInputError(
            f"the observable |x|² overflows where paths end, at up to {np.abs(x).max():.3g}; take an x0 nearer to 0, "
            "or pass an observable that stays finite there"
        )
    return squares


def _order(
    steps: NDArray[np.float64], samples: NDArray[np.float64], own: float = 0.0, *, positive: bool = False
) -> tuple[Estimate, Estimate, float]:
    """Return the mean of samples (k, n_paths) for each step, the slope of the logarithm of its size, and its bias.

    `own` is the step of the run that the samples compare with, or 0 if that is the solution; `positive` says that the
    samples are distances.
    """
    sums = np.stack([part.sum(axis=1) for part in np.array_split(samples, _BATCHES, axis=1)])
    sizes = np.array([len(part) for part in np.array_split(np.arange(samples.shape[1]), _BATCHES)])
    value = sums.sum(axis=0) / sizes.sum()
    without = (sums.sum(axis=0) - sums) / (sizes.sum() - sizes)[:, None]
    stderr = _jackknife(without)
    law = law_of_mean(sums / sizes[:, None], value, positive=True) if positive else None
    error = Estimate(value=value, stderr=stderr, n_eff=float(_BATCHES), law=law)
    used = np.abs(value) > 3 * stderr
    if used.sum() < 2:
        return error, Estimate(value=np.nan, stderr=np.inf, n_eff=float(_BATCHES)), np.inf
    # An error that all paths agree on to rounding must not take all the weight.
    weight = 1 / np.maximum(stderr[used] / np.abs(value[used]), 1e-3) ** 2
    slope, bias = _slope(steps[used], value[used], weight)
    slopes, below = np.transpose([_slopes(steps[used], part, weight) for part in without[:, used]])
    # That both slopes agree may be chance.
    bias = float(np.hypot(bias, 2 * _jackknife(below))) if np.isfinite(bias) else np.inf
    # By the triangle inequality an error is known to the reference's own, which is this part of it.
    bias += abs(_fit(steps[used], np.log1p((own / steps[used]) ** max(slope, 0.0)), weight)) if own else 0.0
    return error, Estimate(value=slope, stderr=float(_jackknife(slopes)), n_eff=float(_BATCHES)), bias


def _slope(steps: NDArray[np.float64], errors: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[float, float]:
    """Return the slope of ln |error| over ln h, and twice its difference from that of the smaller half of the steps."""
    slope, below = _slopes(steps, errors, weight)
    return slope, 2 * abs(below) if len(steps) >= 4 else np.inf


def _slopes(
    steps: NDArray[np.float64], errors: NDArray[np.float64], weight: NDArray[np.float64]
) -> tuple[float, float]:
    """Return the slope of ln |error| over ln h, and how far that of the smaller half of the steps, if any, is below."""
    logs, half = np.log(np.abs(errors)), (len(steps) + 1) // 2
    slope = _fit(steps, logs, weight)
    return slope, slope - _fit(steps[:half], logs[:half], weight[:half]) if half > 1 else np.nan


def _fit(steps: NDArray[np.float64], y: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    """Return the slope of y over ln h by weighted least squares."""
    x = np.log(steps) - np.average(np.log(steps), weights=weight)
    return float(np.sum(weight * x * y) / np.sum(weight * x**2))


def _interval(order: Estimate, bias: float, alpha: float) -> tuple[float, float]:
    half = bias - special.stdtrit(order.n_eff - 1, alpha / 2) * order.stderr
    return float(order.value - half), float(order.value + half)


def _jackknife(without: NDArray[np.float64]) -> Any:
    """Return the standard error from estimates that leave out one batch each."""
    n = len(without)
    return np.sqrt((n - 1) / n * np.sum((without - without.mean(axis=0)) ** 2, axis=0))
