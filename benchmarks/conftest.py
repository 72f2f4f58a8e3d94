"""Benchmarks report ratios to a baseline that runs in the same process, in turn with what is measured."""

import time
from collections.abc import Callable
from statistics import median

import pytest

_ROWS: list[tuple[str, str, float, float, float]] = []


class Comparison:
    """Times two calls in turn and keeps the ratio pair by pair, so that a drifting machine cancels."""

    def __init__(self, benchmark) -> None:
        self.benchmark = benchmark

    def __call__(
        self, work: str, bar: float, ours: Callable[[], object], baseline: Callable[[], object], *, rounds: int = 7
    ) -> float:
        """Record ours / baseline against a bar; pytest-benchmark keeps our times."""
        ours(), baseline()  # compile both before any clock runs
        ratios = []
        for _ in range(rounds):
            theirs = _seconds(baseline)
            ratios.append(_seconds(ours) / theirs)
        self.benchmark.pedantic(ours, rounds=3, iterations=1)
        self.benchmark.extra_info["ratio to the baseline"] = median(ratios)
        _ROWS.append((work, f"{bar:.3g}", median(ratios), min(ratios), max(ratios)))
        return median(ratios)


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


@pytest.fixture
def compare(benchmark) -> Comparison:
    return Comparison(benchmark)


def pytest_terminal_summary(terminalreporter) -> None:
    """Print the table of ratios as Markdown."""
    if _ROWS:
        terminalreporter.section("ratios to the baseline of the same run")
        terminalreporter.write_line("| work | bar | ratio, median | smallest | largest |")
        terminalreporter.write_line("| --- | --- | --- | --- | --- |")
        for work, bar, middle, low, high in _ROWS:
            terminalreporter.write_line(f"| {work} | ≤ {bar} | {middle:.3f} | {low:.3f} | {high:.3f} |")
