"""``python -m paper_checks`` prints how many claims have which verdict; ``--write FILE`` puts the headlines there.

The table goes between the file's two marks, ``<!-- verdicts -->`` and ``<!-- end of verdicts -->``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sdetheory.claims.words import headline, summary

from .registry import PAPERS

BEGIN, END = "<!-- verdicts -->\n", "<!-- end of verdicts -->"


def replaced(text: str, table: str) -> str:
    """Return `text` with `table` between the marks."""
    before, found, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not (found and ended):
        raise ValueError(f"the file must have the two marks {BEGIN.strip()} and {END}; put them where the table goes")
    return before + BEGIN + table + END + after


def main() -> None:
    """Read the arguments; print or write."""
    parser = argparse.ArgumentParser(prog="python -m paper_checks", description="The verdicts, counted by paper.")
    parser.add_argument("--write", metavar="FILE", type=Path, help="a text file with the two marks, such as README.md")
    file = parser.parse_args().write
    if file is None:
        print(summary(PAPERS.values()), end="")
    else:
        table = headline(list(PAPERS.values()))
        file.write_text(replaced(file.read_text(encoding="utf-8"), table), encoding="utf-8")


if __name__ == "__main__":
    main()
