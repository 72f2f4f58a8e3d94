"""Packages that are needed for one thing only, and what to say where they are missing."""

from __future__ import annotations

import importlib
from typing import Any


def needed(module: str, package: str, purpose: str) -> Any:
    """Return a module of another package, or say how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{purpose} needs {package}, which cannot be imported ({error}). "
            'Install it with: pip install "sdetheory[exchange]"',
            name=module,
        ) from None
