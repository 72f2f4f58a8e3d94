"""The cache on disk: machine code is reused, and nothing is executed that is not ours."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from sdetheory._kernels import block

posix = pytest.mark.skipif(sys.platform == "win32", reason="permissions are of POSIX")

SOURCE = """\
def kernel(x, p, out):
    for lane in range(x.shape[1]):
        out[0, lane] = p[0] * x[0, lane]
"""

# Compiles SOURCE in a process of its own and says whether the machine code came from the disk, and where the file is.
SCRIPT = f"""\
import sys
import numpy as np
from sdetheory._kernels import block
function = block.BlockFunction({SOURCE!r}, np.array([3.0]), 1)
assert function(np.array([[1.0], [2.0]])).tolist() == [[3.0], [6.0]]
print(function.compiled.cache_hits, block._cache_directory())
"""


def run(cache, script=SCRIPT):
    environment = {key: value for key, value in os.environ.items() if key != "NUMBA_CACHE_DIR"}
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env={**environment, "XDG_CACHE_HOME": str(cache)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    hits, directory = result.stdout.strip().split(" ", 1)
    return int(hits), Path(directory)


def files(directory):
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in directory.rglob("*") if path.is_file()}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="XDG_CACHE_HOME is Linux's")
def test_machine_code_is_reused_and_an_altered_source_is_not_executed(tmp_path):
    hits, directory = run(tmp_path)
    assert hits == 0
    assert directory == tmp_path / "sdetheory" / "kernels"
    assert directory.stat().st_mode & 0o777 == 0o700
    first = files(directory)
    (source,) = (directory / name for name in first if name.endswith(".py"))
    assert source.read_text() == SOURCE
    assert any(name.endswith(".nbc") for name in first)
    assert not any(name.endswith(".tmp") for name in first)

    for path in directory.rglob("*"):
        # Numba's own files have the usual permissions; the directory keeps all others away from them.
        assert path.stat().st_uid == os.getuid()
    assert source.stat().st_mode & 0o777 == 0o600

    hits, _ = run(tmp_path)
    assert hits == 1
    assert files(directory) == first

    for planted in (b"raise SystemExit('planted')\n", b"\xff\xfe not a text"):
        source.write_bytes(planted)
        run(tmp_path)
        assert source.read_text() == SOURCE


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="XDG_CACHE_HOME is Linux's")
def test_another_version_does_not_use_the_machine_code(tmp_path):
    run(tmp_path)
    hits, directory = run(tmp_path, "import sdetheory\nsdetheory.__version__ = '999.0'\n" + SCRIPT)
    assert hits == 0
    assert len(list(directory.glob("*.py"))) == 2
    assert run(tmp_path)[0] == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="XDG_CACHE_HOME is Linux's")
@pytest.mark.parametrize("kind", ["nbi", "nbc"])
def test_a_machine_code_file_that_was_cut_short_is_made_anew(tmp_path, kind):
    _, directory = run(tmp_path)
    (file,) = directory.rglob(f"*.{kind}")
    file.write_bytes(file.read_bytes()[:100] if kind == "nbi" else b"")
    assert run(tmp_path)[0] == 0
    assert run(tmp_path)[0] == 1


@pytest.fixture
def cache_home(tmp_path, monkeypatch):
    """Return an empty XDG_CACHE_HOME, with a place for temporary directories beside it."""
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    home.mkdir()
    temporary.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    return home


def directory():
    return block._cache_directory.__wrapped__()


@posix
@pytest.mark.parametrize("mode", [0o700, 0o755, 0o711])
def test_a_directory_of_ones_own_is_used_and_closed_to_others(cache_home, mode):
    kernels = cache_home / "sdetheory" / "kernels"
    kernels.mkdir(parents=True)
    kernels.chmod(mode)
    assert directory() == kernels
    assert kernels.stat().st_mode & 0o777 == 0o700


@posix
def test_a_new_directory_is_closed_to_others_whatever_the_umask(cache_home):
    before = os.umask(0)
    try:
        kernels = directory()
    finally:
        os.umask(before)
    for made in (kernels, kernels.parent):
        assert made.stat().st_mode & 0o777 == 0o700


@posix
@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_directory_that_others_may_write_to_is_not_used(cache_home, mode):
    kernels = cache_home / "sdetheory" / "kernels"
    kernels.mkdir(parents=True)
    kernels.chmod(mode)
    other = directory()
    assert other.parent == cache_home.parent / "temporary"
    assert other.stat().st_mode & 0o777 == 0o700


@posix
def test_a_directory_of_somebody_else_is_not_used(cache_home, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert directory().parent == cache_home.parent / "temporary"


@posix
def test_a_place_that_cannot_be_a_directory_is_not_used(cache_home):
    (cache_home / "sdetheory").write_text("a file")
    assert directory().parent == cache_home.parent / "temporary"


def test_the_same_source_is_compiled_once():
    one, other = (block.BlockFunction(SOURCE, np.array([factor]), 1) for factor in (2.0, 5.0))
    assert one.compiled is other.compiled
    points = np.arange(6.0).reshape(2, 3, 1)
    np.testing.assert_array_equal(one(points), 2 * points)
    np.testing.assert_array_equal(other(points), 5 * points)
