"""The plugin for claims: a check cannot pass for the wrong reason, and its tables and reports say what was found."""

import json
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest

# The verdict that the registry states, what a check does, and what pytest should say of it.
CASES = {
    "G1": (
        "holds",
        "picture(lambda figure: figure.subplots().plot([1, 2]))\n"
        "    record(predicted=1.0, measured=1.0, rtol=1e-9, wrong_predictions={'two': 2.0})",
        None,
    ),
    "G2": (
        "holds",
        "record(predicted=[1.0, 2.0], measured=estimate, alpha=1e-5, wrong_predictions={'one': 1.0})",
        None,
    ),
    "G3": ("fails here", "record(predicted=1, measured=2, found=2, rtol=0.1, wrong_predictions={'three': 3})", None),
    "G4": ("holds", "record(predicted=Below(3), measured=estimate, alpha=1e-5, wrong_measurements={'4': 4})", None),
    "G5": (
        "open",
        "record(predicted=1.0, rival=0.0, measured=0.4, rtol=0.0, atol=0.7, wrong_measurements={'2': 2.0, '1': 1.0})",
        None,
    ),
    "G6": (
        "holds",
        "record(predicted=1.0, measured=estimate[0], alpha=0.01, stored=True, wrong_predictions={'two': 2.0})",
        None,
    ),
    "R1": ("holds", "record(predicted=1.0, measured=2.0, rtol=1e-9, wrong_predictions={'three': 3.0})", "should read"),
    "R2": ("holds", "record(predicted=1.0, measured=1.0, rtol=1e-9, wrong_predictions={'one': 1.0})", "not reject"),
    "R3": ("holds", "record(predicted=1.0, measured=1.0, rtol=1e-9)", "needs a negative control"),
    "R4": ("holds", "pass", "must record a comparison"),
    "R5": ("fails here", "record(predicted=2, measured=2, found=2, rtol=0.1, wrong_predictions={'3': 3})", "should"),
    "R6": ("fails here", "record(predicted=1, measured=2, found=3, rtol=0.1, wrong_predictions={'4': 4})", "not 3"),
    "R7": ("holds", "record(predicted=1.0, measured=1.0, rtol=1e-9, wrong_predictions={'nan': NAN})", "finite"),
    "R8": ("holds", "record(predicted=2, measured=estimate, rtol=1, wrong_predictions={'one': 1})", "pass alpha="),
    "RA": (
        "open",
        "record(predicted=1.0, rival=0.0, measured=0.4, rtol=0.0, atol=0.5, wrong_measurements={'2': 2.0})",
        "should read",
    ),
    "RB": (
        "open",
        "record(predicted=1.0, rival=0.0, measured=0.4, rtol=0.0, atol=0.7, wrong_measurements={'0.5': 0.5})",
        "not reject",
    ),
    "RC": ("open", "record(predicted=1, measured=1, rtol=0.1, wrong_measurements={'2': 2})", "a rival is for open"),
    "RD": ("holds", "record(predicted=1, rival=0, measured=1, rtol=2, wrong_predictions={'9': 9})", "a rival is for"),
    "RE": ("open", "record(predicted=Above(1), rival=0, measured=1, wrong_predictions={'9': 9})", "must be values"),
    "R9": ("holds", "record(predicted=Above(1), measured=estimate, alpha=1e-5, wrong_measurements={'0': 0})", "should"),
    "S1": ("holds", "record(predicted=0.0, measured=mean(rng, 0.0), alpha=1e-5, wrong_predictions={'1': 1.0})", None),
    "S2": (
        "holds",
        "record(predicted=0.0, measured=mean(rng, 0.5), alpha=1e-5, wrong_predictions={'1': 1.0})",
        "should read",
    ),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Lay out made-up claims in a project of their own, and say how to run them."""
    root = tmp_path_factory.mktemp("project")
    claims = [
        f"Claim(id={i!r}, check='test_{i}', where='§1, a|b', whose='paper', statement='It is.', kind='identity', "
        f"verdict={v!r}, needs={'more' if v == 'open' else ''!r}),"
        for i, (v, _, _) in CASES.items()
    ]
    lines = ["from sdetheory.claims import Claim, Figure, Paper", "CLAIMS = (", *claims, ")"]
    lines += ["FIGURES = (Figure(number='1', claim='G1', shows='a <line>'),)"]
    lines += ["PAPER = Paper(name='Us', reference='Here', claims=CLAIMS, figures=FIGURES, headlines=('G1',),"]
    lines += ["              findings=('It is (G1), it is said.',))"]
    lines += ["pytest_plugins = ['sdetheory.claims.plugin']", "def pytest_claims():", "    return [PAPER]"]
    (root / "conftest.py").write_text("\n".join(lines), encoding="utf-8")
    tests = [
        f"@pytest.mark.claim({i!r})\ndef test_{i}(record, picture{', rng' if i[0] == 'S' else ''}):\n    "
        f"estimate = st.Estimate(value=[1.0, 2.0], stderr=[0.01, 0.01], n_eff=1e4)\n    {body}\n"
        for i, (_, body, _) in CASES.items()
    ]
    header = "import pytest\nimport sdetheory as st\nfrom sdetheory.claims import Above, Below\nNAN = float('nan')\n"
    header += "def mean(rng, m):\n    return st.stats.mean_estimate(m + rng.standard_normal(1000))\n"
    (root / "test_cases.py").write_text("\n".join([header, *tests]), encoding="utf-8")
    (root / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    environment = os.environ | {"PYTHONIOENCODING": "utf-8", "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "250"}
    environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # others' plugins, which take a while to load

    def run(*arguments, seed="1710"):
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
        return subprocess.run(
            command, cwd=root, env=environment | {"SDETHEORY_SEED": seed}, capture_output=True, text=True, timeout=300
        )

    def seeds(file, *arguments):
        command = [
            sys.executable,
            "-W",
            "error",
            "-m",
            "sdetheory.claims.seeds",
            ".",
            str(file),
            "--seeds",
            "1",
            "2",
            *arguments,
        ]
        return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=300)

    return SimpleNamespace(root=root, run=run, seeds=seeds)


def test_a_check_that_does_not_bear_out_its_verdict_is_red_in_all_tables(project):
    done = project.run("--report", "out")
    assert done.returncode == 1, done.stdout + done.stderr
    markdown = (project.root / "out" / "claims.md").read_text(encoding="utf-8")
    page = (project.root / "out" / "claims.html").read_text(encoding="utf-8")
    for identity, (verdict, _, message) in CASES.items():
        (line,) = re.findall(rf"^{identity} .*$", done.stdout, flags=re.MULTILINE)
        (row,) = re.findall(rf"^\| {identity} \|.*$", markdown, flags=re.MULTILINE)
        (card,) = re.findall(rf'<details class=claim id="{identity}".*?</summary>', page, flags=re.DOTALL)
        shown = verdict if message is None else "RED"
        assert re.search(rf"  {shown} +\d+\.\d$", line), line
        assert f"| {shown} |" in row
        assert f">{shown}</span>" in card
        assert f"test_cases.py::test_{identity}" in markdown
        if message:
            (failure,) = re.findall(rf"^FAILED \S+::test_{identity} - (.*)$", done.stdout, flags=re.MULTILINE)
            assert message in failure
    interval = r"the interval \[[^]]+\] at α = 1e-05"
    for rule in (interval, interval + ", one-sided", "rtol 1e-09", "rtol 0 and atol 0.7"):
        assert re.search(rf", decided by {rule}\. Negative controls", markdown), rule
    assert "<i>decided by</i> the interval [" in page
    assert "false-alarm rate spent: 5.0e-05 of 1e-03" in done.stdout


def test_the_report_is_one_file_with_figures_and_sources_in_it(project):
    done = project.run("--claim", "G1", "--report", "alone")
    assert done.returncode == 0, done.stdout + done.stderr
    page = (project.root / "alone" / "claims.html").read_text(encoding="utf-8")
    assert "src=&quot;" not in page
    assert re.findall(r'(?:src|href)="([^#d][^"]*)"', page) == []
    assert 'It is (<a href="#G1">G1</a>), it is said.' in page and page.count("Our figure for G1") == 2
    assert 'src="data:image/png;base64,' in page
    assert "Figure 1 of the paper: a &lt;line&gt;" in page
    assert "record(predicted=1.0, measured=1.0" in page
    assert "![Our figure for G1](G1-1.png)" in (project.root / "alone" / "claims.md").read_text("utf-8")
    assert (project.root / "alone" / "G1-1.png").read_bytes().startswith(b"\x89PNG")


def test_several_processes_make_one_table(project):
    two = ("-p", "xdist", "-n", "2")
    done = project.run(*two, "--claim", "G1", "--claim", "G2", "--claim", "R1", "--report", "shared")
    assert done.returncode == 1 and "1 failed, 2 passed" in done.stdout, done.stdout + done.stderr
    shown = re.findall(r"^(?:G1|G2|R1) .*  (holds|RED) +\d+\.\d$", done.stdout, flags=re.MULTILINE)
    assert shown == ["holds", "holds", "RED"]
    assert "false-alarm rate spent: 1.0e-05 of 1e-03" in done.stdout
    assert (project.root / "shared" / "G1-1.png").exists()
    refused = project.run(*two, "--full", "kept")
    assert refused.returncode == pytest.ExitCode.USAGE_ERROR and "leave out -n" in refused.stderr


def test_the_full_profile_goes_on_where_it_was_stopped(project):
    """What has passed is not run again, and is in the table; what has failed, or another seed, is."""
    first = project.run("--full", "kept", "--claim", "G1", "--claim", "R1")
    assert "1 failed, 1 passed" in first.stdout
    again = project.run("--full", "kept", "--claim", "G1", "--claim", "R1", "--claim", "G2")
    assert "1 failed, 1 passed" in again.stdout
    assert len(re.findall(r"^(G1|G2) .*holds +\d+\.\d$", again.stdout, flags=re.MULTILINE)) == 2
    other = project.run("--full", "kept", "--claim", "G1", seed="5")
    assert "1 passed" in other.stdout


def test_one_claim_can_be_run_and_an_unknown_one_is_refused(project):
    done = project.run("--claim", "G1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"1 passed, {len(CASES) - 1} deselected" in done.stdout
    refused = project.run("--claim", "C99")
    assert refused.returncode == pytest.ExitCode.USAGE_ERROR
    assert "--claim must be one of G1" in refused.stderr


def test_spending_more_than_the_false_alarm_rate_is_an_error(project):
    done = project.run("--claim", "G2", "-o", "false_alarm_budget=1e-6")
    assert done.returncode == 1
    assert "RED: overspent" in done.stdout
    refused = project.run("--claim", "G2", "-o", "false_alarm_budget=many")
    assert refused.returncode == pytest.ExitCode.USAGE_ERROR
    assert "must be a number between 0 and 1; got 'many'" in refused.stderr


def test_a_report_says_what_has_changed_since_an_earlier_run(project):
    first = project.run("--claim", "G1", "--claim", "G2", "--report", "first")
    assert first.returncode == 0, first.stdout + first.stderr
    earlier = project.root / "first" / "claims.json"
    data = json.loads(earlier.read_text(encoding="utf-8"))
    assert data["claims"]["G1"]["verdict"] == "holds"
    data["claims"]["G1"]["measured"] = "7"
    data["claims"]["Z1"] = data["claims"]["G1"]
    earlier.write_text(json.dumps(data), encoding="utf-8")
    project.run("--claim", "G1", "--claim", "G3", "--report", "second", "--compare", str(earlier))
    text = (project.root / "second" / "claims.md").read_text(encoding="utf-8")
    changes = text.partition("## What has changed")[2].partition("##")[0]
    assert "G1: measured 7, now 1." in changes and "G3 is new: fails here." in changes
    assert "G2 was not run: it had been holds." in changes and "Z1 was not run" in changes
    same = project.root / "second" / "claims.json"
    project.run("--claim", "G1", "--claim", "G3", "--report", "third", "--compare", str(same))
    assert "- Nothing." in (project.root / "third" / "claims.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "reason"), [("{}", "KeyError"), ("no JSON", "JSONDecodeError"), ('{"format": 9}', "must have format 1")]
)
def test_a_file_that_no_report_wrote_is_refused_before_any_work(project, text, reason):
    path = project.root / "wrong.json"
    path.write_text(text, encoding="utf-8")
    refused = project.run("--report", "out", "--compare", str(path))
    assert refused.returncode == pytest.ExitCode.USAGE_ERROR and reason in refused.stderr
    assert "is for a report; add --report" in project.run("--compare", str(path)).stderr


def test_a_seed_that_makes_a_true_claim_look_false_is_kept(project):
    """The seeds of a claim that passes, and of its control, which draws a mean that is off by five deviations."""
    file = project.root / "seeds.csv"
    done = project.seeds(file, "--claim", "S1", "--claim", "S2")
    assert "2 root seeds, 2 of them with a red claim" in done.stdout, done.stdout + done.stderr
    assert [line.split(",")[2] for line in file.read_text().splitlines()] == ["red", "S2", "S2"]
    again = project.seeds(file, "--claim", "S1")
    assert "2 root seeds, 2 of them" in again.stdout and "root seed 1:" not in again.stdout


def test_a_registry_that_contradicts_itself_is_refused_before_any_work(project, tmp_path):
    text = (project.root / "conftest.py").read_text(encoding="utf-8")
    (tmp_path / "conftest.py").write_text(text.replace("return [PAPER]", "return [PAPER, PAPER]"), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    refused = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert refused.returncode == pytest.ExitCode.USAGE_ERROR and "more than once" in refused.stderr
