"""Does a wrong formula turn a claim red? Formulas are broken one at a time, in a copy of the project, to see."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import InvalidInputError

_HEADING = (
    "| mistake | file | claims that turn red | claims that were asked and stay green |",
    "| --- | --- | --- | --- |",
)


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


@contextmanager
def copied(root: Path) -> Iterator[Path]:
    """Give a copy of the project, in which formulas may be broken one after the other."""
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / "copy"
        shutil.copytree(root, copy, ignore=shutil.ignore_patterns(".*", "figures", "__pycache__"))
        yield copy


@contextmanager
def made(broken: Break, copy: Path) -> Iterator[None]:
    """Let a copy of the project have a mistake; then it is as it was, to the date, so that nothing is compiled anew."""
    path = copy / broken.file
    text, date = path.read_text(encoding="utf-8"), path.stat()
    path.write_text(broken.applied(text), encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(text, encoding="utf-8")
        os.utime(path, ns=(date.st_atime_ns, date.st_mtime_ns))


def red(claims: Iterable[str], *, root: Path, folder: str) -> list[str]:
    """Return those of some claims, of the checks in `folder` of a project, that are red in it as it is."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder]
    command += [f"--claim={claim}" for claim in claims]
    environment = os.environ | {"PYTHONPATH": str(root), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, encoding="utf-8", check=False)
    return re.findall(r"^([A-Z]+\d+) .*  RED ", done.stdout, flags=re.MULTILINE)


def main(breaks: Iterable[Break], *, root: Path, folder: str) -> None:
    """Break, look, and print; it is an error if a mistake turns nothing red, or if a claim is red without one.

    ``--write FILE`` writes the table; ``--only WORD`` makes the mistakes with that word alone, and keeps other rows.
    """
    parser = argparse.ArgumentParser(description="Break formulas one at a time, and see which claims turn red.")
    parser.add_argument("--write", metavar="FILE", type=Path, help="where the table goes, as Markdown")
    parser.add_argument("--only", metavar="WORD", default="", help="the mistakes with this word in their description")
    given, every = parser.parse_args(), list(breaks)
    tried = [broken for broken in every if given.only in broken.mistake]
    rows, silent = _rows(given.write) if given.only and given.write else {}, []
    with copied(root) as copy:
        asked = dict.fromkeys(claim for broken in tried for claim in broken.claims)
        if without := red(asked, root=copy, folder=folder):
            sys.exit(f"red without a mistake: {', '.join(without)}")
        for broken in tried:
            with made(broken, copy):
                found = red(broken.claims, root=copy, folder=folder)
            silent += [] if found else [broken.mistake]
            green = ", ".join(claim for claim in broken.claims if claim not in found)
            rows[broken.mistake] = f"| {broken.mistake} | `{broken.file}` | {', '.join(found)} | {green} |"
            print(rows[broken.mistake], flush=True)
            if given.write:
                lines = [*_HEADING, *(rows[one.mistake] for one in every if one.mistake in rows)]
                given.write.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if silent:
        sys.exit(f"no claim turned red for: {'; '.join(silent)}")


def _rows(file: Path) -> dict[str, str]:
    """Return the rows of a table that was written earlier, by their mistake."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return {line.split(" | ")[0].removeprefix("| "): line for line in lines[len(_HEADING) :]}
