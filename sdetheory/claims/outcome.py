"""What the checks reported, gathered by claim, and the table that ends a run."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .claim import Claim
from .registry import Registry

HEADER = ("claim", "where", "predicted", "measured ± error", "z", "verdict", "seconds")


@dataclass(slots=True)
class Outcome:
    """What the check of one claim reported."""

    claim: Claim
    test: str
    comparisons: list[dict[str, Any]] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)  # PNG in base64
    seconds: float = 0.0
    red: bool = False
    skipped: bool = False

    @property
    def verdict(self) -> str:
        """The registry's verdict if the check bears it out."""
        return "RED" if self.red else "not run" if self.skipped else self.claim.verdict

    @property
    def headline(self) -> dict[str, Any]:
        """The last comparison of the check."""
        return self.comparisons[-1] if self.comparisons else {"predicted": "", "measured": "", "z": ""}

    @property
    def row(self) -> tuple[str, ...]:
        """Cells under `HEADER`."""
        shown = self.headline
        cells = (shown["predicted"], shown["measured"], shown["z"], self.verdict, f"{self.seconds:.1f}")
        return (self.claim.id, self.claim.where, *cells)

    def add(self, properties: Sequence[tuple[str, Any]]) -> None:
        """Take over what the check recorded."""
        self.comparisons += [value for name, value in properties if name == "comparison"]
        self.pictures += [value for name, value in properties if name == "picture"]


def gather(registry: Registry, reports: Sequence[Any], kept: Sequence[Mapping[str, Any]] = ()) -> list[Outcome]:
    """Return the outcomes, by paper and section, from pytest's reports and from what an earlier run has kept."""
    found: dict[str, Outcome] = {}
    for entry in kept:
        identity = dict(entry["properties"])["claim"]
        found[identity] = Outcome(registry.claims[identity], entry["test"], seconds=entry["seconds"])
        found[identity].add(entry["properties"])
    for report in reports:
        properties = getattr(report, "user_properties", [])
        if (identity := dict(properties).get("claim")) not in registry.claims:
            continue
        outcome = found.setdefault(identity, Outcome(registry.claims[identity], report.nodeid))
        outcome.seconds += report.duration
        outcome.red |= report.failed
        outcome.skipped |= report.skipped
        # The three reports of a test carry the same list; teardown's is complete.
        if report.when == "teardown":
            outcome.add(properties)
    return [found[claim.id] for claim in registry.in_order() if claim.id in found]


def false_alarm_rate(outcomes: Sequence[Outcome]) -> float:
    """Return the sum of the rates at which the comparisons reject what is true."""
    return sum(comparison["alpha"] for outcome in outcomes for comparison in outcome.comparisons)


def terminal_table(outcomes: Sequence[Outcome]) -> list[str]:
    """Return the lines of the table, one a claim."""
    rows = [HEADER, *(outcome.row for outcome in outcomes)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def source(outcome: Outcome, root: Path) -> tuple[str, int, str]:
    """Return the file of a check, its first line, and its text."""
    path, _, name = outcome.test.partition("::")
    text = (root / path).read_text(encoding="utf-8")
    (function,) = [node for node in ast.parse(text).body if getattr(node, "name", None) == name.partition("[")[0]]
    first = min(decorator.lineno for decorator in function.decorator_list)
    return path, first, "\n".join(text.splitlines()[first - 1 : function.end_lineno])
