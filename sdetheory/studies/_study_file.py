"""The file of a study: one line of settings and versions, then a row of comma-separated values for each point."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import platform
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from .. import _validate
from ..errors import InvalidInputError

Row = dict[str, Any]

_FORMAT = 1
_KINDS = {
    "batch_size": int, "train_size": int, "seed": int, "n_steps": int, "outcome": str, "diverged_at": int,
    "stopped_at": int, "measured_at": int,
}  # fmt: skip
"""How columns are read; all others are floats."""


class StudyFile:
    """A file that gains a row as each point is done; with no path, rows are kept in memory alone."""

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        settings: Mapping[str, Any],
        columns: Iterable[str],
        start: Mapping[str, float],
    ) -> None:
        try:
            self.path = None if path is None else _validate.file_path("path", path)
        except TypeError:
            raise InvalidInputError(f"path must be a path or None; got {type(path).__name__}") from None
        self.columns = list(columns)
        self.versions = versions()
        self.rows: list[Row] = []
        self.start = dict(start)
        if self.path is None:
            return
        if self.path.exists() and self.path.stat().st_size:
            found, self.versions, self.rows, whole, self.start = read(self.path)
            _compare(self.path, found, json.loads(json.dumps(settings)))
            if self.rows and list(self.rows[0]) != self.columns:
                raise InvalidInputError(
                    f"{self.path} has columns {', '.join(self.rows[0])}; this study writes {', '.join(self.columns)}"
                )
            if not whole:  # a kill cut its last row: that point is done again
                write(self.path, found, self.versions, self.columns, self.rows, self.start)
        else:
            write(self.path, settings, self.versions, self.columns, (), self.start)

    def append(self, row: Row) -> None:
        """Keep a row, on the disk before this returns."""
        self.rows.append(row)
        if self.path is not None:
            with self.path.open("a", encoding="utf-8", newline="") as file:
                file.write(_line(self.columns, row))
                file.flush()
                os.fsync(file.fileno())


def versions() -> dict[str, str]:
    """Return the versions that the numbers may depend on."""
    found = {name: metadata.version(name) for name in ("numpy", "scipy", "numba")}
    with contextlib.suppress(metadata.PackageNotFoundError):  # run from its source
        found = {"sdetheory": metadata.version("sdetheory"), **found}
    return {**found, "python": platform.python_version(), "machine": platform.machine()}


def read(path: Path) -> tuple[dict[str, Any], dict[str, str], list[Row], bool, dict[str, float]]:
    """Return settings, versions and rows of a file, whether its last row is whole, and the metrics at the start."""
    text = path.read_text(encoding="utf-8")
    head, _, body = text.partition("\n")
    try:
        header = json.loads(head.removeprefix("# "))
        settings, found, form = header["settings"], header["versions"], header["format"]
        start = dict(header.get("start", {}))  # which older files do not say
    except (ValueError, KeyError, TypeError):
        raise InvalidInputError(
            f"{path} is not the file of a batch size study. Move it away, or choose another path."
        ) from None
    if form != _FORMAT:
        raise InvalidInputError(f"{path} has format {form}; this version reads format {_FORMAT}")
    whole = body.endswith("\n")
    lines = body.splitlines()[: None if whole else -1]
    rows = [
        {name: _KINDS.get(name, float)(value) for name, value in row.items()}
        for row in csv.DictReader(io.StringIO("\n".join(lines)))
    ]
    return settings, found, rows, whole, start


def write(
    path: Path,
    settings: Mapping[str, Any],
    versions: Mapping[str, str],
    columns: list[str],
    rows: Iterable[Row],
    start: Mapping[str, float],
) -> None:
    """Write a whole file, in one move, so that a kill leaves the old or the new one."""
    known = {"start": dict(start)} if start else {}
    header = json.dumps({"format": _FORMAT, "settings": settings, "versions": versions, **known})
    beside = path.with_name(f"{path.name}.new")
    body = "".join(_line(columns, row) for row in rows)
    beside.write_text(f"# {header}\n{','.join(columns)}\n{body}", encoding="utf-8")
    beside.replace(path)


def _line(columns: list[str], row: Row) -> str:
    """Return a row as text; the fields hold numbers and words without commas."""
    # Six digits are more than any of these measurements has; whole numbers and the settings keep all of theirs.
    keep = ("learning_rate", "momentum", "dampening")
    cells = (
        f"{row[name]:.6g}" if isinstance(row[name], float) and name not in keep else str(row[name]) for name in columns
    )
    return ",".join(cells) + "\n"


def _compare(path: Path, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    different = [name for name in sorted(found.keys() | wanted.keys()) if found.get(name) != wanted.get(name)]
    if different:
        name = different[0]
        others = f" (and {', '.join(different[1:])})" if different[1:] else ""
        raise InvalidInputError(
            f"{path} holds another study: {name} is {found.get(name)!r:.80} in the file and {wanted.get(name)!r:.80} "
            f"now{others}. Resume with the settings of the file, or choose another path."
        )
