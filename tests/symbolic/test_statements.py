"""No false statement is proved, no true one refuted, and most are decided."""

from collections import Counter
from pathlib import Path

import pytest
import sympy
from statements import FALSE, TRUE, Statement, say

from sdetheory.errors import InvalidInputError
from sdetheory.symbolic import UndecidedError, is_zero
from sdetheory.symbolic.proofs.proof import decide
from sdetheory.symbolic.proofs.rules import RULES, table

LEAST_REFUTED = 58  # of the false ones; a divergent integral has no value to differ from
LEAST_PROVED = 80  # of the true ones
x, y = sympy.symbols("x y", real=True)
p = sympy.Symbol("p", positive=True)


def answers(statements):
    return [(s, decide(s.difference, None, s.conditions).answer) for s in statements]


@pytest.fixture(scope="module")
def decided():
    return {False: answers(FALSE), True: answers(TRUE)}


@pytest.mark.parametrize("truth", [False, True])
def test_no_answer_is_wrong(decided, truth):
    wrong = [str(s.difference) for s, answer in decided[truth] if answer is (not truth)]
    assert wrong == []


@pytest.mark.parametrize(("truth", "least"), [(False, LEAST_REFUTED), (True, LEAST_PROVED)])
def test_most_are_decided(decided, truth, least):
    count = Counter(answer for _, answer in decided[truth])
    print(f"{len(decided[truth])} statements that are {truth}: {count[truth]} decided, {count[None]} undecided")
    assert count[truth] >= least


def test_there_are_enough_of_them_and_each_has_a_reason():
    # SymPy turns some into 0 by itself, when they are written down.
    for statements in (FALSE, TRUE):
        assert len({(s.difference, s.conditions) for s in statements}) >= 75
    assert all(s.why for s in FALSE + TRUE)


def test_a_wrong_label_is_seen():
    """The negative control."""
    swapped = {True: answers([say(x - 1, "false")]), False: answers([say(x - x, "true")])}
    for truth in (True, False):
        with pytest.raises(AssertionError):
            test_no_answer_is_wrong(swapped, truth)
        with pytest.raises(AssertionError):
            test_most_are_decided(swapped, truth, 1)
    assert isinstance(FALSE[0], Statement)


def test_a_counterexample_obeys_what_is_assumed():
    odd = sympy.Symbol("o", odd=True)
    imaginary = sympy.Symbol("j", imaginary=True)
    prime = sympy.Symbol("l", prime=True)
    search = decide((-1) ** (odd + prime) + imaginary - 5, None, [odd > 4, prime > 10]).search
    point = search.point
    assert point[odd].is_odd
    assert point[odd] > 4
    assert point[imaginary].is_imaginary
    assert point[prime].is_prime
    assert point[prime] > 10


@pytest.mark.parametrize(
    "conditions", [[x > 0, x < 0], [x > y, y > x], [x**2 + 1 < 0], [sympy.Eq(x, y), sympy.Ne(x, y)], [p < 0], ["x > 0"]]
)
def test_conditions_that_nothing_obeys_are_refused(conditions):
    with pytest.raises(InvalidInputError, match="condition"):
        is_zero(x - y, conditions)


@pytest.mark.parametrize("value", ["x", None, sympy.nan, sympy.zoo, sympy.Matrix([1]), [x]])
def test_what_is_no_expression_is_refused(value):
    with pytest.raises(InvalidInputError, match="difference"):
        is_zero(value)


@pytest.mark.parametrize("value", [sympy.O(x), sympy.oo - x, sympy.Limit(sympy.sin(x), x, sympy.oo)])
def test_what_is_no_number_is_undecided(value):
    with pytest.raises(UndecidedError):
        is_zero(value)


def test_a_question_is_bounded_in_time():
    terms = [sympy.sin(k * x + y) ** k for k in range(1, 200)]
    hard = sympy.expand_trig(terms[6]) * sympy.Add(*terms) - terms[6] * sympy.Add(*reversed(terms)) * (1 + x - x)
    verdict = decide(sympy.Integral(hard, (x, 0, y)), None, [], seconds=0.5)
    assert verdict.answer is None
    assert "longer than 0.5 s" in verdict.reason


def test_the_missing_condition_is_named():
    with pytest.raises(UndecidedError, match="x - 1 is not 0"):
        is_zero((x**2 - 1) / (x - 1) - x - 1)
    assert is_zero((x**2 - 1) / (x - 1) - x - 1, [sympy.Ne(x, 1)])


def test_the_page_holds_the_list_of_the_rules():
    page = (Path(__file__).parents[2] / "docs" / "lookup" / "proofs.md").read_text(encoding="utf-8")
    assert table() in page
    assert len({rule.name for rule in RULES}) == len(RULES)
