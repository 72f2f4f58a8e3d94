"""All papers whose claims are checked: each folder beside this file that has a ``claims.py``."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from sdetheory.claims import Paper

_FOLDERS = [path.parent.name for path in Path(__file__).parent.glob("*/claims.py")]

# Smith & Le first, the others in order of the alphabet.
PAPERS: dict[str, Paper] = {
    folder: import_module(f".{folder}.claims", __package__).PAPER
    for folder in sorted(_FOLDERS, key=lambda folder: (folder != "smith_le_2018", folder))
}
