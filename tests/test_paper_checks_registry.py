"""The registry of claims and the checks agree, and a check cannot pass for the wrong reason."""

import ast
import os
import re
import runpy
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "paper_checks"
CHECKS = sorted((FOLDER / "smith_le_2018").glob("test_*.py"))


@pytest.fixture(scope="module")
def registry():
    return SimpleNamespace(**runpy.run_path(str(FOLDER / "claims.py")))


def marked(source):
    """Return the ids that the claim markers of a test file name, and whatever is not well marked."""
    ids, problems = [], []
    for function in ast.walk(ast.parse(source)):
        if not (isinstance(function, ast.FunctionDef) and function.name.startswith("test_")):
            continue
        calls = [d for d in function.decorator_list if isinstance(d, ast.Call)]
        claims = [d for d in calls if ast.unparse(d.func) == "pytest.mark.claim"]
        if len(claims) == 1 and len(claims[0].args) == 1 and isinstance(claims[0].args[0], ast.Constant):
            ids.append(claims[0].args[0].value)
        else:
            problems.append(f"{function.name} must have one marker claim(id)")
        if "record" not in [argument.arg for argument in function.args.args] or not ast.get_docstring(function):
            problems.append(f"{function.name} must have a docstring and use record")
    return ids, problems


def discrepancies(claims, sources):
    """List what the registry and the test files disagree about."""
    found, problems = Counter(), []
    for source in sources:
        ids, wrong = marked(source)
        found.update(ids)
        problems += wrong
    known = [claim.id for claim in claims]
    problems += [f"{identity} has {n} checks" for identity, n in found.items() if n > 1]
    problems += [f"{identity} is not in the registry" for identity in found if identity not in known]
    problems += [f"{identity} has no check" for identity in known if identity not in found]
    return problems


def test_every_claim_has_one_check_and_every_check_a_claim(registry):
    assert discrepancies(registry.CLAIMS, [path.read_text(encoding="utf-8") for path in CHECKS]) == []


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("@pytest.mark.claim('C01')\ndef test_a(record):\n    'doc'", "C02 has no check"),
        ("@pytest.mark.claim('C03')\ndef test_a(record):\n    'doc'", "C03 is not in the registry"),
        ("@pytest.mark.claim('C01')\n@pytest.mark.slow\ndef test_a(record):\n    'doc'\n" * 2, "C01 has 2 checks"),
        ("def test_a(record):\n    'doc'", "test_a must have one marker"),
        ("ID = 'C01'\n@pytest.mark.claim(ID)\ndef test_a(record):\n    'doc'", "test_a must have one marker"),
        ("@pytest.mark.claim('C01')\ndef test_a():\n    'doc'", "use record"),
        ("@pytest.mark.claim('C01')\ndef test_a(record):\n    pass", "docstring"),
    ],
)
def test_a_disagreement_is_found(source, problem):
    claims = [SimpleNamespace(id="C01"), SimpleNamespace(id="C02")]
    assert any(problem in line for line in discrepancies(claims, [source]))


def test_ids_are_unique_and_in_order(registry):
    ids = [claim.id for claim in registry.CLAIMS]
    assert ids == [f"C{number:02d}" for number in range(1, len(ids) + 1)]


def test_every_claim_is_one_sentence_and_says_where_it_is_made(registry):
    for claim in registry.CLAIMS:
        assert re.fullmatch(r"(§\d(\.\d)?, .*(eqs?\.|fig\.|table) \d.*|Appendix [A-E].*)", claim.where), claim.id
        assert re.fullmatch(r"[A-Z][^.]*\.([^. ][^.]*\.)*", claim.statement), claim.id


@pytest.mark.parametrize(
    "change", [{"kind": "numeric"}, {"verdict": "holds under"}, {"verdict": "holds?"}, {"verdict": "fails here often"}]
)
def test_a_claim_of_unknown_kind_or_verdict_is_refused(registry, change):
    good = {"id": "X", "where": "§1", "statement": "It is.", "kind": "identity", "verdict": "holds to O(ε)"}
    registry.Claim(**good)
    with pytest.raises(ValueError, match="X must be"):
        registry.Claim(**good | change)


# What a check may do wrong, the verdict that the registry states, and what pytest should say.
MACHINERY = {
    "G1": ("holds", "record(predicted=1.0, measured=1.0, rtol=1e-9, wrong_predictions={'two': 2.0})", None),
    "G2": (
        "holds",
        "record(predicted=[1.0, 2.0], measured=estimate, alpha=1e-5, wrong_predictions={'one': 1.0})",
        None,
    ),
    "G3": ("fails here", "record(predicted=1, measured=2, found=2, rtol=0.1, wrong_predictions={'three': 3})", None),
    "G4": ("holds", "record(predicted=Below(3), measured=estimate, alpha=1e-5, wrong_measurements={'4': 4})", None),
    "R1": ("holds", "record(predicted=1.0, measured=2.0, rtol=1e-9, wrong_predictions={'three': 3.0})", "should read"),
    "R2": ("holds", "record(predicted=1.0, measured=1.0, rtol=1e-9, wrong_predictions={'one': 1.0})", "not reject"),
    "R3": ("holds", "record(predicted=1.0, measured=1.0, rtol=1e-9)", "needs a negative control"),
    "R4": ("holds", "pass", "must record a comparison"),
    "R5": ("fails here", "record(predicted=2, measured=2, found=2, rtol=0.1, wrong_predictions={'3': 3})", "should"),
    "R6": ("fails here", "record(predicted=1, measured=2, found=3, rtol=0.1, wrong_predictions={'4': 4})", "not 3"),
    "R7": ("holds", "record(predicted=1.0, measured=1.0, rtol=1e-9, wrong_predictions={'nan': NAN})", "finite"),
    "R8": ("holds", "record(predicted=2, measured=estimate, rtol=1, wrong_predictions={'one': 1})", "pass alpha="),
    "R9": ("holds", "record(predicted=Above(1), measured=estimate, alpha=1e-5, wrong_measurements={'0': 0})", "should"),
}


@pytest.fixture(scope="module")
def machinery(tmp_path_factory):
    """Lay out made-up claims beside the real machinery, and say how to run them."""
    root = tmp_path_factory.mktemp("machinery")
    package = root / "paper_checks"
    package.mkdir()
    for name in ("__init__.py", "conftest.py", "comparison.py", "report.py"):
        shutil.copy(FOLDER / name, package)
    definition = (FOLDER / "claims.py").read_text(encoding="utf-8").split("CLAIMS = (")[0].replace(">>>", "")
    claims = [
        f"Claim(id={i!r}, where='§1, a|b', statement='It is.', kind='identity', verdict={v!r}),"
        for i, (v, _, _) in MACHINERY.items()
    ]
    (package / "claims.py").write_text("\n".join([definition, "CLAIMS = (", *claims, ")"]), encoding="utf-8")
    tests = [
        f"@pytest.mark.claim({i!r})\ndef test_{i}(record):\n    estimate = st.Estimate(value=[1.0, 2.0], "
        f"stderr=[0.01, 0.01], n_eff=1e4)\n    {body}\n"
        for i, (_, body, _) in MACHINERY.items()
    ]
    header = "import pytest\nimport sdetheory as st\nfrom .comparison import Above, Below\nNAN = float('nan')\n"
    (package / "test_machinery.py").write_text("\n".join([header, *tests]), encoding="utf-8")
    (root / "pytest.ini").write_text("[pytest]\nmarkers = claim(id)\nfilterwarnings = error\n")

    def run(*arguments):
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "paper_checks", *arguments]
        environment = os.environ | {"PYTHONIOENCODING": "utf-8", "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "250"}
        return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=120)

    return SimpleNamespace(root=root, run=run)


def test_a_check_that_does_not_bear_out_its_verdict_is_red_in_both_tables(machinery):
    done = machinery.run("--report", "out")
    assert done.returncode == 1, done.stdout + done.stderr
    page = (machinery.root / "out" / "paper_checks.md").read_text(encoding="utf-8")
    for identity, (verdict, _, message) in MACHINERY.items():
        (line,) = re.findall(rf"^{identity} .*$", done.stdout, flags=re.MULTILINE)
        (row,) = re.findall(rf"^\| {identity} \|.*$", page, flags=re.MULTILINE)
        shown = verdict if message is None else "RED"
        assert re.search(rf"  {shown} +\d+\.\d$", line), line
        assert f"| {shown} |" in row
        assert f"test_machinery.py::test_{identity}" in page
        if message:
            (failure,) = re.findall(rf"^FAILED \S+::test_{identity} - (.*)$", done.stdout, flags=re.MULTILINE)
            assert message in failure
    assert "false-alarm rate spent: 3.0e-05 of 1e-03" in done.stdout


def test_one_claim_can_be_run_and_an_unknown_one_is_refused(machinery):
    done = machinery.run("--claim", "G1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed, 12 deselected" in done.stdout
    refused = machinery.run("--claim", "C99")
    assert refused.returncode == pytest.ExitCode.USAGE_ERROR
    assert "--claim must be one of G1" in refused.stderr


def test_spending_more_than_the_false_alarm_rate_is_an_error(machinery):
    path = machinery.root / "paper_checks" / "conftest.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("FALSE_ALARM_BUDGET = 1e-3", "FALSE_ALARM_BUDGET = 1e-6"), encoding="utf-8")
    try:
        done = machinery.run("--claim", "G2")
    finally:
        path.write_text(text, encoding="utf-8")
    assert done.returncode == 1
    assert "RED: overspent" in done.stdout
