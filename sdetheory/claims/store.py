"""Keeps what the full profile has done, so that it can be stopped and started again."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any


def location(folder: Path, identity: str, test_file: Path, seed: int) -> Path:
    """Return the file of a claim: another one if the seed, the check or a version changes."""
    versions = [version(name) for name in ("sdetheory", "numpy", "scipy", "numba")] + [platform.python_version()]
    text = json.dumps([seed, versions, test_file.read_text(encoding="utf-8")])
    return folder / f"{identity}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"


def write(path: Path, outcome: dict[str, Any]) -> None:
    """Write at once or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    unfinished.write_text(json.dumps(outcome), encoding="utf-8")
    os.replace(unfinished, path)
