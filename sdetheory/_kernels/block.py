"""Block functions: from generated source to one machine-code signature, cached on disk.

The source is always made anew, in memory; the file in the cache directory only gives Numba a place to key its machine
code by. The file is named by the hash of the package's version and its text, and rewritten unless it holds exactly that
text, so that an altered source is never executed. Numba's own files beside it, the index and the machine code, carry
checksums, which find damage but no intent: what protects them from others is the directory, which must belong to the
user, must not have been open to the writing of others, and is closed to all others. Where NUMBA_CACHE_DIR is set, Numba
keeps its files there instead, and their protection is that directory's.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import sys
import tempfile
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache, cached_property
from multiprocessing.util import Finalize
from pathlib import Path
from types import ModuleType
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from .._interrupt import shielded
from ._cache import checked
from .signatures import FIELD, compiled


@dataclass(frozen=True, eq=False)
class BlockFunction:
    """A generated function of the state, with values for its parameters.

    Attributes
    ----------
    source : str
        Module text that defines ``kernel(x, p, out)``.
    parameters : ndarray, shape (n_parameters,)
        The values of ``p``, to which callers append the time; changing them needs no compilation.
    rows : int
        Number of rows of ``out``.
    """

    source: str
    parameters: NDArray[np.float64]
    rows: int

    @cached_property
    def compiled(self) -> Any:
        """The machine code, as a first-class function that compiled kernels can call."""
        return compiled_source(FIELD, self.source)

    def __getstate__(self) -> dict[str, Any]:
        # Machine code cannot be pickled; whoever gets the rest makes it anew.
        return {key: value for key, value in self.__dict__.items() if key != "compiled"}

    def __call__(self, x: NDArray[np.float64], time: float = 0.0) -> NDArray[np.float64]:
        """Return the values at points of shape (..., d), as an array of shape (..., rows)."""
        # Writeable, since that is part of an array's type for Numba, and there is one signature.
        lanes = np.require(x.reshape(-1, x.shape[-1]).T, np.float64, ["C", "W", "E"])
        out = np.empty((self.rows, lanes.shape[1]))
        with nullcontext() if _apply.signatures else shielded():
            _apply(self.compiled, lanes, np.append(self.parameters, time), out)
        return np.ascontiguousarray(out.T).reshape(*x.shape[:-1], self.rows)


@checked
@numba.njit(cache=True)
def _apply(function, x, parameters, out):
    function(x, parameters, out)


@cache
def compiled_source(signature: Any, source: str) -> Any:
    """Return the machine code of the function `kernel` that a generated module defines."""
    return compiled(signature, generated_module(source).__dict__["kernel"])


def generated_module(source: str) -> ModuleType:
    """Return the module of a source, with the file in the cache directory by which Numba keys its machine code."""
    version = sys.modules[__name__.split(".")[0]].__version__
    key = hashlib.sha256(f"{version}\n{source}".encode()).hexdigest()[:32]
    path = _cache_directory() / f"sdetheory_block_{key}.py"
    if not (path.is_file() and path.read_bytes() == source.encode()):
        _write(path, source)
    # Numba's cache looks the module up by name when it loads machine code in another process.
    module = sys.modules[path.stem] = ModuleType(path.stem)
    module.__file__ = str(path)
    exec(compile(source, str(path), "exec"), module.__dict__)
    return module


def _write(path: Path, text: str) -> None:
    """Put a file in its place as a whole, or leave nothing behind."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".tmp", delete=False, encoding="utf-8") as file:
        try:
            file.write(text)
            file.close()
            os.replace(file.name, path)
        except BaseException:
            file.close()
            os.unlink(file.name)
            raise


@cache
def _cache_directory() -> Path:
    """Return the user's cache directory for kernels, or a temporary one where it cannot be trusted or written."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    directory = base / "sdetheory" / "kernels"
    try:
        directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)
        if _trusted(directory) and os.access(directory, os.W_OK):
            if sys.platform != "win32":
                directory.chmod(0o700)
            return directory
    except OSError:
        pass
    temporary = tempfile.mkdtemp(prefix="sdetheory-")
    # Unlike atexit's, these are also called at the end of the processes that multiprocessing starts.
    Finalize(None, shutil.rmtree, args=(temporary, True), exitpriority=0)
    return Path(temporary)


def _trusted(directory: Path) -> bool:
    """Whether nobody else can have written into the directory."""
    if sys.platform == "win32":
        return True
    status = directory.stat()
    return status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
