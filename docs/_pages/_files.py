"""Folders of generated files: what takes long is kept in ``docs/.cache``; what has not changed is not written again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "docs" / ".cache"


def kept(name: str, sources: Iterable[Path], make: Callable[[Path], None]) -> Path:
    """Return a folder that ``make(folder)`` has filled since its sources changed; make it, if there is none.

    The mark is written last: a build that was stopped begins that folder again.
    """
    folder, mark = CACHE / name, CACHE / name / "sources"
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(sources))).hexdigest()
    if not mark.exists() or mark.read_text(encoding="utf-8") != digest:
        folder.mkdir(parents=True, exist_ok=True)
        mark.unlink(missing_ok=True)
        make(folder)
        mark.write_text(digest, encoding="utf-8")
    return folder


def put(path: Path, content: str | bytes) -> None:
    """Write a file, unless it says that already: Sphinx reads again what is younger than the site."""
    data = content.encode() if isinstance(content, str) else content
    if not path.exists() or path.read_bytes() != data:
        path.write_bytes(data)


def fill(folder: Path, contents: Mapping[str, str | bytes]) -> None:
    """Let a folder hold these files and no others."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.name not in contents:
            path.unlink()
    for name, content in contents.items():
        put(folder / name, content)
