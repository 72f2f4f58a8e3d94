"""The recipe "Add a scheme" of CONTRIBUTING, followed in a temporary folder: one file, and nothing else."""

import importlib
import sys
from dataclasses import replace

import numpy as np
import pytest
import served
import test_same_bits
import test_schemes
import test_stability
import test_strong_order

import sdetheory as st
from sdetheory import schemes

NAME = "explicit-midpoint"
FILE = '''
"""The explicit midpoint rule, for additive noise."""

import math

from sdetheory._kernels.terms import add, add_noise
from sdetheory.schemes._scheme import Rows, Scheme


def step(x, work, xi, first, count, equation, dt):
    """X + f(X + f dt / 2 + B dW / 2, t + dt / 2) dt + B dW."""
    p, d = equation.parameters, x.shape[0]
    f, middle = work[:d], work[d:]
    equation.drift(x, p, f)
    middle[:] = x
    add(middle, 0.5 * dt, f)
    add_noise(middle, 0.5 * math.sqrt(dt), f, xi, equation)
    p[-1] += 0.5 * dt
    equation.drift(middle, p, f)
    add(x, dt, f)
    add_noise(x, math.sqrt(dt), f, xi, equation)


SCHEME = Scheme(
    name="explicit-midpoint",
    strong_order={"additive": 1.0},
    weak_order=1,
    stationary_order=1,
    calculus="ito",
    drift_evaluations=2,
    source="Kloeden & Platen (1992), section 11.1",
    kernel=step,
    scratch=Rows(state=2),
    polynomial=(1.0, 1.0, 0.5),
)
'''


@pytest.fixture
def added(tmp_path, monkeypatch):
    """Put the file into a folder that counts as that of the schemes."""
    (tmp_path / "explicit_midpoint.py").write_text(FILE)
    monkeypatch.setattr(schemes, "__path__", [*schemes.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    found = schemes.found()
    assert {*found} - {*schemes.SCHEMES} == {NAME}
    monkeypatch.setitem(schemes.SCHEMES, NAME, found[NAME])
    yield found[NAME]
    sys.modules.pop("sdetheory.schemes.explicit_midpoint")


def test_it_runs_and_is_taken_up_by_the_tests_of_what_schemes_declare(added, rng, monkeypatch):
    given = {"dt": 0.1, "n_steps": 20, "n_paths": 50, "rng": 1}
    one, other = (st.simulate(served.wells(NAME), [0.5], method=m, **given).final for m in (NAME, "euler-maruyama"))
    assert 1e-4 < np.abs(one - other).max() < 1
    test_strong_order.test_strong_order_with_additive_noise(NAME, rng)
    test_stability.test_the_limit_of_each_scheme(NAME, test_stability.COUPLED, monkeypatch)
    test_schemes.test_what_a_scheme_does_not_declare_is_refused(NAME)
    for increments in added.increments:
        test_same_bits.test_any_number_of_paths_and_so_any_number_of_lanes({"method": NAME, "increments": increments})


WRONG = {"strong_order": {"additive": 1.5}, "polynomial": (1.0, 1.0, 0.25)}


@pytest.mark.parametrize("field", WRONG)
def test_a_wrong_declaration_is_found(added, field, rng, monkeypatch):
    """By the same assertions."""
    monkeypatch.setitem(schemes.SCHEMES, NAME, replace(added, **{field: WRONG[field]}))
    with pytest.raises((AssertionError, st.errors.InvalidInputError)):
        if field == "strong_order":
            test_strong_order.test_strong_order_with_additive_noise(NAME, rng)
        else:
            test_stability.test_the_limit_of_each_scheme(NAME, test_stability.SPIRAL, monkeypatch)
