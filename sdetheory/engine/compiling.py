"""What is compiled is named while it is, to a reader who asked for progress and waits for the first step."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, TypeVar

from numba.core.event import Event, Listener, install_listener

from .progress import tqdm

F = TypeVar("F", bound=Callable[..., Any])

_PASS, _LOCK = "numba:run_pass", "numba:compiler_lock"


class _Names(Listener):
    """One line on the terminal: what Numba compiles now, and for how long it has; nothing for what its cache has."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._depth = 0

    def on_start(self, event: Event) -> None:
        """Show the function whose pass begins."""
        if event.kind == _LOCK:
            self._depth += 1
            return
        name = event.data["qualname"].rpartition("<locals>.")[2]
        if self._bar is None:
            self._bar = tqdm(desc=name, bar_format="compiling {desc} ({elapsed})", leave=False)
        self._bar.set_description_str(name)

    def on_end(self, event: Event) -> None:
        """Take the line away when the compiler has done its work."""
        if event.kind == _LOCK:
            self._depth -= 1
            if self._bar is not None and self._depth <= 0:
                self._bar.close()
                self._bar = None


def named(function: F) -> F:
    """Return a function that names what is compiled during its call, if it is asked for `progress`."""

    @functools.wraps(function)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        if options.get("progress") is not True:
            return function(*arguments, **options)
        with ExitStack() as stack:
            names = _Names()
            for kind in (_PASS, _LOCK):
                stack.enter_context(install_listener(kind, names))
            return function(*arguments, **options)

    return wrapped  # pyright: ignore[reportReturnType]
