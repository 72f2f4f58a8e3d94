"""How objects are shown: on one line at the prompt, as a small table in a notebook; never as a page of arrays.

What a dataclass or a class of the package is worth seeing stands in one place for all of them: :func:`equip`, called
at the end of each public package, gives it to every class there that does not show itself. A class that is no dataclass
names what is to be seen of it in ``_shown``.
"""

from __future__ import annotations

import dataclasses
import html
import reprlib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import numpy as np

Kind = TypeVar("Kind", bound=type)

_WIDTH = 160
"""Characters of a line after which only numbers and words are added."""
_PART = 48
"""Characters of one value that is neither a number nor a word; a text may have twice as many."""
_FEW = 4
"""Entries of an array that are shown one by one on a line."""
_ROWS = 12
"""Entries of an array that are shown one by one in a table."""

_MANY = 24
"""Estimates in a text beyond which only the first and the last are written out."""
_GENERATED = {dataclasses.__file__, reprlib.__file__}
"""Where the code of a dataclass's own ``__repr__`` stands."""
_VIEWS = ("_repr_html_", "_repr_latex_", "_repr_markdown_")


def equip(namespace: Mapping[str, Any]) -> None:
    """Let the public classes of a package show themselves, except those that do."""
    for name in namespace["__all__"]:
        kind = namespace[name]
        if isinstance(kind, type) and not issubclass(kind, BaseException):
            shown(kind)


def shown(kind: Kind) -> Kind:
    """Give a class the line and the table, where it has none of its own."""
    written = getattr(kind.__repr__, "__code__", None)
    if written is None or written.co_filename in _GENERATED:
        kind.__repr__ = line  # pyright: ignore[reportAttributeAccessIssue]
    if not any(hasattr(kind, view) for view in _VIEWS):
        kind._repr_html_ = table  # pyright: ignore[reportAttributeAccessIssue]
    return kind


def parts(thing: Any) -> dict[str, Any]:
    """Return what is worth seeing of an object, by name."""
    if dataclasses.is_dataclass(thing):
        names: Iterable[str] = (field.name for field in dataclasses.fields(thing) if field.repr)
    else:
        names = getattr(thing, "_shown", ())
    found = {name: getattr(thing, name, None) for name in names if not name.startswith("_")}
    return {name: value for name, value in found.items() if value is not None and not _is_empty(value)}


def line(thing: Any) -> str:
    """Return an object on one line; numbers and words in full, since checkpoints know hyperparameters by them."""
    words: list[str] = []
    left, cut = _WIDTH - len(type(thing).__name__), False
    for name, value in parts(thing).items():
        word = f"{name}={brief(value)}"
        if isinstance(value, (bool, int, float, str, np.generic)) or len(word) + 2 <= left:
            words.append(word)
            left -= len(word) + 2
        else:
            cut = True
    return f"{type(thing).__name__}({', '.join([*words, *(['...'] if cut else [])])})"


def brief(value: Any, few: int = _FEW) -> str:
    """Return a value in a few words."""
    if isinstance(value, (bool, int, float, complex, np.generic)):
        return repr(value.item() if isinstance(value, np.generic) else value)
    if isinstance(value, str):
        return repr(value if len(value) <= 2 * _PART else f"{value[: 2 * _PART - 3]}...")
    if isinstance(value, np.ndarray):
        return _array(value, few)
    if _is_estimate(value):
        return str(value) if np.size(value.value) <= few else f"<{_shape(value)} estimates>"
    if isinstance(value, Mapping):
        keys = ", ".join(map(str, value))
        return f"{{{keys}}}" if len(keys) < _PART - 2 else f"<{len(value)} entries>"
    if isinstance(value, (list, tuple)):
        return _sequence(value, few)
    if callable(value) and hasattr(value, "__name__"):
        return f"<{value.__name__}>"
    text = _own_words(value)
    return text if len(text) <= _PART else f"{type(value).__name__}(...)"


def table(thing: Any) -> str:
    """Return an object as a table in HTML: a row for each part, numbers with their errors."""
    rows = "".join(
        f"<tr><th style='text-align:left'>{html.escape(name.replace('_', ' '))}</th>"
        f"<td style='text-align:left'>{html.escape(_cell(value))}</td></tr>"
        for name, value in parts(thing).items()
    )
    return f"<table><caption style='text-align:left'>{html.escape(type(thing).__name__)}</caption>{rows}</table>"


def _cell(value: Any) -> str:
    if isinstance(value, (float, np.floating)):
        return f"{value:.6g}"
    if isinstance(value, str):
        return value
    if _is_estimate(value) and np.size(value.value) > _ROWS:
        return f"<{_shape(value)} estimates>, {_range(value.value)}; errors {_range(value.stderr)}"
    if isinstance(value, np.ndarray) and (value.size > _ROWS or value.ndim > 1) and value.dtype.kind in "iuf":
        return f"{_array(value, 0)}, {_range(value)}"
    return brief(value, _ROWS)


def _array(array: np.ndarray[Any, Any], few: int) -> str:
    if array.size <= few and array.ndim < 2 and array.dtype.kind in "biufc":
        numbers = [f"{entry:.6g}" if array.dtype.kind == "f" else str(entry) for entry in array.ravel()]
        return f"[{', '.join(numbers)}]" if array.ndim else numbers[0]
    return f"<{'x'.join(map(str, array.shape))} array>"


def _range(array: Any) -> str:
    finite = np.asarray(array)[np.isfinite(array)]
    lost = np.size(array) - finite.size
    text = f"{finite.min():.4g} to {finite.max():.4g}" if finite.size else "none finite"
    return f"{text} ({lost} not finite)" if lost and finite.size else text


def _sequence(value: Any, few: int) -> str:
    if len(value) > few or any(isinstance(entry, (np.ndarray, Mapping, list, tuple)) for entry in value):
        return f"<{len(value)} entries>" if len(value) != 1 else f"<1 entry: {brief(value[0], few)}>"
    inside = ", ".join(brief(entry, few) for entry in value)
    return f"({inside})" if len(inside) <= 2 * _PART else f"<{len(value)} entries>"


def _own_words(value: Any) -> str:
    """Return what an object says of itself, on one line."""
    try:
        return " ".join(repr(value).split())
    except Exception:  # a stranger's __repr__
        return f"{type(value).__name__}(...)"


def _is_empty(value: Any) -> bool:
    return isinstance(value, (Mapping, tuple)) and not value


def _is_estimate(value: Any) -> bool:
    return hasattr(value, "stderr") and hasattr(value, "n_eff")


def _shape(value: Any) -> str:
    return "x".join(map(str, np.shape(value.value)))


def estimates(values: Any, errors: Any, spec: str) -> str:
    """Return numbers with their errors, nested as their array is; of many, the first and the last."""
    if np.ndim(values) == 0:
        return formatted(float(values), float(errors), spec)
    if np.size(values) <= _MANY:
        return f"[{', '.join(estimates(v, e, spec) for v, e in zip(values, errors, strict=True))}]"
    flat = [np.concatenate([np.ravel(each)[:3], np.ravel(each)[-3:]]) for each in (values, errors)]
    ends = [formatted(float(v), float(e), spec) for v, e in zip(*flat, strict=True)]
    return f"[{', '.join([*ends[:3], '...', *ends[3:]])}], {'x'.join(map(str, np.shape(values)))} in all"


def formatted(value: float, error: float, spec: str) -> str:
    if spec == "S":
        return _short(value, error)
    return f"{value:{spec}} ± {error:{spec}}" if spec else _spell(value, error)


def _spell(value: float, error: float) -> str:
    """Return "value ± error" with two digits of the error and as many of the value as it leaves."""
    if np.isnan(value):
        return "unknown"
    if np.isnan(error):
        return f"{value:.6g} ± unknown"
    if not (error > 0 and np.isfinite(error) and np.isfinite(value)):
        return f"{value:.6g} ± {error:.2g}"
    decimals = 1 - int(np.floor(np.log10(error)))
    if 1e-4 <= max(abs(value), error) < 1e7 and decimals <= 12:
        return f"{value:.{max(0, decimals)}f} ± {error:.{max(0, decimals)}f}"
    digits = max(0, decimals + int(np.floor(np.log10(abs(value) or error))))
    return f"{value:.{min(digits, 15)}e} ± {error:.1e}"


def _short(value: float, error: float) -> str:
    """Return "value(error)", the error in units of the value's last digit, or with a point where it has one."""
    if not (error > 0 and np.isfinite(error) and np.isfinite(value)):
        return _spell(value, error)
    power = int(np.floor(np.log10(max(abs(value), error))))
    if not -4 <= power < 7:
        return f"{_short(value / 10.0**power, error / 10.0**power)}e{power:+03d}"
    decimals = max(0, 1 - int(np.floor(np.log10(error))))
    shown = f"{error:.{decimals}f}" if error >= 1 else f"{error * 10**decimals:.0f}"
    return f"{value:.{decimals}f}({shown})"
