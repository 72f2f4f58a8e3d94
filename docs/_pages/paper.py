"""The story of the paper and the list of all claims, written from the registry: no verdict is written by hand."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from paper_checks.registry import PAPERS
from sdetheory.claims import Claim, Figure, Paper, Registry
from sdetheory.claims.words import KINDS_OF_VERDICT, catalogue, kind_of, summary

from ._files import ROOT, fill, kept, put

REGISTRY = Registry(PAPERS.values())
STORY = PAPERS["smith_le_2018"]
# What the paper is known for, in its order, by the claims that say so.
KNOWN_FOR = ("C05", "C08", "C09", "C53", "C58", "C03", "C62", "C108", "C91", "C06", "C120")
# A chapter: its title, the sections of the paper that it covers, and what it is about.
CHAPTERS = (
    (
        "The evidence of a model",
        ("§2",),
        "A model is trusted as far as it predicted the data before it saw them. Near a minimum that probability is the "
        "depth of the minimum times its breadth, in units of the prior: the Occam factor. Curvature depends on the "
        "coordinates; the evidence does not.",
    ),
    (
        "Random labels and true ones",
        ("§3",),
        "A linear model with a weak prior memorizes random labels, and generalizes on true ones. The evidence is to "
        "tell the two apart, from the training data alone.",
    ),
    (
        "An optimum batch size",
        ("§1", "§4", "Appendix B"),
        "With the learning rate held fixed, test accuracy peaks at some batch size: noise drives the weights to broad "
        "minima, the gradient to deep ones.",
    ),
    (
        "SGD as a stochastic differential equation",
        ("§5", "Appendix C", "Appendix D", "Appendix E"),
        "The noise of minibatches has the covariance N(N/B − 1)F; so one number, g = ε(N/B − 1), says how noisy "
        "training is, and what has to grow with what.",
    ),
    (
        "Where the noise leads",
        ("Appendix A", "Abstract"),
        "Isotropic noise of temperature 1 occupies minima in proportion to their evidence. The noise of SGD is not "
        "isotropic.",
    ),
)
# What one claim of a kind does, and what several do.
WORDS = {
    "holds": ("holds as stated", "hold as stated"),
    "holds under": ("holds under an added condition", "hold under an added condition"),
    "holds to": ("holds to an order", "hold to an order"),
    "fails here": ("fails here", "fail here"),
    "open": ("is open", "are open"),
}


def write(docs: Path) -> None:
    """Write docs/paper/story.md, docs/paper/claims.md and the figures of the story."""
    drawn = _drawn()
    pictures = {f"{f.claim}.png": (drawn / f"{f.claim}-1.png").read_bytes() for f in STORY.figures}
    fill(docs / "paper" / "figures", pictures)
    put(docs / "paper" / "claims.md", catalogue(REGISTRY.papers))
    put(docs / "paper" / "story.md", _story(STORY))


def _drawn() -> Path:
    """Return the folder of a report: that of ``SDETHEORY_REPORT``, or one of the checks that draw the figures."""
    if folder := os.environ.get("SDETHEORY_REPORT"):
        return Path(folder)
    sources = [*(ROOT / "paper_checks").glob("*.py"), *(ROOT / "paper_checks" / "smith_le_2018").glob("*.py")]
    return kept("report", sources, _decide)


def _decide(folder: Path) -> None:
    chosen = [word for figure in STORY.figures for word in ("--claim", figure.claim)]
    command = [sys.executable, "-m", "pytest", "-q", "paper_checks/", *chosen, "--report", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "MPLBACKEND": "Agg"}, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the checks that draw the figures fail:\n{done.stdout[-4000:]}")


def _story(paper: Paper) -> str:
    own = [claim for claim in paper.claims if claim.whose == "paper"]
    lines = [
        "# What the paper claims, and what is found",
        "",
        f"*{paper.reference}.*",
        "",
        "Every statement below is decided by a check that runs: `pytest paper_checks/` compares a prediction with a "
        "measurement, and shows that a plausible wrong formula would be rejected. This page is written from the "
        "registry that those checks have to bear out. [All claims, of all papers](claims.md), and "
        "[whether a mistake would be noticed](trust.md).",
        "",
        f"**Of its {len(own)} own statements** {_counted(own)}.",
        "",
        *(line for finding in paper.findings for line in (finding, "")),
        "## What it is known for",
        "",
        "| the paper says | what is found |",
        "| --- | --- |",
        *(f"| {_cell(REGISTRY.claims[name].statement)} | {_badge(REGISTRY.claims[name])} |" for name in KNOWN_FOR),
        "",
    ]
    for title, sections, about in CHAPTERS:
        members = [claim for claim in paper.claims if claim.section.split(" with")[0] in sections]
        lines += [f"## {title}", "", about, "", *_chapter(members, paper.figures)]
    told = {section for _, sections, _ in CHAPTERS for section in sections}
    if rest := [claim for claim in paper.claims if claim.section.split(" with")[0] not in told]:
        lines += ["## And besides", "", *_chapter(rest, paper.figures)]
    lines += ["## What is open, and what would decide it", ""]
    for claim in paper.claims:
        if claim.is_open:
            lines += [f"- {claim.statement} ({claim.id}) *{_capital(claim.needs)}.*", ""]
    lines += ["## Other papers", "", summary(REGISTRY.papers), ""]
    return "\n".join(lines)


def _chapter(members: Sequence[Claim], figures: Sequence[Figure]) -> list[str]:
    lines = []
    for claim in members:
        for figure in figures:
            if figure.claim == claim.id:
                alt = f"Our figure for claim {claim.id}. {figure.shows}".replace("[", "(").replace("]", ")")
                lines += [f"![{alt}](figures/{claim.id}.png)", ""]
                lines += [f"*Ours, beside the paper's figure {figure.number}, which shows: {figure.shows}*", ""]
    titles = {"paper": "What it says", "reading": "What follows, as we read it", "objection": "What others object"}
    for whose, title in titles.items():
        if shown := [claim for claim in members if claim.whose == whose]:
            lines += [f"**{title}** ({_counted(shown)})", ""]
            lines += [f"- {claim.statement} {_badge(claim)}" for claim in shown]
            lines += [""]
    return lines


def _counted(claims: Sequence[Claim]) -> str:
    """Say how many claims have which kind of verdict."""
    table = Counter(kind_of(claim.verdict) for claim in claims)
    return ", ".join(f"{table[kind]} {WORDS[kind][table[kind] > 1]}" for kind in KINDS_OF_VERDICT if table[kind])


def _badge(claim: Claim) -> str:
    kind = {"holds": "holds", "fails here": "fails", "open": "open"}.get(kind_of(claim.verdict), "conditional")
    return f"[{claim.verdict}]{{.verdict .{kind}}} [{claim.id}, {claim.where}]{{.place}}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
