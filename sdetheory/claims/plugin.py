"""A pytest plugin: how the check of a claim reports, the table at the end, and the options of a run.

A project turns it on in its ``conftest.py``, which also says what its papers are::

    pytest_plugins = ["sdetheory.claims.plugin"]

    def pytest_claims():
        return [PAPER]
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ..errors import InvalidInputError
from . import report, store
from .claim import Paper
from .comparison import Tolerance, compare
from .outcome import Outcome, false_alarm_rate, gather, terminal_table
from .registry import Registry
from .root_seed import ROOT_SEED

REGISTRY = pytest.StashKey[Registry]()
EARLIER = pytest.StashKey[dict[str, dict[str, str]] | None]()
BUDGET = pytest.StashKey[float]()
KEPT = pytest.StashKey[list[dict[str, Any]]]()  # what an earlier run of the full profile has done


class Hooks:
    """What a project's conftest provides."""

    @pytest.hookspec
    def pytest_claims(self) -> Sequence[Paper]:  # type: ignore[empty-body]
        """Return the papers whose claims are checked, in the order in which a report shows them."""


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Let a conftest say what the papers are."""
    pluginmanager.add_hookspecs(Hooks)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the checks of claims."""
    parser.addini("false_alarm_budget", "what all checks of claims may spend together", default="1e-3")
    group = parser.getgroup("claims")
    group.addoption("--report", metavar="DIR", help="write the claims to DIR/claims.html, .md and .json")
    group.addoption("--compare", metavar="FILE", help="say in the report what has changed since this claims.json")
    group.addoption("--claim", metavar="ID", action="append", default=[], help="run this claim only (repeatable)")
    group.addoption("--random", action="store_true", help="only the checks that draw at random, to try other seeds")
    group.addoption(
        "--full", metavar="DIR", help="large samples: hours; what is done is kept in DIR, and the next run goes on"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Gather the papers, and read what the report is to be compared with before any work is done."""
    config.addinivalue_line("markers", "claim(id): the claim of a paper that the check decides")
    if (earlier := config.getoption("--compare", None)) and not config.getoption("--report", None):
        raise pytest.UsageError(f"--compare {earlier} is for a report; add --report DIR")
    if _full_folder(config) and config.getoption("numprocesses", None):
        raise pytest.UsageError("--full takes all cores by itself; leave out -n")
    try:
        config.stash[REGISTRY] = Registry(paper for papers in config.hook.pytest_claims() for paper in papers)
        config.stash[EARLIER] = report.read(Path(earlier)) if earlier else None
        config.stash[BUDGET] = _budget(config.getini("false_alarm_budget"))
    except InvalidInputError as error:
        raise pytest.UsageError(str(error)) from error
    config.stash[KEPT] = []  # and no more for the controller of pytest-xdist, which collects nothing
    wanted, registry = set(config.getoption("--claim", [])), config.stash[REGISTRY]
    if old := sorted(wanted & set(registry.superseded)):
        parts = (f"{one} is part of {registry.superseded[one]} now" for one in old)
        raise pytest.UsageError(f"--claim: {', '.join(parts)}")
    if unknown := wanted - set(registry.claims):
        known = ", ".join(sorted(registry.claims))
        raise pytest.UsageError(f"--claim must be one of {known}; got {', '.join(unknown)}")


def _budget(text: str) -> float:
    try:
        if 0 < (budget := float(text)) < 1:
            return budget
    except ValueError:
        pass
    raise InvalidInputError(f"false_alarm_budget must be a number between 0 and 1; got {text!r}")


def pytest_report_header() -> str:
    """Name the seed, so that a run can be repeated."""
    return f"claims: root seed {ROOT_SEED} (SDETHEORY_SEED)"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Label every test with its claim, keep only the claims that --claim names, and what --full has not yet done."""
    wanted = set(config.getoption("--claim", []))
    for item in items:
        if marker := item.get_closest_marker("claim"):
            item.user_properties.append(("claim", marker.args[0]))
    kept = [item for item in items if not wanted or _claim_id(item) in wanted]
    if config.getoption("--random", False):
        kept = [item for item in kept if "rng" in getattr(item, "fixturenames", ())]
    done = [path for item in kept if (path := _stored(item)) and path.exists()]
    config.stash[KEPT] = [json.loads(path.read_text(encoding="utf-8")) for path in done]
    kept = [item for item in kept if _stored(item) not in done]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In the full profile, keep a check that has passed as soon as it has."""
    result = yield
    if (path := _stored(item)) and result.when == "call" and result.passed:
        store.write(path, {"test": item.nodeid, "seconds": result.duration, "properties": item.user_properties})
    return result


def _stored(item: pytest.Item) -> Path | None:
    folder, identity = _full_folder(item.config), _claim_id(item)
    return store.location(folder, identity, item.path, ROOT_SEED) if folder and identity else None


def _claim_id(item: pytest.Item) -> str | None:
    return dict(item.user_properties).get("claim")


def _full_folder(config: pytest.Config) -> Path | None:
    return Path(folder) if (folder := config.getoption("--full", None)) else None


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


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> Path | None:
    """Name the folder in which long computations of the full profile are kept; None in the quick profile."""
    return _full_folder(request.config)


@pytest.fixture
def picture(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Draw a figure for the report, if one is wanted: ``picture(draw)`` calls ``draw(figure)`` with an empty Figure."""

    def drawn(draw: Callable[[Any], None], *, size: tuple[float, float] = (6.4, 4.0)) -> None:
        if request.config.getoption("--report", None):
            request.node.user_properties.append(("picture", report.png(draw, size)))

    return drawn


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Report and assert a comparison, and that its negative controls fail it.

    The function that it provides takes ``predicted`` (number, array, `Below` or `Above`), ``measured`` (number, array
    or Estimate), ``alpha`` for estimates or ``rtol`` and ``atol`` for numbers, and the negative controls:
    ``wrong_predictions`` that the measurement must reject and ``wrong_measurements`` that the prediction must, by
    name, at least one. If the registry says that the claim fails here, the prediction is the paper's and must be
    rejected, and ``found`` is the value that must be accepted in its place. If it says that the claim is open, the
    measurement must accept the prediction and ``rival``, a value that contradicts the claim; a wrong measurement, such
    as one of a sharper study, must reject one of them. With ``stored`` the numbers are stored ones, of which no seed
    makes others: their rate alpha is named, and not added to what a run spends. The last call of a check is its
    headline.
    """
    identity, claims = _claim_id(request.node), request.config.stash[REGISTRY].claims
    if identity not in claims:
        pytest.fail(f"mark the check with a claim of the registry; got {identity!r}", pytrace=False)
    claim = claims[identity]

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
        rival: Any = None,
        stored: bool = False,
        label: str = "",
    ) -> None:
        __tracebackhide__ = True
        assert (rival is not None) == claim.is_open, f"{claim.id}: a rival is for open claims, and for all of them"
        tolerance = Tolerance(alpha=alpha, rtol=rtol, atol=atol)
        outcome = compare(
            predicted=predicted,
            measured=measured,
            tolerance=tolerance,
            wrong_predictions=wrong_predictions or {},
            wrong_measurements=wrong_measurements or {},
            rival=rival,
            label=label,
        )
        if stored:  # no seed of this run changes what is compared
            outcome |= {"alpha": 0.0, "label": f"{outcome['label']}, at {alpha:g}"}
        request.node.user_properties.append(("comparison", outcome))
        seen = f"predicted {outcome['predicted']}, measured {outcome['measured']} {outcome['z']}"
        assert outcome["agrees"] != claim.negated, f"{claim.id} should read {claim.verdict!r}, but {seen}"
        if claim.negated:
            assert tolerance.accepts(measured, found), f"{claim.id}: {measured} was found, not {found}"
        assert outcome["controls"], f"{claim.id}: a comparison needs a negative control"
        for name, accepted in outcome["controls"].items():
            assert not accepted, f"{claim.id}: the comparison does not reject the negative control {name!r}; {seen}"

    return recorded


def _outcomes(config: pytest.Config) -> list[Outcome]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    reports = [entry for group in reporter.stats.values() for entry in group if hasattr(entry, "when")]
    return gather(config.stash[REGISTRY], reports, config.stash[KEPT])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a suite whose checks together spend more than their false-alarm rate."""
    if hasattr(session.config, "workerinput"):  # of pytest-xdist, whose controller gets all reports
        return
    if false_alarm_rate(_outcomes(session.config)) > session.config.stash[BUDGET]:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print one line a claim, and write the report that --report asks for."""
    if not (outcomes := _outcomes(config)):
        return
    rate, budget = false_alarm_rate(outcomes), config.stash[BUDGET]
    spent = f"{rate:.1e} of {budget:.0e}" + (" (RED: overspent)" if rate > budget else "")
    terminalreporter.section("verdicts")
    for line in terminal_table(outcomes):
        terminalreporter.write_line(line, red="  RED" in line)
    terminalreporter.write_line(f"false-alarm rate spent: {spent}")
    if folder := config.getoption("--report", None):
        notes = {
            "Profile": "full" if _full_folder(config) else "quick",
            "Root seed (SDETHEORY_SEED)": str(ROOT_SEED),
            "False-alarm rate spent": spent,
        }
        registry, earlier = config.stash[REGISTRY], config.stash[EARLIER]
        for path in report.write(Path(folder), config.rootpath, registry, outcomes, notes, earlier):
            terminalreporter.write_line(f"report: {path}")
