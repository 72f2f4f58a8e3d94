"""What docs/learn/how_to/training_options.md shows is what its code gives."""

import doctest
import re
from pathlib import Path

import numpy as np
import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "learn" / "how_to" / "training_options.md").read_text(encoding="utf-8")


def failures(page):
    code = "\n".join(re.findall(r"```python\n(.*?)```", page, flags=re.S))
    test = doctest.DocTestParser().get_doctest(code, {}, "training_options.md", None, 0)
    said = []
    with np.printoptions(precision=3):
        result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=said.append)
    return result, "".join(said)


def test_its_code_gives_what_it_says():
    result, said = failures(PAGE)
    assert result.attempted > 20 and not result.failed, said


@pytest.mark.parametrize(("right", "wrong"), [("array([10, 36])", "array([10, 50])"), ("[60, 30, 15]", "[80, 40, 20]")])
def test_another_number_would_be_noticed(right, wrong):
    """The negative control: batches of 1/0.2 times the size, and epochs without their schedule."""
    assert PAGE.count(right) == 1
    assert failures(PAGE.replace(right, wrong))[0].failed == 1
