"""Whether a model is what it should be: asked, not believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ... import _validate
from ...errors import InvalidInputError
from ._examination import Examination
from .findings import Finding
from .model import LOST

_GRADIENTS = ("minibatch_gradient", "gradient", "weighted_gradient", "per_example_gradients")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conformance:
    """What :func:`check` returns.

    Attributes
    ----------
    model : str
        Class of the model.
    findings : tuple of Finding
        What is off: each with `name`, `method`, `what` and `remedy`.
    undecided : tuple of str
        Questions that rounding, kinks or a flat cost leave open.
    examined : tuple of str
        What was asked and is right.
    missing : dict of str to str
        Methods that the model has not, and what cannot be done without.
    """

    model: str
    findings: tuple[Finding, ...]
    undecided: tuple[str, ...]
    examined: tuple[str, ...]
    missing: dict[str, str]

    @property
    def ok(self) -> bool:
        """Whether nothing is off."""
        return not self.findings

    def __repr__(self) -> str:
        """Say in one line what is off and what to do."""
        if self.findings:
            text = "; ".join(f"{each.name}: {each.what}. {each.remedy}" for each in self.findings)
            return f"Conformance({self.model}: {len(self.findings)} off; {text})"
        parts = [f"{len(self.examined)} questions answered rightly"]
        parts += [f"open: {', '.join(self.undecided)}"] if self.undecided else []
        parts += [f"without {', '.join(self.missing)}"] if self.missing else []
        return f"Conformance({self.model}: {'; '.join(parts)})"


def check(model: Any, w: ArrayLike, *, rng: Any = None) -> Conformance:
    r"""Ask a model whether its methods fit together at some weights, and say what is off.

    .. math::
        \nabla C(w) \cdot u = \lim_{h \to 0} \frac{C(w + hu) - C(w - hu)}{2h}, \qquad
        \nabla C = \sum_i \nabla C_i, \qquad
        \hat G = \frac{N}{B} \sum_{i \in \mathrm{batch}} \nabla C_i

    Parameters
    ----------
    model : object
        Anything with ``train_size``, ``dimension`` and one of the gradients of :class:`Model`.
    w : array_like, shape (p,)
        Weights at which it is asked; those from which training starts, say, but not where a symmetry makes gradients
        vanish.
    rng : None, int, SeedSequence or Generator
        Source of directions and batches (SPEC 7).

    Returns
    -------
    Conformance
        What is off, with its name and a remedy; what was right; what could not be decided; what the model lacks.

    Raises
    ------
    InvalidInputError
        If the object has no sizes or no gradient at all, or w is not p finite numbers.

    Notes
    -----
    Asked are: shapes and finiteness; that the same question has the same answer; the gradient against differences of
    the cost along the gradient, the weights and random directions; all gradients against each other, of the whole, of
    single examples, of batches with repetitions; products with the Hessian against differences of gradients, and their
    symmetry; the total cost against N times the mean ``loss``, where there is one; products of Jacobians against each
    other and against differences of ``outputs``.

    A difference decides no more than its own error allows. That is taken as what the two sides of it disagree by, plus
    ten times what a change of the weights in their last digits makes of the numbers; so a mistake in one weight of many
    is found in float64 and may not be in float32, and what kinks (rectified units) make of the Hessian is left open
    there.

    A model that is consistently another one passes: of a *mean* loss whose every method is that of the mean, only
    ``loss`` can tell. Some 120 costs and 70 gradients are asked for.

    Examples
    --------
    >>> from sdetheory.models import FunctionModel, LogisticRegression
    >>> check(LogisticRegression([[1.0], [-2.0], [0.5]], [1, 0, 0], prior_precision=0.1), [0.3], rng=0)
    Conformance(LogisticRegression: 20 questions answered rightly)
    >>> y = np.array([[1.0], [2.0], [4.0]])
    >>> mean = FunctionModel(
    ...     lambda w: float(np.mean((w - y) ** 2) / 2), lambda w, i: w - y[i], lambda w, v: 3 * v,
    ...     train_size=3, dimension=1,
    ... )
    >>> check(mean, [0.0], rng=0)
    Conformance(FunctionModel: 1 off; mean loss: cost, by its slopes, is 1/3 = 1/N of the right one. C(w) is ...)
    """
    _validate.having("model", model, ("train_size", "dimension"), "a model")
    present = [name for name in _GRADIENTS if callable(getattr(model, name, None))]
    if not present:
        raise InvalidInputError(
            f"model must have one of {', '.join(_GRADIENTS)}; {type(model).__name__} has none. See models.Model."
        )
    n = _validate.integer("model.train_size", model.train_size, at_least=1)
    p = _validate.integer("model.dimension", model.dimension, at_least=1)
    point = _validate.reals("w", w, shape=(p,))
    examination = Examination(model, n, point, _validate.generator(rng))
    with np.errstate(all="ignore"):
        examination.run()
    return Conformance(
        model=type(model).__name__,
        findings=tuple(examination.findings),
        undecided=tuple(examination.undecided),
        examined=tuple(examination.right),
        missing={name: lost for name, lost in LOST.items() if not callable(getattr(model, name, None))},
    )
