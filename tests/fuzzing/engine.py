"""One bad call, and the verdict on what came of it."""

import contextlib
import dataclasses
import inspect
import io
import re
import signal
import warnings
from typing import NamedTuple

import numpy as np

from sdetheory.errors import SdeTheoryError

LONGEST = 10
"""Seconds that a call may take."""


class Verdict(NamedTuple):
    """What came of a call: "right", "named" or, wrongly, "raw", "unnamed", "nan", "slow"; with its words."""

    what: str
    words: str = ""

    @property
    def wrong(self):
        return self.what not in ("right", "named", "warned")


class TooSlow(BaseException):
    """Raised by the alarm clock; no except clause of a call takes it for an answer."""


@contextlib.contextmanager
def alarm(seconds):
    def ring(*_):
        raise TooSlow

    before = signal.signal(signal.SIGALRM, ring)
    # It rings again each second, as Python drops an exception where nobody can take it (a weak reference's end).
    signal.setitimer(signal.ITIMER_REAL, seconds, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def arguments(function, given):
    """Return the arguments of a call: those given, and for the others what they are by default."""
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    parameters = [p for p in inspect.signature(function).parameters.values() if p.kind not in kinds]
    return {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty} | given


def call(function, given):
    """Call with arguments by name; those that have no name, by their place."""
    positional = [
        p.name for p in inspect.signature(function).parameters.values() if p.kind is inspect.Parameter.POSITIONAL_ONLY
    ]
    rest = {key: value for key, value in given.items() if key not in positional}
    return function(*(given[key] for key in positional), **rest)


def verdict(function, given, name, usual=frozenset()):
    """Return what comes of a call whose argument `name` is bad; `usual` are places of a result where NaN is right."""
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("always")
        try:
            with alarm(LONGEST):
                result = call(function, given)
                places = holes(result) - usual
        except SdeTheoryError as error:
            named = re.search(rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z])", str(error))
            words = f"{type(error).__name__}: {error}".encode("ascii", "replace").decode()
            return Verdict("named" if named else "unnamed", words)
        except TooSlow:
            return Verdict("slow", f"no answer in {LONGEST} s")
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            return Verdict("raw", f"{type(error).__name__}: {str(error)[:200]}".encode("ascii", "replace").decode())
    if places and not caught:
        return Verdict("nan", f"NaN in {sorted(places)[:3]}")
    return Verdict("warned" if caught else "right", str(caught[0].message) if caught else "")


def holes(result, path="result", depth=4):
    """Return the places of a result that are NaN."""
    if isinstance(result, (float, complex, np.number)):
        return {path} if result != result else set()
    if isinstance(result, np.ndarray) and result.dtype.kind in "fc":
        return {path} if np.isnan(result).any() else set()
    if depth == 0 or isinstance(result, type):
        return set()
    if dataclasses.is_dataclass(result):
        result = {f.name: getattr(result, f.name) for f in dataclasses.fields(result)}
    if isinstance(result, dict):
        parts = [(f"{path}.{key}", value) for key, value in result.items()]
    elif isinstance(result, (list, tuple)):
        parts = [(f"{path}[]", value) for value in result]
    else:
        return set()
    return set().union(*(holes(value, place, depth - 1) for place, value in parts))
