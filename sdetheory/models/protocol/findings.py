"""What is off with a model: by name, in words, and what to do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_ALIKE = 0.02
"""Relative difference up to which a factor is called 1/N, N, B or −1."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is off.

    Parameters
    ----------
    name : str
        Which mistake it is: "error", "shape", "finiteness", "randomness", "sign", "mean loss", "regularizer",
        "minibatch", "other examples", "sum of examples", "gradient", "Hessian", "symmetry", "total cost" or "Jacobian".
    method : str
        Where it was seen.
    what : str
        What was found.
    remedy : str
        What to do.
    """

    name: str
    method: str
    what: str
    remedy: str


def is_about(factor: float, value: float) -> bool:
    """Whether a factor is a value to two percent."""
    return value != 0 and abs(factor / value - 1) < _ALIKE


def parallel(a: Array, b: Array) -> bool:
    """Whether two vectors are multiples of each other, to one percent of the shorter one's length."""
    product, sizes = abs(float(a @ b)), float(np.linalg.norm(a)) * float(np.linalg.norm(b))
    return sizes > 0 and product > 0.9999 * sizes


def explain(
    method: str, said: Array, right: Array, w: Array, *, n: int, prior: float, where: str, name: str, batch: int = 0
) -> Finding:
    """Recognize the usual mistakes in a gradient that is not what it should be.

    Parameters
    ----------
    method : str
        What returned it.
    said, right : ndarray
        What was returned, and what should have been; or both along some directions.
    w : ndarray
        The weights, or those along the directions: a regularizer's gradient is a multiple of them.
    n : int
        Number of examples.
    prior : float
        λ; 0 where it is not known.
    where, name : str
        What the gradient is of, and what to call a mistake that is none of the usual.
    batch : int
        Size of the minibatch, 0 if there is none.
    """
    off = said - right
    if parallel(off, w) and not parallel(right, w):
        return _regularizer(method, float(off @ w) / float(w @ w), n, prior, where)
    if parallel(said, right):
        return _factor(method, float(said @ right) / float(right @ right), n, where, name, batch)
    for factor, words in ((1 / n, "that of the mean loss"), (-1.0, "of the wrong sign")):
        if n > 1 and parallel(said - factor * right, w):
            return Finding(
                "mean loss" if factor > 0 else "sign",
                method,
                f"{method} {where} is {words}, and its regularizer another",
                "C(w) = Σ ℓᵢ + λ|w|²/2 is the total cost: sum, do not average, and add λw once.",
            )
    return Finding(
        name,
        method,
        f"{method} {where} is another vector than the other methods say",
        f"Compare {method} with the derivative of cost, weight by weight.",
    )


def _regularizer(method: str, surplus: float, n: int, prior: float, where: str) -> Finding:
    amount = f"{surplus:.3g} w"
    if prior:
        times = surplus / prior
        known = {float(n - 1): "(N − 1) λw", -1.0: "−λw", 1.0: "λw"}
        amount = next((words for value, words in known.items() if is_about(times, value)), f"{times:.3g} λw")
    return Finding(
        "regularizer",
        method,
        f"{method} {where} has {amount} too much, as of a regularizer that is doubled, forgotten or shared out wrongly",
        "C(w) holds λ|w|²/2 once: each of N examples carries λw/N, a minibatch and the gradient λw.",
    )


def _factor(method: str, factor: float, n: int, where: str, name: str, batch: int) -> Finding:
    total = "C(w) is the total (summed) cost, never the mean"
    if is_about(factor, -1.0):
        return Finding(
            "sign",
            method,
            f"{method} {where} has the wrong sign",
            "Gradients point to where C(w) grows.",
        )
    if batch and is_about(factor, batch / n) and batch != n:
        return Finding(
            "minibatch",
            method,
            f"{method} {where} is the sum over the {batch} of the batch",
            "It estimates the gradient of all N examples: multiply by N/B.",
        )
    if batch > 1 and is_about(factor, batch):
        return Finding(
            "minibatch",
            method,
            f"{method} {where} is {batch} = B times too large",
            "Divide by B.",
        )
    if n > 1 and is_about(factor, 1 / n):
        return Finding(
            "mean loss", method, f"{method} {where} is 1/{n} = 1/N of the right one", f"{total}: multiply it by N."
        )
    if n > 1 and is_about(factor, n):
        return Finding("mean loss", method, f"{method} {where} is {n} = N times too large", f"{total}: sum once.")
    return Finding(
        name, method, f"{method} {where} is {factor:.4g} times the right one", f"Divide {method} by {factor:.4g}."
    )
