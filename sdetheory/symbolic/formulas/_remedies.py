"""What to write instead, for the ways in which formulas are most often spelled that Python does not read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

# What is called, or named, elsewhere: what it is called here.
_SPELLINGS = {
    "ln": "log(x)", "lg": "log(x)/log(10)", "log10": "log(x)/log(10)", "log2": "log(x)/log(2)", "log1p": "log(1 + x)",
    "expm1": "exp(x) - 1", "pow": "x**y", "power": "x**y", "square": "x**2", "cbrt": "sign(x)*abs(x)**(1/3)",
    "fabs": "abs(x)", "sgn": "sign(x)", "max": "Max(x, y)", "maximum": "Max(x, y)", "min": "Min(x, y)",
    "minimum": "Min(x, y)", "arcsin": "asin(x)", "arccos": "acos(x)", "arctan": "atan(x)", "arctan2": "atan2(y, x)",
    "arcsinh": "asinh(x)", "arccosh": "acosh(x)", "arctanh": "atanh(x)", "tg": "tan(x)", "tgh": "tanh(x)",
    "sh": "sinh(x)", "ch": "cosh(x)", "th": "tanh(x)", "cot": "1/tan(x)", "sec": "1/cos(x)", "csc": "1/sin(x)",
    "sech": "1/cosh(x)", "csch": "1/sinh(x)", "coth": "1/tanh(x)", "heaviside": "(1 + sign(x))/2",
    "Heaviside": "(1 + sign(x))/2", "step": "(1 + sign(x))/2", "sigmoid": "1/(1 + exp(-x))",
    "expit": "1/(1 + exp(-x))", "logistic": "1/(1 + exp(-x))", "softplus": "logaddexp(0, x)",
    "relu": "Max(x, 0)", "logsumexp": "logaddexp(x, y)", "Exp": "exp(x)", "Log": "log(x)", "Sqrt": "sqrt(x)",
}  # fmt: skip

_NAMES = {
    "e": "E, or exp(x) for e**x", "PI": "pi", "Pi": "pi", "π": "pi", "inf": "a finite number", "oo": "a finite number",
    "nan": "a number",
}  # fmt: skip

_CHARACTERS = {
    "−": "-", "–": "-", "—": "-", "·": "*", "×": "*", "⋅": "*", "∗": "*", "÷": "/", "∕": "/",
    "²": "**2", "³": "**3", "⁴": "**4", "½": "1/2", "¼": "1/4", "√": "sqrt(...)", "∞": "a finite number",
    "⁻": "**(-...)", "’": "nothing (derivatives are taken for you)", "（": "(", "）": ")", "，": ",",
}  # fmt: skip


def of_function(name: str) -> str:
    """Return what to write instead of a function that is not known, or nothing."""
    return f"write {_SPELLINGS[name]}. " if name in _SPELLINGS else ""


def of_name(name: str, known: Iterable[str]) -> str:
    """Return what to do about a name that is not known."""
    if name in _NAMES:
        return f"write {_NAMES[name]}. "
    if name in _SPELLINGS or name in ("sin", "cos", "tan", "exp", "log", "sqrt", "tanh"):
        return f"a function has its argument in parentheses: {_SPELLINGS.get(name, f'{name}(x)')}. "
    letters = set(known)
    if len(name) > 1 and set(name) <= letters:
        return f"write a product with *: {'*'.join(name)}. "
    return f"If {name} is a parameter, pass parameters={{{name!r}: 1.0}}; if it is a coordinate, list it in variables. "


def of_operator(node: ast.BinOp) -> str:
    """Return what to write instead of an operator that stands for something else in Python."""
    match node.op:
        case ast.BitXor():
            return "write x**2 for a power. "
        case ast.BitOr():
            return "write abs(x) for |x|. "
        case ast.FloorDiv():
            return "write / for a quotient. "
        case ast.MatMult():
            return "write * for a product. "
    return ""


def of_call(node: ast.Call, names: Iterable[str]) -> str:
    """Return what to write instead of a call of what is no function."""
    called = node.func
    if isinstance(called, ast.Attribute):
        return f"write {called.attr}(x) without a module before it. "
    if isinstance(called, ast.Constant) or not isinstance(called, ast.Name) or called.id in set(names):
        return "write a product with *, as in 2*(x + 1). "
    return ""


def of_text(text: str) -> str:
    """Return what may help with a text that is not Python at all."""
    for character, meant in _CHARACTERS.items():
        if character in text:
            return f"write {meant} instead of {character!r}"
    for pattern, remedy in _PATTERNS:
        if re.search(pattern, text):
            return remedy
    return ""


_PATTERNS = (
    (r"[\\$]", "LaTeX is not read; write the formula as in Python: x**2/2, exp(-x)"),
    (r"[\[\]{}]", "group with parentheses ( ) only"),
    (r"(?<![<>!=])=(?!=)", "a formula has no '='; give what stands on its right-hand side"),
    (r"\|", "write abs(x) for |x|"),
    (r"!", "there is no factorial"),
    (r"['\"]", "derivatives are taken for you; a formula holds no quotation marks or primes"),
    (r"\b(sin|cos|tan|exp|log|ln|sqrt|tanh|sinh|cosh)\s*(\*\*|\^)?\s*\d*\s+\w", "write sin(x), with parentheses"),
    (r"\d\s*[A-Za-z_(]|\)\s*[\w(]|\w\s+\w", "write a product with *, as in 2*x or x*y"),
    (r"^\s*$", "the text is empty"),
)
