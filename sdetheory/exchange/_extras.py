"""Packages that are needed for one thing only, and what to say where they are missing."""

from __future__ import annotations

import importlib
from typing import Any

from ..errors import InvalidInputError


class MissingPackageError(InvalidInputError, ImportError):
    """A package that this function writes for is not installed; the message says how to get it."""


def needed(module: str, package: str, purpose: str) -> Any:
    """Return a module of another package, or say how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingPackageError(
            f"{purpose} needs the package {package}, which cannot be imported ({error}). Install it: "
            "pip install 'sdetheory[exchange]'"
        ) from None
