"""The registry of claims and the checks agree, and a check cannot pass for the wrong reason."""

import ast
import importlib
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "paper_checks"
REGISTRIES = sorted(path.parent.name for path in FOLDER.glob("*/claims.py"))


@pytest.fixture(scope="module")
def papers(monkeypatch_module):
    """Return the registry, imported as the package that it is."""
    monkeypatch_module.syspath_prepend(str(FOLDER.parent))
    return importlib.import_module("paper_checks.registry").PAPERS


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def registry(papers):
    return importlib.import_module("paper_checks.claims")


def marked(source):
    """Return pairs of the id that a test's claim marker names and the test's name, and whatever is not well marked."""
    pairs, problems = [], []
    for function in ast.walk(ast.parse(source)):
        if not (isinstance(function, ast.FunctionDef) and function.name.startswith("test_")):
            continue
        calls = [d for d in function.decorator_list if isinstance(d, ast.Call)]
        claims = [d for d in calls if ast.unparse(d.func) == "pytest.mark.claim"]
        if len(claims) == 1 and len(claims[0].args) == 1 and isinstance(claims[0].args[0], ast.Constant):
            pairs.append((claims[0].args[0].value, function.name))
        else:
            problems.append(f"{function.name} must have one marker claim(id)")
        if "record" not in [argument.arg for argument in function.args.args] or not ast.get_docstring(function):
            problems.append(f"{function.name} must have a docstring and use record")
    return pairs, problems


def discrepancies(claims, sources):
    """List what the registry and the test files disagree about."""
    found, problems = [], []
    for source in sources:
        pairs, wrong = marked(source)
        found += pairs
        problems += wrong
    known = {claim.id: claim.check for claim in claims}
    number = Counter(identity for identity, _ in found)
    problems += [f"{identity} has {n} checks" for identity, n in number.items() if n > 1]
    problems += [f"{identity} is not in the registry" for identity in number if identity not in known]
    problems += [f"{identity} has no check" for identity in known if identity not in number]
    problems += [
        f"{identity} is decided by {name}, says its marker, and by {known[identity]}, says the registry"
        for identity, name in found
        if known.get(identity, name) != name
    ]
    return problems


@pytest.mark.parametrize("folder", REGISTRIES)
def test_every_claim_has_one_check_and_every_check_a_claim(papers, folder):
    sources = [path.read_text(encoding="utf-8") for path in (FOLDER / folder).glob("test_*.py")]
    assert discrepancies(papers[folder].claims, sources) == []


def test_every_check_belongs_to_a_paper():
    assert {path.parent.name for path in FOLDER.rglob("test_*.py")} == set(REGISTRIES)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("@pytest.mark.claim('C01')\ndef test_a(record):\n    'doc'", "C02 has no check"),
        ("@pytest.mark.claim('C03')\ndef test_a(record):\n    'doc'", "C03 is not in the registry"),
        ("@pytest.mark.claim('C01')\n@pytest.mark.slow\ndef test_a(record):\n    'doc'\n" * 2, "C01 has 2 checks"),
        ("def test_a(record):\n    'doc'", "test_a must have one marker"),
        ("ID = 'C01'\n@pytest.mark.claim(ID)\ndef test_a(record):\n    'doc'", "test_a must have one marker"),
        ("@pytest.mark.claim('C01')\ndef test_b(record):\n    'doc'", "C01 is decided by test_b"),
        ("@pytest.mark.claim('C01')\ndef test_a():\n    'doc'", "use record"),
        ("@pytest.mark.claim('C01')\ndef test_a(record):\n    pass", "docstring"),
    ],
)
def test_a_disagreement_is_found(source, problem):
    claims = [SimpleNamespace(id="C01", check="test_a"), SimpleNamespace(id="C02", check="test_a")]
    assert any(problem in line for line in discrepancies(claims, [source]))


def test_the_ids_of_a_paper_share_their_letters_and_no_other_paper_has_them(papers):
    claims = [(folder, claim.id) for folder, paper in papers.items() for claim in paper.claims]
    assert [identity for identity, n in Counter(identity for _, identity in claims).items() if n > 1] == []
    letters = {(folder, re.fullmatch(r"([A-Z]+)\d{2,3}", identity)[1]) for folder, identity in claims}
    assert len(letters) == len(papers) == len({prefix for _, prefix in letters})


def test_an_id_that_was_given_up_leads_to_the_claim_that_took_it_over(papers):
    pages = importlib.import_module("paper_checks.pages")
    claims = {claim.id for paper in papers.values() for claim in paper.claims}
    given_up = {old: new for paper in papers.values() for old, new in paper.superseded.items()}
    assert given_up and not claims & set(given_up) and claims >= set(given_up.values())
    assert all(f"{old} is part of **{new}** now" in pages.catalogue(papers) for old, new in given_up.items())


def test_every_claim_is_one_sentence_and_says_where_it_is_made(papers):
    for paper in papers.values():
        for claim in paper.claims:
            assert re.fullmatch(r"(§\d+(\.\d+)*(, .+)?|Abstract|Appendix.*)", claim.where), claim.id
            assert re.fullmatch(r"[A-Z][^.]*\.([^. ][^.]*\.)*", claim.statement), claim.id


def test_the_papers_own_statements_are_counted_by_themselves(papers):
    header, *rows = importlib.import_module("paper_checks.pages").counts(papers)
    claims = [claim for paper in papers.values() for claim in paper.claims]
    for row, whose in zip(rows[-3:], ("paper", "reading", "objection"), strict=True):
        own = [claim for claim in claims if claim.whose == whose]
        assert int(row[1]) == len(own) == sum(map(int, row[2:]))
        assert int(row[header.index("open")]) == sum(claim.verdict == "open" for claim in own)
    assert sum(int(row[1]) for row in rows[:-3]) == len(claims)


def test_where_a_claim_was_read_is_a_text_and_its_numbers_say_so_one_by_one(papers):
    """Nothing is read in "memory", and no detail is without words."""
    for paper in papers.values():
        for claim in paper.claims:
            texts = [claim.read_in, *(detail.read_in for detail in claim.details)]
            assert all(len(text.split()) > 1 for text in texts if text), claim.id
            assert all(detail.what for detail in claim.details), claim.id


def test_every_figure_has_its_claim(papers):
    for paper in papers.values():
        assert {figure.claim for figure in paper.figures} <= {claim.id for claim in paper.claims}


def test_the_readme_shows_the_counts_of_the_registry(papers):
    """``python -m paper_checks --write README.md`` puts them there."""
    readme = (FOLDER.parent / "README.md").read_text(encoding="utf-8")
    main = importlib.import_module("paper_checks.__main__")
    summary = importlib.import_module("paper_checks.pages").summary
    assert main.replaced(readme, summary(papers)) == readme
    assert main.replaced(readme, "none\n") != readme


def test_a_file_without_the_marks_is_refused(papers):
    with pytest.raises(ValueError, match="must have the two marks"):
        importlib.import_module("paper_checks.__main__").replaced("<!-- verdicts -->\n", "")


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "numeric"}, {"verdict": "holds under"}, {"verdict": "holds?"}, {"verdict": "fails here often"},
        {"whose": "nobody"}, {"assumptions": "a string"}, {"needs": "more images"}, {"verdict": "open"},
        {"verdict": "not testable here"},
    ],
)  # fmt: skip
def test_a_claim_of_unknown_kind_or_verdict_is_refused(registry, change):
    good = {
        "id": "X",
        "check": "test_x",
        "where": "§1",
        "whose": "paper",
        "statement": "It is.",
        "kind": "identity",
        "verdict": "holds to O(ε)",
    }
    registry.Claim(**good)
    with pytest.raises(ValueError, match="of X must be"):
        registry.Claim(**good | change)


# What a check may do wrong, the verdict that the registry states, and what pytest should say.
MACHINERY = {
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
}


@pytest.fixture(scope="module")
def machinery(tmp_path_factory):
    """Lay out made-up claims beside the real machinery, and say how to run them."""
    root = tmp_path_factory.mktemp("machinery")
    package = root / "paper_checks"
    (package / "made_up").mkdir(parents=True)
    for path in FOLDER.glob("*.py"):
        shutil.copy(path, package)
    claims = [
        f"Claim(id={i!r}, check='test_{i}', where='§1, a|b', whose='paper', statement='It is.', kind='identity', "
        f"verdict={v!r}, needs={'more' if v == 'open' else ''!r}),"
        for i, (v, _, _) in MACHINERY.items()
    ]
    lines = ["from ..claims import Claim, Figure, Paper", "CLAIMS = (", *claims, ")"]
    lines += ["FIGURES = (Figure(number='1', claim='G1', shows='a <line>'),)"]
    lines += ["PAPER = Paper(name='Us', reference='Here', claims=CLAIMS, figures=FIGURES)"]
    (package / "made_up" / "claims.py").write_text("\n".join(lines), encoding="utf-8")
    (package / "made_up" / "__init__.py").touch()
    tests = [
        f"@pytest.mark.claim({i!r})\ndef test_{i}(record, picture):\n    "
        f"estimate = st.Estimate(value=[1.0, 2.0], stderr=[0.01, 0.01], n_eff=1e4)\n    {body}\n"
        for i, (_, body, _) in MACHINERY.items()
    ]
    header = "import pytest\nimport sdetheory as st\nfrom ..comparison import Above, Below\nNAN = float('nan')\n"
    (package / "made_up" / "test_machinery.py").write_text("\n".join([header, *tests]), encoding="utf-8")
    (root / "pytest.ini").write_text("[pytest]\nmarkers = claim(id)\nfilterwarnings = error\n")

    def run(*arguments, seed="1710"):
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "paper_checks", *arguments]
        environment = os.environ | {"PYTHONIOENCODING": "utf-8", "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "250"}
        environment["SDETHEORY_SEED"] = seed
        return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=120)

    return SimpleNamespace(root=root, run=run)


def test_a_check_that_does_not_bear_out_its_verdict_is_red_in_all_tables(machinery):
    done = machinery.run("--report", "out")
    assert done.returncode == 1, done.stdout + done.stderr
    markdown = (machinery.root / "out" / "paper_checks.md").read_text(encoding="utf-8")
    page = (machinery.root / "out" / "paper_checks.html").read_text(encoding="utf-8")
    for identity, (verdict, _, message) in MACHINERY.items():
        (line,) = re.findall(rf"^{identity} .*$", done.stdout, flags=re.MULTILINE)
        (row,) = re.findall(rf"^\| {identity} \|.*$", markdown, flags=re.MULTILINE)
        (card,) = re.findall(rf'^<tr><td><a href="#{identity}">.*$', page, flags=re.MULTILINE)
        shown = verdict if message is None else "RED"
        assert re.search(rf"  {shown} +\d+\.\d$", line), line
        assert f"| {shown} |" in row
        assert f">{shown}</span>" in card
        assert f"test_machinery.py::test_{identity}" in markdown
        if message:
            (failure,) = re.findall(rf"^FAILED \S+::test_{identity} - (.*)$", done.stdout, flags=re.MULTILINE)
            assert message in failure
    assert "false-alarm rate spent: 3.0e-05 of 1e-03" in done.stdout


def test_the_report_is_one_file_with_figures_and_sources_in_it(machinery):
    done = machinery.run("--claim", "G1", "--report", "alone")
    assert done.returncode == 0, done.stdout + done.stderr
    page = (machinery.root / "alone" / "paper_checks.html").read_text(encoding="utf-8")
    assert "src=&quot;" not in page
    assert re.findall(r'(?:src|href)="([^#d][^"]*)"', page) == []
    assert 'src="data:image/png;base64,' in page
    assert "Figure 1 of the paper: a &lt;line&gt;" in page
    assert "record(predicted=1.0, measured=1.0" in page
    assert "![Our figure for G1](G1-1.png)" in (machinery.root / "alone" / "paper_checks.md").read_text("utf-8")
    assert (machinery.root / "alone" / "G1-1.png").read_bytes().startswith(b"\x89PNG")


def test_the_full_profile_goes_on_where_it_was_stopped(machinery):
    """What has passed is not run again, and is in the table; what has failed, or another seed, is."""
    first = machinery.run("--full", "kept", "--claim", "G1", "--claim", "R1")
    assert "1 failed, 1 passed" in first.stdout
    again = machinery.run("--full", "kept", "--claim", "G1", "--claim", "R1", "--claim", "G2")
    assert "1 failed, 1 passed" in again.stdout
    assert len(re.findall(r"^(G1|G2) .*holds +\d+\.\d$", again.stdout, flags=re.MULTILINE)) == 2
    other = machinery.run("--full", "kept", "--claim", "G1", seed="5")
    assert "1 passed" in other.stdout


def test_one_claim_can_be_run_and_an_unknown_one_is_refused(machinery):
    done = machinery.run("--claim", "G1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed, 19 deselected" in done.stdout
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


def test_every_mistake_that_is_tried_is_one_of_the_present_package(papers):
    """``python -m paper_checks.broken_formulas`` makes them, and docs/broken_formulas.md has what turned red."""
    broken_formulas = importlib.import_module("paper_checks.broken_formulas")
    known = {claim.id for paper in papers.values() for claim in paper.claims}
    stored = (FOLDER.parent / "docs" / "broken_formulas.md").read_text(encoding="utf-8")
    for broken in broken_formulas.BREAKS:
        text = (FOLDER.parent / "sdetheory" / broken.file).read_text(encoding="utf-8")
        assert broken_formulas.replaced(text, broken) != text
        assert set(broken.claims) <= known
        assert broken.mistake in stored


STUDIES = {"swept", "watched", "fresh", "study", "again"}  # fixtures of Smith & Le that read what is stored


def test_every_claim_on_a_stored_study_is_asked_about_each_mistake_in_training():
    broken_formulas = importlib.import_module("paper_checks.broken_formulas")
    functions = [
        node
        for path in (FOLDER / "smith_le_2018").glob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    resting = {
        ast.literal_eval(node.decorator_list[0].args[0])
        for node in functions
        if STUDIES & {argument.arg for argument in node.args.args}
    }
    assert resting
    for broken in broken_formulas.TRAINING:
        assert resting <= set(broken.claims), broken.mistake


def test_every_cell_of_a_stored_study_has_its_loss_after_some_steps():
    data = FOLDER.parent / "examples" / "data"
    spots = (data / "mnist_spots.csv").read_text(encoding="utf-8").splitlines()[1:]
    for sweep, n in Counter(line.split(",")[0] for line in spots).items():
        rows = (data / f"mnist_{sweep}.csv").read_text(encoding="utf-8").splitlines()[2:]
        assert n == len(rows), sweep
