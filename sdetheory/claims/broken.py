"""Does a wrong formula turn a claim red? Formulas are broken one at a time, in a copy of the project, to see."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import InvalidInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """A mistake: in a file of a project, a piece of text that occurs once and what it becomes.

    Parameters
    ----------
    mistake : str
        What is wrong, in words.
    file : str
        Path of the file from the folder of the project.
    right, wrong : str
        The text, and what stands in its place.
    claims : tuple of str
        Those that should notice.

    Examples
    --------
    >>> slip = Break(mistake="no half", file="energy.py", right="0.5 * x**2", wrong="x**2", claims=("X1",))
    >>> slip.applied("energy = 0.5 * x**2")
    'energy = x**2'
    """

    mistake: str
    file: str
    right: str
    wrong: str
    claims: tuple[str, ...]

    def applied(self, text: str) -> str:
        """Return the text of the file with the mistake in it.

        Raises
        ------
        InvalidInputError
            The right piece is not there once.
        """
        if text.count(self.right) != 1:
            raise InvalidInputError(f"{self.file} must have {self.right!r} once; got {text.count(self.right)}")
        return text.replace(self.right, self.wrong)


def red(broken: Break, *, root: Path, folder: str) -> list[str]:
    """Return those of its claims, of the checks in `folder` of the project, that turn red."""
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / "copy"
        shutil.copytree(root, copy, ignore=shutil.ignore_patterns(".*", "figures", "__pycache__"))
        path = copy / broken.file
        path.write_text(broken.applied(path.read_text(encoding="utf-8")), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder]
        command += [f"--claim={claim}" for claim in broken.claims]
        environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONIOENCODING": "utf-8"}
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, encoding="utf-8", check=False)
    return re.findall(r"^([A-Z]+\d+) .*  RED ", done.stdout, flags=re.MULTILINE)


def main(breaks: Iterable[Break], *, root: Path, folder: str) -> None:
    """Break, look, and print; it is an error if a mistake turns nothing red. ``--write FILE`` writes the table."""
    parser = argparse.ArgumentParser(description="Break formulas one at a time, and see which claims turn red.")
    parser.add_argument("--write", metavar="FILE", type=Path, help="where the table goes, as Markdown")
    file = parser.parse_args().write
    lines = ["| mistake | file | claims that turn red | that were asked |", "| --- | --- | --- | --- |"]
    silent = []
    for broken in breaks:
        found = red(broken, root=root, folder=folder)
        silent += [] if found else [broken.mistake]
        lines.append(f"| {broken.mistake} | `{broken.file}` | {', '.join(found)} | {', '.join(broken.claims)} |")
        print(lines[-1], flush=True)
    if file:
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if silent:
        sys.exit(f"no claim turned red for: {'; '.join(silent)}")
