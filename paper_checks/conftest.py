"""How a check reports: the fixture `record`, the table at the end, and the options --report and --claim."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from . import report
from .claims import CLAIMS
from .comparison import Tolerance, compare

ROOT_SEED = int(os.environ.get("SDETHEORY_SEED", "1710"))
FALSE_ALARM_BUDGET = 1e-3


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the paper checks."""
    group = parser.getgroup("paper checks")
    group.addoption("--report", metavar="DIR", help="write the table of claims to DIR/paper_checks.md")
    group.addoption("--claim", metavar="ID", action="append", default=[], help="run this claim only (repeatable)")


def pytest_report_header() -> str:
    """Name the seed, so that a run can be repeated."""
    return f"paper checks: root seed {ROOT_SEED} (SDETHEORY_SEED)"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep only the claims that --claim names, and label every test with its claim."""
    known, wanted = {claim.id for claim in CLAIMS}, set(config.getoption("--claim", []))
    if wanted - known:
        raise pytest.UsageError(f"--claim must be one of {', '.join(sorted(known))}; got {', '.join(wanted - known)}")
    for item in items:
        if marker := item.get_closest_marker("claim"):
            item.user_properties.append(("claim", marker.args[0]))
    if wanted:
        config.hook.pytest_deselected(items=[item for item in items if _claim_id(item) not in wanted])
        items[:] = [item for item in items if _claim_id(item) in wanted]


def _claim_id(item: pytest.Item) -> str | None:
    return dict(item.user_properties).get("claim")


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, Any, Any]:
    """Fail a check that ends without having recorded anything."""
    result = yield
    if _claim_id(pyfuncitem) and not any(name == "comparison" for name, _ in pyfuncitem.user_properties):
        pytest.fail("the check of a claim must record a comparison", pytrace=False)
    return result


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """Give each check a generator of its own."""
    return np.random.default_rng([ROOT_SEED, zlib.crc32(request.node.nodeid.encode())])


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Report and assert a comparison, and that its negative controls fail it.

    The function that it provides takes ``predicted`` (number, array, `Below` or `Above`), ``measured`` (number, array
    or Estimate), ``alpha`` for estimates or ``rtol`` and ``atol`` for numbers, and the negative controls:
    ``wrong_predictions`` that the measurement must reject and ``wrong_measurements`` that the prediction must, by
    name, at least one. If the registry says that the claim fails here, the prediction is the paper's and must be
    rejected, and ``found`` is the value that must be accepted in its place. The last call of a check is its headline.
    """
    identity = _claim_id(request.node)
    claim = next((claim for claim in CLAIMS if claim.id == identity), None)
    if claim is None:
        pytest.fail(f"mark the check with a claim of the registry; got {identity!r}", pytrace=False)

    def recorded(
        *,
        predicted: Any,
        measured: Any,
        alpha: float | None = None,
        rtol: float | None = None,
        atol: float = 0.0,
        wrong_predictions: Mapping[str, Any] | None = None,
        wrong_measurements: Mapping[str, Any] | None = None,
        found: Any = None,
        label: str = "",
    ) -> None:
        __tracebackhide__ = True
        tolerance = Tolerance(alpha=alpha, rtol=rtol, atol=atol)
        outcome = compare(
            predicted=predicted,
            measured=measured,
            tolerance=tolerance,
            wrong_predictions=wrong_predictions or {},
            wrong_measurements=wrong_measurements or {},
            label=label,
        )
        request.node.user_properties.append(("comparison", outcome))
        seen = f"predicted {outcome['predicted']}, measured {outcome['measured']} {outcome['z']}"
        assert outcome["agrees"] != claim.fails, f"{claim.id} should read {claim.verdict!r}, but {seen}"
        if claim.fails:
            assert tolerance.accepts(measured, found), f"{claim.id}: {measured} was found, not {found}"
        assert outcome["controls"], f"{claim.id}: a comparison needs a negative control"
        for name, accepted in outcome["controls"].items():
            assert not accepted, f"{claim.id}: the comparison does not reject the negative control {name!r}; {seen}"

    return recorded


def _outcomes(config: pytest.Config) -> list[report.Outcome]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return report.gather([entry for group in reporter.stats.values() for entry in group if hasattr(entry, "when")])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a suite whose checks together spend more than their false-alarm rate."""
    if hasattr(session.config, "workerinput"):
        return
    if report.false_alarm_rate(_outcomes(session.config)) > FALSE_ALARM_BUDGET:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print one line a claim, and write the report that --report asks for."""
    outcomes = _outcomes(config)
    if not outcomes:
        return
    rate = report.false_alarm_rate(outcomes)
    spent = f"{rate:.1e} of {FALSE_ALARM_BUDGET:.0e}" + (" (RED: overspent)" if rate > FALSE_ALARM_BUDGET else "")
    terminalreporter.section("claims of Smith & Le (2018)")
    for line in report.terminal_table(outcomes):
        terminalreporter.write_line(line, red="  RED" in line)
    terminalreporter.write_line(f"false-alarm rate spent: {spent}")
    if folder := config.getoption("--report", None):
        path = Path(folder) / "paper_checks.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        notes = {"Root seed (`SDETHEORY_SEED`)": str(ROOT_SEED), "False-alarm rate spent": spent}
        page = report.markdown(outcomes, title="Claims of Smith & Le (2018)", notes=notes)
        path.write_text(page, encoding="utf-8")
        terminalreporter.write_line(f"report: {path}")
