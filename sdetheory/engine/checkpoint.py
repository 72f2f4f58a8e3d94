"""Checkpoints: the whole state of a run in one file, replaced atomically and refused unless it is the right one."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _validate
from ..errors import InvalidInputError
from . import archive
from .archive import Arrays
from .caution import warn

_FORMAT = 2
_INTERVAL = 5.0
"""Seconds between two writings; more where one takes longer than a tenth of that."""


class Checkpoint:
    """A file that holds how far a run came; with no path, nothing is ever written or found.

    The file is one of :mod:`.archive`, so its place holds one whole checkpoint at any time.
    """

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self.path: Path | None = None
        self._header: dict[str, Any] = {}
        self._arrays: dict[str, NDArray[Any]] = {}
        self._run: dict[str, Any] = {}
        self._due, self._warned = 0.0, False
        if path is None:
            return
        try:
            self.path = Path(path).resolve()
            found = self.path.exists()
        except (TypeError, ValueError, OSError, RuntimeError) as error:  # also a null, a name too long, a loop of links
            raise InvalidInputError(
                f"checkpoint must be a path or None; got {_validate.shown(path)} ({type(error).__name__})"
            ) from None
        if found:
            self._header, self._arrays = _read(self.path)

    def rng(self, rng: Any) -> Any:
        """Return the seed in the file where the caller gave none."""
        if rng is not None or not self._header:
            return rng
        return np.random.SeedSequence(**self._header["run"].get("rng", {}))

    def begin(self, run: Mapping[str, Any], empty: Arrays) -> tuple[int, dict[str, NDArray[Any]]]:
        """Return the step and the arrays to go on from: those of the file, or 0 and `empty`.

        Raises
        ------
        InvalidInputError
            The file belongs to another run, or its place cannot be written.
        """
        if self.path is None:
            return 0, dict(empty)
        self._run = json.loads(json.dumps(run))
        step, arrays = 0, dict(empty)
        if self._header:
            self._compare(self._header["run"])
            step, arrays = self._header["step"], self._arrays
        try:
            self._write(step, arrays)
        except OSError as error:
            raise InvalidInputError(
                f"checkpoint {str(self.path)!r} cannot be written ({error}). Give a path in a folder that exists, may "
                "be written and has space."
            ) from None
        return step, arrays

    def offer(self, step: int, arrays: Arrays) -> None:
        """Save, unless that was done a moment ago."""
        if self.path is not None and time.monotonic() >= self._due:
            self.save(step, arrays)

    def save(self, step: int, arrays: Arrays) -> None:
        """Save; where that fails, warn once and leave the last checkpoint as it is."""
        if self.path is None:
            return
        try:
            self._write(step, arrays)
            self._warned = False
        except OSError as error:
            self._due = time.monotonic() + _INTERVAL
            if not self._warned:
                self._warned = True
                warn(
                    f"checkpoint {str(self.path)!r} could not be written ({error}); the one before remains, and the "
                    "run goes on",
                    RuntimeWarning,
                )

    def _write(self, step: int, arrays: Arrays) -> None:
        assert self.path is not None
        begun = time.monotonic()
        archive.write(self.path, {"run": self._run, "step": step}, arrays)
        now = time.monotonic()
        self._due = now + max(_INTERVAL, 10 * (now - begun))

    def _compare(self, stored: Mapping[str, Any]) -> None:
        """Refuse the checkpoint of another run, and say what differs."""
        for name in {**self._run, **stored}:
            here, there = self._run.get(name), stored.get(name)
            if here != there:
                values = f": {there!r:.60} in the file, {here!r:.60} now" if _short(here) and _short(there) else ""
                raise InvalidInputError(
                    f"checkpoint {str(self.path)!r} belongs to another run; {name} differs{values}. Give the arguments "
                    "of that run to go on with it, or another path to start a new one."
                )


def _read(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return header and arrays of a file that is whole."""
    try:
        return archive.read(path)
    except archive.DamagedError as error:
        raise InvalidInputError(
            f"checkpoint {str(path)!r} is not a whole checkpoint: truncated, altered or something else ({error}). "
            "Give another path, or remove the file to start anew."
        ) from None


def identity(function: str) -> dict[str, Any]:
    """Return what every run is marked with: the format of the file, the version of the package, what runs."""
    version = ".".join(sys.modules[__name__.split(".")[0]].__version__.split(".")[:2])
    return {"format": _FORMAT, "version of sdetheory": version, "function": function}


def describe_seed(seed: np.random.SeedSequence) -> dict[str, Any]:
    """Return the arguments that make a seed again, in what JSON can hold."""
    entropy = seed.entropy
    return {
        "entropy": int(entropy) if np.ndim(entropy) == 0 else [int(part) for part in entropy],  # pyright: ignore[reportArgumentType, reportGeneralTypeIssues, reportOptionalIterable]
        "spawn_key": [int(part) for part in seed.spawn_key],
        "pool_size": seed.pool_size,
    }


def _short(value: Any) -> bool:
    return not (isinstance(value, list) or (isinstance(value, str) and len(value) == 64))
