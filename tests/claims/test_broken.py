"""Formulas are broken in a copy, one at a time: the table, the control, and that nothing is left of a mistake."""

import sys

import pytest

from sdetheory.claims import Break, broken

RIGHT = "energy = 0.5 * x**2 + 3.0\n"
SLIPS = (
    Break(mistake="no half", file="energy.py", right="0.5 * x**2", wrong="x**2", claims=("X1", "X2")),
    Break(mistake="no constant", file="energy.py", right=" + 3.0", wrong="", claims=("X2",)),
)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Return a project whose claim X1 notices one mistake and X2 the other; and the texts that were decided on."""
    folder, seen = tmp_path / "project", []
    folder.mkdir()
    (folder / "energy.py").write_text(RIGHT, encoding="utf-8")

    def red(claims, *, root, folder):
        text = (root / "energy.py").read_text(encoding="utf-8")
        seen.append(text)
        return [
            claim for claim in claims if (claim == "X1" and "0.5" not in text) or (claim == "X2" and "3" not in text)
        ]

    monkeypatch.setattr(broken, "red", red)
    return folder, seen


def table_of(project, monkeypatch, *options, slips=SLIPS):
    """Run the program and return its table."""
    file = project.parent / "table.md"
    monkeypatch.setattr(sys, "argv", ["broken", "--write", str(file), *options])
    broken.main(slips, root=project, folder="checks")
    return file.read_text(encoding="utf-8").splitlines()[2:]


ROWS = ["| no half | `energy.py` | X1 | X2 |", "| no constant | `energy.py` | X2 |  |"]


def test_the_table_says_what_turns_red_and_what_stays_green(project, monkeypatch):
    folder, seen = project
    assert table_of(folder, monkeypatch) == ROWS
    assert seen == [RIGHT, "energy = x**2 + 3.0\n", "energy = 0.5 * x**2\n"]  # the first is the control
    assert (folder / "energy.py").read_text(encoding="utf-8") == RIGHT


def test_one_mistake_alone_leaves_the_other_rows(project, monkeypatch):
    folder, seen = project
    assert table_of(folder, monkeypatch, "--only", "constant") == ROWS[1:]
    assert len(seen) == 2
    assert table_of(folder, monkeypatch, "--only", "half") == ROWS


def test_a_claim_that_is_red_without_a_mistake_ends_it(project, monkeypatch):
    folder, _ = project
    (folder / "energy.py").write_text(RIGHT.replace("0.5", "1/2"), encoding="utf-8")
    with pytest.raises(SystemExit, match="red without a mistake: X1"):
        table_of(folder, monkeypatch)


def test_a_mistake_that_nothing_notices_is_an_error(project, monkeypatch):
    slip = Break(mistake="a space", file="energy.py", right="energy =", wrong="energy  =", claims=("X1",))
    with pytest.raises(SystemExit, match="no claim turned red for: a space"):
        table_of(project[0], monkeypatch, slips=[slip])


def test_a_mistake_is_taken_back_to_the_date(tmp_path):
    file = tmp_path / "energy.py"
    file.write_text(RIGHT, encoding="utf-8")
    before = file.stat().st_mtime_ns
    with pytest.raises(RuntimeError), broken.made(SLIPS[0], tmp_path):
        assert file.read_text(encoding="utf-8") != RIGHT
        raise RuntimeError
    assert (file.read_text(encoding="utf-8"), file.stat().st_mtime_ns) == (RIGHT, before)
