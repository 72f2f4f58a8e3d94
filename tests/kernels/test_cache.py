"""Machine code on the disk: what is damaged there is compiled anew."""

import importlib.util
import subprocess
import sys

import pytest
from numba.core.config import reload_config

SOURCE = """
from numba import njit
from sdetheory._kernels._cache import checked

@checked
@njit(cache=True)
def affine(x):
    return 3.0 * x + 1.0
"""
FRACTIONS = (0.0, 0.1, 0.35, 0.6, 0.85, 0.999)


def load(path):
    """Return the function as a new process would get it, its machine code from the disk if that is whole."""
    spec = importlib.util.spec_from_file_location("cached_module", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["cached_module"] = module
    spec.loader.exec_module(module)
    return module.affine


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    reload_config()  # Numba looks at its environment when it compiles, so that the first file would go elsewhere
    path = tmp_path / "cached_module.py"
    path.write_text(SOURCE)
    yield path
    sys.modules.pop("cached_module", None)


def compiled_anew(path):
    """Call the function and return whether it had to be compiled."""
    function = load(path)
    assert function(2.0) == 7.0
    hits, misses = function.stats.cache_hits.values(), function.stats.cache_misses.values()
    assert sum(hits) + sum(misses) == 1
    return bool(sum(misses))


def files(path, kind):
    return [*path.parent.rglob(f"*.{kind}")]


def test_whole_files_are_used(path):
    """The negative control."""
    assert compiled_anew(path)
    assert not compiled_anew(path)
    assert len(files(path, "nbi")) == len(files(path, "nbc")) == 1


@pytest.mark.parametrize("fraction", FRACTIONS)
@pytest.mark.parametrize("kind", ["nbi", "nbc"])
def test_one_flipped_byte_is_found(path, kind, fraction):
    compiled_anew(path)
    (file,) = files(path, kind)
    content = bytearray(file.read_bytes())
    content[int(fraction * len(content))] ^= 0x10
    file.write_bytes(content)
    assert compiled_anew(path)
    assert not compiled_anew(path)


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
@pytest.mark.parametrize("content", [b"", b"short", bytes(100)])
def test_files_cut_short_or_of_another_kind_are_replaced(path, kind, content):
    compiled_anew(path)
    (file,) = files(path, kind)
    file.write_bytes(content)
    assert compiled_anew(path)
    assert not compiled_anew(path)


def test_a_missing_file_is_made_again(path):
    compiled_anew(path)
    (file,) = files(path, "nbc")
    file.unlink()
    assert compiled_anew(path)


def test_files_that_numba_wrote_itself_are_replaced(path):
    """Those of an earlier version of the package have no checksum."""
    path.write_text(SOURCE.replace("@checked\n", ""))
    compiled_anew(path)
    path.write_text(SOURCE)
    assert compiled_anew(path)
    assert not compiled_anew(path)


HELPERS = """
from typing import NamedTuple
from numba import njit
from cached_depth import twice

class Pair(NamedTuple):
    a: float
    b: float

@njit
def helper(x):
    return twice(x) + x
"""
DEPTH = """
from numba import njit

@njit
def twice(x):
    return x + x
"""
CALLER = """
from numba import njit
from sdetheory._kernels._cache import checked
from cached_helpers import Pair, helper
from cached_level import LEVEL

@checked
@njit(cache=True)
def affine(x):
    pair = Pair(helper(x), LEVEL - 1.0)
    return pair.a + pair.b
"""


@pytest.fixture
def helpers(path, monkeypatch):
    """Write a kernel whose helper and record, a helper of that, and a constant stand in three other files."""
    monkeypatch.syspath_prepend(path.parent)
    others = [path.with_name(f"cached_{name}.py") for name in ("helpers", "depth", "level")]
    for file, text in zip((path, *others), (CALLER, HELPERS, DEPTH, "LEVEL = 2.0"), strict=True):
        file.write_text(text)

    def forget():
        for file in others:
            sys.modules.pop(file.stem, None)
        importlib.invalidate_caches()

    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # Python looks at the time of a file, to the second
    yield others, forget
    forget()


EDITS = {
    "helper": (0, "twice(x) + x", "x + twice(x)"),
    "a helper's helper": (1, "return x + x", "return 2.0 * x"),
    "record": (0, "    a: float\n    b: float", "    b: float\n    a: float"),
    "constant": (2, "2.0", "2"),
}


@pytest.mark.parametrize(("number", "old", "new"), EDITS.values(), ids=EDITS)
def test_an_edit_of_what_a_kernel_is_made_of_is_seen(path, helpers, number, old, new):
    """Numba alone looks at the kernel's own file, and would go on with the machine code of another helper."""
    others, forget = helpers
    assert compiled_anew(path)
    forget()
    assert not compiled_anew(path)  # the negative control
    text = others[number].read_text()
    assert old in text
    others[number].write_text(text.replace(old, new))
    forget()
    assert compiled_anew(path)
    forget()
    assert not compiled_anew(path)


def test_every_kernel_has_checked_files():
    code = """
import sdetheory as st, numba
from numba.core.dispatcher import Dispatcher
from sdetheory._kernels import block, descent, noise, weighted
from sdetheory._kernels.drivers import ensemble, passages, residence, statistics
for module in (block, descent, ensemble, noise, passages, residence, statistics, weighted):
    for name, thing in vars(module).items():
        if isinstance(thing, Dispatcher) and type(thing._cache).__name__ != "NullCache":
            print(name, type(thing._cache).__name__)
"""
    lines = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(lines) > 8
    assert {line.split()[1] for line in lines} == {"_CheckedCache"}
