"""Numba's files of machine code, each with a checksum: a damaged one is compiled anew, never executed.

Numba unpickles and links what it finds in its cache directory, so one flipped byte would crash the process or, worse,
change a number. Here both files of a kernel, the index and the machine code, end with the SHA-256 of what comes before.

Numba compiles a kernel anew when its own file has changed; here also when the file of a helper has, that of a record
that it makes, or a number that it takes from elsewhere: so helpers may stand where they belong.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from numba.core.caching import FunctionCache, IndexDataCacheFile

from .records import Equation

_LENGTH = hashlib.sha256().digest_size


class _CheckedFiles(IndexDataCacheFile):
    """The index and the machine code of one kernel; what is not whole counts as absent, and is replaced."""

    def _load_index(self) -> dict[Any, str]:
        content = _read(self._index_path)
        if content is None:
            return {}
        version, stamp, overloads = pickle.loads(content)
        if (version, stamp) != (self._version, self._source_stamp):
            return {}
        return pickle.loads(overloads)

    def _save_index(self, overloads: dict[Any, str]) -> None:
        # The keys are pickled apart: those of another version of Numba might not be readable.
        self._write(self._index_path, pickle.dumps((self._version, self._source_stamp, self._dump(overloads))))

    def _load_data(self, name: str) -> Any:
        content = _read(self._data_path(name))
        try:
            return None if content is None else pickle.loads(content)
        except ImportError:  # the module of a user's function was another one when it was compiled
            return None

    def _save_data(self, name: str, data: Any) -> None:
        self._write(self._data_path(name), self._dump(data))

    def _write(self, path: str, content: bytes) -> None:
        with self._open_for_write(path) as file:
            file.write(content + hashlib.sha256(content).digest())


class _CheckedCache(FunctionCache):
    """Numba's cache of a function, with checked files."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        locator = self._impl.locator
        # The order of a record's fields is known to the callers of a kernel alone.
        namespace = {"record": Equation, **function.__globals__}
        self._cache_file = _CheckedFiles(
            cache_path=self._cache_path,
            filename_base=self._impl.filename_base,
            source_stamp=(locator.get_source_stamp(), *_foreign(namespace, {function.__module__})),
        )


def _foreign(namespace: Mapping[str, Any], seen: set[str]) -> Iterator[tuple[Any, ...]]:
    """Yield what a module's kernels are made of beside its own text: numbers, and other files, as they are now."""
    for name, value in sorted(namespace.items()):
        if isinstance(value, int | float):
            yield name, repr(value)
        # What Numba compiles keeps the function that it was: py_func of njit, _defn of an intrinsic.
        helper = getattr(value, "py_func", None) or getattr(value, "_defn", None)
        record = isinstance(value, type) and hasattr(value, "_fields")
        module = sys.modules.get(getattr(helper or value, "__module__", None) or "") if helper or record else None
        if module is not None and module.__name__ not in seen:
            seen.add(module.__name__)
            with open(str(module.__file__), "rb") as file:
                yield module.__name__, hashlib.sha256(file.read()).digest()
            yield from _foreign(vars(module), seen)


def checked(function: Any) -> Any:
    """Return a function that Numba caches, a dispatcher or a callback that is not yet compiled, with checked files."""
    function._cache = _CheckedCache(getattr(function, "py_func", None) or function._pyfunc)
    return function


def _read(path: str) -> bytes | None:
    """Return what a file holds before its checksum; None if there is no such file or the checksum does not fit."""
    if not os.path.exists(path):
        return None
    with open(path, "rb") as file:
        content = file.read()
    content, digest = content[:-_LENGTH], content[-_LENGTH:]
    return content if hashlib.sha256(content).digest() == digest else None
