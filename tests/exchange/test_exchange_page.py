"""The code of the page on notebooks, files and other packages as it stands."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "learn" / "how_to" / "going_on.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_the_page_runs(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for block in BLOCKS[:3]:
        exec(block, names)
    assert capsys.readouterr().out.startswith("Run(final=<50x1 array>, ")
    for package in ("pandas", "xarray", "arviz_base"):
        pytest.importorskip(package)
    exec(BLOCKS[3], names)
    assert len(names["table"]) == names["run"].paths.size
