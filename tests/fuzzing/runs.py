"""Bad calls one after another: which there are, and what came of each."""

import functools
import random
import time
from typing import NamedTuple

from . import bad, callables, engine, table


class Case(NamedTuple):
    """One argument of one callable, and the kind of value that is put in its place."""

    name: str
    argument: str
    kind: str


@functools.cache
def prepared(name):
    """Return a callable with all its arguments, and the places of its right result that are NaN."""
    function, given = target(name)
    return engine.arguments(function, given), frozenset(_usual(function, given))


def target(name):
    entry = table.calls()[name]
    if isinstance(entry, tuple):
        owner, given = entry
        return getattr(owner(), name.rsplit(".", 1)[1]), given
    return callables.public()[name], entry


def _usual(function, given):
    return engine.holes(engine.call(function, engine.arguments(function, given)))


def cases(seed=0, names=("",)):
    """Return every case, of callables whose names begin so; each callable, argument and kind comes early."""
    found = {}
    for name in sorted(table.calls()):
        if not name.startswith(names):
            continue
        arguments, _ = prepared(name)
        for argument, right in arguments.items():
            kinds = list(bad.values(right))
            random.Random(f"{seed} {name} {argument}").shuffle(kinds)
            for place, kind in enumerate(kinds):
                found.setdefault(place, []).append(Case(name, argument, kind))
    return [case for place in sorted(found) for case in found[place]]


def outcome(case):
    """Return what comes of a case."""
    arguments, usual = prepared(case.name)
    value = bad.values(arguments[case.argument])[case.kind]
    try:
        value = value()
    except (TypeError, ValueError, IndexError):
        return engine.Verdict("right", "no such value")
    function, _ = target(case.name)
    return engine.verdict(function, arguments | {case.argument: value}, case.argument, usual)


def run(seconds, seed=0, chosen=None):
    """Return the outcomes of as many cases as there is time for."""
    began, outcomes = time.monotonic(), {}
    for case in cases(seed) if chosen is None else chosen:
        if time.monotonic() - began > seconds:
            break
        outcomes[case] = outcome(case)
    return outcomes
