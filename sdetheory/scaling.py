"""Given one tuned setting of SGD: the settings of other data, hardware or momentum that have its noise."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _validate
from .equivalent_setting import ROUNDING, EquivalentSetting, longer, mean_square_warnings, warnings_of
from .errors import InvalidInputError
from .hyperparameters import SGDHyperparameters
from .optimizers import Adam, RMSprop, by_the_root, scaled

WORK = 2**31
"""Products N p² up to which the limit in mean square is computed."""

_WAYS = {
    "batch_size": (
        "B' = B ε'N'(1 − m)/(εN(1 − m'))",
        "ε and so the time of a step are kept: as many steps, if the effective learning rate is the same",
    ),
    "learning_rate": (
        "ε' = ε B'N(1 − m')/(BN'(1 − m))",
        "a step lasts as long as its learning rate says: the larger the batch, the fewer the steps, until ε'λ nears "
        "the stability limit",
    ),
    "momentum": (
        "1 − m' = (1 − m) ε'N'B/(εNB')",
        "without dampening alone; a step lasts 1/(1 − m') times ε', and the run must be long against that memory",
    ),
}


def scaling_advice(
    hp: SGDHyperparameters,
    *,
    learning_rate: float | None = None,
    train_size: int | None = None,
    batch_size: int | None = None,
    momentum: float | None = None,
    n_steps: int | None = None,
    curvature: float | None = None,
    largest_learning_rate: float | None = None,
    model: Any = None,
    w: ArrayLike | None = None,
    inputs: ArrayLike | None = None,
    optimizer: Any = "sgd",
) -> list[EquivalentSetting]:
    r"""Return the settings that have the noise scale of a tuned one.

    .. math:: g = \epsilon \left(\frac{N}{B} - 1\right) \frac{1 - \tau}{1 - m}

    Each answer takes the quantities that are given, adapts *one* that is not, and leaves the others as they are.

    Parameters
    ----------
    hp : SGDHyperparameters
        The tuned setting: plain numbers, B < N.
    learning_rate, train_size, batch_size, momentum : float or int, optional
        New values: another data set, the batch that hardware holds, another momentum. At least one. Damped momentum
        (τ = m > 0) stays damped.
    n_steps : int, optional
        Number of steps of the tuned setting.
    curvature : float, optional
        Largest eigenvalue λ of the Hessian ∇∇C/N of the mean loss, where training ends.
    largest_learning_rate : float, optional
        Largest effective learning rate ε(1 − τ)/(1 − m) that is known to train.
    model : LinearRegression, LogisticRegression or another on one product x·w, optional
        The model, for the limit in mean square of its multiplicative noise; it gives the curvature too.
    w : array_like, shape (p,), optional
        Weights where training ends, at which a logistic regression is taken for the least squares it is there.
    inputs : array_like, shape (N, p), optional
        Instead of a model: inputs xᵢ of least squares, or √ℓ″ xᵢ of another cost Σ ℓ(xᵢ·w, yᵢ).
    optimizer : {"sgd"}, Adam or RMSprop
        The optimizer of the tuned setting. Of the last two a new batch size *or* a new learning rate is asked, and
        what the others must be follows from the square-root rule; see the Notes.

    Returns
    -------
    list of EquivalentSetting
        Those that exist, of: another batch size, another learning rate, another momentum (undamped alone).

    Raises
    ------
    InvalidInputError
        If nothing is given to change, the tuned setting has no noise or holds arrays, a number is out of its range,
        both a model and inputs are given, they are of N p² > 2³¹, or no setting has the noise scale.

    Notes
    -----
    *Exact* means that the SDE has the same noise scale, also where B is not small against N. That SGD follows its SDE
    is another matter, of which the warnings speak: one step must be short against the curvature (ε(1 − τ)λ ≪ 2(1 + m);
    the stationary variance along λ is too large by 1/(1 − ε(1 − τ)λ/(2(1 + m)))), and a run long against the memory
    1/(1 − m) of momentum.

    These two figures are exact for additive noise, which does not depend on the weights, and lower bounds on the
    trouble else: where noise grows with the distance from the minimum, as in least squares, the variance loses
    stability at the *mean-square* limit, far below 2(1 + m)/λ for small batches. With a model or its inputs that limit
    is computed, exactly for least squares (:func:`sdetheory.theory.least_squares_stability_limit`), and named where ε
    is near it. For another N it is that of the examples given, at the same batch size.

    Another N keeps the noise against the *total* cost. On a thousand images the measured optimum grows more slowly than
    N; a fit of its exponent is in :meth:`sdetheory.BatchSizeStudy.exponents`.

    *Adam and RMSprop* divide by the size of the noise, and keep the law of their equation (:func:`sgd_sde`) if

    .. math::
        \epsilon' = \sqrt{\kappa} \, \epsilon, \quad 1 - \beta' = \kappa (1 - \beta), \quad
        \delta' = \delta / \sqrt{\kappa}, \quad n' = n / \kappa

    for each decay β, with the floor δ, n steps, and κ the ratio of the variances of the gradients of batches, old to
    new: B'/B for B ≪ N, and (N/B − 1)/(N/B' − 1) without replacement. That equation is one for gradients that are
    mostly noise. Where the mean gradient is as large, each step has the length ε, and the rule does not hold.

    References
    ----------
    S. L. Smith and Q. V. Le, "A Bayesian Perspective on Generalization and Stochastic Gradient Descent", ICLR 2018,
    arXiv:1710.06451, Section 5 and Appendices D and E.
    K. Liu, L. Ziyin and M. Ueda, "Noise and fluctuation of finite learning rate stochastic gradient descent", ICML
    2021, arXiv:2012.03636 (the variance at a finite learning rate, with momentum).
    R. Mulayoff and T. Michaeli, arXiv:2306.07850, 2024 (stability in mean square).
    S. Malladi, K. Lyu, A. Panigrahi and S. Arora, "On the SDEs and scaling rules for adaptive gradient algorithms",
    NeurIPS 2022, arXiv:2205.10287, Section 5 (the square-root rule).

    Examples
    --------
    >>> tuned = SGDHyperparameters(learning_rate=0.1, train_size=50_000, batch_size=128)
    >>> for setting in scaling_advice(tuned, batch_size=512, n_steps=8000):
    ...     print(setting.adapted, round(setting.exact, 4), round(setting.approximate, 4), setting.n_steps)
    learning_rate 0.4031 0.4 1985
    momentum 0.7519 0.75 1985
    >>> from sdetheory import Adam
    >>> scaling_advice(tuned, batch_size=512, optimizer=Adam(beta2=0.99))[0].optimizer
    Adam(beta1=0.596..., beta2=0.959..., floor=4.98...e-09)
    """
    tuned = _plain(hp)
    given = {"learning_rate": learning_rate, "train_size": train_size, "batch_size": batch_size, "momentum": momentum}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if not changes:
        raise InvalidInputError(f"at least one of {', '.join(given)} must be given: what is to change")
    steps = None if n_steps is None else _validate.integer("n_steps", n_steps, at_least=1)
    if isinstance(optimizer, (Adam, RMSprop)):
        others = (curvature, largest_learning_rate, model, w, inputs)
        if any(other is not None for other in others):
            raise InvalidInputError(
                "curvature, largest_learning_rate, model, w and inputs speak of SGD; the rule of "
                f"{type(optimizer).__name__} knows none of them"
            )
        return [_by_the_root(tuned, optimizer, changes, steps)]
    _validate.choice("optimizer", optimizer, ("sgd",))
    slope = None if curvature is None else _validate.real("curvature", curvature, above=0.0)
    edge = largest_learning_rate
    edge = None if edge is None else _validate.real("largest_learning_rate", edge, above=0.0)
    examples, prior = _inputs(model, w, inputs)
    if examples is not None and slope is None:
        slope = float(np.linalg.norm(examples, 2) ** 2 + prior) / len(examples)
    damped = tuned.dampening == tuned.momentum > 0
    fixed = dict(changes)
    if damped and "momentum" in fixed:
        fixed["dampening"] = fixed["momentum"]
    found, refused = [], []
    for adapted, (rule, holds) in _WAYS.items():
        if adapted in changes or (adapted == "momentum" and tuned.dampening > 0):
            continue
        try:
            setting = _adapt(tuned, adapted, fixed)
        except InvalidInputError as error:
            refused.append(f"{adapted}: {error}")
            continue
        found.append(
            EquivalentSetting(
                adapted=adapted,
                hyperparameters=setting,
                approximate=_shortcut(tuned, setting, adapted),
                rule=rule,
                holds=holds,
                n_steps=None if steps is None else max(1, round(steps * longer(tuned, setting))),
                warnings=(
                    *warnings_of(tuned, setting, steps, slope, edge, known=examples is not None),
                    *([] if examples is None else mean_square_warnings(setting, examples, prior)),
                ),
            )
        )
    if not found:
        raise InvalidInputError("no setting has the noise scale of the tuned one. " + "; ".join(refused))
    return found


def _by_the_root(
    tuned: SGDHyperparameters, optimizer: Any, changes: dict[str, Any], steps: int | None
) -> EquivalentSetting:
    """Return the setting of Adam or RMSprop with another batch size or learning rate, by the square-root rule."""
    setting, factor = by_the_root(tuned, optimizer, changes)
    warnings = ["the rule is for gradients that are mostly noise, and nothing here says whether these are"]
    rounding = setting.noise_scale / setting.target_noise_scale - 1
    if abs(rounding) > ROUNDING:
        warnings.append(f"rounding the batch to {setting.batch_size} changes κ by {-100 * rounding:+.0f} %")
    given_batch = "batch_size" in changes
    growth = math.sqrt(setting.batch_size / tuned.exact_batch_size) if given_batch else factor
    return EquivalentSetting(
        adapted="learning_rate" if given_batch else "batch_size",
        hyperparameters=setting,
        approximate=growth * (tuned.learning_rate if given_batch else tuned.exact_batch_size),
        rule="ε' = ε √κ, 1 − β' = κ(1 − β), floor' = floor/√κ, with κ = B'/B",
        holds="where the gradients of batches are mostly noise; for 1/κ of the steps",
        n_steps=None if steps is None else max(1, round(steps / factor)),
        warnings=tuple(warnings),
        optimizer=scaled(optimizer, factor),
    )


def _plain(hp: SGDHyperparameters) -> SGDHyperparameters:
    if not isinstance(hp, SGDHyperparameters):
        raise InvalidInputError(f"hp must be SGDHyperparameters; got {type(hp).__name__}")
    arrays = [field.name for field in dataclasses.fields(hp) if np.ndim(getattr(hp, field.name))]
    if arrays:
        raise InvalidInputError(f"hp must hold plain numbers; {arrays[0]} is an array. Ask for one setting at a time.")
    if hp.noise_scale == 0:
        raise InvalidInputError("hp must have B < N; a full batch has no noise to keep")
    return hp


def _inputs(model: Any, w: Any, inputs: Any) -> tuple[NDArray[np.float64] | None, float]:
    """Return the inputs of the least squares that SGD ends in, and its prior's precision; None if nothing is known."""
    if model is None and inputs is None:
        if w is not None:
            raise InvalidInputError("w says where a model is taken; give the model too")
        return None, 0.0
    if model is not None and inputs is None:
        from .models._linearized import linearized_inputs

        found, prior = linearized_inputs(model, w), float(model.prior_precision)
    elif model is None and w is None and inputs is not None:
        found, prior = _validate.reals("inputs", inputs, shape=(None, None)), 0.0
    else:
        raise InvalidInputError("inputs stand for a model at its w; give the inputs alone, or the model")
    n, p = found.shape
    if n < 2 or n * p**2 > WORK:
        raise InvalidInputError(
            f"inputs must be from 2 examples to {WORK // max(1, p * p)}, for {p} weights; got {n}. Pass the inputs of "
            "fewer examples, or on their leading principal axes, whose limit is above that of all."
        )
    return found, prior


def _adapt(tuned: SGDHyperparameters, adapted: str, changes: dict[str, Any]) -> SGDHyperparameters:
    """Return the setting with the changes in which one quantity keeps the noise scale, exactly."""
    if adapted == "batch_size":
        return tuned.keeping_noise_scale(**changes)
    draft = dataclasses.replace(tuned, **changes)
    if draft.noise_scale == 0:
        raise InvalidInputError(f"a batch of all {draft.train_size} examples has no noise at any {adapted}")
    ratio = tuned.target_noise_scale / draft.noise_scale
    if adapted == "learning_rate":
        return dataclasses.replace(draft, learning_rate=draft.learning_rate * ratio)
    momentum = 1 - (1 - draft.momentum) / ratio
    if momentum < 0:
        raise InvalidInputError(f"the noise scale is too small for a momentum; it would be {momentum:.3g}")
    return dataclasses.replace(draft, momentum=momentum)


def _shortcut(tuned: SGDHyperparameters, setting: SGDHyperparameters, adapted: str) -> float:
    """Return the adapted quantity by the proportions for B ≪ N."""
    n, b = setting.train_size / tuned.train_size, setting.batch_size / tuned.exact_batch_size
    if adapted == "batch_size":
        return tuned.exact_batch_size * n / longer(tuned, setting)
    if adapted == "learning_rate":
        share = (1 - setting.momentum) / (1 - setting.dampening)
        return tuned.effective_learning_rate * b / n * share
    return 1 - setting.learning_rate / tuned.effective_learning_rate * n / b
