"""Labels that carry no information."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from ..errors import InvalidInputError
from .dataset import labels_of


def random_labels(labels: ArrayLike, *, n_classes: int | None = None, rng: Any = None) -> NDArray[np.int64]:
    """Return labels that carry no information: independent and uniform over the classes.

    A model that fits them can only have memorized them.

    Parameters
    ----------
    labels : array_like, shape (n,)
        The labels to replace; only their number, and the largest of them, matter.
    n_classes : int, optional
        Number k ≥ 2 of classes; by default the largest label plus one.
    rng : None, int, SeedSequence or Generator
        Source of the labels.

    Returns
    -------
    ndarray, shape (n,)
        Labels in 0, 1, …, k − 1, int64.

    Raises
    ------
    InvalidInputError
        If labels are not whole numbers ≥ 0, or there are fewer than two classes, or fewer than the labels need.

    References
    ----------
    C. Zhang, S. Bengio, M. Hardt, B. Recht and O. Vinyals, "Understanding deep learning requires rethinking
    generalization", ICLR 2017, arXiv:1611.03530, Section 2.1.

    Examples
    --------
    >>> random_labels([0, 0, 0, 1, 1, 1], rng=0)
    array([1, 1, 1, 0, 0, 0])
    """
    replaced = labels_of("labels", labels)
    if not len(replaced):
        raise InvalidInputError("labels must be one or more; got none")
    used = int(replaced.max(initial=0)) + 1
    if used < 2 and n_classes is None:
        raise InvalidInputError("n_classes must be >= 2, and labels are of one class only; pass n_classes")
    k = _validate.integer("n_classes", used if n_classes is None else n_classes, at_least=max(2, used))
    return _validate.generator(rng).integers(0, k, size=len(replaced))
