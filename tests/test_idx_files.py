"""Images and labels from IDX files, which the tests write themselves."""

import gzip
import struct

import numpy as np
import pytest

from sdetheory import datasets
from sdetheory.errors import InvalidInputError

ROWS, COLUMNS = 3, 2


def encoded(array, kind=8):
    return bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.fixture
def arrays(rng):
    """Return what the four files hold, by stem."""
    found = {}
    for stem, n in (("train", 20), ("t10k", 7)):
        found[f"{stem}-images"] = rng.integers(0, 256, (n, ROWS, COLUMNS)).astype(np.uint8)
        found[f"{stem}-labels"] = rng.permutation(np.arange(n) % 3).astype(np.uint8)
    return found


def write(folder, arrays, compress=False, mark="-"):
    """Write the files and return their paths by stem."""
    paths = {}
    for stem, array in arrays.items():
        paths[stem] = folder / f"{stem}{mark}idx{array.ndim}-ubyte{'.gz' if compress else ''}"
        paths[stem].write_bytes(gzip.compress(encoded(array)) if compress else encoded(array))
    return paths


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("mark", "-.")
def test_the_numbers_are_those_of_the_files(tmp_path, arrays, compress, mark):
    write(tmp_path, arrays, compress, mark)
    data = datasets.idx(tmp_path)
    for part, stem in (("train", "train"), ("test", "t10k")):
        x, y = getattr(data, f"x_{part}"), getattr(data, f"y_{part}")
        np.testing.assert_array_equal(x, arrays[f"{stem}-images"].reshape(-1, ROWS * COLUMNS) / 255)
        np.testing.assert_array_equal(y, arrays[f"{stem}-labels"])
        assert x.dtype == np.float64 and x.flags.c_contiguous and y.dtype == np.int64


def test_a_folder_is_a_string_or_a_path_and_is_left_as_it_was(tmp_path, arrays):
    paths = write(tmp_path, arrays)
    for path in paths.values():
        path.chmod(0o444)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir()}
    data = datasets.idx(str(tmp_path))
    data.x_train[:] = -1.0
    assert datasets.idx(tmp_path).x_train.min() >= 0.0
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir()} == before


def test_a_file_as_it_is_goes_before_a_compressed_one(tmp_path, arrays):
    write(tmp_path, {stem: 0 * array for stem, array in arrays.items()}, compress=True)
    write(tmp_path, arrays)
    assert datasets.idx(tmp_path).x_train.max() > 0.0


def change(stem, to):
    """Return a fault that replaces the bytes of a file."""
    return lambda paths: paths[stem].write_bytes(to(paths[stem].read_bytes()))


def header(*sizes, kind=8):
    return bytes([0, 0, kind, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes)


FAULTS = {
    "missing": (
        lambda paths: paths["t10k-labels"].unlink(),
        "t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte.gz.*has neither",
    ),
    "empty": (change("train-labels", lambda b: b""), "starts with 00 00 08 01; got an empty file"),
    "text": (change("train-labels", lambda b: b"<!DOCTYPE html>"), "got 3c 21 44 4f"),
    "floats": (change("train-images", lambda b: header(20, 3, 2, kind=0x0D) + b[16:]), "got 00 00 0d 03"),
    "labels for images": (change("train-images", lambda b: header(120) + b[16:]), "got 00 00 08 01"),
    "cut": (change("train-images", lambda b: b[:-1]), r"hold 120 bytes after its header, \(20, 3, 2\); got 119"),
    "cut header": (change("train-images", lambda b: b[:10]), r"how many numbers it holds.*got \(20,\)"),
    "too long": (change("t10k-labels", lambda b: b + b"0"), r"hold 7 bytes after its header, \(7,\); got more"),
    "no examples": (change("t10k-labels", lambda b: header(0)), r"from 1 to.*got \(0,\)"),
    "huge": (change("t10k-images", lambda b: header(2**32 - 1, 2**32 - 1, 9) + b[16:]), "from 1 to 4294967296"),
    "large": (change("t10k-images", lambda b: header(2**31, 1, 1) + b[16:]), "got 42"),
    "other number": (change("t10k-labels", lambda b: header(6) + b[9:]), "of one number; got 7 in .* and 6 in"),
    "other size": (change("t10k-images", lambda b: header(7, 2, 3) + b[16:]), r"one size; got \(3, 2\) and \(2, 3\)"),
    "label": (change("t10k-labels", lambda b: b[:-1] + b"\x0a"), "below n_classes = 10; .*t10k-labels.* has 10"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_with_a_file_is_said(tmp_path, arrays, fault):
    paths = write(tmp_path, arrays)
    datasets.idx(tmp_path)
    spoil, message = FAULTS[fault]
    spoil(paths)
    with pytest.raises(InvalidInputError, match=message):
        datasets.idx(tmp_path)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda b: b[: len(b) // 2], "can be read; got Compressed file ended"),
        (lambda b: b[:10] + bytes(len(b) - 10), "can be read; got"),
        (lambda b: b[:-8] + bytes(8), "can be read; got CRC check failed"),
        (lambda b: gzip.decompress(b), "can be read; got Not a gzipped file"),
    ],
)
def test_a_damaged_compressed_file_is_refused(tmp_path, arrays, spoil, message):
    path = write(tmp_path, arrays, compress=True)["train-images"]
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(InvalidInputError, match=message):
        datasets.idx(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"folder": "nowhere"}, "folder must be a folder that is there; got 'nowhere'"),
        ({"folder": 1}, "folder must be the path of a folder, a string or a Path; got 1"),
        ({"folder": "a\0b"}, "folder must be the path of a folder"),
        ({"n_classes": 1}, "n_classes must be >= 2"),
        ({"n_classes": 2}, "below n_classes = 2; .* has 2"),
    ],
)
def test_arguments_are_checked(tmp_path, arrays, arguments, message):
    write(tmp_path, arrays)
    with pytest.raises(InvalidInputError, match=message):
        datasets.idx(**({"folder": tmp_path} | arguments))
