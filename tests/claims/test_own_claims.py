"""The page on claims of one's own: its two files, in a project outside, do what it says."""

import re
import subprocess
import sys
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "learn" / "how_to" / "own_claims.md").read_text(encoding="utf-8")


def run(folder, conftest, test):
    (folder / "conftest.py").write_text(conftest, encoding="utf-8")
    (folder / "test_us.py").write_text(test, encoding="utf-8")
    command = [sys.executable, "-X", "utf8", "-m", "pytest", "-p", "no:cacheprovider", "--report", "out"]
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", timeout=300)


def test_the_two_files_of_the_page_decide_a_claim(tmp_path):
    conftest, test = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    assert len([line for line in (conftest + test).splitlines() if line]) <= 22
    done = run(tmp_path, conftest, test)
    assert done.returncode == 0, done.stdout + done.stderr
    (shown,) = re.findall(r"```text\n(.*?)```", PAGE, flags=re.DOTALL)
    for line in shown.splitlines():
        assert line.removesuffix("0.0") in done.stdout  # without the seconds
    assert (tmp_path / "out" / "claims.html").exists()
    # The negative control: a mean of fifteen is red.
    done = run(tmp_path, conftest, test.replace(", 16)", ", 15)"))
    assert done.returncode == 1 and "should read 'holds'" in done.stdout
