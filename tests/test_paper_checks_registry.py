"""The registry of claims and the checks agree, and a check cannot pass for the wrong reason."""

import ast
import importlib
import re
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from sdetheory.claims import words

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
    words = importlib.import_module("sdetheory.claims.words").catalogue(tuple(papers.values()))
    claims = {claim.id for paper in papers.values() for claim in paper.claims}
    given_up = {old: new for paper in papers.values() for old, new in paper.superseded.items()}
    assert given_up and not claims & set(given_up) and claims >= set(given_up.values())
    assert all(f"{old} is part of **{new}** now" in words for old, new in given_up.items())


def test_every_claim_is_one_sentence_and_says_where_it_is_made(papers):
    for paper in papers.values():
        for claim in paper.claims:
            assert re.fullmatch(r"(§\d+(\.\d+)*(, .+)?|Abstract|Appendix.*)", claim.where), claim.id
            assert re.fullmatch(r"[A-Z][^.]*\.([^. ][^.]*\.)*", claim.statement), claim.id


def test_the_papers_own_statements_are_counted_by_themselves(papers):
    header, *rows = words.counts(papers.values())
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
    assert main.replaced(readme, words.headline(list(papers.values()))) == readme
    assert main.replaced(readme, "none\n") != readme


def test_a_file_without_the_marks_is_refused(papers):
    with pytest.raises(ValueError, match="must have the two marks"):
        importlib.import_module("paper_checks.__main__").replaced("<!-- verdicts -->\n", "")


def test_every_mistake_that_is_tried_is_one_of_the_present_package(papers):
    """``python -m paper_checks.broken_formulas`` makes them, and docs/paper/broken_formulas.md has what turned red."""
    broken_formulas = importlib.import_module("paper_checks.broken_formulas")
    known = {claim.id for paper in papers.values() for claim in paper.claims}
    stored = (FOLDER.parent / "docs" / "paper" / "broken_formulas.md").read_text(encoding="utf-8")
    for broken in broken_formulas.BREAKS:
        text = (FOLDER.parent / broken.file).read_text(encoding="utf-8")
        assert broken.applied(text) != text
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
