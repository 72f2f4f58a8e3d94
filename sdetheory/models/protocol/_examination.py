"""The questions that a model is asked, one group after the other."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._validate.messages import abbreviated
from ._differences import Differences, Slope
from .findings import Finding, explain, is_about

Array = NDArray[np.float64]

_ENTRIES = 2**24
"""Size of the largest array of gradients of examples, or Hessian, that is made for a check alone."""
_WHOLE = ("gradient", "weighted_gradient", "per_example_gradients", "minibatch_gradient")
"""Where the gradient of the whole may come from; those first are believed first."""
_FEW = 4


class Examination:
    """What is asked of a model at weights w, and what is found.

    Parameters
    ----------
    model : object
        The model.
    n : int
        Number of examples.
    w : ndarray, shape (p,)
        Weights.
    generator : Generator
        Source of directions and batches.
    """

    def __init__(self, model: Any, n: int, w: Array, generator: np.random.Generator) -> None:
        self.model, self.n, self.w, self.generator = model, n, w, generator
        self.p = w.size
        self.prior = float(getattr(model, "prior_precision", 0.0) or 0.0)
        self.findings: list[Finding] = []
        self.undecided: list[str] = []
        self.right: list[str] = []
        self.usable: set[str] = set()

    def run(self) -> None:
        """Ask everything; what a method cannot answer is not asked of it again."""
        few = self.generator.choice(self.n, min(_FEW, self.n), replace=False)
        self._ask_shapes(few)
        self.differences = Differences(self._point_of(), self.n)
        names = [name for name in _WHOLE if name in self.usable]
        if not names:
            return
        whole = self._ask_whole(names)
        self._ask_examples(few, [name for name in names if name in whole])
        self._ask_curvature(next(iter(whole)))
        self._ask_total()
        self._ask_jacobian()

    # ---- answers
    def call(self, name: str, *arguments: Any) -> Any:
        """Return what a method gives; an error of it is a finding, once."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return getattr(self.model, name)(*(np.array(each) for each in arguments))
        except Exception as error:
            if name in self.usable or not any(each.method == name for each in self.findings):
                words = abbreviated(f"{type(error).__name__}: {error}")
                self._off("error", name, f"{name} failed with {words}", "Let it take float64 weights of shape (p,).")
            self.usable.discard(name)
            return None

    def whole(self, name: str, w: Array) -> Array | None:
        """Return the gradient of the whole cost by a method."""
        rest = {"weighted_gradient": [np.ones(self.n)], "minibatch_gradient": [np.arange(self.n)]}.get(name, [])
        value = self.call(name, w, *rest)
        return None if value is None else np.asarray(value, float).reshape(-1, self.p).sum(axis=0)

    def _vector(self, name: str, *rest: Any) -> Array:
        """Return what a method gives, or what is not finite if it fails where it has not failed before."""
        value = self.call(name, self.w, *rest)
        return np.full(self.p, np.nan) if value is None else np.asarray(value, float)

    def _cost(self, w: Array) -> Any:
        value = self.call("cost", w)
        return None if value is None else np.asarray(value, float)

    def _off(self, name: str, method: str, what: str, remedy: str) -> None:
        self.findings.append(Finding(name, method, what, remedy))

    def _ask_shapes(self, few: NDArray[np.int64]) -> None:
        """Ask each method once for what it should return, and again for the same."""
        n, p, one, two = self.n, self.p, few[:1], few[:2]
        questions: dict[str, tuple[list[Any], tuple[int, ...]]] = {
            "cost": ([], ()),
            "gradient": ([], (p,)),
            "minibatch_gradient": ([two], (p,)),
            "weighted_gradient": ([np.bincount(one, minlength=n).astype(float)], (p,)),
            "per_example_gradients": ([], (n, p)),
            "hessian_vector_product": ([np.ones(p)], (p,)),
            "hessian": ([], (p, p)),
            "loss": ([], ()),
        }
        for name, (rest, shape) in questions.items():
            if not callable(getattr(self.model, name, None)):
                continue
            if int(np.prod(shape)) > _ENTRIES:
                self.undecided.append(f"{name}, an array of {shape[0]} × {shape[1]} numbers")
                continue
            found, again = self.call(name, self.w, *rest), self.call(name, self.w, *rest)
            if found is None or again is None:
                continue
            array = np.asarray(found)
            if array.dtype.kind not in "iuf":
                self._off("shape", name, f"{name} returned {abbreviated(repr(found))}", "Return real numbers.")
            elif array.shape != shape:
                self._off("shape", name, f"{name} returned shape {array.shape}", f"It must be {shape}.")
            elif not np.isfinite(array).all():
                self._off("finiteness", name, f"{name} is not finite at w", "Start where it is, or rescale the data.")
            elif not np.allclose(array, again, rtol=1e-4, atol=1e-4 * float(np.abs(array).max(initial=0.0))):
                self._off(
                    "randomness",
                    name,
                    f"{name} gave two answers to one question",
                    "C(w) is a function: turn dropout off.",
                )
            else:
                self.usable.add(name)
                self.right.append(f"shape of {name}")

    def _point_of(self) -> Any:
        """Return the weights with what is known of rounding: how much numbers change in their last digits."""
        reference = next((name for name in _WHOLE if name in self.usable), None)
        rounding = None if reference is None else (lambda w: self.whole(reference, w))
        return self.w, rounding, self.generator

    # ---- the whole
    def _ask_whole(self, names: list[str]) -> dict[str, Array]:
        """Compare the gradients of the whole with the cost and with each other; return those that are right."""
        w, differences = self.w, self.differences
        found = {name: vector for name in names if (vector := self.whole(name, w)) is not None}
        slopes: list[list[Slope]] = []
        if "cost" in self.usable:
            others: list[Array] = []
            for vector in found.values():
                others += [vector] if all(differences.differ(vector, other) for other in others) else []
            directions = [w, *others, *self.generator.standard_normal((3, self.p))]
            slopes = differences.along(self._cost, directions)
        verdicts = {
            name: differences.verdict(lambda u, vector=vector: vector @ u, slopes, differences.noise)
            for name, vector in found.items()
        }
        truth = next((name for name, verdict in verdicts.items() if verdict == "agrees"), None)
        if truth is None:
            votes = {a: sum(not differences.differ(found[a], found[b]) for b in found) for a in found}
            truth = max(votes, key=lambda name: votes[name])
        right = {truth: found[truth]}
        for name, vector in found.items():
            if name == truth:
                continue
            if differences.differ(vector, found[truth]):
                given = {"n": self.n, "prior": self.prior, "where": "of all examples", "name": "sum of examples"}
                self.findings.append(explain(name, vector, found[truth], w, **given))
            else:
                right[name] = vector
                self.right.append(f"sum of examples by {name}")
        if slopes and verdicts[truth] == "off":
            surest = [min(steps, key=lambda slope: slope.share) for steps in slopes]
            along = np.array([slope.u for slope in surest])
            measured, said = np.array([slope.value[0] for slope in surest]), along @ found[truth]
            given = {"n": self.n, "prior": self.prior, "where": "by its slopes,", "name": "gradient"}
            self.findings.append(replace(explain("cost,", measured, said, along @ w, **given), method="cost"))
        elif slopes:
            (self.right if verdicts[truth] == "agrees" else self.undecided).append("gradient against cost")
        return right

    # ---- examples
    def _ask_examples(self, few: NDArray[np.int64], names: list[str]) -> None:
        """Compare gradients of single examples and of batches by the methods whose sums are right."""
        names = [name for name in names if name != "gradient"]
        if not names:
            return
        rows = {name: found for name in names if (found := self._rows(name, few)) is not None}
        if not rows:
            return
        votes = {a: sum(not self.differences.differ(rows[a].ravel(), rows[b].ravel()) for b in rows) for a in rows}
        truth = max(votes, key=lambda name: (votes[name], name == "per_example_gradients"))
        for name, other in rows.items():
            if name != truth and self._compare_rows(name, other, rows[truth], few):
                self.right.append(f"single examples by {name}")
        if "minibatch_gradient" in names and not any(each.method == "minibatch_gradient" for each in self.findings):
            self._ask_batches(rows[truth], few)

    def _rows(self, name: str, few: NDArray[np.int64]) -> Array | None:
        """Return ∇Cᵢ of some examples by a method."""
        if name == "per_example_gradients":
            value = self.call(name, self.w)
            return None if value is None else np.asarray(value, float)[few]
        ask = {
            "weighted_gradient": lambda i: self.call(name, self.w, np.eye(1, self.n, i)[0]),
            "minibatch_gradient": lambda i: self.call(name, self.w, np.array([i])),
        }[name]
        found = [ask(i) for i in few]
        if any(row is None for row in found):
            return None
        return np.array(found, float) / (self.n if name == "minibatch_gradient" else 1)

    def _compare_rows(self, name: str, other: Array, rows: Array, few: NDArray[np.int64]) -> bool:
        for k in range(len(few)):
            if not self.differences.differ(other[k], rows[k]):
                continue
            same = [j for j in range(len(few)) if not self.differences.differ(other[k], rows[j])]
            where, size = f"of example {few[k]}", 1 if name == "minibatch_gradient" else 0
            given = {"n": self.n, "prior": self.prior / self.n, "where": where, "name": "other examples"}
            finding = explain(name, other[k], rows[k], self.w, **given, batch=size)
            self.findings.append(replace(finding, name="other examples") if same else finding)
            return False
        return True

    def _ask_batches(self, rows: Array, few: NDArray[np.int64]) -> None:
        """Ask for batches, of which one repeats an example, and for the parts of a partition."""
        places = [np.array([0, len(few) - 1]), np.array([0, 0, len(few) - 1]), np.arange(len(few))]
        for chosen in places:
            said = self.call("minibatch_gradient", self.w, few[chosen])
            if said is None:
                return
            right = self.n / len(chosen) * rows[chosen].sum(axis=0)
            if self.differences.differ(np.asarray(said, float), right, self.n):
                given = {"n": self.n, "prior": self.prior, "where": f"over the examples {few[chosen].tolist()}"}
                self.findings.append(
                    explain(
                        "minibatch_gradient", np.asarray(said, float), right, self.w, **given, name="minibatch",
                        batch=len(chosen),
                    )
                )  # fmt: skip
                return
        parts = np.array_split(self.generator.permutation(self.n), min(8, self.n))
        found = [self.call("minibatch_gradient", self.w, part) for part in parts]
        whole = self.whole("minibatch_gradient", self.w)
        if whole is None or any(each is None for each in found):
            return
        total = sum(len(part) / self.n * np.asarray(each, float) for part, each in zip(parts, found, strict=True))
        if self.differences.differ(np.asarray(total), whole, self.n):
            given = {"n": self.n, "prior": self.prior, "where": "averaged over parts of the data", "name": "minibatch"}
            self.findings.append(
                explain("minibatch_gradient", np.asarray(total), whole, self.w, **given, batch=len(parts[0]))
            )
        else:
            self.right.append("minibatches")

    # ---- second derivatives
    def _ask_curvature(self, reference: str) -> None:
        """Compare products with the Hessian with differences of gradients, and with each other."""
        differences = self.differences
        directions = [self.w, *self.generator.standard_normal((2, self.p))]
        ask = {
            "hessian_vector_product": lambda v: self._vector("hessian_vector_product", v),
            "hessian": lambda v: self._vector("hessian") @ v,
        }
        changes = differences.along(lambda point: self.whole(reference, point), directions)
        for name, product in ask.items():
            if name not in self.usable:
                continue
            slack = 10 * differences.unit * differences.bend
            verdict = differences.verdict(product, changes, slack)
            if verdict == "off":
                change = differences.first_off(product, changes, slack)
                said = product(change.u)
                ratio = float(said @ change.value) / float(change.value @ change.value)
                # In single precision no step is so short that it crosses no kinks, which products do not see.
                if differences.single and (0.1 < ratio < 10 or not said.any()):
                    verdict = "undecided"
                else:
                    given = {"n": self.n, "prior": self.prior, "where": "along a direction", "name": "Hessian"}
                    self.findings.append(explain(name, said, change.value, change.u, **given))
            if verdict != "off":
                (self.right if verdict == "agrees" else self.undecided).append(f"{name} against gradients")
            self._ask_symmetry(name, product)

    def _ask_symmetry(self, name: str, product: Any) -> None:
        u, v = self.generator.standard_normal((2, self.p))
        one, two = product(u), product(v)
        size = float(np.linalg.norm(one) * np.linalg.norm(v) + np.linalg.norm(two) * np.linalg.norm(u))
        # What rounding leaves of a curvature that vanishes, as where probabilities are certain, is not symmetric.
        size += self.differences.bend * float(np.linalg.norm(u) * np.linalg.norm(v))
        if abs(float(v @ one) - float(u @ two)) > 100 * self.differences.unit * size:
            self._off("symmetry", name, f"{name} is that of no symmetric matrix: u·Hv is not v·Hu", "Mend its terms.")
        else:
            self.right.append(f"symmetry of {name}")

    # ---- the total cost
    def _ask_total(self) -> None:
        """Compare the cost with N times the mean loss and the regularizer."""
        if not {"cost", "loss"} <= self.usable or not hasattr(self.model, "prior_precision"):
            return
        mean, cost = float(self.call("loss", self.w)), float(self.call("cost", self.w))
        penalty = 0.5 * self.prior * float(self.w @ self.w)
        right, tolerance = self.n * mean + penalty, 100 * self.differences.unit
        tolerance *= self.n * abs(mean) + penalty
        if abs(cost - right) <= tolerance:
            self.right.append("total cost")
            return
        what = f"cost is {cost:.6g}, and N times the mean loss with λ|w|²/2 is {right:.6g}"
        if self.n > 1 and (is_about(cost, mean + penalty) or is_about(cost, mean) or is_about(cost, right / self.n)):
            self._off("mean loss", "cost", what, "C(w) is the total, and loss the mean of ℓ: one of them is off by N.")
        elif penalty and abs((cost - self.n * mean) / penalty - round((cost - self.n * mean) / penalty)) < 0.01:
            times = round((cost - self.n * mean) / penalty)
            self._off(
                "regularizer", "cost", f"cost holds the regularizer λ|w|²/2 {times} times", "It must hold it once."
            )
        else:
            self._off("total cost", "cost", what, "loss is the mean of ℓ over the examples, without the regularizer.")

    # ---- outputs
    def _ask_jacobian(self) -> None:
        """Compare J v with uᵀJ, and with differences of the outputs."""
        names = ("jacobian_vector_product", "vector_jacobian_product", "curvature_factors")
        if not all(callable(getattr(self.model, name, None)) for name in names):
            return
        v = self.generator.standard_normal(self.p)
        ahead, factors = self.call(names[0], self.w, v), self.call(names[2], self.w)
        if ahead is None or factors is None:
            return
        shape, wanted = np.shape(ahead), np.shape(factors)
        if len(shape) != 2 or shape[0] != self.n or len(wanted) != 3 or (wanted[0], wanted[2]) != shape:
            self._off(
                "shape", names[0], f"J v has shape {shape} and curvature_factors {wanted}", "(N, k) and (N, m, k)."
            )
            return
        u = self.generator.standard_normal(shape)
        back = self.call(names[1], self.w, u)
        if back is None:
            return
        one, two = float(np.sum(u * ahead)), float(np.asarray(back) @ v)
        size = float(np.linalg.norm(u) * np.linalg.norm(ahead) + np.linalg.norm(v) * np.linalg.norm(back))
        if abs(one - two) > 100 * self.differences.unit * size:
            self._off("Jacobian", names[1], f"u·(Jv) is {one:.6g} and (Jᵀu)·v is {two:.6g}", "Both belong to one J.")
            return
        if callable(getattr(self.model, "outputs", None)):
            changes = self.differences.along(lambda w: _flat(self.call("outputs", w)), [v])
            verdict = self.differences.verdict(lambda d: _flat(self.call(names[0], self.w, d)), changes)
            if verdict == "off" and not self.differences.single:
                self._off("Jacobian", names[0], "J v is not the change of outputs", "Mend jacobian_vector_product.")
                return
        self.right.append("Jacobian")


def _flat(value: Any) -> Any:
    return None if value is None else np.asarray(value, float).ravel()
