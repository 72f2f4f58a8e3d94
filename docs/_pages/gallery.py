"""The gallery: a page for each script of ``examples/``, with its text, its code, what it prints and what it draws.

A script is run when it has changed since its figure was drawn. The tests run them all anyway: with
``SDETHEORY_GALLERY=DIR`` they leave what comes of it in that folder, and the gallery takes it from there.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ._files import ROOT, fill, kept

# The order of the gallery; an example that is not named here comes at the end.
ORDER = (
    *("quickstart", "double_well", "first_passage", "mueller_brown", "optimum_batch_size"),
    *("predicted_batch_size", "evidence_and_generalization", "four_witnesses", "convergence", "ensemble_on_dask"),
)


@dataclass(frozen=True, slots=True)
class Example:
    """A script in percent format: pairs of a kind of cell, "markdown" or "code", and its text."""

    path: Path
    cells: tuple[tuple[str, str], ...]

    @property
    def title(self) -> str:
        """The heading of the first cell."""
        return self.cells[0][1].partition("\n")[0].removeprefix("# ")

    @property
    def introduction(self) -> str:
        """The first cell without its heading."""
        return self.cells[0][1].partition("\n")[2].strip()

    @property
    def first_sentence(self) -> str:
        """What a card of the gallery and the description of the figure say."""
        text = " ".join(self.introduction.split("\n\n")[0].split())
        return re.split(r"(?<=[.?])\s", text, maxsplit=1)[0].rstrip(":.") + "."


def read(path: Path) -> Example:
    """Return a script taken apart into its cells."""
    cells = []
    for part in re.split(r"^# %%", path.read_text(encoding="utf-8"), flags=re.M)[1:]:
        marker, _, text = part.partition("\n")
        if "[markdown]" in marker:
            cells.append(("markdown", re.sub(r"^# ?", "", text, flags=re.M).strip()))
        elif text.strip():
            cells.append(("code", text.strip("\n")))
    return Example(path, tuple(cells))


def write(docs: Path) -> None:
    """Write docs/gallery."""
    paths = sorted((ROOT / "examples").glob("*.py"), key=lambda path: _place(path.stem))
    examples = [read(path) for path in paths]
    contents: dict[str, str | bytes] = {}
    for example in examples:
        contents |= _page(example)
    cards = [_card(example) for example in examples]
    entries = "\n".join(example.path.stem for example in examples)
    page = (
        "# Gallery\n\nEach example is a script of `examples/`: take it, change it, run it. "
        "Each draws the theory beside the sample.\n\n"
        f"::::{{container}} cards\n{''.join(cards)}::::\n\n```{{toctree}}\n:hidden:\n\n{entries}\n```\n"
    )
    fill(docs / "gallery", {**contents, "index.md": page})


def _place(name: str) -> tuple[int, str]:
    return (ORDER.index(name) if name in ORDER else len(ORDER), name)


def _page(example: Example) -> dict[str, str | bytes]:
    stem = example.path.stem
    made = Path(os.environ.get("SDETHEORY_GALLERY", ""))
    if not (made / f"{stem}.png").exists():
        made = kept(f"examples/{stem}", [example.path], lambda into: _run(example.path, into))
    lines = [f"# {example.title}", "", example.introduction, "", f"![{_described(example)}]({stem}.png)", ""]
    lines += [f"Download {{download}}`{stem}.py <../../examples/{stem}.py>`.", ""]
    for kind, text in example.cells[1:]:
        lines += [text, ""] if kind == "markdown" else ["```{code-block} python", text, "```", ""]
    printed = (made / f"{stem}.txt").read_text(encoding="utf-8").strip()
    if printed:
        lines += ["## What it prints", "", "```{code-block} text", printed, "```", ""]
    return {f"{stem}.md": "\n".join(lines), f"{stem}.png": (made / f"{stem}.png").read_bytes()}


def _run(script: Path, into: Path) -> None:
    """Run an example in a folder of its own and keep its figure and what it prints."""
    scratch = into / "run"
    scratch.mkdir(exist_ok=True)
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=scratch,
        env={**os.environ, "MPLBACKEND": "Agg", "PYTHONPATH": paths},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"examples/{script.name} fails:\n{done.stderr}")
    shutil.copy(scratch / "figures" / f"{script.stem}.png", into)
    (into / f"{script.stem}.txt").write_text(done.stdout, encoding="utf-8")
    shutil.rmtree(scratch)


def _described(example: Example) -> str:
    """Describe the figure in words, for those who do not see it."""
    return f"Figure of the example “{example.title}”: {example.first_sentence}".replace("[", "(").replace("]", ")")


def _card(example: Example) -> str:
    stem = example.path.stem
    return (
        f":::{{container}} card-of-example\n[![{_described(example)}]({stem}.png)]({stem}.md)\n\n"
        f"**[{example.title}]({stem}.md)**\n\n{example.first_sentence}\n:::\n"
    )
