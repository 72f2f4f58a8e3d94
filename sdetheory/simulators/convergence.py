"""How fast a scheme converges: strong and weak errors on shared Brownian paths, and their orders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from ..errors import DivergedError, InvalidInputError
from ..results import Estimate
from .sde import SDE
from .simulate import simulate

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
    strong_error : Estimate
        E|X_h − X| at the final time, arrays of shape (k,).
    weak_error : Estimate
        E f(X_h) − E f(X) at the final time, with its sign, arrays of shape (k,).
    strong_order, weak_order : Estimate
        Slopes of ln error over ln h. The weak one is NaN where fewer than two errors exceed three standard errors.
    method, equation : str
        The scheme, and the name of the SDE.
    reference : str
        What the runs were compared with: "exact", or the step of the finest run.
    replay : dict
        Arguments that repeat the study to the same bits: ``convergence_study(**study.replay)``.
    """

    dts: NDArray[np.float64]
    strong_error: Estimate
    weak_error: Estimate
    strong_order: Estimate
    weak_order: Estimate
    method: str
    equation: str
    reference: str
    replay: dict[str, Any]


def convergence_study(
    sde: SDE,
    x0: ArrayLike,
    *,
    time: float,
    dts: ArrayLike,
    n_paths: int,
    method: str = "euler-maruyama",
    exact: Callable[[NDArray[np.float64]], ArrayLike] | None = None,
    observable: Callable[[NDArray[np.float64]], ArrayLike] | None = None,
    rng: Any = None,
) -> ConvergenceStudy:
    r"""Measure the strong and the weak order of a scheme on an equation.

    .. math:: e_{\mathrm{strong}}(h) = E |X_h(t) - X(t)|, \qquad e_{\mathrm{weak}}(h) = E f(X_h(t)) - E f(X(t))

    All runs, and the solution X that they are compared with, share one Brownian path for each of the paths.

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
        A scheme that follows a Brownian path: "euler-maruyama", "milstein" or "heun".
    exact : function, optional
        The solution at the final time, from the Brownian path's end W_t of shape (n_paths, m) to shape (n_paths, d).
        By default the scheme's own run at 1/16 of the smallest step, which shows that it converges, and how fast, but
        not to what.
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
        Steps that do not divide the time or one another, wrong shapes, too few paths.
    IncompatibleError
        A scheme that follows no Brownian path, or that does not serve the equation.
    DivergedError
        A path overflowed.

    Notes
    -----
    Errors come from the scatter of 32 batches of paths. Orders are weighted least-squares slopes, with standard errors
    from a jackknife over the batches, since errors at different steps share paths. Two biases remain: the next order
    in h, and, without `exact`, what the reference run itself lacks (about 1/16 of the smallest step's error).

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
    time = _validate.real("time", time, above=0.0)
    steps = np.unique(_validate.reals("dts", dts, above=0.0, shape=(None,)))
    n_paths = _validate.integer("n_paths", n_paths, at_least=2 * _BATCHES)
    counts = time / steps
    if len(steps) < 2 or (np.abs(counts - np.rint(counts)) > 1e-9 * counts).any() or (np.rint(counts) < 1).any():
        raise InvalidInputError(
            f"dts must be at least two different steps that divide time={time:g}; got {steps}. "
            "Take time / 2**k for a few whole k."
        )
    finest = float(steps[0]) / (1 if exact is not None else _FINER)
    seed = _validate.seed_sequence(rng)

    def run(equation: SDE, start: ArrayLike, dt: float, scheme: str = method) -> NDArray[np.float64]:
        final = simulate(
            equation, start, dt=dt, n_steps=round(time / dt), n_paths=n_paths, rng=seed, method=scheme,
            brownian_dt=finest,
        ).final  # fmt: skip
        if not np.isfinite(final).all():
            raise DivergedError(f"paths overflowed at dt={dt:g}; take smaller steps", result=final)
        return final

    if exact is None:
        reference = run(sde, x0, finest)
    else:
        _validate.choice("method", method, ("euler-maruyama", "milstein", "heun"))
        m = sde.n_noises
        free = SDE.from_sympy([0] * m, [1] * m, variables=[f"w{i}" for i in range(m)], name="Brownian motion")
        brownian = run(free, np.zeros(m), finest, "euler-maruyama")
        reference = _validate.reals("what exact returns", exact(brownian), shape=(n_paths, sde.dimension))
    measured = observable or _square
    goal = _validate.reals("what observable returns", measured(reference), shape=(n_paths,))
    strong, weak = np.empty((2, len(steps), n_paths))
    for k, dt in enumerate(steps):
        final = run(sde, x0, float(dt))
        strong[k] = np.linalg.norm(final - reference, axis=1)
        weak[k] = _validate.reals("what observable returns", measured(final), shape=(n_paths,)) - goal
    strong_error, strong_order = _order(steps, strong)
    weak_error, weak_order = _order(steps, weak)
    return ConvergenceStudy(
        dts=steps,
        strong_error=strong_error,
        weak_error=weak_error,
        strong_order=strong_order,
        weak_order=weak_order,
        method=method,
        equation=sde.name,
        reference="exact" if exact is not None else f"dt = {finest:g}",
        replay={
            "sde": sde, "x0": x0, "time": time, "dts": steps, "n_paths": n_paths, "method": method, "exact": exact,
            "observable": observable, "rng": seed,
        },
    )  # fmt: skip


def _square(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sum(x**2, axis=1)


def _order(steps: NDArray[np.float64], samples: NDArray[np.float64]) -> tuple[Estimate, Estimate]:
    """Return the mean of samples (k, n_paths) for each step, and the slope of the logarithm of its size."""
    sums = np.stack([part.sum(axis=1) for part in np.array_split(samples, _BATCHES, axis=1)])
    sizes = np.array([len(part) for part in np.array_split(np.arange(samples.shape[1]), _BATCHES)])
    value = sums.sum(axis=0) / sizes.sum()
    without = (sums.sum(axis=0) - sums) / (sizes.sum() - sizes)[:, None]
    stderr = _jackknife(without)
    error = Estimate(value=value, stderr=stderr, n_eff=float(_BATCHES))
    used = np.abs(value) > 3 * stderr
    if used.sum() < 2:
        return error, Estimate(value=np.nan, stderr=np.inf, n_eff=float(_BATCHES))
    # An error that all paths agree on to rounding must not take all the weight.
    weight = 1 / np.maximum(stderr[used] / np.abs(value[used]), 1e-3) ** 2
    abscissa = np.log(steps[used])
    abscissa -= np.average(abscissa, weights=weight)
    lever = weight * abscissa / np.sum(weight * abscissa**2)
    slopes = np.log(np.abs(without[:, used])) @ lever
    slope = float(np.log(np.abs(value[used])) @ lever)
    return error, Estimate(value=slope, stderr=float(_jackknife(slopes)), n_eff=float(_BATCHES))


def _jackknife(without: NDArray[np.float64]) -> Any:
    """Return the standard error from estimates that leave out one batch each."""
    n = len(without)
    return np.sqrt((n - 1) / n * np.sum((without - without.mean(axis=0)) ** 2, axis=0))
