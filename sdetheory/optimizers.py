"""Optimizers that divide by the size of recent gradients, and what they must be for other batches."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from . import _validate
from .errors import InvalidInputError
from .hyperparameters import SGDHyperparameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Adam:
    r"""Adam, on the mean gradient ĝ = Ĝ/N.

    .. math::
        m \leftarrow \beta_1 m + (1 - \beta_1) \hat g, \quad s \leftarrow \beta_2 s + (1 - \beta_2) \hat g^2, \quad
        w \leftarrow w - \epsilon \frac{m / (1 - \beta_1^t)}{\sqrt{s / (1 - \beta_2^t)} + \delta}

    Parameters
    ----------
    beta1, beta2 : float
        Decay of the averages of gradients and of their squares, from 0 to less than 1.
    floor : float
        δ ≥ 0, which keeps the step finite. The literature calls it ε, which is the learning rate here.

    Raises
    ------
    InvalidInputError
        If a number is out of its range.

    References
    ----------
    D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, arXiv:1412.6980, Algorithm 1.

    Examples
    --------
    >>> Adam(beta2=0.99)
    Adam(beta1=0.9, beta2=0.99, floor=1e-08)
    """

    beta1: float = 0.9
    beta2: float = 0.999
    floor: float = 1e-8

    def __post_init__(self) -> None:
        for name in ("beta1", "beta2"):
            _validate.real(name, getattr(self, name), at_least=0.0, below=1.0)
        _validate.real("floor", self.floor, at_least=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RMSprop:
    r"""RMSprop, on the mean gradient ĝ = Ĝ/N.

    .. math::
        s \leftarrow \beta s + (1 - \beta) \hat g^2, \qquad w \leftarrow w - \epsilon \frac{\hat g}{\sqrt s + \delta}

    Parameters
    ----------
    beta : float
        Decay of the average of squares, from 0 to less than 1.
    floor : float
        δ ≥ 0, which keeps the step finite.

    Raises
    ------
    InvalidInputError
        If a number is out of its range.

    References
    ----------
    S. Malladi, K. Lyu, A. Panigrahi and S. Arora, "On the SDEs and scaling rules for adaptive gradient algorithms",
    NeurIPS 2022, arXiv:2205.10287, Definition 2.1 (with the square of the present gradient included in s).

    Examples
    --------
    >>> RMSprop()
    RMSprop(beta=0.99, floor=1e-08)
    """

    beta: float = 0.99
    floor: float = 1e-8

    def __post_init__(self) -> None:
        _validate.real("beta", self.beta, at_least=0.0, below=1.0)
        _validate.real("floor", self.floor, at_least=0.0)


def check_optimizer(optimizer: Adam | RMSprop) -> None:
    """Refuse a subclass with methods or numbers of its own: steps are made of those of its base alone."""
    base = Adam if isinstance(optimizer, Adam) else RMSprop
    added = sorted(name for name in {*dir(optimizer)} - {*dir(base)} if not name.startswith("__"))
    if added:
        raise InvalidInputError(
            f"optimizer must be {base.__name__}, whose step is its formula with other numbers; what "
            f"{type(optimizer).__name__} adds ({', '.join(added)}) no simulator would call. Write the loop over "
            "minibatch_gradient yourself."
        )


def scaled(optimizer: Any, factor: float) -> Any:
    """Return the optimizer for batches whose gradients have 1/factor of the variance, by the square-root rule."""
    names = ("beta1", "beta2") if isinstance(optimizer, Adam) else ("beta",)
    decays = {name: 1 - factor * (1 - getattr(optimizer, name)) for name in names}
    for name, decay in decays.items():
        if decay < 0:
            raise InvalidInputError(
                f"the rule 1 − β' = κ(1 − β) has no {name} for κ = {factor:.3g}: {getattr(optimizer, name):g} would "
                f"become {decay:.3g}. Scale by less."
            )
    return replace(optimizer, floor=optimizer.floor / math.sqrt(factor), **decays)


def by_the_root(tuned: SGDHyperparameters, optimizer: Any, changes: dict[str, Any]) -> tuple[SGDHyperparameters, float]:
    """Return the hyperparameters with another batch size, or learning rate, by the square-root rule, and its κ."""
    called = type(optimizer).__name__
    check_optimizer(optimizer)
    if tuned.momentum or tuned.dampening:
        raise InvalidInputError(f"hp must have no momentum: {called} has averages of its own")
    if len(changes) > 1 or not {*changes} <= {"batch_size", "learning_rate"}:
        raise InvalidInputError(
            f"with {called} either batch_size or learning_rate is changed, and the rule says what becomes of the "
            f"other; got {', '.join(changes)}"
        )
    if "batch_size" in changes:
        draft = replace(tuned, batch_size=changes["batch_size"])
        if draft.noise_scale == 0:
            raise InvalidInputError(f"batch_size must be below {draft.train_size}: all examples have no noise")
        factor = tuned.target_noise_scale / draft.noise_scale
        return replace(draft, learning_rate=tuned.learning_rate * math.sqrt(factor)), factor
    rate = _validate.real("learning_rate", changes["learning_rate"], above=0.0)
    ratio = rate / tuned.learning_rate
    factor, stretched = ratio * ratio, ratio * rate
    if not (0 < factor < math.inf and 0 < stretched < math.inf):
        raise InvalidInputError(
            f"learning_rate must be nearer to {tuned.learning_rate:g}, so that κ = (ε'/ε)² neither overflows nor "
            f"vanishes; got {rate:g}"
        )
    # The batch with 1/κ of the variance: that at which κ times the learning rate keeps the noise scale.
    kept = tuned.with_learning_rate(stretched)
    setting = replace(kept, learning_rate=rate)
    object.__setattr__(setting, "exact_batch_size", kept.exact_batch_size)
    if setting.noise_scale == 0:
        raise InvalidInputError(
            f"learning_rate must be smaller: κ = {factor:.3g} asks for a batch of all {setting.train_size} examples, "
            "which have no noise"
        )
    return setting, factor
