"""The table of claims, for the terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from .claims import CLAIMS, Claim

HEADER = ("claim", "where", "predicted", "measured ± error", "z", "verdict", "seconds")

LEGEND = (
    "z is the distance from the prediction in standard errors; Δ, where nothing is random, the relative difference. "
    "RED means that the check failed: the measurement does not bear out the verdict that the registry states."
)


@dataclass(slots=True)
class Outcome:
    """What the tests of one claim reported."""

    claim: Claim
    comparisons: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    red: bool = False
    skipped: bool = False
    tests: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """The registry's verdict if the check bears it out."""
        return "RED" if self.red else "not run" if self.skipped else self.claim.verdict

    @property
    def row(self) -> tuple[str, ...]:
        """Cells under `HEADER`; the last comparison of a check is its headline."""
        shown = self.comparisons[-1] if self.comparisons else {"predicted": "", "measured": "", "z": ""}
        cells = (shown["predicted"], shown["measured"], shown["z"], self.verdict, f"{self.seconds:.1f}")
        return (self.claim.id, self.claim.where, *cells)


def gather(reports: Sequence[Any], claims: Sequence[Claim] = CLAIMS) -> list[Outcome]:
    """Return the outcomes, by section, from pytest's reports of setup, call and teardown."""
    known = {claim.id: claim for claim in claims}
    found: dict[str, Outcome] = {}
    for report in reports:
        properties = getattr(report, "user_properties", [])
        if (identity := dict(properties).get("claim")) not in known:
            continue
        outcome = found.setdefault(identity, Outcome(known[identity]))
        outcome.seconds += report.duration
        outcome.red |= report.failed
        outcome.skipped |= report.skipped
        if report.nodeid not in outcome.tests:
            outcome.tests.append(report.nodeid)
        # The three reports of a test carry the same list; teardown's is complete.
        if report.when == "teardown":
            outcome.comparisons += [value for name, value in properties if name == "comparison"]
    return sorted(found.values(), key=lambda outcome: _order(outcome.claim))


def _order(claim: Claim) -> tuple[bool, str, str]:
    return (not claim.section.startswith("§"), claim.section, claim.id)


def false_alarm_rate(outcomes: Sequence[Outcome]) -> float:
    """Return the sum of the rates at which the comparisons reject what is true."""
    return sum(comparison["alpha"] for outcome in outcomes for comparison in outcome.comparisons)


def terminal_table(outcomes: Sequence[Outcome]) -> list[str]:
    """Return the lines of the table, one a claim."""
    rows = [HEADER, *(outcome.row for outcome in outcomes)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def markdown(outcomes: Sequence[Outcome], *, title: str, notes: Mapping[str, str]) -> str:
    """Return a page: a table for each section, then what each check compared and what it rejected."""
    lines = [f"# {title}", "", LEGEND, ""]
    lines += [f"- {name}: {value}" for name, value in notes.items()]
    for section, group in groupby(outcomes, key=lambda outcome: outcome.claim.section):
        members = list(group)
        lines += ["", f"## {section}", "", _cells(HEADER), _cells(["---"] * len(HEADER))]
        lines += [_cells(outcome.row) for outcome in members]
        for outcome in members:
            lines += ["", f"**{outcome.claim.id}** ({outcome.claim.kind}). {outcome.claim.statement}", ""]
            lines += [f"- Assumes: {'; '.join(outcome.claim.assumptions)}."] if outcome.claim.assumptions else []
            for shown in outcome.comparisons:
                rejected = [f"{name} ({'accepted' if yes else 'rejected'})" for name, yes in shown["controls"].items()]
                what = f"{shown['label']}: " if shown["label"] else ""
                lines.append(
                    f"- {what}predicted {shown['predicted']}, measured {shown['measured']}"
                    + (f", {shown['z'] if shown['z'].startswith('Δ') else 'z = ' + shown['z']}" if shown["z"] else "")
                    + f". Negative controls: {', '.join(rejected)}."
                )
            lines += [f"- Test: `{test}`" for test in outcome.tests]
    return "\n".join(lines) + "\n"


def _cells(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
