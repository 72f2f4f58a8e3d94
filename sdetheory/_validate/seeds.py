"""The seed and the generator meant by an ``rng`` argument (SPEC 7)."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..errors import InvalidInputError
from .messages import shown


def seed_sequence(rng: Any) -> np.random.SeedSequence:
    """Return the seed behind an ``rng`` argument (SPEC 7: None, int, SeedSequence or Generator).

    A generator is advanced by 128 bits, so that using it twice gives two different seeds.
    """
    if isinstance(rng, np.random.SeedSequence):
        return rng
    if isinstance(rng, np.random.Generator):
        return np.random.SeedSequence(int.from_bytes(rng.bytes(16), "little"))
    if rng is None:
        return np.random.SeedSequence()
    try:
        seed = -1 if isinstance(rng, (bool, np.bool_)) else operator.index(rng)
    except TypeError:
        seed = -1
    if seed < 0:
        raise InvalidInputError(
            f"rng must be None, a non-negative int, a SeedSequence or a Generator; got {shown(rng)}. "
            "For a reproducible run pass an int."
        )
    return np.random.SeedSequence(seed)


def generator(rng: Any) -> np.random.Generator:
    """Return the generator meant by an ``rng`` argument (SPEC 7)."""
    return rng if isinstance(rng, np.random.Generator) else np.random.default_rng(seed_sequence(rng))
