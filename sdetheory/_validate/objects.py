"""What is no number: words, flags, files, and objects of our classes or of the user's."""

from __future__ import annotations

import contextlib
import difflib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ..errors import InvalidInputError, SdeTheoryError
from .messages import abbreviated, shown

T = TypeVar("T")


def flag(name: str, value: Any) -> bool:
    """Return `value` if it is True or False; other things have a truth value that nobody meant."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    raise InvalidInputError(f"{name} must be True or False; got {shown(value)}")


def choice(name: str, value: Any, options: Iterable[str]) -> str:
    """Return `value` if it is one of the options, else say which one was probably meant."""
    known = list(options)
    if isinstance(value, str) and value in known:
        return str(value)
    close = difflib.get_close_matches(value[:80], known, n=1) if isinstance(value, str) else []
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise InvalidInputError(f"{name} must be one of {', '.join(map(repr, known))}; got {shown(value)}.{hint}")


def text(name: str, value: Any) -> str:
    """Return `value` if it is a string."""
    if isinstance(value, str):
        return value
    raise InvalidInputError(f"{name} must be a string; got {shown(value)}")


def instance(name: str, value: Any, kinds: type[T] | tuple[type[T], ...], *, hint: str = "") -> T:
    """Return `value` if it is an object of one of the classes; `hint` says how to get one."""
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    if isinstance(value, kinds):
        return value
    wanted = " or ".join(kind.__name__ for kind in kinds)
    raise InvalidInputError(f"{name} must be of type {wanted}; got {shown(value)}.{hint and ' ' + hint}")


def having(name: str, value: T, attributes: Iterable[str], what: str, *, hint: str = "") -> T:
    """Return `value` if it is an object with these attributes, which is what it takes to be `what`."""
    attributes = list(attributes)
    missing = attributes if isinstance(value, type) else [key for key in attributes if not hasattr(value, key)]
    if missing:
        raise InvalidInputError(
            f"{name} must be {what}, an object with {', '.join(attributes)}; got {shown(value)}.{hint and ' ' + hint}"
        )
    return value


def function(name: str, value: Any, meaning: str) -> Callable[..., Any]:
    """Return `value` if it can be called; `meaning` says what it is a function of."""
    if callable(value):
        return value
    raise InvalidInputError(f"{name} must be a function {meaning}; got {shown(value)}")


def called(name: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a function of the user gives; where it fails, say which and on what, with its own error as cause."""
    try:
        return function(*arguments)
    except SdeTheoryError:
        raise
    except Exception as error:
        given = ", ".join(
            f"an array of shape {np.shape(a)}" if isinstance(a, np.ndarray) else shown(a) for a in arguments
        )
        why = abbreviated(f"{type(error).__name__}: {error}")
        raise InvalidInputError(f"{name} must be a function that takes {given}; it failed with {why}") from error


@contextlib.contextmanager
def naming(name: str) -> Iterator[None]:
    """Let a refusal of what stands in an argument say which one that is."""
    try:
        yield
    except InvalidInputError as error:
        if re.search(rf"\b{re.escape(name)}\b", str(error)):
            raise
        raise type(error)(f"{name}: {error}") from error.__cause__


def mapping(name: str, value: Any, meaning: str) -> dict[str, Any]:
    """Return `value` as a dict with strings for keys; `meaning` says what it holds."""
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return dict(value)
    raise InvalidInputError(f"{name} must be a dict of {meaning} by name; got {shown(value)}")


def file_path(name: str, value: Any, *, new: bool = True) -> Path:
    """Return `value` as the absolute path of a file that can be read; or, if it may be new, of one to be written."""
    if not isinstance(value, (str, os.PathLike)):
        raise InvalidInputError(f"{name} must be the path of a file, a string or a Path; got {shown(value)}")
    try:
        path = Path(value).resolve()
        usable = path.is_file() and os.access(path, os.W_OK if new else os.R_OK)
        if new and not path.exists():
            usable = path.parent.is_dir() and os.access(path.parent, os.W_OK)
    except (OSError, RuntimeError, TypeError, ValueError) as error:  # too long, a loop of links, bytes, a null
        why = abbreviated(str(error))
        raise InvalidInputError(f"{name} must be the path of a file; got {shown(value)} ({why})") from None
    if not usable:
        wanted = "may be written, in a folder that exists" if new else "is there and may be read"
        raise InvalidInputError(f"{name} must be a file that {wanted}; got {shown(value)}")
    return path


def folder_path(name: str, value: Any) -> Path:
    """Return `value` as the absolute path of a folder that is there."""
    if not isinstance(value, (str, os.PathLike)):
        raise InvalidInputError(f"{name} must be the path of a folder, a string or a Path; got {shown(value)}")
    try:
        path = Path(value).resolve()
        there = path.is_dir()
    except (OSError, RuntimeError, TypeError, ValueError) as error:  # too long, a loop of links, bytes, a null
        why = abbreviated(str(error))
        raise InvalidInputError(f"{name} must be the path of a folder; got {shown(value)} ({why})") from None
    if not there:
        raise InvalidInputError(f"{name} must be a folder that is there; got {shown(value)}")
    return path
