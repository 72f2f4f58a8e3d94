"""The recipe "A claim" of CONTRIBUTING, followed in a copy of the paper checks: an entry and a test."""

import os
import re
import shutil
import subprocess
import sys

import pytest
import recipes
from test_paper_checks_registry import discrepancies

BLOCKS = recipes.blocks("A claim")
PAPER = "zhu_2019"


@pytest.fixture
def copy(tmp_path):
    """Return the folder of a paper with one more claim, its id, and what runs its check."""
    entry, test = BLOCKS
    (identity,) = re.findall(r'\bid="(\w+)"', entry)
    checks = recipes.ROOT / "paper_checks"
    folder = tmp_path / "paper_checks" / PAPER
    shutil.copytree(checks / PAPER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for path in checks.glob("*.py"):
        shutil.copy(path, folder.parent)
    (claims,) = re.findall(r"^CLAIMS\b.*?^\)$", (folder / "claims.py").read_text("utf-8"), re.DOTALL | re.MULTILINE)
    text = (folder / "claims.py").read_text("utf-8")
    (folder / "claims.py").write_text(text.replace(claims, f"{claims[:-1]}{entry.rstrip()},\n)"), "utf-8")
    with (folder / "test_escape_indicator.py").open("a", encoding="utf-8") as file:
        file.write(f"\n\n{test}")
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")

    def run():
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "paper_checks", "--claim", identity]
        environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8", "COLUMNS": "250"}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)

    return folder, identity, run


def test_a_claim_is_an_entry_and_a_test(copy):
    folder, identity, run = copy
    (verdict,) = re.findall(r'\bverdict="([^"]+)"', BLOCKS[0])
    done = run()
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr
    assert re.search(rf"^{identity} .*  {re.escape(verdict)} +\d+\.\d$", done.stdout, re.MULTILINE)
    # The negative control: a formula that is off by a tenth is red.
    path = folder / "test_escape_indicator.py"
    path.write_text(path.read_text("utf-8").replace("measured=rise(3.0", "measured=1.1 * rise(3.0"), "utf-8")
    done = run()
    assert done.returncode == 1 and re.search(rf"^{identity} .*  RED", done.stdout, re.MULTILINE)


def test_a_test_that_names_another_check_is_found(copy):
    """By the same comparison of entries and markers that the registry is held to."""
    _, identity, _ = copy
    name = re.search(r'\bcheck="(\w+)"', BLOCKS[0])[1]
    claims = [type("Entry", (), {"id": identity, "check": name})]
    assert discrepancies(claims, [f"import pytest\n{BLOCKS[1]}"]) == []
    assert discrepancies(claims, [f"import pytest\n{BLOCKS[1].replace(name, 'test_other')}"])
