"""Build SymPy from a syntax tree: what is on the whitelist, and within limits that keep exact arithmetic short."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import sympy

from ...errors import InvalidInputError
from . import _remedies
from ._size import Ruler, too_large
from .functions import logaddexp

MAX_DEPTH = 60
"""Deepest nesting that is read; sums and products of many terms count as one level."""

MAX_BITS = 4096
"""Largest size of a number inside a formula: beyond 2**±4096 nothing can be evaluated in floating point anyway."""

MAX_EXPONENT = 1000
"""Largest numeric exponent of a symbolic base."""

MAX_CONSTANT = 1000
"""Most parts of a constant, such as a sum of roots and sines of numbers, which is kept exact."""

MAX_POWERS = 5
"""Most powers of powers that SymPy leaves inside one another."""

MAX_ALL_BITS = 100_000
"""Most binary digits of the numbers that are added or multiplied together, or come from powers: they are kept exact."""

MAX_COMPARISONS = 20_000
"""Most that ``Max`` and ``Min`` may have to compare: the square of their arguments, times the length of these."""

# name: (function, fewest arguments, most arguments; None for any number)
_FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int | None]] = {
    **{
        name: (getattr(sympy, name), 1, 1)
        for name in (
            *("exp", "log", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan"),
            *("sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "sign", "Abs"),
        )
    },
    "abs": (sympy.Abs, 1, 1),
    "atan2": (sympy.atan2, 2, 2),
    "Max": (sympy.Max, 1, None),
    "Min": (sympy.Min, 1, None),
    "logaddexp": (logaddexp, 2, 2),
}
FUNCTIONS = tuple(sorted(_FUNCTIONS))
"""Names of the functions a formula may use."""

_CONSTANTS = {"pi": sympy.pi, "E": sympy.E}
_GROWING = (sympy.exp, sympy.sinh, sympy.cosh)


class Builder:
    """Builds SymPy from a syntax tree; one method per kind of node that is allowed."""

    def __init__(self, line: str, table: Mapping[str, sympy.Symbol]) -> None:
        self.source = line.encode()  # a node's columns count bytes
        self.table = table
        self.measure = Ruler()
        self.comparisons = self.bits = 0

    def text(self, node: ast.expr) -> str:
        return self.source[node.col_offset : node.end_col_offset].decode()

    def refuse(self, what: str, node: ast.expr, remedy: str = "") -> InvalidInputError:
        piece = shorten(self.text(node))
        text = f"{what} {piece!r} is not allowed in a formula"
        return InvalidInputError(
            f"{text}: {remedy}{allowed(self.table)}" if remedy else f"{text}. {allowed(self.table)}"
        )

    def build(self, node: ast.expr, depth: int) -> sympy.Expr:
        if depth > MAX_DEPTH:
            raise self.refuse(f"nesting deeper than {MAX_DEPTH} at", node)
        match node:
            case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div()):
                value = self.chain(node, depth)
            case ast.BinOp(op=ast.Pow(), left=left, right=right):
                value = self.power(node, self.build(left, depth + 1), self.build(right, depth + 1))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                value = -self.build(operand, depth + 1)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                value = self.build(operand, depth + 1)
            case ast.Constant():
                value = self.constant(node)
            case ast.Name(id=name):
                if name not in self.table and name not in _CONSTANTS:
                    raise self.refuse("unknown name", node, _remedies.of_name(name, self.table))
                value = self.table.get(name, _CONSTANTS.get(name))
            case ast.Call():
                value = self.call(node, depth)
            case ast.BinOp():
                raise self.refuse("the operator in", node, _remedies.of_operator(node))
            case ast.Tuple():
                raise self.refuse("the comma in", node, "write decimals with a point, as in 1.5. ")
            case _:
                raise self.refuse(_KINDS.get(type(node), "the construct"), node)
        return self.checked(value, node)

    def chain(self, node: ast.expr, depth: int) -> sympy.Expr:
        """Build a left-leaning chain of sums or of products in one loop: hundreds of terms are not deep."""
        signs = (ast.Add, ast.Sub) if isinstance(node.op, (ast.Add, ast.Sub)) else (ast.Mult, ast.Div)  # type: ignore
        operands = []
        while isinstance(node, ast.BinOp) and isinstance(node.op, signs):
            right = self.build(node.right, depth + 1)
            if isinstance(node.op, ast.Div) and right.is_zero:
                raise self.refuse("division by zero in", node)
            if isinstance(node.op, (ast.Sub, ast.Div)):
                right = -right if isinstance(node.op, ast.Sub) else 1 / right
            operands.append(right)
            node = node.left
        operands.append(self.build(node, depth + 1))
        measures = [self.measure(operand) for operand in operands]
        if sum(measure.bits for measure in measures) > MAX_ALL_BITS:
            raise self.refuse("the huge number in", node)
        if sum(measure.nodes for measure in measures if not measure.symbols) > MAX_CONSTANT:
            raise self.refuse("the long constant in", node, "write its value as a decimal. ")
        return (sympy.Add if ast.Add in signs else sympy.Mul)(*reversed(operands))

    def power(self, node: ast.expr, base: sympy.Expr, exponent: sympy.Expr) -> sympy.Expr:
        if not self.measure(exponent).symbols:
            self.check_power(node, base, abs(sympy.N(exponent)))
        return base**exponent

    def check_power(self, node: ast.expr, base: sympy.Expr, size: sympy.Expr) -> None:
        """Refuse a power that is too large to be a number, or has too many digits to be kept exact."""
        measure = self.measure(base)
        if measure.symbols:
            if size > MAX_EXPONENT:
                raise self.refuse(f"the exponent larger than {MAX_EXPONENT} in", node)
            # SymPy looks at a power of a power of a power twice as long with each of them.
            inner, depth = base, 0
            while isinstance(inner, sympy.Pow):
                inner, depth = inner.base, depth + 1
            if depth > MAX_POWERS:
                raise self.refuse(f"the power of more than {MAX_POWERS} powers", node, "multiply the exponents. ")
            # The number before a product is raised to the power at once.
            if size * self.measure(base.as_coeff_Mul()[0]).bits > MAX_BITS:
                raise self.refuse("the huge power", node, "divide the variables by a scale first. ")
        elif not base.is_zero:
            if size * abs(sympy.N(sympy.log(abs(base), 2))) > MAX_BITS:
                raise self.refuse("the huge power", node)
            self.bits += int(size) * measure.bits
            if size * measure.bits > 2 * MAX_BITS or self.bits > MAX_ALL_BITS:
                raise self.refuse(
                    "the power of too many digits, which would be kept exact,", node, "write its value as a decimal. "
                )

    def constant(self, node: ast.Constant) -> sympy.Expr:
        if type(node.value) is int:
            return sympy.Integer(node.value)
        if type(node.value) is float:
            number = Decimal(self.text(node))
            digits = MAX_BITS * math.log10(2)
            if number and (abs(number.adjusted()) > digits or len(number.as_tuple().digits) > digits):
                raise self.refuse("the huge or tiny number, or one of too many digits,", node)
            return sympy.Rational(str(number))
        raise self.refuse("the constant", node)

    def call(self, node: ast.Call, depth: int) -> sympy.Expr:
        if not isinstance(node.func, ast.Name):
            raise self.refuse("the call of", node.func, _remedies.of_call(node, self.table))
        name = node.func.id
        if name not in _FUNCTIONS:
            remedy = _remedies.of_function(name) or _remedies.of_call(node, self.table)
            raise self.refuse("the function", node.func, remedy)
        if node.keywords:
            raise self.refuse("a keyword argument in", node)
        function, fewest, most = _FUNCTIONS[name]
        if len(node.args) < fewest or (most is not None and len(node.args) > most):
            count = f"{fewest}{'' if most else ' or more'}"
            raise InvalidInputError(f"{name} takes {count} argument(s); got {len(node.args)}")
        arguments = [self.build(argument, depth + 1) for argument in node.args]
        if function in (sympy.Max, sympy.Min):
            # Each argument is compared with every other one, and again where such a function is an argument.
            self.comparisons += 30 + len(arguments) ** 2 * sum(self.measure(argument).nodes for argument in arguments)
            if self.comparisons > MAX_COMPARISONS:
                raise too_large(f"{name} in {shorten(self.text(node))!r} has too much to compare")
        if function in _GROWING:
            self.check_growth(node, arguments[0])
        return function(*arguments)

    def check_growth(self, node: ast.expr, argument: sympy.Expr) -> None:
        """Refuse an exponential that is too large, or becomes a power that is, as exp(9*log(x)) does."""
        if not self.measure(argument).symbols and abs(sympy.N(argument)) > MAX_BITS * math.log(2):
            raise self.refuse("the huge number", node)
        for term in sympy.Add.make_args(argument):
            number, rest = term.as_coeff_Mul()
            for factor in sympy.Mul.make_args(rest):
                if isinstance(factor, sympy.log):
                    self.check_power(node, factor.args[0], abs(number))

    def checked(self, value: sympy.Expr, node: ast.expr) -> sympy.Expr:
        """Refuse numbers that are infinite, complex or too long; what is built from checked pieces stays cheap."""
        measure = self.measure(value)
        if not measure.finite:
            raise self.refuse("the value, which is not finite, of", node)
        if value.is_Rational and max(abs(value.p), value.q).bit_length() > MAX_BITS:  # type: ignore
            raise self.refuse("the huge number", node)
        if not measure.symbols and value.is_extended_real is False:
            raise self.refuse("the value, which is not real, of", node)
        return value


_KINDS: dict[type[ast.expr], str] = {
    ast.Attribute: "attribute access",
    ast.Subscript: "the subscript",
    ast.Lambda: "the lambda",
    ast.IfExp: "the conditional",
    ast.Compare: "the comparison",
    ast.BoolOp: "the Boolean operation",
    ast.ListComp: "the comprehension",
    ast.UnaryOp: "the operator in",
    ast.Starred: "the starred argument",
}


def shorten(text: str) -> str:
    """Return text of sixty characters at most."""
    return text if len(text) <= 60 else text[:57] + "..."


def allowed(table: Mapping[str, Any]) -> str:
    """Return the sentence that says what a formula may hold."""
    names = ", ".join([*table, *(name for name in _CONSTANTS if name not in table)])
    return f"Allowed: + - * / **, numbers, the names {names} and the functions {', '.join(FUNCTIONS)}."
