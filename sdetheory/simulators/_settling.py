"""Whether an equation has a stationary law, and whether a run shows that it has come to it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import sympy
from numpy.typing import NDArray
from scipy import special
from sympy.calculus.util import periodicity

from ..equations._formulas import Formulas
from ..equations._user_function import UserFunction
from ..equations.sde import SDE
from ..errors import InvalidInputError
from ..symbolic.formulas._deadline import OUT_OF_TIME, deadline
from .mixing import Mixing

Array = NDArray[np.float64]

_FALSE_ALARM = 1e-5
"""Chance that a run in its stationary law is said to drift, all columns together."""
_MIXED = 1.1
"""R-hat of paths ten autocorrelation times long; beyond it they need a burn-in that makes their starts forgotten."""
_FORGOTTEN = 5.0
"""Autocorrelation times after which starts are forgotten, to e⁻⁵."""
_TIMES = (0.0, 0.37, 1.9, 11.3)
"""Moments at which functions of one's own are looked at."""
_SYMBOLIC_LIMIT = 2.0  # seconds of the processor

Obstacle = tuple[int, float, str]
_KNOWN: WeakKeyDictionary[Formulas, list[Obstacle]] = WeakKeyDictionary()
"""What was found of an equation, which does not change; looking for it takes milliseconds."""


def check_time(sde: SDE, duration: float, dt: float, x0: Array) -> bool:
    """Refuse an equation that changes with time, unless its period is known and divides the run; return if it has one.

    Raises
    ------
    InvalidInputError
        There is no stationary law, and none that comes back after a period either.
    """
    formulas = sde._formulas
    if formulas is None:
        fields = (sde._drift, sde._diffusion)
        if any(isinstance(field, UserFunction) and _changes(field, x0) for field in fields):
            raise InvalidInputError(
                f"sample_stationary needs an equation whose law settles; {sde.name} is of functions that change with "
                "time. Use simulate, or formulas with a period."
            )
        return False
    if not formulas.timed:
        return False
    period = _period([*formulas.drift, *formulas.diffusion], formulas)
    if period is None:
        raise InvalidInputError(
            f"sample_stationary needs an equation whose law settles; {sde.name} depends on {formulas.time} without a "
            "period. Use simulate and average over paths."
        )
    count = max(1, round(duration / period))
    if abs(duration - count * period) > 0.51 * dt:
        raise InvalidInputError(
            f"n_steps must make whole periods of an equation that depends on time; the period of {sde.name} is "
            f"{period:.6g}, and n_steps · dt is {duration:.6g}. Take n_steps = {max(1, round(count * period / dt))}."
        )
    return True


def _period(expressions: Sequence[sympy.Expr], formulas: Any) -> float | None:
    """Return the least common period in time, or None if none is found."""
    try:
        with deadline(_SYMBOLIC_LIMIT, "looking for a period"):
            found = [
                periodicity(e.subs({s: sympy.nsimplify(v) for s, v in formulas.parameters.items()}), formulas.time)
                for e in expressions
                if e.has(formulas.time)
            ]
            common = None if None in found else found[0] if len(found) == 1 else sympy.calculus.util.lcim(found)
            return None if common is None or common == 0 else float(common)
    except (*OUT_OF_TIME, NotImplementedError, TypeError, ValueError):
        return None


def _changes(field: UserFunction, x0: Array) -> bool:
    """Whether a function of one's own gives other numbers at other times, where paths start or near it."""
    if field._arity < 2:
        return False
    points = np.concatenate([x0[:1], x0[:1] + 0.5, x0[-1:] - 0.7])
    try:
        with np.errstate(all="ignore"):
            values = [
                np.array([np.ravel(field._plain(*(x, t, field.parameters)[: field._arity])) for x in points])
                for t in _TIMES
            ]
        return any(not np.array_equal(values[0], other, equal_nan=True) for other in values[1:])
    except Exception:  # what Python cannot call, Numba may
        return False


def no_law(sde: SDE, x0: Array) -> str | None:
    """Return why an equation has no stationary law for paths that start so, as far as its formulas tell in a moment."""
    formulas = sde._formulas
    if formulas is None:
        return None
    if formulas not in _KNOWN:
        found = []
        try:
            with deadline(_SYMBOLIC_LIMIT, "looking for a stationary law"):
                found.extend(_obstacles(sde, formulas))
        except (*OUT_OF_TIME, NotImplementedError, ArithmeticError, TypeError, ValueError):
            pass  # what was found before stands
        _KNOWN[formulas] = found
    return next((why for side, place, why in _KNOWN[formulas] if ((x0[:, 0] - place) * side > 0).any()), None)


def _obstacles(sde: SDE, formulas: Formulas) -> Iterator[Obstacle]:
    """Yield what keeps paths from a stationary law that start above (1) or below (-1) some place."""
    if formulas.timed:
        return
    linear = formulas.linear_part
    if linear is not None and sde._constant is not None:
        why = _unstable(linear[0], sde._constant)
        if why is not None:
            yield 1, -math.inf, why
        return
    if sde.dimension > 1 or sde.n_noises > 1:
        return
    formulas = formulas.corrected(1) if sde.calculus == "stratonovich" else formulas
    x = formulas.variables[0]
    f, g = (e.subs(formulas.parameters) for e in (formulas.drift[0], formulas.diffusion[0, 0]))
    # The density is proportional to exp(∫ 2f/g²)/g²; its logarithm over that of x has this slope.
    slope = x * (2 * f / g**2 - 2 * sympy.diff(g, x) / g)
    # Where there is no noise, paths do not pass, and the law is that of the side on which they start.
    walls = [wall for wall in sympy.solve(g, x) if wall.is_real]
    for side, name, last in ((1, "∞", max), (-1, "−∞", min)):
        far = [side * sympy.Integer(10) ** power for power in (4, 6, 8)]
        real = all(g.evalf(subs={x: point}).is_real for point in far)
        if real and all(s is not None and s > -1 - 1e-9 for s in _values(slope, x, far)):
            place = float(last(walls, default=-side * sympy.oo))
            yield side, place, f"its density does not fall off towards {name}, so that it cannot be normalized"
    for wall in walls:
        if sympy.simplify(f.subs(x, wall)) != 0:
            continue
        for side in (1, -1):
            near = [wall + side * sympy.Integer(10) ** power for power in (-4, -6, -8)]
            slopes = _values(slope * (x - wall) / x, x, near)
            if all(s is not None and s < -1 + 1e-9 for s in slopes):
                yield side, float(wall), f"its paths collect at {float(wall):g}, which none leaves"


def _values(expression: sympy.Expr, x: sympy.Symbol, points: Sequence[sympy.Expr]) -> list[float | None]:
    """Return an expression at some points; None where it is no real number."""
    values = [expression.evalf(subs={x: point}) for point in points]
    return [float(sympy.Max(sympy.Min(v, 1e300), -1e300)) if v.is_real and v.is_finite else None for v in values]


def _unstable(jacobian: Array, noise: Array) -> str | None:
    """Return whether noise reaches a direction of a linear drift that is not damped."""
    scale = float(np.linalg.norm(jacobian)) or 1.0
    values, vectors = np.linalg.eig(jacobian.T)
    for value, vector in zip(values, vectors.T, strict=True):
        reached = np.linalg.norm(vector @ noise) > 1e-12 * np.linalg.norm(noise)
        if value.real > 1e-12 * scale or (value.real > -1e-12 * scale and reached):
            return f"its linear drift has the eigenvalue {value.real:.3g}, which damps nothing that noise adds"
    return None


def unsettled(
    halves: tuple[Array, Array], mixes: Mixing, names: Sequence[str], counts: tuple[int, int], burn_in: float
) -> str | None:
    """Return what a run shows against being in its stationary law, or None.

    `halves` are averages by path over the earlier and the later half of the run, (m, k), of so many samples each.
    """
    early, late = halves
    m, k = early.shape
    bound = -float(special.stdtrit(m - 1, _FALSE_ALARM / (4 * k)))
    middle = 0.5 * (early.mean(axis=0) + late.mean(axis=0))
    drift = _score(late - early)
    equal = abs(counts[0] - counts[1]) <= 0.02 * sum(counts)
    growth = _score((late - middle) ** 2 - (early - middle) ** 2) if equal else np.zeros(k)
    for score, what in ((drift, "mean"), (growth, "variance")):
        if (np.abs(score) > bound).any():
            column = int(np.argmax(np.abs(score)))
            return (
                f"the {what} of {names[column]} drifts: between the two halves of the run it changes by "
                f"{abs(score[column]):.3g} standard errors. Take a longer burn_in; if that does not help, there may be "
                "no stationary law"
            )
    r_hat, time = mixes.r_hat, np.asarray(mixes.autocorrelation_time.value)
    error = np.nan_to_num(np.asarray(r_hat.stderr), nan=0.0, posinf=0.0)
    bad = (np.asarray(r_hat.value) - 3 * error > _MIXED) & (burn_in < _FORGOTTEN * time)
    if bad.any():
        column = int(np.argmax(np.where(bad, r_hat.value, 0.0)))
        return (
            f"the paths do not agree on {names[column]}: R-hat is {r_hat.value[column]:.3g}, and 1 for paths that have "
            f"mixed. They may remember where they started: burn_in is a time of {burn_in:.3g}, and the autocorrelation "
            f"time at least {time[column]:.3g}. Take more steps"
        )
    return None


def _score(differences: Array) -> Array:
    """Return the mean over paths in standard errors; 0 where nothing differs or is known, infinity without scatter."""
    mean = differences.mean(axis=0)
    error = differences.std(axis=0, ddof=1) / math.sqrt(len(differences))
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.where(error > 0, mean / error, np.where(np.abs(mean) > 0, np.inf, 0.0))
    return np.where(np.isfinite(mean), score, 0.0)
