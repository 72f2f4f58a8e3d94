"""What a message shows of a value that may be anything."""

from __future__ import annotations

from typing import Any


def shown(value: Any) -> str:
    """Return `value` as a message shows it: on one line, in at most 80 characters, whatever it is."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    try:
        return abbreviated(repr(value))
    except Exception:  # a stranger's __repr__, or an int of too many digits
        return f"an object of type {type(value).__name__}"


def abbreviated(text: str) -> str:
    """Return a text on one line, in at most 80 characters."""
    line = " ".join(text.split())
    return line if len(line) <= 80 else f"{line[:77]}..."
