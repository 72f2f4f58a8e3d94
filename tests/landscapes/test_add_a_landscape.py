"""The recipe "A landscape" of CONTRIBUTING, followed in a copy of the package: a function, its test, its name.

That a public name has an entry in the table of right arguments, tests/test_fuzz.py says.
"""

import os
import re
import shutil
import subprocess
import sys

import pytest
import recipes

BLOCKS = recipes.blocks("A landscape")

SCRIPT = """
import doctest, sys
from sdetheory.landscapes import library
from fuzzing import callables
assert sys.argv[1] in callables.public()
assert not doctest.testmod(library).failed
"""


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def copy(tmp_path):
    """Return what runs Python in a copy that has the landscape, and its name."""
    function, test = BLOCKS
    name = re.match(r"def (\w+)", function)[1]
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(recipes.ROOT / "sdetheory", tmp_path / "sdetheory", ignore=ignored)
    for folder in ("landscapes", "fuzzing"):
        shutil.copytree(recipes.ROOT / "tests" / folder, tmp_path / "tests" / folder, ignore=ignored)
    landscapes, tests = tmp_path / "sdetheory" / "landscapes", tmp_path / "tests"
    edit(landscapes / "library.py", "\n\ndef sharp_and_broad", f"\n\n{function}\n\ndef sharp_and_broad")
    listed = f"\nfrom .library import {name}\n\n__all__ = [\n    '{name}',\n"
    edit(landscapes / "__init__.py", "\n\n__all__ = [\n", listed)
    library = tests / "landscapes" / "test_library.py"
    edit(library, "quadratic, sharp_and_broad\n", f"quadratic, sharp_and_broad, {name}\n")
    with library.open("a", encoding="utf-8") as file:
        file.write(f"\n\n{test}")

    def python(*arguments):
        paths = os.pathsep.join([str(tmp_path), str(tests)])
        environment = os.environ | {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)

    return python, name, landscapes / "library.py"


def test_a_landscape_is_a_function_its_test_and_its_name(copy):
    python, name, library = copy
    tests = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/landscapes/test_library.py", "-k", f"test_{name}"]
    done = python(*tests)
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr
    done = python("-c", SCRIPT, f"landscapes.{name}")
    assert done.returncode == 0, done.stderr
    # The negative control: with a drift of another sign the same test is red.
    edit(library, '"1 - cos(x)', '"1 + cos(x)')
    assert "1 failed" in python(*tests).stdout
