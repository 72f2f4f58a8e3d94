"""The LaTeX of a derivation compiles, as far as its structure tells; what would break it is refused."""

import functools
import re

import pytest
import sympy

from sdetheory.errors import InvalidInputError
from sdetheory.symbolic import Derivation, minibatch_covariance, noise_scale

X, Y = sympy.symbols("x y", real=True)
T, A_I = sympy.symbols("T a_i", positive=True)

# Commands of LaTeX and amsmath that the renderer or SymPy's printer writes.
COMMANDS = set(
    re.findall(
        r"\w+",
        """documentclass usepackage emergencystretch setlength parindent parskip begin end section subsection
        paragraph medskip emph item tag text quad displaystyle
        textbackslash textasciitilde textasciicircum frac tfrac sqrt left right cdot times sum prod int partial nabla
        le ge leq geq ne neq to approx infty propto pm mp circ ll gg in dagger top langle rangle lfloor rfloor lceil
        rceil hat dots limits binom operatorname substack log exp sin cos sinh cosh tanh max min lim surd Rightarrow
        leftrightarrow d big alpha beta gamma delta epsilon zeta eta theta kappa lambda mu nu xi pi rho sigma tau phi
        chi psi omega Gamma Delta Theta Lambda Xi Phi Psi Omega""",
    )
)


def faults(latex):
    """Return what would stop pdflatex with amsmath and breqn, or show as something else."""
    found = []
    outside = re.sub(r"\\begin\{cases\}.*?\\end\{cases\}", "", latex, flags=re.DOTALL)
    if "\\\\" in outside or re.search(r"(?<!\\)&", outside):
        found.append("line break or column outside of cases")
    plain = re.sub(r"\\[\\{}$%#&_,;:! ]", "", latex)  # escaped characters and spaces
    if plain.count("$") % 2:
        found.append("dollar signs")
    depth = [0]
    for character in plain:
        depth.append(depth[-1] + (character == "{") - (character == "}"))
    if min(depth) < 0 or depth[-1]:
        found.append("braces")
    stack = []
    for kind, name in re.findall(r"\\(begin|end)\{([a-z*]+)\}", plain):
        if kind == "begin":
            stack.append(name)
        elif not stack or stack.pop() != name:
            found.append(f"end of {name}")
    found += [f"no end of {name}" for name in stack]
    if len(re.findall(r"\\left(?![a-z])", plain)) != len(re.findall(r"\\right(?![a-z])", plain)):
        found.append("left and right")
    found += [f"command {name}" for name in set(re.findall(r"\\([a-zA-Z]+)", plain)) - COMMANDS]
    found += [f"character {c}" for c in set(latex) if ord(c) > 127 and c not in "ôØ"]
    displays = re.findall(r"\\begin\{dmath\}(.*?)\\end\{dmath\}", plain, flags=re.DOTALL)
    found += [
        "blank line or number in a display"
        for d in displays
        if "\n\n" in d or not re.match(r"\[number=\{\d+\}[^\n]*\]\n", d)
    ]
    prose = re.sub(r"\\begin\{dmath\}.*?\\end\{dmath\}|\$[^$]*\$", "", plain, flags=re.DOTALL)
    found += [f"bare {c}" for c in "_^&#%~" if c in prose]
    mathematics = " ".join([*displays, *re.findall(r"\$([^$]*)\$", plain)])
    if re.search(r"[\^_]\s*[\^_]|\^\{[^{}]*\}\s*\^|_\{[^{}]*\}\s*_", mathematics):
        found.append("double sub- or superscript")
    return found


def rich():
    """Return a derivation with every kind of step and of mathematics."""
    f, cost = sympy.Function("f"), sympy.Function("C")
    d = Derivation("Itô & Kramers: 100% of #1_a, ~ ^ {x}", source="Øksendal (2003), “eq. 3” – p. 5")
    d.assume(X, "a place, in $−∞$ to $∞$, with $½ σ² ≤ ∫ β′ dx$", where=X**2 <= 4)
    d.assume(Y, "another, where $x ∝ √(2T)$ and $a_{ij} ∈ Λ$")
    d.assume(T, "temperature")
    d.assume(A_I, "an amplitude")
    d.assume(f, "any function")
    d.assume(cost, "any cost")
    d.suppose("Small noise", "$T ≪ ΔC$, “rare events”")
    d.heading("The step $ε → 0$")
    d.note("Words, α and ω in prose; an angle ⟨x⟩ too.")
    value = sympy.Symbol("v_2", real=True)
    first = d.define(value, sympy.Integral(sympy.exp(-(X**2) / T), (X, 0, Y)), "an integral", using="Small noise")
    d.step("its slope", sympy.Derivative(value, Y), sympy.exp(-(Y**2) / T), by=f"differentiate {first}", paper="eq. 3")
    d.step("chain rule", sympy.Derivative(f(cost(X)), X), f(cost(X)).diff(X), by="as it is")
    d.step("a sum", sympy.Abs(X) + sympy.Max(X, Y), sympy.Max(X, Y) + sympy.Abs(X), by="commute")
    pieces = sympy.Piecewise((X, X > 0), (Y, True))
    d.step("pieces", pieces + sympy.floor(X), sympy.floor(X) + pieces, by="commute")
    d.expand("series", sympy.exp(-T), 1 - T, variable=T, order=2, by="Taylor", using=["Small noise"])
    d.enumerate("cases", A_I**2, A_I**2, cases=[({A_I: 2}, 4)], by="count")
    return d


@functools.cache
def rich_once():
    """Return it for those who only read it."""
    return rich()


@pytest.mark.parametrize("make", [rich_once, minibatch_covariance, lambda: noise_scale("with-replacement")])
def test_latex_has_the_structure_of_a_document_that_compiles(make):
    derivation = make()
    assert faults(derivation.to_latex(standalone=True)) == []
    assert derivation.to_latex(standalone=True).count("[number={") == len(derivation.equations)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\\end{itemize}", ""),
        ("\\begin{itemize}", "\\begin{enumerate}"),
        ("$", ""),
        ("}", ""),
        ("\\%", "%"),
        ("\\right", ""),
        ("\\infty", "∞"),
        ("\\sigma", "\\\\sigma"),
        ("\\epsilon", "\\epsilom"),
        ("[number={1}]", ""),
        ("[number={2}]\n", "[number={2}]\n\n\n"),
        ("x^{2}", "x^{2}^{2}"),
    ],
)
def test_the_check_sees_a_fault(old, new):
    latex = rich_once().to_latex(standalone=True)
    assert old in latex
    assert faults(latex.replace(old, new, 1))


def test_references_and_assumptions_are_shown_in_every_format():
    d = rich_once()
    for text in (d.to_text(), d.to_markdown(), d.to_latex()):
        assert "differentiate (1) [proved by" in text.replace("\\[", "[")
        assert "the paper's eq. 3" in text
        assert "assuming Small noise" in text
    assert "x, real number, x**2 <= 4" in d.to_text()


def test_markdown_closes_its_mathematics():
    lines = rich_once().to_markdown().splitlines()
    assert lines.count("$$") == 2 * len(rich_once().equations)
    outside = [line for line in lines if "tag{" not in line]
    assert all(line.replace("\\$", "").count("$") % 2 == 0 for line in outside)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a dollar $ alone", "in pairs"),
        ("a command \\input{secret}", "backslash"),
        ("$\\input{secret}$", "backslash"),
        ("$x_{i$", "braces"),
        ("$a & b$", "no LaTeX is known for '&'"),
        ("$50%$", "no LaTeX is known for '%'"),
        ("a snowman ☃", "no LaTeX is known for '☃'"),
        (None, "must be a string"),
    ],
)
def test_a_text_that_would_not_compile_is_refused(text, message):
    d = Derivation("title")
    for state in (
        lambda: d.assume(X, text),
        lambda: d.suppose("name", text),
        lambda: d.suppose(text, "sentence"),
        lambda: d.note(text),
        lambda: d.heading(text),
        lambda: d.step(text, 1, 1, by="same"),
        lambda: d.step("one", 1, 1, by=text),
        lambda: d.step("one", 1, 1, by="same", paper=text),
        lambda: Derivation(text),
        lambda: Derivation("title", source=text),
    ):
        with pytest.raises(InvalidInputError, match=re.escape(message)):
            state()
    assert d.body == d.assumptions == []


@pytest.mark.parametrize("name", ["x}", r"\input{secret}", "a$b", "%", "", "a b", "__import__('os')", "σ"])
def test_a_name_that_would_not_compile_is_refused(name):
    with pytest.raises(InvalidInputError, match="cannot be shown"):
        Derivation("title").assume(sympy.Symbol(name) if name else sympy.Dummy(""), "a symbol")
