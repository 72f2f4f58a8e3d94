"""Results in files: arrays, and a header that says what they are, what made them and how to make them again."""

from __future__ import annotations

import datetime
import os
from typing import Any

from .. import _validate
from ..engine import archive
from ..engine.caution import warn
from ..errors import InvalidInputError
from ..studies._study_file import versions
from ._records import NotKept, Reader, Writer

_KIND = "a result of sdetheory"
_FORMAT = 1
"""Raised when files are written that older versions would misread; a newer version reads all formats before its own."""


def save(result: Any, path: str | os.PathLike[str]) -> None:
    """Write a result to a file, to be read by :func:`load`.

    Parameters
    ----------
    result : object
        What a function of this package returned: a run, a sample, a law, an estimate, a study, a fit.
    path : path
        Where to write; a file that is there is replaced in one move. By custom it ends in ``.npz``.

    Raises
    ------
    InvalidInputError
        `result` is none of this package, or nothing of it is data; the file cannot be written.

    Warns
    -----
    RuntimeWarning
        A part is code and no data, such as a drift that is a function of your own. It is left out, and in its place
        stands an object that says so when it is used.

    Notes
    -----
    The file is NumPy's .npz without pickles, and reading it runs no code of it: arrays, and a header in JSON with the
    kind of the file, the number of its format, versions, the time, and a SHA-256 of everything. Formulas are kept as
    trees, floats to the last bit; ``replay`` of a result that was loaded repeats the run. ``numpy.load(path)`` opens
    the arrays in any environment.

    Examples
    --------
    >>> import tempfile, pathlib, sdetheory as st
    >>> sde = st.langevin(st.landscapes.double_well(), temperature=0.1)
    >>> run = st.simulate(sde, [-1.0], dt=0.01, n_steps=20, n_paths=3, rng=1)
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "run.npz"
    >>> st.save(run, path)
    >>> again = st.simulate(**st.load(path).replay)
    >>> (again.final == run.final).all()
    np.True_
    """
    place = _validate.file_path("path", path)
    kind = type(result)
    if isinstance(result, type) or not (kind.__module__ or "").startswith("sdetheory.") or kind is NotKept:
        raise InvalidInputError(
            f"result must be an object of this package, such as a run; got {_validate.shown(result)}. Arrays of your "
            "own are kept by numpy.savez."
        )
    name, writer = kind.__name__, Writer()
    tree = writer.tree(result, name)
    if name in writer.missing:
        raise InvalidInputError(
            f"result must be data; {_validate.shown(result)} is made of functions, which no file of data can hold. "
            "Save what was computed with it."
        )
    if writer.missing:
        warn(
            f"{', '.join(writer.missing)}: not in the file, since it is code and no data; what is loaded says so in "
            "its place, and a replay needs it made again",
            RuntimeWarning,
        )
    header = {
        "kind": _KIND, "format": _FORMAT, "result": name, "versions": versions(),
        "written": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), "tree": tree,
    }  # fmt: skip
    try:
        archive.write(place, header, writer.arrays)
    except OSError as error:
        raise InvalidInputError(f"path {str(place)!r} cannot be written ({error})") from None


def load(path: str | os.PathLike[str]) -> Any:
    """Return the result that :func:`save` wrote to a file.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    object
        The result, to the same bits. What was no data is an object that says so when it is used.

    Raises
    ------
    InvalidInputError
        There is no such file; it is damaged, was written by something else, or by a version of this package whose
        files this one cannot read. The message names the file and, of the last, the version.
    """
    place = _validate.file_path("path", path, new=False)
    try:
        header, arrays = archive.read(place)
    except archive.DamagedError as error:
        raise InvalidInputError(
            f"path {str(place)!r} is not a whole file of sdetheory.save: truncated, altered or something else ({error})"
        ) from None
    if header.get("kind") != _KIND:
        raise InvalidInputError(f"path {str(place)!r} is a file of something else, such as a checkpoint, no result")
    writer = header.get("versions", {}).get("sdetheory", "unknown")
    if header["format"] > _FORMAT:
        raise InvalidInputError(
            f"path {str(place)!r} has format {header['format']}, of sdetheory {writer}; this version reads formats up "
            f"to {_FORMAT}. Update sdetheory."
        )
    try:
        return Reader(arrays).value(header["tree"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInputError(
            f"path {str(place)!r} was written by sdetheory {writer} and cannot be read by this version: {error}. Read "
            "it with that version, or open its arrays with numpy.load."
        ) from None
