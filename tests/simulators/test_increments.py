"""Increments that are not normal: their laws, their independence, and that each is a function of its position."""

import numpy as np
import pytest
from scipy import special
from scipy.stats import binomtest

import sdetheory as st
from sdetheory.results import mean_estimate
from sdetheory.stats import agrees

# False-alarm rate of one statistical assertion.
ALPHA = 1e-6


def wiener():
    return st.SDE.from_sympy(["0", "0"], [1.0, 1.0], variables=["v", "w"])


def increments_of(kind, rng, n=2**19, seed=None):
    return st.simulate(
        wiener(), [0.0, 0.0], dt=1.0, n_steps=3, n_paths=n, rng=rng if seed is None else seed, increments=kind,
        save_every=1,
    ).paths  # fmt: skip


@pytest.mark.parametrize(("kind", "exact"), [("two-point", 3), ("three-point", 5)])
def test_moments_of_increments(kind, exact, rng):
    xi = np.diff(increments_of(kind, rng), axis=0).round(12)
    values = {"two-point": [-1.0, 1.0], "three-point": [-np.sqrt(3), 0.0, np.sqrt(3)]}[kind]
    np.testing.assert_allclose(np.unique(xi), values, atol=1e-11)
    probabilities = {"two-point": [0.5, 0.5], "three-point": [1 / 6, 2 / 3, 1 / 6]}[kind]
    for value, probability in zip(values, probabilities, strict=True):
        hits = int(np.isclose(xi, value, atol=1e-6).sum())
        assert binomtest(hits, xi.size, probability).pvalue > ALPHA
        assert binomtest(hits, xi.size, 1.01 * probability).pvalue < ALPHA
    normal = special.factorial2(np.arange(1, 7) - 1) * (np.arange(1, 7) % 2 == 0)
    moments = [float(np.dot(probabilities, np.power(values, k))) for k in range(1, 7)]
    np.testing.assert_allclose(moments[:exact], normal[:exact], atol=1e-12)
    assert abs(moments[5 if exact == 5 else 3] - normal[5 if exact == 5 else 3]) > 1


@pytest.mark.parametrize("kind", ["two-point", "three-point"])
def test_increments_are_uncorrelated(kind, rng):
    """Steps, components and neighbouring paths, and their squares; a correlation of 1 % would be seen."""
    xi = np.diff(increments_of(kind, rng), axis=0).reshape(3, -1, 2)
    columns = np.concatenate([xi[:, :-1].transpose(1, 0, 2).reshape(-1, 6), xi[:1, 1:, 0].T], axis=1)
    products = np.stack([columns[:, i] * columns[:, j] for i in range(7) for j in range(i)], axis=1)
    assert agrees(mean_estimate(products), np.zeros(21), alpha=ALPHA)
    assert not agrees(mean_estimate(products + 0.01), np.zeros(21), alpha=ALPHA)
    if kind == "three-point":
        squares = np.stack(
            [(columns[:, i] ** 2 - 1) * (columns[:, j] ** 2 - 1) for i in range(7) for j in range(i)], axis=1
        )
        assert agrees(mean_estimate(squares), np.zeros(21), alpha=ALPHA)


@pytest.mark.parametrize("kind", ["two-point", "three-point"])
def test_increments_are_functions_of_their_position(kind):
    whole = increments_of(kind, None, n=1000, seed=3)
    np.testing.assert_array_equal(increments_of(kind, None, n=100, seed=3), whole[:, :100])
    assert not np.array_equal(increments_of(kind, None, n=1000, seed=4), whole)
    assert not np.array_equal(whole[1] - whole[0], whole[2] - whole[1])
