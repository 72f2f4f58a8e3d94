"""Arithmetic in 32 digits, and singular values each with its own, against mpmath."""

import mpmath
import numpy as np
import pytest

from sdetheory.evidence.decomposition._graded import decompose, normalized
from sdetheory.evidence.decomposition._twofold import Twofold


def numbers(value):
    return [
        mpmath.mpf(float(h)) + mpmath.mpf(float(low)) for h, low in zip(value.hi.ravel(), value.lo.ravel(), strict=True)
    ]


@pytest.mark.parametrize(
    "operation", [lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a / b], ids="+-*/"
)
def test_operations_have_thirty_two_digits(rng, operation):
    highs = rng.standard_normal((2, 200))
    a, b = (Twofold(high, 5e-17 * high * rng.uniform(-1, 1, 200)) for high in highs)
    with mpmath.workdps(50):
        for x, y, got in zip(numbers(a), numbers(b), numbers(operation(a, b)), strict=True):
            assert abs(got - operation(x, y)) <= 1e-31 * abs(operation(x, y))


def test_roots_and_sums_have_thirty_two_digits(rng):
    a = Twofold(rng.uniform(0.1, 10, 77), 1e-17 * rng.standard_normal(77))
    with mpmath.workdps(50):
        for x, got in zip(numbers(a), numbers(a.sqrt()), strict=True):
            assert abs(got - mpmath.sqrt(x)) <= 1e-31 * got
        assert abs(numbers(a.sum())[0] - mpmath.fsum(numbers(a))) <= 1e-29
    assert Twofold(np.zeros((0, 2))).sum().hi.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    "matrix",
    [
        lambda rng: rng.standard_normal((20, 5)) * [1e9, 1, 1e-12, 1e3, 1e-3],
        lambda rng: rng.standard_normal((5, 12)) * np.geomspace(1e-10, 1e10, 12),
        lambda rng: np.vander(np.linspace(-9, -3, 30), 9),
        lambda rng: rng.standard_normal((6, 6)),
        lambda rng: rng.standard_normal((7, 1)),
    ],
    ids=["units", "wide", "powers", "square", "one column"],
)
def test_singular_values_and_vectors_have_all_digits(rng, matrix):
    """Each component of the right vectors too, although some are 1e-20 of others."""
    A = matrix(rng)
    n, p = A.shape
    found = decompose(*normalized(Twofold(A), np.zeros(p, dtype=np.int64)), tolerance=1e-15, rank=min(n, p))
    with mpmath.workdps(80):
        _, singular, right = mpmath.svd_r(mpmath.matrix(A.tolist()))
    np.testing.assert_allclose(found.singular, [float(s) for s in singular], rtol=1e-15)
    exact = np.array([[float(abs(right[i, j])) for j in range(p)] for i in range(min(n, p))])
    np.testing.assert_allclose(np.abs(found.right), exact, rtol=1e-14)
    np.testing.assert_allclose(found.left.hi.T @ found.left.hi, np.eye(min(n, p)), atol=1e-15)
    # Negative control: LAPACK's divide and conquer has lost the weak ones, where there are any.
    plain = np.linalg.svd(A, compute_uv=False)
    if plain[-1] < 1e-10 * plain[0]:
        assert np.abs(plain[-1] / float(singular[min(n, p) - 1]) - 1) > 1e-11


def test_units_as_far_apart_as_doubles_allow(rng):
    """Exactly those of the scaled problem: directions that are 10^150 apart hardly know of each other."""
    A = rng.standard_normal((20, 3))
    columns, exponents = normalized(Twofold(A), np.zeros(3, dtype=np.int64))
    found = decompose(columns, exponents + np.array([498, 0, -498]), tolerance=1e-15, rank=3)
    q, r = np.linalg.qr(A)
    np.testing.assert_allclose(found.singular, np.abs(np.diag(r)) * 2.0 ** np.array([498, 0, -498]), rtol=1e-14)
    np.testing.assert_allclose(np.abs(np.sum(found.left.hi * q, axis=0)), 1.0, rtol=1e-14)


def test_dependent_columns_are_named_with_what_is_left_of_them(rng):
    A = rng.standard_normal((12, 4))
    A = np.column_stack([A, 1e9 * (A[:, 0] + 0.1 * A[:, 1]), A[:, 3]])
    found = decompose(*normalized(Twofold(A), np.zeros(6, dtype=np.int64)), tolerance=2e-15, rank=6)
    assert len(found.singular) == 4 and len(found.dependent) == 2
    assert sorted(found.left_over < 1e-26) == [False, True]  # one by rounded sums, one exactly
    assert found.left_over.max() < 1e-15
