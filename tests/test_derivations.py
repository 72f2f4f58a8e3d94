"""The scripts under derivations/ run, print in every format, and fail loudly when a step is false."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "derivations" / "noise_scale.py"


def run(*arguments, cwd=ROOT):
    environment = {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "PATH": ""}
    return subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=cwd, env=environment, capture_output=True, text=True, timeout=120
    )


@pytest.fixture(scope="module")
def outputs():
    done = {name: run(SCRIPT, "--format", name) for name in ("text", "markdown", "latex")}
    for result in done.values():
        assert result.returncode == 0, result.stderr
    return {name: result.stdout for name, result in done.items()}


def test_every_format_ends_by_meeting_the_numerics(outputs):
    for output in outputs.values():
        assert "400.4 = 400.4 (every batch listed)" in output
        assert "3.025 = 3.025 (sdetheory.noise" in output.replace("\\_", "_")


def test_text_holds_no_markup(outputs):
    assert "$" not in outputs["text"]
    assert "\\" not in outputs["text"]


def test_markdown_mathematics_is_closed(outputs):
    assert outputs["markdown"].count("$$") % 2 == 0
    assert re.findall(r"\\tag\{(\d+)\}", outputs["markdown"])[:3] == ["1", "2", "3"]


def test_latex_is_balanced_and_in_characters_that_compile(outputs):
    latex = outputs["latex"]
    assert latex.count("{") == latex.count("}")
    assert latex.count(r"\begin{") == latex.count(r"\end{")
    assert latex.replace(r"\$", "").count("$") % 2 == 0
    outside_ascii = {c for c in latex if ord(c) > 127}
    assert outside_ascii <= {"ô"}, outside_ascii
    # No bare underscore outside mathematics.
    prose = re.sub(r"\\begin\{equation\*\}.*?\\end\{equation\*\}", "", latex, flags=re.DOTALL)
    prose = re.sub(r"\$[^$]*\$", "", prose)
    assert not re.search(r"(?<!\\)[_^&#%]", prose)


def test_unknown_format_is_refused():
    assert run(SCRIPT, "--format", "word").returncode == 2


def test_all_derivations_run_as_a_module():
    result = run("-m", "derivations")
    assert result.returncode == 0, result.stderr
    assert "g = epsilon*(-1 + N/B)" in result.stdout


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/ (n - 1)", "/ n"),  # the wrong covariance misses the listed batches
        ("formula(epsilon=learning_rate,", "formula(epsilon=learning_rate / 2,"),
        ("formula(epsilon=learning_rate, N=train_size", "formula(epsilon=learning_rate, N=train_size + 1"),
    ],
)
def test_a_comparison_that_fails_gives_a_non_zero_exit(tmp_path, old, new):
    source = SCRIPT.read_text(encoding="utf-8")
    assert source.count(old) == 1
    copy = tmp_path / "noise_scale.py"
    copy.write_text(source.replace(old, new), encoding="utf-8")
    result = run(copy)
    assert result.returncode == 1
    assert "error: " in result.stderr
    assert "Traceback" not in result.stderr


def test_a_false_step_in_one_module_fails_the_whole_run_but_not_the_others(tmp_path):
    shutil.copytree(SCRIPT.parent, tmp_path / "derivations", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "derivations" / "broken.py").write_text(
        "import sympy\nfrom sdetheory.symbolic import Derivation\n"
        "def derive():\n    x = sympy.Symbol('x', positive=True)\n    d = Derivation('broken')\n"
        "    d.assume(x, 'a number')\n    d.step('half dropped', x**2 / 2, x**2, by='slip')\n",
        encoding="utf-8",
    )
    result = run("-m", "derivations", cwd=tmp_path)
    assert result.returncode == 1
    assert "broken: FAILED" in result.stdout
    assert "noise_scale: " in result.stdout
