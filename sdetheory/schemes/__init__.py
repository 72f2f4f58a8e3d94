"""The integration schemes, one in each file of this folder: what it declares beside the step that it makes.

A file that holds a :class:`Scheme` called ``SCHEME`` adds it to :data:`SCHEMES`, and so to all simulators and to the
tests of what it declares; files whose names begin with an underscore are what schemes share.
"""

from importlib import import_module
from pkgutil import iter_modules

from ._scheme import INCREMENTS as INCREMENTS
from ._scheme import Scheme as Scheme


def found() -> dict[str, Scheme]:
    """Return the schemes of all files in the folder, by name."""
    names = [module.name for module in iter_modules(__path__) if not module.name.startswith("_")]
    schemes = (import_module(f"{__name__}.{name}").SCHEME for name in names)
    return {scheme.name: scheme for scheme in schemes}


SCHEMES = found()
"""All schemes, by name."""
