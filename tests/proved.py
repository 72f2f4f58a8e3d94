"""Derivations of the folder ``derivations``, proved once in a process for all tests that only read them."""

import functools
import importlib


@functools.cache
def proved(name):
    """Return the derivations of a page."""
    return importlib.import_module(f"derivations.{name}").derive()
