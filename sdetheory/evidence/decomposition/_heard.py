"""Calls of LAPACK on big matrices that Ctrl-C can end.

Python hears Ctrl-C between two of its own instructions, so not within a decomposition of a minute. NumPy's let other
threads go on meanwhile (SciPy's do not): so the main thread waits, which can be interrupted, while another computes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any


def heard(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return function(*arguments), a call that lets other threads run; on Ctrl-C it is left to end by itself."""
    if threading.current_thread() is not threading.main_thread():
        return function(*arguments)  # signals come to the main thread only
    answer: Future[Any] = Future()

    def work() -> None:
        try:
            answer.set_result(function(*arguments))
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=work, name="sdetheory LAPACK", daemon=True).start()
    return answer.result()
