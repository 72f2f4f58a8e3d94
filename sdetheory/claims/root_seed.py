"""The root seed of all checks, from the environment."""

from __future__ import annotations

import os

from ..errors import InvalidInputError


def _root_seed() -> int:
    text = os.environ.get("SDETHEORY_SEED", "1710")
    if not text.isdecimal():
        raise InvalidInputError(f"the environment variable SDETHEORY_SEED must be a whole number >= 0; got {text!r}")
    return int(text)


ROOT_SEED = _root_seed()
"""From which every check has a generator of its own."""
