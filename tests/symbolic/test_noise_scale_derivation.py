"""The derivation of g: its result, its remainder, and that corrupting any step of it is caught."""

import functools
import inspect
import types

import numpy as np
import pytest
import sympy

from sdetheory.errors import InvalidInputError
from sdetheory.symbolic import DerivationError, noise_scale
from sdetheory.symbolic.sgd import matching, minibatches

derived = functools.cache(noise_scale)  # its derivations are only read here


@pytest.mark.parametrize(
    ("kind", "formula", "wrong"),
    [
        ("without-replacement", lambda e, n, b: e * (n / b - 1), lambda e, n, b: e * n / b),
        ("with-replacement", lambda e, n, b: e * (n - 1) / b, lambda e, n, b: e * (n / b - 1)),
        ("poisson", lambda e, n, b: e * (n / b - 1) * (1 - 1 / n), lambda e, n, b: e * (n / b - 1)),
    ],
)
def test_result_on_random_inputs(rng, kind, formula, wrong):
    n = rng.integers(3, 10_000, 50)
    b = rng.integers(2, n)  # at B = 1 the two ways of sampling are the same
    e = rng.uniform(0.001, 2.0, 50)
    found = derived(kind).result(epsilon=e, N=n, B=b)
    np.testing.assert_allclose(found, formula(e, n, b), rtol=1e-12)
    assert not np.isclose(found, wrong(e, n, b), rtol=1e-12).any()


def test_what_is_neglected_is_of_the_stated_size():
    """The exact variance over a short time divided by the matched one is 1 − a h, up to (a h)²."""
    for ah in (1e-2, 1e-3):
        ratio = -np.expm1(-2 * ah) / (2 * ah)
        assert abs(ratio - (1 - ah)) < ah**2
        assert abs(ratio - (1 - 2 * ah)) > ah / 2  # negative control: a dropped half


def test_the_approximations_are_named():
    names = {assumption.name for assumption in derived().assumptions if assumption.symbol is None}
    assert names == {"Two moments", "Frozen coefficients"}
    assert any(isinstance(e.remainder, sympy.Order) for e in derived().equations)


def test_unknown_sampling_is_refused():
    with pytest.raises(InvalidInputError, match="sampling"):
        noise_scale("shuffled")


def corrupted(module, old, new):
    """Return the module as it would be with one piece of its source replaced."""
    source = inspect.getsource(module)
    assert source.count(old) == 1, f"{old!r} occurs {source.count(old)} times in {module.__name__}"
    copy = types.ModuleType(module.__name__)
    copy.__package__ = module.__package__
    exec(compile(source.replace(old, new), f"<corrupted {module.__name__}>", "exec"), copy.__dict__)
    return copy


NAMES = {minibatches: "minibatch_covariance", matching: "noise_scale"}


@functools.cache
def assert_sound(module, kind):
    """Check that the copy itself is sound, with a piece of it replaced by itself."""
    head = f"def {NAMES[module]}("
    getattr(corrupted(module, head, head), NAMES[module])(kind)


WITHOUT, WITH, COINS = "without-replacement", "with-replacement", "poisson"
CORRUPTIONS = {
    "N for N - 1 in F": (minibatches, "(S2 - S1**2 / N) / (N - 1)", "(S2 - S1**2 / N) / N", WITHOUT),
    "N/B for N/B - 1": (minibatches, "claim = N * (N / B - 1) * F", "claim = N * (N / B) * F", WITHOUT),
    "sign of the square of the mean": (minibatches, "second - mean**2", "second + mean**2", WITHOUT),
    "pairs counted as independent": (minibatches, "q, B * (B - 1) / (N * (N - 1))", "q, B**2 / N**2", WITHOUT),
    "diagonal dropped": (minibatches, "r, B / N + B * (B - 1) / N**2", "r, B * (B - 1) / N**2", WITH),
    "N for N - 1, with replacement": (minibatches, "claim = N * (N - 1) * F / B", "claim = N**2 * F / B", WITH),
    "coins that are not independent": (minibatches, "(p, q), B**2 / N**2", "(p, q), B * (B - 1) / N**2", COINS),
    "mean gradient dropped": (minibatches, "((N - 1) * F + S1**2 / N)", "((N - 1) * F)", COINS),
    "centred gradients in the SDE": (matching, "F + gradient**2 / (N * (N - 1))", "F", COINS),
    "share dropped": (matching, "EPSILON * (1 - 1 / N) * (N / B - 1)", "EPSILON * (N / B - 1)", COINS),
    "N for N - 1 in g": (matching, "EPSILON * (N / B - 1)", "EPSILON * N / B", WITHOUT),
    "time not divided by N": (matching, "solution=EPSILON / N", "solution=EPSILON", WITHOUT),
    "sign of the drift": (matching, "-gradient * step_time, sgd_mean", "gradient * step_time, sgd_mean", WITHOUT),
    "dropped half in the variance": (matching, "/ (2 * curvature)", "/ curvature", WITHOUT),
    "dropped half in the remainder": (matching, "(curvature * t) ** 2 / 2", "(curvature * t) ** 2", WITHOUT),
    "remainder claimed smaller": (matching, "t * (1 - curvature * t), variable=t, order=3",
                                  "t * (1 - curvature * t), variable=t, order=4", WITHOUT),
    "sign of the remainder": (matching, "noise * t * (1 - curvature * t)", "noise * t * (1 + curvature * t)",
                              WITHOUT),
}  # fmt: skip


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corrupted_step_is_caught(name):
    module, old, new, kind = CORRUPTIONS[name]
    assert_sound(module, kind)
    with pytest.raises(DerivationError):
        getattr(corrupted(module, old, new), NAMES[module])(kind)
