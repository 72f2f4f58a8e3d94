"""The code of the page on models of one's own runs as it stands."""

import re
from pathlib import Path

import pytest

from sdetheory.models.protocol.model import LOST

PAGE = (Path(__file__).parents[3] / "docs" / "learn" / "how_to" / "own_model.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_the_ten_lines_are_ten():
    assert len([line for line in BLOCKS[0].splitlines() if line.strip()]) <= 12  # two imports, and ten lines


def test_the_page_runs_with_pytorch(capsys):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    torch.manual_seed(0)
    names: dict = {}
    exec(BLOCKS[0], names)
    low, high = names["scale"].interval
    assert 0 < low < names["scale"].noise_scale.value < high
    assert names["scale"].noise_scale.__str__() in capsys.readouterr().out
    assert eval(BLOCKS[1], names).ok
    assert eval(BLOCKS[3], names) < 0


def test_the_page_runs_with_jax():
    pytest.importorskip("jax", reason="JAX is not installed")
    names: dict = {}
    exec(BLOCKS[2], names)
    assert names["model"].dimension == 20 * 16 + 16 * 3


def test_the_table_of_the_page_is_that_of_the_protocol():
    rows = dict(re.findall(r"^\| `(\w+)\(.*?\).*? \| (.*?) \|$", PAGE, re.MULTILINE))
    for name in LOST:
        assert name in rows
