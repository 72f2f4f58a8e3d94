"""Every public callable with one wrong argument: a right result, or a refusal that names the argument.

``SDETHEORY_FUZZ_SECONDS`` is the processor's time for it, 40 s by default; ``python -m fuzzing`` prints the figures.
"""

import os

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pytest
from fuzzing import bad, callables, engine, runs, table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from hypothesis.extra import numpy as arrays

import sdetheory as st
from sdetheory.errors import InvalidInputError

SECONDS = float(os.environ.get("SDETHEORY_FUZZ_SECONDS", "40"))


def test_every_public_callable_is_in_the_table():
    public = callables.public()
    missing = set(public) - set(table.calls()) - set(table.RESULTS)
    assert not missing, f"give these their right arguments in tests/fuzzing/table.py: {sorted(missing)}"
    assert {runs.plain(name) for name in table.calls()} <= set(public)
    assert not set(table.RESULTS) & set(table.calls())


def test_wrong_arguments_are_refused_by_name():
    outcomes = runs.run(runs.cases(), SECONDS)
    assert len(outcomes) > 100
    wrong = [f"{case}: {verdict}" for case, verdict in runs.faults(outcomes).items()]
    assert not wrong, "\n".join(wrong[:20])


ANY = some.one_of(
    some.none(), some.booleans(), some.integers(), some.floats(), some.complex_numbers(), some.text(max_size=8),
    some.binary(max_size=8), some.lists(some.floats(), max_size=4), some.lists(some.lists(some.integers()), max_size=3),
    some.dictionaries(some.text(max_size=2), some.integers(), max_size=2), some.sets(some.integers(), max_size=2),
    arrays.arrays(
        some.one_of(arrays.floating_dtypes(), arrays.integer_dtypes(), arrays.boolean_dtypes(),
                    arrays.datetime64_dtypes(), arrays.unicode_string_dtypes()),
        arrays.array_shapes(min_dims=0, max_dims=3, max_side=3, min_side=0),
    ),
)  # fmt: skip
NUMERIC = [
    ("theory.kl_divergence", "covariance"), ("theory.ornstein_uhlenbeck", "hessian"), ("theory.power_law", "slope"),
    ("theory.least_squares_sgd", "X"), ("theory.sgd_moments", "steps"), ("theory.Grid", "cells"),
    ("datasets.random_labels", "labels"), ("noise_scale", "batch_size"), ("theory.gibbs", "temperature"),
    ("theory.OneDimensionalLaw.cdf", "x"), ("theory.compare_laws", "n_eff"), ("theory.Grid", "boundaries"),
]  # fmt: skip


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(place=some.sampled_from(NUMERIC), value=ANY)
def test_values_of_any_type_and_shape(place, value):
    name, argument = place
    arguments, usual = runs.prepared(name)
    function, _ = runs.target(name)
    verdict = engine.verdict(function, arguments | {argument: value}, argument, usual)
    assert not verdict.wrong, verdict


# ---- what the test itself would notice
def raw(size):
    return np.zeros(size)


def silent(size):
    return np.sqrt(np.float64(size)) * np.nan


def unnamed(size):
    raise InvalidInputError("that cannot be")


def endless(size):
    while True:
        pass


def careful(size):
    return st.noise_scale(0.1, 100, st.theory.Grid((0, 1), 4).coarser(1).size if size is None else 5)


@pytest.mark.parametrize(
    ("function", "value", "what"),
    [
        (raw, "soon", "raw"),
        (silent, 1.0, "nan"),
        (unnamed, 1.0, "unnamed"),
        (endless, 1.0, "slow"),
        (careful, 1, "right"),
    ],
)
def test_a_careless_function_is_caught(function, value, what, monkeypatch):
    monkeypatch.setattr(engine, "LONGEST", 0.2)
    assert engine.verdict(function, {"size": value}, "size").what == what


def test_values_are_made_of_the_right_one():
    made = bad.values(np.ones((2, 2)))
    assert set(bad.values(1.0)) < set(made)
    assert np.ma.is_masked(made["last is masked"]())
    assert not made["read-only"]().flags.writeable
    assert np.isnan(made["last is nan"]()).sum() == 1
