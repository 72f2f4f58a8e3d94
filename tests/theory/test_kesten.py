"""Tail exponents of SGD on least squares."""

import math

import numpy as np
import pytest

from sdetheory.errors import InvalidInputError
from sdetheory.theory import kesten_exponent


@pytest.mark.parametrize("b", [1, 2, 4, 16])
def test_the_variance_ends_at_the_known_learning_rate(b):
    critical = 2 / (1 + 2 / b)
    assert kesten_exponent(critical, b) == pytest.approx(2.0, abs=1e-9)
    assert kesten_exponent(0.99 * critical, b) > 2 > kesten_exponent(1.01 * critical, b)


@pytest.mark.parametrize("share, exponent", [(0.5, 4.706), (0.75, 2.904), (1.0, 2.0), (1.25, 1.4555)])
def test_known_numbers_for_single_examples(share, exponent):
    digits = 4 if exponent == 1.4555 else 3
    assert round(kesten_exponent(share * 2 / 3, 1), digits) == exponent


def test_the_fourth_moment_ends_where_a_polynomial_says():
    """E(1 − ε x²)⁴ = 1 − 4ε + 18ε² − 60ε³ + 105ε⁴, with the moments 1, 3, 15, 105 of x²."""
    rate = next(r.real for r in np.roots([105, -60, 18, -4]) if abs(r.imag) < 1e-12 and r.real > 0)
    assert kesten_exponent(rate, 1) == pytest.approx(4.0, abs=1e-8)


def test_moments_by_sampling(rng):
    rate, b, alpha = 1.6, 4, kesten_exponent(1.6, 4)
    factor = np.abs(1 - rate * rng.chisquare(b, 10**6) / b)
    powers = factor**alpha
    # Of order 2α < 4 moments exist, so that the error is that of a mean; alpha = 6e-5 at four standard errors.
    assert abs(powers.mean() - 1) < 4 * powers.std() / 1e3
    wrong = factor ** (alpha + 0.1)
    assert abs(wrong.mean() - 1) > 4 * wrong.std() / 1e3


def test_where_there_is_no_law_or_no_tail():
    assert kesten_exponent(5.0, 1) == 0.0
    assert kesten_exponent(1e-3, 64) == math.inf
    with pytest.raises(InvalidInputError, match="learning_rate must be > 0"):
        kesten_exponent(0.0, 1)
    with pytest.raises(InvalidInputError, match="batch_size must be >= 1"):
        kesten_exponent(0.1, 0)
