"""A derivation as a script: the comparison of a formula with a number, and the printed page."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from ... import _validate
from ...errors import InvalidInputError, SdeTheoryError
from ..formulas._arguments import CHECKS, checked
from .derivation import Derivation

# Both numbers come from a few floating-point operations, so they may differ in the last digits only.
_TOLERANCE = 1e-12
# What ends near zero is the difference of numbers of order one to ten, and keeps their rounding.
_FLOOR = 1e-14
# Room for the next power in a measured order; half way to the next whole order would be 0.5.
_ORDER_TOLERANCE = 0.1


@checked
def compare(what: str, derived: float, found: float, how: str) -> str:
    """Return a line that states two equal numbers.

    Parameters
    ----------
    what : str
        The quantity, and where.
    derived, found : float
        Its value by the derivation, and by something independent of it.
    how : str
        What found it.

    Raises
    ------
    SdeTheoryError
        They differ by more than 1e-12 of the second, relative at any size, plus a floor of 1e-14 for the rounding
        of numbers that cancel.

    Examples
    --------
    >>> compare("the answer", 42.0, 6.0 * 7.0, "multiplication")
    'the answer: 42 = 42 (multiplication)'
    """
    # SymPy's own minus would evaluate a string in a tuple.
    derived, found = float(derived), float(found)
    if not abs(derived - found) <= _TOLERANCE * abs(found) + _FLOOR:
        raise SdeTheoryError(f"{what}: the derivation says {derived:.15g} (derived), {how} says {found:.15g} (found)")
    return f"{what}: {derived:.6g} = {found:.6g} ({how})"


@checked
def compare_order(what: str, order: int, sizes: Sequence[float], errors: Sequence[float], how: str) -> str:
    """Return a line that states with which power of a small quantity an approximation's error vanishes.

    Parameters
    ----------
    what : str
        The approximation.
    order : int
        The power by the derivation.
    sizes : sequence of float
        The small quantity, decreasing.
    errors : sequence of float
        The error at each size.
    how : str
        What found the exact value.

    Raises
    ------
    SdeTheoryError
        The power between the two smallest sizes differs from the order by more than 0.1.

    Examples
    --------
    >>> import math
    >>> sizes = [0.1, 0.05, 0.025]
    >>> compare_order("1 + h for exp(h)", 2, sizes, [math.expm1(h) - h for h in sizes], "exponential function")
    '1 + h for exp(h): order 2 = 2.01 (exponential function)'
    """
    small = _validate.reals("sizes", sizes, above=0.0, shape=(None,))
    if len(small) < 2 or not small[-2] > small[-1]:
        raise InvalidInputError(f"sizes must be two or more that decrease; got {_validate.shown(sizes)}")
    wrong = _validate.reals("errors", errors, shape=small.shape)
    if 0 in wrong[-2:]:
        raise InvalidInputError(f"errors must not be 0 at the two smallest sizes; got {_validate.shown(errors)}")
    ratios = [math.log(abs(values[-2])) - math.log(abs(values[-1])) for values in (wrong, small)]
    found = ratios[0] / ratios[1]
    if not abs(found - order) <= _ORDER_TOLERANCE:
        raise SdeTheoryError(
            f"{what}: the derivation says order {order}, {how} says {found:.4g}, by the last two of sizes and errors"
        )
    return f"{what}: order {order} = {found:.3g} ({how})"


@checked
def present(
    derive: Callable[[], Sequence[Derivation]],
    meet_numerics: Callable[[Sequence[Derivation]], Sequence[str]],
    argv: Sequence[str] | None = None,
) -> int:
    """Print derivations and how they meet the numerics; return the exit status of a script, 1 if anything fails.

    Parameters
    ----------
    derive : function
        Returns the derivations; it raises DerivationError at a step that is false.
    meet_numerics : function
        Takes them, and returns lines by :func:`compare`.
    argv : sequence of str, optional
        ``--format text``, ``markdown`` or ``latex``; the command line by default.

    Raises
    ------
    InvalidInputError
        A function fails by an error that is none of this package's; or `argv` holds an unknown option.

    Examples
    --------
    >>> present(lambda: [], lambda derivations: [compare("one", 1.0, 1.0, "counting")], [])
    Meeting the numerics
    --------------------
    one: 1 = 1 (counting)
    0
    """
    parser = argparse.ArgumentParser(description="Print a derivation, each step proved.")
    parser.add_argument("--format", choices=("text", "markdown", "latex"), default="text", help="default: text")
    if argv is not None:

        def refuse(message: str) -> NoReturn:  # usage and exit are for the command line
            raise InvalidInputError(f"argv must be options such as ['--format', 'latex']; {message}")

        parser.error = refuse  # pyright: ignore[reportAttributeAccessIssue]
    chosen = parser.parse_args(argv).format
    running = "derive"
    try:
        derivations = derive()
        _check_derivations("what derive returns", derivations)
        running = "meet_numerics"
        lines = meet_numerics(derivations)
        if not isinstance(lines, (list, tuple)) or not all(isinstance(line, str) for line in lines):
            raise InvalidInputError(f"meet_numerics must return a list of strings; got {_validate.shown(lines)}")
    except SdeTheoryError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except Exception as error:  # of the user's function, shown with its own traceback
        why = _validate.shown(error)
        raise InvalidInputError(f"{running} must be a function as described; it failed with {why}") from error
    for derivation in derivations:
        print({"text": derivation.to_text, "markdown": derivation.to_markdown, "latex": derivation.to_latex}[chosen]())
    print(_listing(lines, chosen))
    return 0


def _listing(lines: Sequence[str], chosen: str) -> str:
    title = "Meeting the numerics"
    if chosen == "markdown":
        return "\n".join([f"## {title}", "", *("- " + line.replace("_", "\\_") for line in lines)])
    if chosen == "latex":
        items = ["  \\item " + line.replace("_", "\\_").replace("ε", "$\\epsilon$") for line in lines]
        return "\n".join([f"\\subsection*{{{title}}}", "\\begin{itemize}", *items, "\\end{itemize}"])
    return "\n".join([title, "-" * len(title), *lines])


def _check_derivations(name: str, value: Any) -> None:
    """Refuse what is no list of derivations."""
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, Derivation) for item in value):
        raise InvalidInputError(f"{name} must be a list of derivations; got {_validate.shown(value)}")


CHECKS["derivations"] = _check_derivations
