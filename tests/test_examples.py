"""The examples run from start to end, as a reader would run them.

With ``SDETHEORY_GALLERY=DIR`` their figures and what they print are left in that folder, for the gallery of the site.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

STRICT = ["-W", "error", "-W", "ignore:::pyparsing"]  # which would take -W as a wish for its own diagnostics
EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs_and_draws_its_figure(script, tmp_path):
    done = subprocess.run(
        [sys.executable, *STRICT, str(script)],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    figure = tmp_path / "figures" / f"{script.stem}.png"
    assert figure.stat().st_size > 10_000
    assert "FAILS" not in done.stdout
    if folder := os.environ.get("SDETHEORY_GALLERY"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        shutil.copy(figure, folder)
        (Path(folder) / f"{script.stem}.txt").write_text(done.stdout, encoding="utf-8")


def test_the_figures_of_mnist_are_drawn_from_the_stored_numbers(tmp_path):
    done = subprocess.run(
        [sys.executable, *STRICT, str(EXAMPLES[0].parent / "optimum_batch_size.py"), "--mnist", "--figures"],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "figures" / "optimum_batch_size_mnist.png").stat().st_size > 10_000
    assert "exponent of learning_rate: " in done.stdout
