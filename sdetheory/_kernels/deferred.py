"""Machine code kept on disk under a name that is known before there is a function to compile."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from typing import Any

from llvmlite.binding import Linkage
from numba.core import sigutils
from numba.core.ccallback import CFunc
from numba.core.errors import NumbaWarning

from .._interrupt import shielded
from ._cache import checked
from .block import generated_module

_STAND_IN = '''\
"""Stands for a function whose machine code is kept: {digest}."""


def kernel():
    """Do nothing."""
'''


def deferred(signature: Any, make: Callable[[dict[str, Any]], Callable[..., None]], text: str | None) -> Any:
    """Return the machine code of the function that `make` defines, from disk if it is there.

    Parameters
    ----------
    signature : Numba signature
        Of the function.
    make : function
        Called with the namespace to define it in, and only where there is no machine code yet.
    text : str or None
        Tells apart all functions that differ. If there is none, the machine code is not kept.
    """
    if text is None:
        return _compiled(signature, lambda: make({}), lambda callback: callback, _nothing)
    digest = hashlib.sha256(text.encode()).hexdigest()
    if digest not in _MADE:
        module = generated_module(_STAND_IN.format(digest=digest))
        _MADE[digest] = _compiled(signature, lambda: make(module.__dict__), checked, module.__dict__["kernel"])
    return _MADE[digest]


_MADE: dict[str, Any] = {}
"""What this process has, by the digest of its text: the same machine code must not be linked twice."""


def _nothing() -> None: ...


def _compiled(
    signature: Any, make: Callable[[], Callable[..., None]], keep: Callable[[Any], Any], stand_in: Any
) -> Any:
    callback = keep(_Deferred(stand_in, sigutils.normalize_signature(signature), {}, {}))
    callback.make = make
    with warnings.catch_warnings():
        # What holds an address, or an array of a megabyte, is compiled and not kept.
        warnings.filterwarnings("ignore", "Cannot cache compiled function", NumbaWarning)
        with shielded():
            callback.compile()
    return callback


class _Deferred(CFunc):
    make: Callable[[], Callable[..., None]]

    def _compile_uncached(self) -> Any:
        callback = CFunc(self.make(), (self._sig.args, self._sig.return_type), {}, {"error_model": "numpy"})
        result = callback._compile_uncached()
        _keep_names_inside(result.library)
        return result


def _keep_names_inside(library: Any) -> None:
    """Hide the names of the functions that the machine code brings along.

    Numba numbers functions of one name as they come, from 1 in each process: in another process the same name and
    number may be those of another function, and the linker would take the one for the other.
    """
    optimize = library._optimize_final_module

    def hide_and_optimize() -> None:
        for function in library._final_module.functions:
            if function.linkage == Linkage.linkonce_odr and not function.name.startswith("NRT_"):
                function.linkage = Linkage.internal
        optimize()

    library._optimize_final_module = hide_and_optimize
