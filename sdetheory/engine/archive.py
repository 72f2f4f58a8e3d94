"""Files of arrays under a header: written as a whole or not at all, read as a whole or refused."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]


class DamagedError(Exception):
    """The file is none of these, or not as it was written; the text says what is wrong with it."""


def write(path: Path, header: Mapping[str, Any], arrays: Arrays) -> None:
    """Write an .npz without pickles: the arrays, and the header in JSON with the SHA-256 of everything.

    It is written beside its place, flushed to the disk and moved there, so that the place holds one whole file at any
    time.
    """
    text = json.dumps({**header, "checksum": _checksum(header, arrays)})
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("wb") as file:
            np.savez(file, header=np.frombuffer(text.encode(), np.uint8), **dict(arrays))  # pyright: ignore[reportArgumentType]
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    if sys.platform != "win32":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def read(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return header and arrays of a file that is whole; raise DamagedError for any other."""
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        header = json.loads(arrays.pop("header").tobytes())
        if header.pop("checksum") != _checksum(header, arrays):
            raise ValueError("the checksum does not fit")
        return header, arrays
    # A damaged zip shows itself in all these ways; NotImplementedError is zipfile's for a method it does not know.
    except (OSError, ValueError, TypeError, KeyError, EOFError, AttributeError, zipfile.BadZipFile, zlib.error,
            NotImplementedError, RuntimeError) as error:  # fmt: skip
        raise DamagedError(str(error)) from None


def _checksum(header: Mapping[str, Any], arrays: Arrays) -> str:
    return hashlib.sha256((json.dumps(header) + digest([*arrays], *arrays.values())).encode()).hexdigest()


def digest(*parts: Any) -> str:
    """Return a digest of arrays, or of sequences of arrays or of text."""
    digest = hashlib.sha256()
    for part in parts:
        for array in [part] if isinstance(part, np.ndarray) else map(np.asarray, part):
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
