"""A derivation accepts what follows and refuses what does not, saying why."""

import numpy as np
import pytest
import sympy

from sdetheory.errors import InvalidInputError, SdeTheoryError
from sdetheory.symbolic import Derivation, DerivationError, Formula

N, B = sympy.symbols("N B", integer=True, positive=True)
X, H = sympy.symbols("x h", positive=True)
S = sympy.Symbol("s", real=True)


@pytest.fixture
def d():
    derivation = Derivation("A title", source="a source")
    derivation.assume(N, "how many", where=N >= 2)
    derivation.assume(B, "how many of them", where=B <= N)
    derivation.assume(X, "a length")
    derivation.assume(H, "a small length")
    return derivation


def test_a_true_step_is_numbered_and_records_its_method(d):
    first = d.step("ratio", sympy.binomial(N - 1, B - 1) / sympy.binomial(N, B), B / N, by="count")
    assert (str(first), first.method, first.by) == ("(1)", "proved by binomial identities", "count")


@pytest.mark.parametrize(
    ("left", "right"),
    [(N * (N - 1), N**2), (sympy.exp(-X), sympy.exp(X)), (X**2 / 2, X**2), (sympy.Sum(B, (B, 1, N)), N**2 / 2)],
)
def test_a_false_step_raises_with_numbers_and_adds_nothing(d, left, right):
    with pytest.raises(DerivationError, match=r"does not hold: at .*=.*: left .*, right ") as caught:
        d.step("false", left, right, by="hope")
    assert isinstance(caught.value, SdeTheoryError)
    assert caught.value.left == left
    assert caught.value.right == right
    # The point in the error is a counterexample indeed, and admissible.
    point = caught.value.point
    assert sympy.N(left.subs(point).doit()) != sympy.N(right.subs(point).doit())
    assert point.get(N, 2) >= 2
    assert d.equations == ()


def test_a_true_step_without_a_proof_is_told_apart_from_a_false_one(d):
    # True because a whole number's parity decides it, which no rewriting of SymPy's finds.
    with pytest.raises(DerivationError, match="could not be proved") as caught:
        d.step("unprovable", sympy.floor(N / 2) + sympy.ceiling(N / 2), N, by="hope")
    assert caught.value.point is None


def test_a_false_step_about_any_function_has_a_function_as_counterexample(d):
    f = sympy.Function("f")
    d.assume(f, "any function")
    d.step("chain rule", sympy.Derivative(f(X) ** 2, X), 2 * f(X) * f(X).diff(X), by="differentiate")
    with pytest.raises(DerivationError, match=r"does not hold: at f=Lambda.*x=") as caught:
        d.step("dropped factor", sympy.Derivative(f(X) ** 2, X), f(X) * f(X).diff(X), by="slip")
    assert f in caught.value.point


def test_a_function_may_stand_inside_an_integral(d):
    f, y, z = sympy.Function("f"), *sympy.symbols("y z", positive=True)
    d.assume(f, "any function")
    area = sympy.Integral(f(y), (y, 0, X))
    d.step("fundamental theorem", sympy.Derivative(area, X), f(X), by="differentiate")
    d.step("over nothing", sympy.Subs(area, X, 0), 0, by="equal limits")
    nested = sympy.Integral(sympy.Integral(f(z), (z, 0, y)), (y, 0, X))
    d.step("and twice", sympy.Derivative(nested, (X, 2)), f(X), by="differentiate")
    weight = sympy.Integral(sympy.exp(f(y) - f(X)), (y, 0, X))
    for left, right in [(area, 2 * area), (area, f(X)), (sympy.Derivative(area, X), -f(X)), (weight, X)]:
        with pytest.raises(DerivationError, match=r"does not hold: at f=Lambda.*x=") as caught:
            d.step("false", left, right, by="slip")
        assert f in caught.value.point
    # No numbers for an integral over two variables; the step is refused all the same.
    with pytest.raises(DerivationError, match="could not be proved"):
        d.step("false", nested, X, by="slip")


def test_counterexamples_obey_the_conditions(d):
    d.step("holds everywhere", sympy.Abs(X), X, by="positive")
    with pytest.raises(DerivationError) as caught:
        d.step("wrong", sympy.Max(N, B) + 1, N, by="hope")
    assert caught.value.point[B] <= caught.value.point[N]


def test_definitions_are_inserted(d):
    d.define(S, N + 1, "one more")
    d.step("square", S**2, N**2 + 2 * N + 1, by="expand")
    with pytest.raises(DerivationError):
        d.step("square", S**2, N**2 + N + 1, by="expand")


@pytest.mark.parametrize("method", ["step", "define", "conclude", "expand", "enumerate", "solve"])
def test_an_unstated_symbol_is_refused(d, method):
    stray = sympy.Symbol("stray")
    d.define(S, N, "count")
    call = {
        "step": lambda: d.step("x", stray, stray, by=""),
        "define": lambda: d.define(sympy.Symbol("q"), stray, ""),
        "conclude": lambda: d.conclude(S, stray, "", by=""),
        "expand": lambda: d.expand("", stray, stray, variable=H, order=1, by=""),
        "enumerate": lambda: d.enumerate("", S, stray, cases=[({}, 1)], by=""),
        "solve": lambda: d.solve("", X, stray, unknown=X, solution=stray, by=""),
    }[method]
    with pytest.raises(InvalidInputError, match=r"stray .*neither assumed nor defined"):
        call()


def test_same_name_with_other_assumptions_is_told(d):
    with pytest.raises(InvalidInputError, match="with other assumptions"):
        d.step("x", sympy.Symbol("N"), N, by="")


def test_a_symbol_is_stated_once(d):
    for state in (lambda: d.assume(N, "again"), lambda: d.define(N, X, "again")):
        with pytest.raises(InvalidInputError, match="already stated"):
            state()
    with pytest.raises(InvalidInputError, match="contradicts"):
        d.assume(S, "impossible", where=sympy.false)


def test_a_series_step_holds_to_its_order_and_no_further(d):
    d.expand("to second order", sympy.exp(-H), 1 - H + H**2 / 2, variable=H, order=3, by="Taylor")
    with pytest.raises(DerivationError, match=r"differ by -h\*\*3/6"):
        d.expand("too far", sympy.exp(-H), 1 - H + H**2 / 2, variable=H, order=4, by="Taylor")
    with pytest.raises(DerivationError, match=r"differ by -h\*\*2/2"):
        d.expand("dropped half", sympy.exp(-H), 1 - H + H**2, variable=H, order=3, by="Taylor")


def test_enumeration_compares_every_case(d):
    cases = [({N: n}, sum(range(n + 1))) for n in range(2, 6)]
    d.define(S, N * (N + 1) / 2, "sum")
    assert d.enumerate("sum", S, N * (N + 1) / 2, cases=cases, by="count").method.endswith("enumeration of 4 cases")
    with pytest.raises(DerivationError, match="at N=5: counted 16, formula 15"):
        d.enumerate("sum", S, N * (N + 1) / 2, cases=[*cases[:-1], ({N: 5}, 16)], by="count")
    with pytest.raises(DerivationError, match="no cases"):
        d.enumerate("sum", S, S, cases=[], by="count")


def test_solve_determines_the_unknown_uniquely(d):
    d.assume(S, "unknown")
    d.solve("line", S * X, N, unknown=S, solution=N / X, by="divide")
    d.step("used later", S**2, N**2 / X**2, by="square")
    other = sympy.Symbol("u", real=True)
    d.assume(other, "another")
    with pytest.raises(DerivationError, match="does not hold"):
        d.solve("line", other * X, N, unknown=other, solution=N * X, by="divide")
    with pytest.raises(DerivationError, match="does not determine"):
        d.solve("parabola", other**2, N, unknown=other, solution=sympy.sqrt(N), by="root")
    with pytest.raises(InvalidInputError, match="undetermined"):
        d.solve("again", S * X, N, unknown=S, solution=N / X, by="divide")


def test_the_result_is_called_by_name(d):
    with pytest.raises(InvalidInputError, match="no result yet"):
        _ = d.result
    d.define(S, X * N / B - X, "scale")
    d.conclude(S, X * (N / B - 1), "scale", by="factor")
    assert d.result(x=0.5, N=10, B=5) == 0.5
    np.testing.assert_array_equal(d.result(x=0.5, N=10, B=np.array([1, 2, 5])), [4.5, 2.0, 0.5])
    for values, piece in [
        ({"x": 1.0, "N": 10}, "B is missing"),
        ({"x": 1.0, "N": 10, "B": 2, "C": 1}, "C is unknown"),
        ({"x": "1", "N": 10, "B": 2}, "x must be a number"),
        ({"x": -1.0, "N": 10, "B": 2}, "x > 0"),
        ({"x": 1.0, "N": 10, "B": 12}, "B <= N"),
        ({"x": 1.0, "N": 10, "B": np.array([2, 12])}, "B <= N"),
    ]:
        with pytest.raises(InvalidInputError, match=piece):
            d.result(**values)
    with pytest.raises(InvalidInputError, match="has a result already"):
        d.conclude(S, S, "again", by="")


def test_rendering_escapes_prose_and_numbers_equations(d):
    d.suppose("100%", "a_b & c holds for $ε → 0$")
    first = d.define(S, N / B, "the ratio $s_i$", paper="eq. 3")
    d.step("again", S, N / B, by=f"by {first}")
    assert "a_b & c holds for ε → 0" in d.to_text()
    assert "by (1)" in d.to_text()
    assert "the paper's eq. 3" in d.to_text()
    latex = d.to_latex()
    assert r"100\%: a\_b \& c holds for $\epsilon  \to  0$" in latex
    assert "[number={2}]\n  s = \\frac{N}{B}\n" in latex
    assert r"\begin{document}" not in latex
    assert d.to_latex(standalone=True).endswith("\\end{document}\n")
    assert r"a\_b" in d.to_markdown()
    assert "\\tag{1}\n$$" in d.to_markdown()


def test_an_assumption_that_was_not_stated_cannot_be_used(d):
    d.suppose("Two moments", "only they are matched")
    d.step("used", X + X, 2 * X, by="add", using="Two moments")
    assert d.equations[0].using == ("Two moments",)
    d.define(S, N, "count", using=["Two moments"])
    for call in (
        lambda: d.step("x", X, X, by="same", using="Gaussian noise"),
        lambda: d.define(sympy.Symbol("q"), X, "x", using=["Two moments", "Gaussian noise"]),
        lambda: d.expand("x", X, X, variable=H, order=1, by="", using="Gaussian noise"),
        lambda: d.conclude(S, N, "x", by="", using="Gaussian noise"),
    ):
        with pytest.raises(InvalidInputError, match=r"uses the assumption 'Gaussian noise'.*Stated are: Two moments"):
            call()
    assert len(d.equations) == 2
    with pytest.raises(InvalidInputError, match="already stated"):
        d.suppose("Two moments", "again")


HOSTILE = "__import__('os').abort()"


@pytest.mark.parametrize(
    "call",
    [
        lambda d: d.step("x", HOSTILE, X, by=""),
        lambda d: d.step("x", X, HOSTILE, by=""),
        lambda d: d.define(S, HOSTILE, "x"),
        lambda d: d.expand("x", HOSTILE, X, variable=H, order=1, by=""),
        lambda d: d.enumerate("x", N, N, cases=[({N: HOSTILE}, 1)], by=""),
        lambda d: d.enumerate("x", N, N, cases=[({N: 1}, HOSTILE)], by=""),
        lambda d: d.solve("x", X, HOSTILE, unknown=H, solution=H, by=""),
        lambda d: d.solve("x", X, H, unknown=H, solution=HOSTILE, by=""),
        lambda d: d.assume(S, "x", where=HOSTILE),
        lambda d: d.assume(HOSTILE, "x"),
    ],
)
def test_a_string_is_never_evaluated(d, call):
    with pytest.raises(InvalidInputError, match="__import__"):
        call(d)  # evaluated, it would end the process
    assert d.equations == ()


def test_a_function_without_a_value_cannot_be_called_nor_its_name_be_run(d):
    f = sympy.Function(HOSTILE[:-2])
    formula = Formula(symbol=S, expression=f(X))
    with pytest.raises(InvalidInputError, match="holds the undefined function"):
        formula(x=1.0)
    # Nor is a condition on one, which numbers cannot check.
    assert Formula(symbol=S, expression=2 * X, conditions=(f(X) > 0,))(x=1.5) == 3.0


def test_what_has_no_series_is_said_to_have_none(d):
    g = sympy.Function("g")
    d.assume(g, "any function")
    with pytest.raises(SdeTheoryError, match="h"):
        d.expand("no series", sympy.floor(1 / H) * g(X), X, variable=H, order=2, by="hope")


@pytest.mark.parametrize(
    ("left", "right", "order"),
    [
        (sympy.Abs(S), S, 3),
        (sympy.exp(-1 / S), 0, 3),
        (sympy.Abs(S) ** 3, S**3, 4),
        (sympy.sqrt(S**2 + S**4), S, 2),
        (sympy.Max(S, 0), S, 2),
        (sympy.atan(1 / S), sympy.pi / 2 - S, 3),
        (sympy.floor(S), 0, 1),
        (S**2 * sympy.log(S**2), 0, 2),
    ],
)
def test_an_expansion_holds_from_both_sides(d, left, right, order):
    d.assume(S, "any real number")
    with pytest.raises(DerivationError, match="does not hold to"):
        d.expand("near 0", left, right, variable=S, order=order, by="hope")


def test_an_expansion_on_the_only_side_there_is(d):
    d.expand("a length is its own size", sympy.sqrt(H**2), H, variable=H, order=3, by="positive")
    flat = d.expand("flatter than any power", sympy.exp(-1 / H), 0, variable=H, order=3, by="limit")
    assert flat.method == "proved by series to order 3 in h"
    d.assume(S, "any real number")
    both = d.expand("Taylor", sympy.sin(S), S, variable=S, order=3, by="Taylor")
    assert both.method.endswith("from both sides")
    with pytest.raises(DerivationError, match="cannot go to 0"):
        d.expand("whole numbers stay away", sympy.sin(N), N, variable=N, order=3, by="hope")


@pytest.mark.parametrize(
    ("left", "right", "cases", "message"),
    [
        (N, N**2, [({N: 2}, 4), ({N: 3}, 9)], "at N=2: counted 4, left side 2"),
        (N, N, [({N: 3}, 3), ({N: 3}, 3)], "twice"),
        (N, N, [({N: -3}, -3)], "positive"),
        (N, N, [({N: sympy.Rational(5, 2)}, sympy.Rational(5, 2))], "integer"),
        (N, N, [({N: 1}, 1)], "condition N >= 2"),
        (N + B, N**2, [({N: 2}, 4)], "does not follow from the case"),
    ],
)
def test_an_enumeration_compares_both_sides_with_what_was_counted(d, left, right, cases, message):
    with pytest.raises(DerivationError, match=message):
        d.enumerate("counted", left, right, cases=cases, by="count")
    with pytest.raises(InvalidInputError, match="cases must be"):
        d.enumerate("counted", N, N, cases=[3], by="count")


@pytest.mark.parametrize(
    ("symbol", "value", "word"),
    [
        (sympy.Symbol("q", positive=True), sympy.Integer(-1), "positive"),
        (sympy.Symbol("q", positive=True), X - H, "positive"),
        (sympy.Symbol("q", integer=True), X, "integer"),
        (sympy.Symbol("q", real=True), sympy.I, "real"),
        (sympy.Symbol("q", real=True), sympy.sqrt(X - H), "real"),
        (sympy.Symbol("q", negative=True), X, "negative"),
        (sympy.Symbol("q", prime=True), N, "prime"),
        (sympy.Symbol("q", odd=True), N, "odd"),
    ],
)
def test_a_definition_and_a_solution_obey_the_assumptions(d, symbol, value, word):
    with pytest.raises(DerivationError, match=word):
        d.define(symbol, value, "claimed")
    d.assume(symbol, "to be determined")
    with pytest.raises(DerivationError, match=word):
        d.solve("claimed", symbol, value, unknown=symbol, solution=value, by="copy")
    assert d.equations == ()


def test_what_conditions_make_positive_may_be_called_positive(d):
    length, q = sympy.Symbol("l", positive=True), sympy.Symbol("q", positive=True)
    d.assume(length, "a longer length", where=length > X)
    d.define(q, length - X, "the difference")
    d.step("its size", sympy.sqrt(q**2), length - X, by="positive")


def test_contradictions_are_refused(d):
    with pytest.raises(InvalidInputError, match="contradict"):
        d.assume(S, "impossible", where=(S > 0, S < 0))
    d.assume(S, "below x", where=S < X)
    other = sympy.Symbol("u", real=True)
    with pytest.raises(InvalidInputError, match="contradict"):
        d.assume(other, "above x and below s", where=(other > X, other < S))
    d.assume(other, "above x", where=other > X)


def test_a_divisor_that_may_vanish_is_named(d):
    a, b = sympy.symbols("a b", real=True)
    d.assume(a, "a number")
    d.assume(b, "another one")
    ratio = (a**2 - b**2) / (a - b)
    with pytest.raises(DerivationError, match="not known that a - b is not 0"):
        d.step("divided", ratio, a + b, by="cancel")
    with pytest.raises(DerivationError, match="known to be non-zero"):
        d.solve("divided", a * X, b * X**2 * a, unknown=X, solution=1 / b, by="divide")
    c = sympy.Symbol("c", real=True)
    d.assume(c, "different from both", where=(sympy.Ne(c, a), sympy.Ne(c, b)))
    d.step("divided", (a**2 - c**2) / (a - c), a + c, by="cancel")


def test_a_derivation_lists_its_rules(d):
    bell = sympy.Integral(sympy.exp(-X * S**2), (S, -sympy.oo, sympy.oo))
    d.step("an integral", bell, sympy.sqrt(sympy.pi / X), by="")
    text = d.to_text()
    assert "[proved by Gaussian integral" in text
    assert "Rules of proof" in text
    assert "Gaussian integral: a polynomial times" in text
    assert "Rules of proof" in d.to_markdown()
    assert "Rules of proof" in d.to_latex()
