"""One word stands for one thing in this package: what each argument must be, checked by its name."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar

import sympy
from sympy.core.function import FunctionClass

from .. import _validate
from ..errors import InvalidInputError

_P, _R = ParamSpec("_P"), TypeVar("_R")
_HIGHEST = 64  # order of an expansion, beyond what any computer ends


def _equation(name: str, value: Any) -> None:
    from .sde import ItoSDE

    _validate.instance(name, value, ItoSDE, hint="ItoSDE(drift, diffusion, variables) makes one.")


def _derivations(name: str, value: Any) -> None:
    from .derivation import Derivation

    if not isinstance(value, (list, tuple)) or not all(isinstance(item, Derivation) for item in value):
        raise InvalidInputError(f"{name} must be a list of derivations; got {_validate.shown(value)}")


def _function(name: str, value: Any) -> None:
    _validate.function(name, value, "as the documentation says")


def _mapping(name: str, value: Any) -> None:
    if not isinstance(value, Mapping):
        raise InvalidInputError(f"{name} must be a dict; got {_validate.shown(value)}")


def _order(name: str, value: Any) -> None:
    whole = isinstance(value, (int, sympy.Integer)) and not isinstance(value, bool)
    if whole and value > _HIGHEST:
        raise InvalidInputError(f"{name} must be at most {_HIGHEST}; got {_validate.shown(value)}")
    if not whole:
        raise InvalidInputError(f"{name} must be a whole number >= 0; got {_validate.shown(value)}")


def _names(name: str, value: Any) -> None:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, (list, tuple)) or not all(isinstance(text, str) for text in texts):
        raise InvalidInputError(f"{name} must be a string or a list of strings; got {_validate.shown(value)}")


def _symbols(name: str, value: Any) -> None:
    known = list(value) if isinstance(value, Iterable) and not isinstance(value, (str, bytes)) else [None]
    if not all(isinstance(symbol, (str, sympy.Basic)) for symbol in known):
        raise InvalidInputError(f"{name} must be symbols or their names; got {_validate.shown(value)}")


def _symbolic(name: str, value: Any) -> None:
    if value is not None and not isinstance(value, (sympy.Basic, FunctionClass)):
        raise InvalidInputError(f"{name} must be a symbol of SymPy; got {_validate.shown(value)}")


def _expression(name: str, value: Any) -> None:
    from ._coerce import expression

    expression(value, name)


def _many(name: str, value: Any) -> None:
    if not isinstance(value, Iterable) or isinstance(value, (str, bytes)):
        raise InvalidInputError(f"{name} must be a list; got {_validate.shown(value)}")


def _whole_numbers(name: str, value: Any) -> None:
    if not isinstance(value, tuple) or not all(isinstance(entry, int) for entry in value):
        raise InvalidInputError(f"{name} must be a tuple of whole numbers; got {_validate.shown(value)}")


def _arguments(name: str, value: Any) -> None:
    if value is not None:
        _names(name, value)


def _numbers(name: str, value: Any) -> None:
    if not _validate.reals(name, value, shape=(None,)).size:
        raise InvalidInputError(f"{name} must be one number or more; got none")


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "sde": _equation,
    "derivations": _derivations,
    "order": _order,
    "using": _names,
    "symbols": _symbols,
    "cases": _many,
    "exponents": _whole_numbers,
    "argv": _arguments,
    "sizes": _numbers,
    "errors": _numbers,
    "found": _validate.real,
    "derived": _validate.real,
    **dict.fromkeys(("title", "source", "statement", "by", "paper", "sentence", "name", "what", "how"), _validate.text),
    **dict.fromkeys(("evaluate", "periodic", "standalone"), _validate.flag),
    **dict.fromkeys(("noise_moments", "forward", "inverse", "minimum"), _mapping),
    **dict.fromkeys(("derive", "meet_numerics"), _function),
    **dict.fromkeys(("symbol", "unknown", "variable", "step", "time"), _symbolic),
    **dict.fromkeys(("left", "right", "solution", "difference"), _expression),
}


def check(signature: inspect.Signature, args: Any, kwargs: Any) -> None:
    """Check the arguments of a call; a wrong number of them is Python's to report."""
    for name, value in signature.bind(*args, **kwargs).arguments.items():
        if name in _CHECKS:
            _CHECKS[name](name, value)


def checked(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Decorate a function: its arguments are what their names say, or refused by them."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        check(signature, args, kwargs)
        return function(*args, **kwargs)

    return call
