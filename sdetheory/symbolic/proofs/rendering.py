"""A derivation as text for the terminal, Markdown or LaTeX."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import sympy
from sympy.printing.latex import LatexPrinter
from sympy.printing.pretty.pretty import PrettyPrinter

from ... import _validate
from ...errors import InvalidInputError
from ..formulas._arguments import checked
from .records import Assumption, Equation, Heading, Note
from .rules import Described, used_in

if TYPE_CHECKING:
    from .derivation import Derivation

_WIDTH = 96
_INDENT = " " * 9
# Characters of LaTeX that surely do not fit on one line.
_LONG = 600

_GREEK = (
    *("alpha", "beta", "gamma", "zeta", "eta", "theta", "kappa", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "phi"),
    *("chi", "psi", "omega", "Gamma", "Theta", "Lambda", "Xi", "Phi", "Psi", "Omega"),
)

# Inline mathematics is typed in characters that read well in a terminal; this is their LaTeX.
_MATH = {
    "ε": r"\epsilon ", "λ": r"\lambda ", "δ": r"\delta ", "Δ": r"\Delta ", "∇": r"\nabla ", "Σ": r"\sum ",
    "√": r"\surd ", "∂": r"\partial ", "·": r"\cdot ", "×": r"\times ", "−": "-", "≤": r"\le ", "≥": r"\ge ",
    "≠": r"\ne ", "→": r"\to ", "≈": r"\approx ", "²": "^{2}", "³": "^{3}", "Ĝ": r"\hat{G}", "…": r"\dots ",
    "∞": r"\infty ", "∝": r"\propto ", "±": r"\pm ", "∓": r"\mp ", "∫": r"\int ", "′": "'", "″": "''", "∘": r"\circ ",
    "½": r"\tfrac{1}{2}", "¼": r"\tfrac{1}{4}", "≪": r"\ll ", "≫": r"\gg ", "∈": r"\in ", "†": r"\dagger ",
    "ᵀ": r"^{\top}", "⁻": "^{-}", "¹": "^{1}", "⁴": "^{4}", "₀": "_{0}", "₁": "_{1}", "₂": "_{2}", "⟨": r"\langle ",
    "⟩": r"\rangle ", "Π": r"\prod ", "⇒": r"\Rightarrow ", "↔": r"\leftrightarrow ", "ᵢ": "_{i}", "ⱼ": "_{j}",
    **{greek: rf"\{name} " for greek, name in zip("αβγζηθκμνξπρστφχψωΓΘΛΞΦΨΩ", _GREEK, strict=True)},
}  # fmt: skip
_PROSE = {c: f"${math.strip()}$" for c, math in _MATH.items()} | {c: "\\" + c for c in "&%#_{}"} | {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "“": "``", "”": "''", "’": "'",
    "–": "--", "—": "---", "‘": "`",
}  # fmt: skip
# breqn breaks long equations at their signs.
_PREAMBLE = r"""\documentclass[a4paper]{article}
\usepackage[T1]{fontenc}
\usepackage{lmodern}
\usepackage[margin=25mm]{geometry}
\usepackage{amsmath}
\usepackage{breqn}
\usepackage[hidelinks]{hyperref}
\emergencystretch=3em
\setlength{\parindent}{0pt}
\setlength{\parskip}{1ex}
\begin{document}

"""


# What pdflatex reads in UTF-8 with the T1 fonts: the accented letters of names.
_ACCENTED = frozenset("àáâäåæçèéêëìíîïñòóôöøùúûüýÀÁÂÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÖØÙÚÛÜÝčďěňřšťůžŠŽßœŁł")


class _PositiveFirst:
    """Let a sum begin with a term that has no minus sign: N/B − 1, not −1 + N/B."""

    def _as_ordered_terms(self, expr: sympy.Expr, order: str | None = None) -> list[sympy.Expr]:
        terms = super()._as_ordered_terms(expr, order=order)  # type: ignore[misc]
        first = next((i for i, term in enumerate(terms) if not term.could_extract_minus_sign()), 0)
        return [terms[first], *terms[:first], *terms[first + 1 :]]


class _Latex(_PositiveFirst, LatexPrinter):
    def _print_Derivative(self, expr: sympy.Derivative) -> str:
        """Put the product that is differentiated in parentheses; SymPy leaves open where it ends."""
        text, body = super()._print_Derivative(expr), self._print(expr.expr)
        if expr.expr.is_Mul and text.endswith(body):
            return f"{text[: -len(body)]}\\left({body}\\right)"
        return text


class _Pretty(_PositiveFirst, PrettyPrinter):
    pass


def check_text(name: str, text: Any) -> None:
    """Refuse a text that LaTeX could not compile, or that holds commands of its own."""
    _validate.text(name, text)
    if text.count("$") % 2:
        raise InvalidInputError(
            f"{name}: the mathematics in {text!r:.80} is not closed: the dollar signs must come in pairs"
        )
    if "\\" in text:
        raise InvalidInputError(
            f"{name}: {text!r:.80} holds a backslash; write mathematics in characters that a terminal shows too: "
            "$ε/N$, $w²$"
        )
    if any(piece.count("{") != piece.count("}") for piece in text.split("$")[1::2]):
        raise InvalidInputError(f"{name}: the braces in the mathematics of {text!r:.80} are not closed")
    unknown = {c for c in text if ord(c) > 127 and c not in _PROSE and c not in _ACCENTED}
    inside = {c for piece in text.split("$")[1::2] for c in piece if ord(c) > 127 and c not in _MATH} | (
        {"#", "%", "&", "~"} & set("".join(text.split("$")[1::2]))
    )
    for character in sorted(unknown | inside):
        raise InvalidInputError(f"{name}: no LaTeX is known for {character!r} in {text!r:.80}; use another notation")


def check_name(name: str) -> None:
    """Refuse the name of a symbol that LaTeX would read as more than a name."""
    if not re.fullmatch(r"[A-Za-z](?:[A-Za-z0-9_'*]|\[[^\]\\$%#&~{}]*\])*", name):
        raise InvalidInputError(f"the symbol's name {name!r:.60} cannot be shown; use letters, digits and underscores")


def domain(symbol: Any) -> str:
    """Return in words what a symbol's own assumptions say.

    Examples
    --------
    >>> domain(sympy.Symbol("N", integer=True, positive=True)), domain(sympy.Function("C"))
    ('positive integer', 'function')
    """
    if not isinstance(symbol, sympy.Symbol):
        return "function"
    words = {"positive": symbol.is_positive, "negative": symbol.is_negative, "non-negative": symbol.is_nonnegative}
    sign = next((word for word, holds in words.items() if holds), "non-zero" if symbol.is_nonzero else "")
    kind = "integer" if symbol.is_integer else "number" if sign else "real number" if symbol.is_real else "number"
    return f"{sign} {kind}".strip()


def to_text(derivation: Derivation) -> str:
    """Return the derivation for a terminal of `_WIDTH` columns (equations are not broken)."""
    lines = [derivation.title, "=" * len(derivation.title)]
    if derivation.source:
        lines += [f"Source: {derivation.source}"]
    lines += ["", "Assumptions"]
    for assumption in derivation.assumptions:
        sentence = _assumption(assumption, str, lambda text: text)
        lines += textwrap.wrap(_undollar(sentence), _WIDTH, initial_indent="  - ", subsequent_indent="    ")
    for item in derivation.body:
        if isinstance(item, Heading):
            lines += ["", _undollar(item.text), "-" * len(_undollar(item.text))]
        elif isinstance(item, Note):
            lines += ["", *textwrap.wrap(_undollar(item.text), _WIDTH)]
        else:
            formula = _Pretty({"use_unicode": True, "wrap_line": False}).doprint(_relation(item)).splitlines()
            # The number stands on the row of the equals sign (a sum's "k = 1" is farther from the middle).
            middle = min(
                (i for i, row in enumerate(formula) if " = " in row), key=lambda i: abs(2 * i + 1 - len(formula))
            )
            lines += ["", *textwrap.wrap(_undollar(_sentence(item.statement)), _WIDTH), ""]
            lines += [f"{item!s:>6}   {row}" if i == middle else _INDENT + row for i, row in enumerate(formula)]
            lines += [
                "",
                *textwrap.wrap(_undollar(_reason(item)), _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT),
            ]
    rules = used_in([equation.method for equation in derivation.equations])
    lines += ["", "Rules of proof"] if rules else []
    for rule in rules:
        lines += textwrap.wrap(_rule(rule), _WIDTH, initial_indent="  - ", subsequent_indent="    ")
    return "\n".join(line.rstrip() for line in lines) + "\n"


def to_markdown(derivation: Derivation) -> str:
    """Return the derivation as Markdown with dollar mathematics."""
    prose = _prose({c: "\\" + c for c in "*_<>[]"})
    lines = [f"# {prose(derivation.title)}", ""]
    if derivation.source:
        lines += [f"*Source: {prose(derivation.source)}*", ""]
    lines += ["**Assumptions**", ""]
    lines += [f"- {_assumption(a, lambda x: f'${_latex(x)}$', prose)}" for a in derivation.assumptions]
    for item in derivation.body:
        if isinstance(item, Heading):
            lines += ["", f"## {prose(item.text)}"]
        elif isinstance(item, Note):
            lines += ["", prose(item.text)]
        else:
            lines += ["", prose(_sentence(item.statement)), ""]
            lines += ["$$", f"{_equation(item)} \\tag{{{item.number}}}", "$$", "", f"*{prose(_reason(item))}*"]
    rules = used_in([equation.method for equation in derivation.equations])
    if rules:
        lines += ["", "**Rules of proof**", "", *[f"- {prose(_rule(rule))}" for rule in rules]]
    return "\n".join(lines) + "\n"


def to_latex(derivation: Derivation, *, standalone: bool = False) -> str:
    """Return the derivation as the body of a LaTeX article, or as the whole document."""
    body = _section(derivation, "")
    return f"{_PREAMBLE}{body}\n\\end{{document}}\n" if standalone else body


@checked
def lecture_notes(title: str, derivations: Sequence[Derivation]) -> str:
    r"""Return one LaTeX document: a table of contents, and a section with its own numbers for each derivation.

    Parameters
    ----------
    title : str
        Title of the document.
    derivations : sequence of Derivation
        In the order in which they are to be read.

    Returns
    -------
    str
        The document; it needs the packages of Debian's texlive-latex-recommended, and two runs of pdflatex.

    Raises
    ------
    InvalidInputError
        If the title holds mathematics that cannot be written in LaTeX.

    Examples
    --------
    >>> from sdetheory.symbolic import minibatch_covariance
    >>> notes = lecture_notes("Notes", [minibatch_covariance()])
    >>> notes.splitlines()[0], notes.count(r"\section{")
    (...documentclass..., 1)
    """
    check_text("title", title)
    front = f"\\title{{{_prose(_PROSE)(title)}}}\n\\date{{}}\n\\maketitle\n\\tableofcontents\n"
    sections = [f"\\clearpage\n{_section(d, f'{i}.')}" for i, d in enumerate(derivations, start=1)]
    return "\n".join([_PREAMBLE + front, *sections, "\\end{document}", ""])


def _section(derivation: Derivation, prefix: str) -> str:
    """Return a section whose equations are numbered after the prefix, and linked to where they are referred to."""
    star = "" if prefix else "*"
    escape = _prose(_PROSE)

    def link(match: re.Match[str]) -> str:
        name = f"{prefix}{match[1]}"
        return f"\\hyperlink{{eq:{name}}}{{({name})}}" if 1 <= int(match[1]) <= len(derivation.equations) else match[0]

    def prose(text: str) -> str:
        pieces = escape(text).split("$")
        if prefix:
            pieces[::2] = [re.sub(r"\((\d+)\)", link, piece) for piece in pieces[::2]]
        return "$".join(pieces)

    lines = [f"\\section{star}{{{escape(derivation.title)}}}", ""]
    if derivation.source:
        lines += [f"\\emph{{Source: {escape(derivation.source)}}}", ""]
    lines += ["\\paragraph{Assumptions.}"]
    if derivation.assumptions:
        items = [f"  \\item {_assumption(a, lambda x: f'${_latex(x)}$', prose)}" for a in derivation.assumptions]
        lines += ["\\begin{itemize}", *items, "\\end{itemize}"]
    for item in derivation.body:
        if isinstance(item, Heading):
            lines += ["", f"\\subsection*{{{escape(item.text)}}}"]
        elif isinstance(item, Note):
            lines += ["", prose(item.text)]
        else:
            number = f"{prefix}{item.number}"
            target = f"\\hypertarget{{eq:{number}}}{{}}" if prefix else ""
            lines += ["", f"{target}{prose(_sentence(item.statement))}"]
            lines += [f"\\begin{{dmath}}[number={{{number}}}]", f"  {_breakable(_equation(item))}", "\\end{dmath}"]
            # A reason belongs to the equation above it, not to the statement below.
            lines += [f"\\emph{{{prose(_reason(item))}}}", "", "\\medskip"]
    rules = used_in([equation.method for equation in derivation.equations])
    if rules:
        items = [f"  \\item {escape(_rule(rule))}" for rule in rules]
        lines += ["\\paragraph{Rules of proof.}", "\\begin{itemize}", *items, "\\end{itemize}"]
    return "\n".join(lines) + "\n"


def _assumption(item: Assumption, show: Callable[[Any], str], prose: Callable[[str], str]) -> str:
    if item.symbol is None:
        return f"{prose(item.name)}: {prose(item.sentence)}"
    conditions = "".join(f", {show(condition)}" for condition in item.conditions)
    return f"{show(item.symbol)}, {item.domain}{conditions}: {prose(item.sentence)}"


def _rule(rule: Described) -> str:
    return f"{rule.name}: {rule.does}; checked: {rule.checks}"


def _sentence(text: str) -> str:
    """Begin with a capital, unless the text begins with mathematics, and end with a colon."""
    return text[:1].upper() + text[1:] + ":"


def _reason(item: Equation) -> str:
    paper = f"; the paper's {item.paper}" if item.paper else ""
    method = "" if item.by == item.method else f" [{item.method}]"
    using = f"; assuming {', '.join(item.using)}" if item.using else ""
    return f"{item.by}{method}{using}{paper}"


def _relation(item: Equation) -> sympy.Expr:
    right = item.right
    if item.remainder is not None:
        # An Order absorbs what is of its own order when added, so the sum is built without evaluation.
        right = sympy.Add(right, item.remainder, evaluate=False)
    return sympy.Eq(item.left, right, evaluate=False)


def _equation(item: Equation) -> str:
    if item.remainder is None:
        return f"{_latex(item.left)} = {_latex(item.right)}"
    # A series ascends.
    return f"{_latex(item.left)} = {_latex(item.right, order='rev-lex')} + {_latex(item.remainder)}"


def _breakable(equation: str) -> str:
    """Return a long equation without the pairs of delimiters that keep "at" a point on one line."""
    if len(equation) < _LONG or "\\left. " not in equation:
        return equation
    return equation.replace("\\left. ", "").replace(" \\right|_", " \\Bigr|_")


def _latex(value: Any, order: str | None = None) -> str:
    if isinstance(value, sympy.core.function.UndefinedFunction):
        value = sympy.Symbol(str(value))
    # A long numerator goes beside its fraction, where it can be broken.
    return _Latex({"long_frac_ratio": 2, "order": order}).doprint(value)


def _undollar(text: str) -> str:
    return text.replace("$", "")


def _prose(escapes: dict[str, str]) -> Callable[[str], str]:
    """Return a function that escapes prose and translates the inline mathematics between dollar signs."""

    def convert(text: str) -> str:
        pieces = re.split(r"\$", text)
        roots = [re.sub(r"√\(([^()]*)\)", r"\\sqrt{\1}", piece) for piece in pieces[1::2]]
        # An inverse of Σ is that of a matrix, not of a sum; adjacent exponents are one.
        roots = [piece.replace("Σ⁻", r"\Sigma ⁻") for piece in roots]
        inside = ["".join(_MATH.get(c, c) for c in piece) for piece in roots]
        inside = [re.sub(r"\^\{([^{}]*)\}\^\{", r"^{\1", piece).replace("'^", "'{}^") for piece in inside]
        outside = ["".join(escapes.get(c, c) for c in piece) for piece in pieces[::2]]
        pieces[::2], pieces[1::2] = outside, [f"${piece}$" for piece in inside]
        return "".join(pieces)

    return convert
