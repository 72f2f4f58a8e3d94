"""A setting of SGD with the noise of another one, and what is outside of where the two do the same."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _display
from .hyperparameters import SGDHyperparameters

SMALL_BATCH = 0.1
"""B/N above which N ≫ B is no longer said."""
SMALL_CURVATURE = 0.1
"""Share of the stability limit above which one step is no longer small."""
MEMORIES = 20
"""Lengths 1/(1 − m) of the memory that a run should be long."""
FEW = 32
"""Examples in a batch up to which noise that grows with the distance from the minimum is not to be forgotten."""
ROUNDING = 0.05
"""Relative error of the noise scale above which the rounding of a batch is mentioned."""


@_display.shown
@dataclass(frozen=True, slots=True, kw_only=True)
class EquivalentSetting:
    """Hyperparameters with the noise scale of others.

    Attributes
    ----------
    adapted : {"batch_size", "learning_rate", "momentum"}
        What was changed to keep the noise scale.
    hyperparameters : SGDHyperparameters
        By the exact rule, with the batch rounded to a whole number.
    approximate : float
        The adapted quantity by the rule for B ≪ N.
    rule : str
        That rule, in words of mathematics.
    holds : str
        Where it holds.
    n_steps : int or None
        Steps that take the same time along the gradient flow of the mean loss; None if it was not said how many.
    warnings : tuple of str
        What is outside of where the equivalence holds.
    optimizer : Adam, RMSprop or None
        The optimizer that goes with the hyperparameters; None for SGD.
    """

    adapted: str
    hyperparameters: SGDHyperparameters
    approximate: float
    rule: str
    holds: str
    n_steps: int | None
    warnings: tuple[str, ...]
    optimizer: Any = None

    @property
    def exact(self) -> float:
        """The adapted quantity by the exact rule, before rounding."""
        name = "exact_batch_size" if self.adapted == "batch_size" else self.adapted
        return float(getattr(self.hyperparameters, name))

    def __str__(self) -> str:
        hp = self.hyperparameters
        steps = "" if self.n_steps is None else f", {self.n_steps} steps"
        lines = [
            f"{self.adapted} {self.exact:.4g} (for B ≪ N: {self.approximate:.4g}): ε = {hp.learning_rate:.4g}, "
            f"B = {hp.batch_size}, N = {hp.train_size}, m = {hp.momentum:.4g}, g = {hp.noise_scale:.4g}{steps}"
            + ("" if self.optimizer is None else f", {self.optimizer}"),
            f"  rule for B ≪ N: {self.rule}",
            f"  holds: {self.holds}",
            *(f"  warning: {text}" for text in self.warnings),
        ]
        return "\n".join(lines)


def warnings_of(
    tuned: SGDHyperparameters,
    setting: SGDHyperparameters,
    steps: int | None,
    slope: float | None,
    edge: float | None,
    *,
    known: bool,
) -> list[str]:
    """Return what is outside of the regime of the equivalence; `known` is whether the limit in mean square is."""
    found = []
    for name, hp in (("the tuned setting", tuned), ("this one", setting)):
        share = hp.batch_size / hp.train_size
        if share > SMALL_BATCH:
            found.append(
                f"B/N = {share:.2g} of {name} is not small: the approximate rule is off by that much, and the exact "
                "one holds for the sampling that hp names alone"
            )
    rounding = setting.noise_scale / tuned.target_noise_scale - 1
    if abs(rounding) > ROUNDING:
        found.append(f"rounding the batch to {setting.batch_size} changes the noise scale by {100 * rounding:+.0f} %")
    if slope is not None:
        step, limit = setting.learning_rate * (1 - setting.dampening) * slope, 2 * (1 + setting.momentum)
        if step >= limit:
            found.append(f"ε(1 − τ)λ = {step:.3g} is beyond the stability limit 2(1 + m) = {limit:.3g}: it diverges")
        elif step > SMALL_CURVATURE * limit:
            found.append(
                f"ε(1 − τ)λ = {step:.3g} is {100 * step / limit:.0f} % of the stability limit: the variance along λ is "
                f"{1 / (1 - step / limit):.2f} times that of the SDE for additive noise, and more for noise that grows "
                "with the distance from the minimum: a lower bound"
            )
        if not known and step < limit and (step > SMALL_CURVATURE * limit or setting.batch_size <= FEW):
            found.append(
                "the limit 2(1 + m)/λ is that of additive noise. Where noise grows with the distance from the minimum, "
                f"batches of {setting.batch_size} lose stability in mean square at a smaller ε: pass model or inputs"
            )
        if setting.momentum > 0 and step > (1 - np.sqrt(setting.momentum)) ** 2:
            found.append(
                "momentum oscillates along λ, ε(1 − τ)λ > (1 − √m)²: at times below its memory no SDE of w alone"
            )
    if steps is not None:
        own, memory = steps * longer(tuned, setting), 1 / (1 - setting.momentum)
        if own < MEMORIES * memory:
            found.append(
                f"{own:.0f} steps are only {own / memory:.1f} memories 1/(1 − m) of momentum: transients matter"
            )
    if edge is not None and setting.effective_learning_rate > edge:
        found.append(
            f"the effective learning rate {setting.effective_learning_rate:.3g} is above the largest known to train, "
            f"{edge:.3g}"
        )
    if setting.train_size != tuned.train_size:
        found.append("that the optimum batch grows like N was not seen at small N: tune again around this one")
    return found


def mean_square_warnings(setting: SGDHyperparameters, inputs: NDArray[np.float64], prior: float) -> list[str]:
    """Return what there is to say of the limit of the variance, for noise that grows with the distance."""
    from .theory.sgd.stability_limit import least_squares_stability_limit

    n = len(inputs)
    own = dataclasses.replace(setting, train_size=n, batch_size=min(setting.batch_size, n))
    limit = least_squares_stability_limit(inputs, own, prior_precision=prior)
    rate, most = setting.learning_rate, limit.mean_square
    named = f"the mean-square limit {most:.3g} (that of the mean: {limit.mean:.3g})"
    if rate >= most:
        return [f"ε = {rate:.3g} is beyond {named}: the variance of the weights grows without bound"]
    return [f"ε = {rate:.3g} is {100 * rate / most:.0f} % of {named}"] if rate > SMALL_CURVATURE * most else []


def longer(tuned: SGDHyperparameters, setting: SGDHyperparameters) -> float:
    """Return how many steps of a setting go as far as one of the tuned one."""
    return tuned.effective_learning_rate / setting.effective_learning_rate
