"""The minibatch covariance: known numbers, the formula against enumeration, and the plausible wrong formulas."""

from fractions import Fraction

import pytest
import sympy

from sdetheory.errors import InvalidInputError
from sdetheory.symbolic import enumerate_minibatches, minibatch_covariance

GRADIENTS = (1, 2, 4, 7, 11, 16)
KNOWN = {
    "without-replacement": ["1001", "400.4", "200.2", "100.1", "40.04", "0"],
    "with-replacement": ["1001", "500.5", "1001/3"],
    "poisson": ["2235", "894", "447", "223.5", "89.4", "0"],
}


def sample_covariance(gradients, ddof=1):
    n = len(gradients)
    mean = Fraction(sum(gradients), n)
    return sympy.Rational(sum((g - mean) ** 2 for g in gradients) / (n - ddof))


@pytest.mark.parametrize("sampling", KNOWN)
def test_enumeration_gives_the_known_numbers(sampling):
    for size, expected in enumerate(KNOWN[sampling], start=1):
        moments = enumerate_minibatches(GRADIENTS, size, sampling)
        assert moments.mean == sum(GRADIENTS)
        assert moments.covariance == sympy.Rational(expected)


@pytest.mark.parametrize("sampling", KNOWN)
@pytest.mark.parametrize("gradients", [(3, -5), (0, 0, 7), (1, 2, 4, 8, -16)])
def test_the_formula_equals_the_enumeration_and_wrong_ones_do_not(sampling, gradients):
    expression = minibatch_covariance(sampling).result.expression
    n = len(gradients)
    for size in range(1, n):
        counted = enumerate_minibatches(gradients, size, sampling).covariance
        values = {"N": n, "B": size}

        def formula(covariance, expression=expression, values=values):
            known = {**values, "F": covariance, "S1": sum(gradients)}
            by_name = {s: known[str(s)] for s in expression.free_symbols}
            return expression.subs(by_name)

        assert formula(sample_covariance(gradients)) == counted
        assert formula(sample_covariance(gradients, ddof=0)) != counted
        assert sympy.Rational(n * n, size) * sample_covariance(gradients) != counted


def test_the_biased_covariance_gives_the_known_wrong_number():
    wrong = 6 * (6 - 1) * sample_covariance(GRADIENTS, ddof=0)
    assert round(float(wrong), 2) == 834.17


def test_without_replacement_one_batch_of_everything_has_no_noise():
    result = {sampling: minibatch_covariance(sampling).result for sampling in KNOWN}
    assert result["without-replacement"](N=50, B=50, F=2.0) == 0
    assert result["with-replacement"](N=50, B=50, F=2.0) == pytest.approx(98.0, rel=1e-14)
    assert result["with-replacement"](N=50, B=200, F=2.0) == pytest.approx(24.5, rel=1e-14)
    with pytest.raises(InvalidInputError, match="B <= N"):
        result["without-replacement"](N=50, B=51, F=2.0)


@pytest.mark.parametrize(
    ("arguments", "piece"),
    [
        ((GRADIENTS, 0), "batch_size"),
        ((GRADIENTS, 7), "from 1 to 6"),
        ((GRADIENTS, 2.0), "batch_size"),
        (([], 1), "one or more"),
        (([1, float("nan")], 1), "finite"),
        ((["1", "2"], 1), "one or more"),
        (([[1, 2]], 1), "finite numbers"),
        ((range(40), 20), "too many"),
        ((GRADIENTS, 2, "reshuffling"), "sampling"),
        ((GRADIENTS, 7, "poisson"), "from 1 to 6"),
        ((range(40), 20, "poisson"), "too many"),
    ],
)
def test_bad_input_is_refused(arguments, piece):
    with pytest.raises(InvalidInputError, match=piece):
        enumerate_minibatches(*arguments)


def test_the_number_that_poisson_sampling_draws_varies_too():
    """S2 (N/B − 1): where the gradients are equal, and F is zero, the variance is that of the size of the batch."""
    moments = enumerate_minibatches([3, 3, 3, 3], 1, "poisson")
    assert moments.mean == 12 and moments.count == 16
    assert moments.covariance == sympy.Rational(4 * 9 * 3)
    assert minibatch_covariance("poisson").result(N=4, B=1, F=1e-30, S1=12.0) == pytest.approx(108.0, rel=1e-14)


def test_unknown_sampling_has_no_derivation():
    with pytest.raises(InvalidInputError, match="'without-replacement', 'with-replacement'"):
        minibatch_covariance("without")
