"""Benchmarks report ratios to a baseline that runs in the same process, in turn with what is measured."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numba
import pytest
from peers import THREADS


@dataclass(frozen=True)
class _Row:
    work: str
    against: str
    bar: float
    ratios: list[float]
    nanoseconds: tuple[float, float] | None


_ROWS: list[_Row] = []


class Comparison:
    """Times two calls in turn and keeps the ratio pair by pair, so that a drifting machine cancels."""

    def __init__(self, benchmark) -> None:
        self.benchmark = benchmark

    def __call__(
        self,
        work: str,
        bar: float,
        ours: Callable[[], object],
        baseline: Callable[[], object],
        *,
        rounds: int = 7,
        against: str = "",
        units: float | tuple[float, float] | None = None,
    ) -> float:
        """Record ours / baseline against a bar; pytest-benchmark keeps our times.

        `units` says how many path-steps a call makes, for both or for (ours, baseline). Where they differ, the ratio is
        that of times per path-step.
        """
        ours(), baseline()  # compile both before any clock runs
        n_ours, n_theirs = units if isinstance(units, tuple) else (units or 1.0, units or 1.0)
        pairs = []
        for _ in range(rounds):
            theirs = _seconds(baseline) / n_theirs
            pairs.append((_seconds(ours) / n_ours, theirs))
        self.benchmark.pedantic(ours, rounds=1, iterations=1)
        ratios = [a / b for a, b in pairs]
        nanoseconds = None if units is None else tuple(1e9 * median(column) for column in zip(*pairs, strict=True))
        self.benchmark.extra_info["ratio to the baseline"] = median(ratios)
        _ROWS.append(_Row(work, against, bar, ratios, nanoseconds))
        return median(ratios)


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


@pytest.fixture(autouse=True)
def as_many_threads_as_the_peers():
    numba.set_num_threads(min(THREADS, numba.config.NUMBA_NUM_THREADS))


@pytest.fixture
def compare(benchmark) -> Comparison:
    return Comparison(benchmark)


def pytest_addoption(parser) -> None:
    parser.addoption("--table", metavar="FILE", help="write the table of ratios to a file, as Markdown")
    parser.addoption("--large", action="store_true", help="measure the memory of 10¹⁰ path-steps instead of 10⁹")


def pytest_terminal_summary(terminalreporter, config) -> None:
    """Print the table of ratios as Markdown."""
    if not _ROWS:
        return
    table = [
        "| work | compared with | bar | ratio, median | smallest to largest | ours, ns per path-step | theirs |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *map(_line, _ROWS),
    ]
    terminalreporter.section("ratios to the baseline of the same run")
    terminalreporter.write_line("\n".join(table))
    if config.getoption("--table"):
        Path(config.getoption("--table")).write_text("\n".join(table) + "\n", encoding="utf-8")


def _line(row: _Row) -> str:
    bar = f"≤ 1/{1 / row.bar:.3g}" if row.bar < 1 else f"≤ {row.bar:.3g}"
    middle = median(row.ratios)
    shown = f"1/{1 / middle:.1f}" if middle < 0.5 else f"{middle:.2f}"
    mark = "" if middle <= row.bar else " (missed)"
    ours, theirs = ("", "") if row.nanoseconds is None else (f"{n:.3g}" for n in row.nanoseconds)
    spread = f"{min(row.ratios):.3g} to {max(row.ratios):.3g}"
    return f"| {row.work} | {row.against} | {bar} | {shown}{mark} | {spread} | {ours} | {theirs} |"
