"""Ctrl-C: noted where something must be made as a whole or not at all, and never lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Interrupt:
    """Ctrl-C within a ``with`` block: only noted, so that a chunk of steps is made as a whole or not at all.

    Of two blocks, one inside the other, both note it, and the inner one knows what the outer one noted before it. A
    block that `gives_up` has no use for a part of what is made, and raises KeyboardInterrupt at once, unless a block
    inside it has something to bring to an end. A handler of somebody else's is left alone, as are other threads than
    the main one, which signals do not reach.
    """

    def __init__(self, *, gives_up: bool = False) -> None:
        self.seen, self.gives_up = False, gives_up
        self._outer: Interrupt | None = None
        self._before: Any = None

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            owner = getattr(before, "__self__", None)
            self._outer = owner if isinstance(owner, Interrupt) else None
            self.seen = self._outer is not None and self._outer.seen
            if before is signal.default_int_handler or self._outer is not None:
                self._before = before
                signal.signal(signal.SIGINT, self._pressed)
        return self

    @property
    def raises(self) -> bool:
        """Whether Ctrl-C is to be raised at the end of this block: no block around it waits for its own end."""
        return self.seen and (self._outer is None or self._outer.gives_up)

    def __exit__(self, *error: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _pressed(self, *_: object) -> None:
        self._note()
        if self.gives_up:
            raise KeyboardInterrupt

    def _note(self) -> None:
        self.seen = True
        if self._outer is not None:
            self._outer._note()


@contextmanager
def shielded() -> Iterator[None]:
    """Let Ctrl-C wait for the end of a compilation or the start of a kernel.

    Raised in a callback of LLVM, or where Numba takes a function as an argument, it would be lost or become another
    error.
    """
    with Interrupt() as interrupt:
        yield
    if interrupt.raises:
        raise KeyboardInterrupt
