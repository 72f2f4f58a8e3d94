"""Bad calls one after another: which there are, and what came of each."""

import contextlib
import functools
import io
import os
import random
import sys
import tempfile
import time
import warnings
from collections import Counter
from typing import NamedTuple

import numpy as np

from . import bad, callables, engine, table


class Case(NamedTuple):
    """One argument of one callable, and the kind of value that is put in its place."""

    name: str
    argument: str
    kind: str


def target(name):
    """Return a callable, bound to an object where it is a method, and its right arguments."""
    entry = table.calls()[name]
    if isinstance(entry, tuple):
        owner, given = entry
        return getattr(owner(), plain(name).rsplit(".", 1)[1]), given
    return callables.public()[plain(name)], entry


def plain(name):
    """Return the name of a callable without the brackets that say which way it goes."""
    return name.partition(" (")[0]


@functools.cache
def prepared(name):
    """Return all arguments of a callable by name, and the places of its right result that are NaN."""
    function, given = target(name)
    arguments = engine.arguments(function, given)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        return arguments, frozenset(engine.holes(engine.call(function, arguments)))


def cases(seed=0, names=("",)):
    """Return every case of the callables whose names begin so; each callable, argument and kind comes early."""
    found = {}
    for name in sorted(table.calls()):
        if name.startswith(tuple(names)):
            for argument, right in prepared(name)[0].items():
                kinds = list(bad.values(right))
                random.Random(f"{seed} {name} {argument}").shuffle(kinds)
                for place, kind in enumerate(kinds):
                    found.setdefault(place, []).append(Case(name, argument, kind))
    order = random.Random(seed)
    return [case for place in sorted(found) for case in order.sample(found[place], len(found[place]))]


def faults(outcomes):
    """Return the cases that came out wrongly, but for those that are meant so."""
    return {
        case: verdict
        for case, verdict in outcomes.items()
        if verdict.wrong and (plain(case.name), case.argument, verdict.what) not in table.MEANT
    }


def outcome(case):
    """Return what comes of a case."""
    arguments, usual = prepared(case.name)
    try:
        with np.errstate(all="ignore"):
            value = bad.values(arguments[case.argument])[case.kind]()
    except (TypeError, ValueError, IndexError):
        return engine.Verdict("right", "there is no such value here")
    function, _ = target(case.name)
    return engine.verdict(function, arguments | {case.argument: value}, case.argument, usual)


def run(chosen, seconds):
    """Return the outcomes of as many cases as there is time for, in a folder that is thrown away."""
    import matplotlib.pyplot as plt

    began, before, line, outcomes = time.process_time(), os.getcwd(), sys.argv, {}
    sys.argv = sys.argv[:1]  # what stands for a script's options by default
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            for case in chosen:
                if time.process_time() - began > seconds:
                    break
                outcomes[case] = outcome(case)
                plt.close("all")
        finally:
            os.chdir(before)
            sys.argv = line
    return outcomes


def figures(outcomes):
    """Return a table in Markdown: outcomes by module, and of all."""
    kinds = ["named", "right", "warned", "raw", "unnamed", "nan", "slow"]
    rows = {}
    for case, verdict in outcomes.items():
        module = case.name.split(".")[0] if case.name.split(".")[0].islower() and "." in case.name else "sdetheory"
        rows.setdefault(module, Counter())[verdict.what] += 1
    rows = dict(sorted(rows.items())) | {"all": sum(rows.values(), Counter())}
    lines = ["| module | calls | " + " | ".join(kinds) + " |", "| --- |" + " ---: |" * (len(kinds) + 1)]
    lines += [
        f"| {name} | {row.total()} | " + " | ".join(str(row[k]) for k in kinds) + " |" for name, row in rows.items()
    ]
    return "\n".join(lines)
