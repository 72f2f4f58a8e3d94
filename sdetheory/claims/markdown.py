"""The report as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from . import words
from .outcome import Outcome
from .registry import Registry

COLUMNS = ("claim", "verdict", "predicted", "measured ± error", "z", "seconds")


def markdown(
    registry: Registry,
    outcomes: Sequence[Outcome],
    sources: Mapping[str, tuple[str, int, str]],
    notes: Mapping[str, str],
    changes: Sequence[str],
) -> str:
    """Return the report: for each section a table, then what each check compared and what it rejected."""
    lines = [f"# {words.TITLE}", ""]
    for paper in registry.papers:
        if paper.findings:
            lines += [f"**{paper.name}.** {' '.join(paper.findings)}", ""]
    if changes:
        lines += ["## What has changed", "", *(f"- {change}" for change in changes), ""]
    lines += ["## All claims", "", words.LEGEND, "", *(f"- {name}: {value}" for name, value in notes.items()), ""]
    lines += [words.summary(registry.papers)]
    for paper in registry.papers:
        members = [outcome for outcome in outcomes if outcome.claim in paper.claims]
        if not members:
            continue
        lines += [f"## {paper.name}", "", f"{paper.reference}.", ""]
        for section, group in groupby(members, key=lambda outcome: outcome.claim.section):
            shown = list(group)
            lines += [f"### {section}", "", words.cells(COLUMNS), words.cells(["---"] * len(COLUMNS))]
            lines += [words.cells(_row(outcome)) for outcome in shown]
            for outcome in shown:
                path, line, _ = sources[outcome.claim.id]
                lines += ["", f"**{outcome.claim.id}** ({outcome.claim.where}). {outcome.claim.statement}", ""]
                lines += [f"- {detail}" for detail in words.details(outcome)]
                lines += [f"- Test: [`{outcome.test}`]({path}#L{line})"]
                lines += [f"- {figure}" for figure in words.figures(paper, outcome)]
                lines += [
                    f"\n![Our figure for {outcome.claim.id}]({outcome.claim.id}-{number}.png)"
                    for number in range(1, len(outcome.pictures) + 1)
                ]
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _row(outcome: Outcome) -> tuple[str, ...]:
    shown = outcome.headline
    numbers = (shown["predicted"], shown["measured"], shown["z"], f"{outcome.seconds:.1f}")
    return (outcome.claim.id, outcome.verdict, *numbers)
