"""A page for each module of derivations, proved anew when it or the prover changes, and an index with the results.

The tests prove them all anyway: with ``SDETHEORY_GALLERY=DIR`` they leave the pages there, in a folder of their own.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
from pathlib import Path

from derivations.__main__ import main, modules

from ._files import ROOT, fill, kept

# The chapters of the index: a title, and the modules that belong to it in order of reading.
CHAPTERS = {
    "The noise of SGD": ("noise_scale", "momentum", "gradient_noise_scale", "optimum_batch_size"),
    "SGD and equations in continuous time": (
        *("modified_equations", "svag", "random_reshuffling", "implicit_regularization"),
    ),
    "Where the noise leads": ("gibbs_law", "ornstein_uhlenbeck", "fluctuation_dissipation"),
    "Escape": ("kramers", "eyring_kramers", "anisotropic_escape"),
    "Evidence": ("evidence_laplace", "reparameterization", "basins_and_evidence"),
}


def write(docs: Path) -> None:
    """Write docs/derivations."""
    pages = {path.name: _in_one_line(path.read_text(encoding="utf-8")) for path in _proved().glob("*.md")}
    purpose = {m.__name__.rpartition(".")[2]: _first_sentence(m.__doc__ or "") for m in modules()}
    named = {name for chapter in CHAPTERS.values() for name in chapter}
    chapters = {**CHAPTERS, "More": tuple(name for name in purpose if name not in named)}
    lines = [
        "# Derivations",
        "",
        "Each page goes from its assumptions to its results in steps that SymPy proves as the page is written, and "
        "ends by meeting the numerics of the package. [What counts as proof](../lookup/proofs.md) lists the rules.",
    ]
    for title, names in chapters.items():
        if members := [name for name in names if name in purpose]:
            lines += ["", f"## {title}", ""]
            for name in members:
                titles = re.findall(r"^# (.+)$", pages[f"{name}.md"], flags=re.M)
                lines += [f"- [{_title(name)}]({name}.md): {purpose[name]}", ""]
                lines += [f"  - {heading}" for heading in titles if len(titles) > 1]
    entries = "\n".join(f"{_title(name)} <{name}>" for names in chapters.values() for name in names if name in purpose)
    lines += ["", "```{toctree}", ":hidden:", "", entries, "```", ""]
    fill(docs / "derivations", {**pages, "index.md": "\n".join(lines)})


def _proved() -> Path:
    """Return the folder of the pages: where the tests have left them, or one that is filled here."""
    if (gallery := os.environ.get("SDETHEORY_GALLERY")) and (made := Path(gallery) / "derivations").exists():
        return made
    sources = [*(ROOT / "derivations").glob("*.py"), *(ROOT / "sdetheory" / "symbolic").rglob("*.py")]
    return kept("derivations", sources, _prove)


def _prove(folder: Path) -> None:
    with contextlib.redirect_stdout(io.StringIO()) as output:
        if main(["--markdown", str(folder)]):
            raise RuntimeError(output.getvalue())


def _in_one_line(page: str) -> str:
    """Let a numbered formula that has a line break in an index be one formula: Sphinx would split it at the break."""
    broken = r"^\$\$\n(.*\\\\.*\\tag\{.*)\n\$\$$"
    return re.sub(broken, r"\\begin{equation*}\n\1\n\\end{equation*}", page, flags=re.M)


def _title(name: str) -> str:
    known = {"svag": "SVAG", "ornstein_uhlenbeck": "Ornstein–Uhlenbeck process", "eyring_kramers": "Eyring and Kramers"}
    return known.get(name, name.replace("_", " ").capitalize().replace("kramers", "Kramers").replace("gibbs", "Gibbs"))


def _first_sentence(docstring: str) -> str:
    """Return a docstring's first sentence, without the words before its colon."""
    text = " ".join(docstring.split("\n\n")[0].split())
    text = text.partition(": ")[2] or text
    return text[:1].upper() + text[1:]
