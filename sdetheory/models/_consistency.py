"""Whether the cost, the gradients and the Hessian products of a model belong to one function.

A few products at the start of a run find the usual slips: the convention of the mean loss, a wrong sign, the gradients
of other examples, the Hessian of another cost. A right model is never refused. So a step length decides only where
rounding and curvature leave no doubt, and a model is refused only if every step length that decides speaks against it:
kinks, noise, overflow or a flat cost leave the question open. What a class of the package says about itself is not
asked again, and what a subclass inherits is held against it only where it is used.
"""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InvalidInputError
from ._formula import declaring_class, formula_of, stated

Array = NDArray[np.float64]

_FULL = ("minibatch_gradient", "weighted_gradient", "per_example_gradients", "gradient")
_NAMES = (*_FULL, "cost", "hessian_vector_product", "hessian")

_CLEAR = 0.02
"""Relative difference of two numbers from which on they are called different."""
_PLACES = 3
"""Points that are looked at while a question is open: the start, and two at random near it."""
_STEPS = 10.0 ** -np.array([0.0, 1.0, 2.0, 3.0, 5.0, 7.0])
"""Step lengths that are tried, in units of that over which the gradient changes by some tenths."""
_ENTRIES = 2**24
"""Size of the largest array of gradients of examples, or Hessian, that is made for a check alone."""
_SAMPLES = 8
_AGREE = 2
"""So many step lengths in a row must agree with each other, and not with the model, before it is refused."""
_SINGLE, _DOUBLE = 1e-6, 1e-14
"""Relative errors of sums, with room."""
_FITTED = 1e-10
"""Share of the gradient at w = 0 below which data are fitted so well that probabilities differ from 1 by rounding."""
_UNSTEADY = 1e-4
"""Relative error of the gradient at a point from which on nothing is asked there."""


def check(model: Any, w: ArrayLike, uses: tuple[str, ...]) -> None:
    """Refuse a model whose methods contradict each other near w; `uses` are those that the caller goes on to call."""
    if formula_of(model) is not None:
        return
    written = stated(model, _NAMES)
    named = [n for n in _NAMES if n in written or n in uses]
    named = [n for n in named if callable(getattr(model, n, None))]
    first = next((n for n in (*uses, *_FULL) if n in named and n in _FULL), None)
    if first is None or named == [first]:
        return  # nothing to compare
    gradients = [n for n in named if n in _FULL]
    left = {"cost": _Probe.compare_cost, "hessian_vector_product": _Probe.compare_hessian}
    if named[-1] == "hessian" and ("hessian" in uses or model.dimension**2 <= _ENTRIES):
        left["hessian"] = _Probe.compare_hessian
    left = {name: compare for name, compare in left.items() if name in named}
    point = np.atleast_1d(np.asarray(w))
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        probe = _Probe(model, first, np.random.default_rng(0))
        for _ in range(_PLACES):
            at = probe.look(point)
            if at is None:  # a gradient of zero, say: look elsewhere
                far = float(np.linalg.norm(point.astype(np.float64))) or 1.0
                point = probe.move(point, far * probe.generator.standard_normal(probe.p) / probe.p**0.5)
                continue
            probe.compare_gradients(at, gradients)
            left = {name: compare for name, compare in left.items() if not compare(probe, at, name)}
            if not left:
                return
            point = probe.move(at.w, 3 * at.length * probe.direction(at))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Place:
    """A point, one beside it, the gradient, the size of its terms, and the length of a long step.

    The point beside it differs in the thirteenth digit. What a method gives there says how many digits are right; if
    it is the very same number, it computes in single precision, and the sixth digit is asked. `rounding` is the error
    of gradients in units of `size`.
    """

    w: Array
    beside: Array
    gradient: Array
    size: float
    length: float
    rounding: float


class _Probe:
    """Asks a model for what it says, and takes an error or a number that is not finite for no answer."""

    def __init__(self, model: Any, reference: str, generator: np.random.Generator) -> None:
        self.model, self.reference, self.generator = model, reference, generator
        self.n, self.p = int(model.train_size), int(model.dimension)
        self.single = False
        self.whole = self.n * self.p <= _ENTRIES

    def look(self, w: Array) -> _Place | None:
        """Return what is compared at a point; None where the model has no steady answer."""
        gradient, again = self.full(self.reference, w), self.full(self.reference, w)
        if gradient is None or again is None or not np.array_equal(gradient, again):
            return None
        few = self.generator.choice(self.n, min(_SAMPLES, self.n), replace=False)
        rows = [row for i in few if (row := self.batch(self.reference, w, np.array([i]))) is not None]
        size = max([float(np.linalg.norm(gradient)), *(float(np.linalg.norm(row)) for row in rows)])
        origin = self.full(self.reference, np.zeros_like(w))
        if size == 0 or (origin is not None and size < _FITTED * float(np.linalg.norm(origin))):
            return None
        u = self._direction(gradient)

        def change(step: float) -> float:
            moved = self.full(self.reference, self.move(w, step * u))
            return np.inf if moved is None else float(np.linalg.norm(moved - gradient)) / size

        length = float(np.linalg.norm(w)) or 1.0
        found = change(length)
        for _ in range(6):
            if 0.03 <= found <= 0.3:
                break
            length *= float(np.clip(0.1 / found, 1e-4, 1e4)) if found else 1e4
            found = change(length)
        # Where a hundredth of a step changes the gradient as much, it has saturated, or crossed a kink.
        for _ in range(6):
            nearer = change(length / 100)
            if nearer <= 0.1 * found:
                break
            length, found = length / 100, nearer
        scale = (np.abs(w) + length * np.abs(u)) * self.generator.choice([-1.0, 1.0], self.p)
        beside, rounding = w, _DOUBLE
        for digit, error in ((1e-13, _DOUBLE), (_SINGLE, _SINGLE)):
            beside, rounding = self.move(w, digit * scale), error
            there = self.full(self.reference, beside)
            if there is None:
                return None
            rounding = max(rounding, 10 * float(np.linalg.norm(there - gradient)) / size)
            if w.dtype != np.float32 and not self.single and not np.array_equal(there, gradient):
                break
        if rounding > _UNSTEADY:
            return None
        return _Place(w=w, beside=beside, gradient=gradient, size=size, length=length, rounding=rounding)

    def compare_gradients(self, at: _Place, names: list[str]) -> None:
        """Refuse gradients of the whole cost, of batches or of a weighting that differ."""
        for name in names:
            if name == self.reference:
                continue
            other = self.full(name, at.w)
            if other is not None and _differ(other, at.gradient, at):
                self._refuse(name, self.reference, "summed over all examples", other, at.gradient)
            if name == "gradient":
                continue
            for _ in range(3):
                few = self.generator.choice(self.n, min(2, self.n), replace=False)
                one, two = self.batch(name, at.w, few), self.batch(self.reference, at.w, few)
                if one is not None and two is not None and _differ(one, two, at):
                    self._refuse(name, self.reference, f"over the examples {few.tolist()}", one, two)

    def compare_cost(self, at: _Place, name: str) -> bool:
        """Refuse gradients along which the cost does not fall as they say; say whether it does."""
        slope, u = float(np.linalg.norm(at.gradient)), self._direction(at.gradient)
        here, beside = self.cost(at.w), self.cost(at.beside)
        if here is None or beside is None:
            return False
        unit = max(at.rounding, _SINGLE if beside == here else _DOUBLE)
        noise, against, before = 10 * (unit * abs(here) + abs(beside - here)), 0, np.nan
        for step in at.length * _STEPS:
            points = [self.move(at.w, s * u) for s in (step, -step)]
            ahead, behind = (self.full(self.reference, w) for w in points)
            above, below = (self.cost(w) for w in points)
            h = float(u @ (points[0] - points[1]).astype(np.float64)) / 2
            if ahead is None or behind is None or above is None or below is None or h <= 0:
                continue
            if here == above == below == 0:  # a placeholder, where no cost is known
                continue
            slopes = [float(u @ g) for g in (behind, at.gradient, ahead)]
            measured, said = (above - below) / (2 * h), (slopes[0] + 4 * slopes[1] + slopes[2]) / 6
            scale = max(abs(measured), slope)
            error = _CLEAR * scale + 2 * float(np.ptp(slopes)) + noise / h + 10 * unit * at.size
            error += 10 * unit * float(np.linalg.norm(at.w)) * scale / h
            if error < scale / 4:
                if abs(said - measured) <= error:
                    return True
                alike = abs(measured - before) <= 0.2 * abs(measured) + noise / h
                against = against + 1 if alike else 1
                if against == _AGREE:
                    numbers = np.array([said]), np.array([measured])
                    self._refuse(self.reference, name, "along itself", *numbers, against="the slope of {}")
                before = measured
        return False

    def compare_hessian(self, at: _Place, name: str) -> bool:
        """Refuse products with a Hessian that is not the derivative of the gradients; say whether it is."""
        u = self.direction(at)
        product = self.product(name, at.w, u)
        if product is None:
            return False
        against, before, found = 0, np.full(self.p, np.nan), None
        for h in at.length * _STEPS:
            ahead, behind = (self.full(self.reference, self.move(at.w, s * u)) for s in (h, -h))
            if ahead is None or behind is None:
                continue
            first, second = (ahead - at.gradient) / h, (at.gradient - behind) / h
            measured = (first + second) / 2
            scale = float(max(np.linalg.norm(measured), np.linalg.norm(product)))
            noise = 10 * at.rounding * (at.size + float(np.linalg.norm(at.w)) * scale) / h
            error = _CLEAR * scale + 3 * float(np.linalg.norm(first - second)) + noise
            if error < scale / 4:
                # In single precision no step is so short that it crosses no kinks, which products do not see.
                ratio = float(product @ measured) / max(float(measured @ measured), np.finfo(float).tiny)
                vague = at.rounding > 1e-10 and (0.1 < ratio < 10 or not np.any(product))
                if float(np.linalg.norm(product - measured)) <= error or vague:
                    return True
                least = 10 * at.rounding * (at.size + float(np.linalg.norm(at.w)) * np.linalg.norm(measured)) / h
                alike = np.linalg.norm(measured - before) <= 0.2 * np.linalg.norm(measured) + least
                against = against + 1 if alike else 1
                found = measured if against == _AGREE else found
                before = measured
        # Only the shortest steps are free of kinks: agreement there would have ended this.
        if found is not None:
            self._refuse(name, self.reference, "along a direction", product, found, against="the derivative of {}")
        return False

    def full(self, name: str, w: Array) -> Array | None:
        """Return the gradient of the whole cost by a method."""
        if name == "per_example_gradients" and not self.whole and name != self.reference:
            return None
        argument = {"minibatch_gradient": np.arange(self.n), "weighted_gradient": np.ones(self.n)}.get(name)
        value = self._call(name, w, argument)
        self.single = self.single or (name == self.reference and np.asarray(value).dtype == np.float32)
        return self._vector(np.sum(value, axis=0) if name == "per_example_gradients" and np.ndim(value) == 2 else value)

    def batch(self, name: str, w: Array, indices: NDArray[np.int64]) -> Array | None:
        """Return (n/B) Σ ∇Cᵢ over some different examples by a method."""
        if name == "gradient" or (name == "per_example_gradients" and not self.whole and name != self.reference):
            return None
        factor = self.n / len(indices)
        if name == "minibatch_gradient":
            return self._vector(self._call(name, w, indices))
        if name == "weighted_gradient":
            return self._vector(self._call(name, w, np.bincount(indices, minlength=self.n) * factor))
        rows = self._call(name, w)
        return self._vector(factor * np.sum(rows[indices], axis=0)) if np.shape(rows) == (self.n, self.p) else None

    def cost(self, w: Array) -> float | None:
        """Return the cost."""
        value = np.asarray(self._call("cost", w))
        is_number = value.size == 1 and value.dtype.kind in "iuf" and np.isfinite(value).all()
        return float(value.reshape(())) if is_number else None

    def product(self, name: str, w: Array, v: Array) -> Array | None:
        """Return ∇∇C v by a method."""
        if name == "hessian":
            matrix = self._call(name, w)
            return self._vector(matrix @ v) if np.shape(matrix) == (self.p, self.p) else None
        return self._vector(self._call(name, w, v))

    def direction(self, at: _Place) -> Array:
        """Return a unit vector between the gradient and one at random."""
        random = self.generator.standard_normal(self.p)
        return self._direction(self._direction(at.gradient) + random / np.linalg.norm(random))

    def move(self, w: Array, by: Array) -> Array:
        """Return w + by, of the type of w."""
        return (w + by).astype(w.dtype)

    def _direction(self, vector: Array) -> Array:
        size = np.max(np.abs(vector), initial=0.0)
        return np.eye(1, self.p)[0] if size == 0 else vector / size / np.linalg.norm(vector / size)

    def _call(self, name: str, w: Array, *rest: Any) -> Any:
        # A method that cannot answer a question of this kind is none of the check's business.
        with contextlib.suppress(Exception):
            return getattr(self.model, name)(w.copy(), *(x for x in rest if x is not None))
        return None

    def _vector(self, value: Any) -> Array | None:
        array = np.asarray(value)
        if array.shape != (self.p,) or array.dtype.kind not in "iuf":
            return None
        return array.astype(np.float64) if np.isfinite(array).all() else None

    def _refuse(self, name: str, other: str, where: str, said: Array, right: Array, *, against: str = "{}") -> None:
        square = float(right @ right)
        factor = float(said @ right) / square if square else np.inf
        parallel = abs(float(said @ right)) > 0.98 * float(np.linalg.norm(said)) * np.sqrt(square)
        against = against.format(other)
        base = declaring_class(type(self.model))
        foreign = [n for n in (name, other) if base is not None and n not in stated(self.model, _NAMES)]
        raise InvalidInputError(
            f"the cost, the gradients and the Hessian products of {type(self.model).__name__} must belong to one "
            f"function: {name} {where} is "
            + (f"{_spelled(factor, self.n)} times {against}" if parallel else f"another vector than {against} says")
            + (f", with {foreign[0]} inherited from {base.__name__}" if foreign and base is not None else "")
            + f". {_remedy(factor if parallel else np.nan, self.n, name, other)}"
        )


def _differ(a: Array, b: Array, at: _Place) -> bool:
    largest = float(max(np.linalg.norm(a), np.linalg.norm(b)))
    return float(np.linalg.norm(a - b)) > _CLEAR * largest + 100 * at.rounding * at.size


def _is(factor: float, value: float) -> bool:
    return abs(factor / value - 1) < 2 * _CLEAR


def _spelled(factor: float, n: int) -> str:
    if n > 1 and _is(factor, 1 / n):
        return f"1/{n} = 1/N"
    if n > 1 and _is(factor, n):
        return f"{n} = N"
    return f"{factor:.3g}"


def _remedy(factor: float, n: int, name: str, other: str) -> str:
    if n > 1 and _is(factor, 1 / n):
        return f"{name} looks like that of the mean loss, and C(w) is the total (summed) cost: multiply it by N."
    if n > 1 and _is(factor, n):
        return f"{other} looks like that of the mean loss, and C(w) is the total (summed) cost: multiply it by N."
    if _is(factor, -1.0):
        return f"The sign of one of them is wrong: gradients point to where C(w) grows. Look at {name} and {other}."
    return f"Mend {name} or {other}, or write both in the subclass."
