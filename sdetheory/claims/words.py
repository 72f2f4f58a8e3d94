"""What a report says of claims, in words and in numbers of verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from .claim import Claim, Paper
from .outcome import Outcome

TITLE = "The claims, and what became of them"
LEGEND = (
    "z is the distance from the prediction in standard errors; Δ, where nothing is random, the relative difference. "
    "RED means that the check failed: the measurement does not bear out the verdict that the registry states. "
    "A claim that fails here has a check that passes: it asserts the failure, and turns red should the claim hold. "
    "The check of an open claim asserts that the data allow the claim and its rival alike. "
    "A claim says in which public text it was read, and so does every number and detail of protocol that is a paper's; "
    "what names no text is recalled, and with it its section and equation."
)
KINDS_OF_VERDICT = ("holds", "holds under", "holds to", "fails here", "open")
OWNERS = {"paper": "the paper's own statement", "reading": "our reading of it", "objection": "an objection to it"}


def kind_of(verdict: str) -> str:
    """Return the kind of a verdict.

    Examples
    --------
    >>> kind_of("holds under isotropic noise"), kind_of("holds to O(1/N)"), kind_of("holds")
    ('holds under', 'holds to', 'holds')
    """
    return next((kind for kind in reversed(KINDS_OF_VERDICT) if verdict.startswith(kind)), verdict)


def counts(papers: Iterable[Paper]) -> list[tuple[str, ...]]:
    """Return how many claims have which verdict: a line a paper for its own statements, and one for each of the rest.

    The last three lines are the sums.

    Examples
    --------
    >>> counts([])[1]
    ('all papers: their own statements', '0', '0', '0', '0', '0', '0')
    """
    sums: dict[str, Counter[str]] = {whose: Counter() for whose in OWNERS}
    rows = [("whose claims", "claims", *KINDS_OF_VERDICT)]
    for paper in papers:
        for whose, title in zip(OWNERS, (paper.name, "– our readings of it", "– objections to it"), strict=True):
            table = Counter(kind_of(claim.verdict) for claim in paper.claims if claim.whose == whose)
            sums[whose] = sums[whose] + table
            rows += [_counted(title, table)] if table else []
    titles = ("all papers: their own statements", "all papers: our readings", "all papers: objections")
    return rows + [_counted(title, table) for title, table in zip(titles, sums.values(), strict=True)]


def _counted(title: str, table: Counter[str]) -> tuple[str, ...]:
    return (title, str(table.total()), *(str(table[kind]) for kind in KINDS_OF_VERDICT))


def summary(papers: Iterable[Paper]) -> str:
    """Return the table of `counts` as Markdown."""
    header, *rows = counts(papers)
    lines = [header, ("---", *["---:"] * (len(header) - 1)), *rows]
    return "\n".join(cells(line) for line in lines) + "\n"


def headline(papers: Sequence[Paper]) -> str:
    """Return the lines of the first paper and the sums as Markdown."""
    header, *rows = counts(papers)
    own = len(counts(papers[:1])) - 4
    lines = [header, ("---", *["---:"] * (len(header) - 1)), *rows[:own], *rows[-3:]]
    return "\n".join(cells(line) for line in lines) + "\n"


def cells(row: Sequence[str]) -> str:
    """Return a row of a table in Markdown."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def catalogue(papers: Sequence[Paper]) -> str:
    """Return all claims and their verdicts as Markdown, without a run."""
    lines = ["# Claims", "", "`pytest paper_checks/` decides them. What is found:", "", summary(papers)]
    for paper in papers:
        lines += [f"## {paper.name}", "", f"{paper.reference}.", ""]
        for claim in paper.claims:
            fine = f" Assumes: {'; '.join(claim.assumptions)}." if claim.assumptions else ""
            fine += " " + " ".join(origin(claim))
            lines.append(f"- **{claim.id}**, {claim.where}: {claim.statement} *{claim.verdict}*.{fine}")
        lines += [f"- {old} is part of **{new}** now." for old, new in paper.superseded.items()]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def origin(claim: Claim) -> Iterator[str]:
    """Say whose a claim is, where that and its numbers were read, and what would decide it."""
    source = f" (read in {claim.read_in})" if claim.read_in else " (recalled)" if claim.whose == "paper" else ""
    yield f"This is {OWNERS[claim.whose]}{source}."
    if claim.details:
        yield f"The paper's setting: {'; '.join(map(str, claim.details))}."
    if claim.needs:
        yield f"What would decide it: {claim.needs}."


def details(outcome: Outcome) -> Iterator[str]:
    """Say what a check takes for granted, whose claim it decides, and what it compared and rejected."""
    claim = outcome.claim
    yield f"Kind: {claim.kind}."
    if claim.assumptions:
        yield f"Assumes: {'; '.join(claim.assumptions)}."
    yield from origin(claim)
    for shown in outcome.comparisons:
        rejected = [f"{name} ({'accepted' if yes else 'rejected'})" for name, yes in shown["controls"].items()]
        what = f"{shown['label']}: " if shown["label"] else ""
        distance = f", {shown['z'] if shown['z'].startswith('Δ') else 'z = ' + shown['z']}" if shown["z"] else ""
        rule = f", decided by {shown['rule']}" if shown.get("rule") else ""  # kept ones of earlier versions have none
        yield (
            f"{what}predicted {shown['predicted']}, measured {shown['measured']}{distance}{rule}. "
            f"Negative controls: {', '.join(rejected)}."
        )


def figures(paper: Paper, outcome: Outcome) -> list[str]:
    """Return what the paper's figures show, beside which the report shows ours."""
    return [f"Figure {f.number} of the paper: {f.shows}" for f in paper.figures if f.claim == outcome.claim.id]
