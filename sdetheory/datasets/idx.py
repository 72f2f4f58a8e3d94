"""Images and labels in IDX files, the form in which MNIST, Fashion-MNIST and their kin are handed out."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _validate
from ..errors import InvalidInputError
from .dataset import Dataset

_BYTES = 0x08  # the only type of number that images and labels have
_LARGEST = 2**32  # bytes in a file; a header that claims more is not one
_GROWTH = 1032  # what compressed bytes become at most


def idx(folder: str | os.PathLike[str], *, n_classes: int = 10) -> Dataset:
    """Return all images and labels of a folder of IDX files, such as MNIST or Fashion-MNIST.

    Parameters
    ----------
    folder : path
        Holds ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, ``t10k-images-idx3-ubyte`` and
        ``t10k-labels-idx1-ubyte``: as they are, or compressed and with ``.gz`` at the end; a dot before ``idx`` will do
        as well. Of a file that is there in several forms the first of these is read. Nothing is written.
    n_classes : int
        Number k ≥ 2 of classes; labels are 0, 1, …, k − 1.

    Returns
    -------
    Dataset
        Examples in the order of the files. Inputs are the pixels of an image, row by row, as intensities from 0 to 1.

    Raises
    ------
    InvalidInputError
        If a file is missing, is no IDX file of bytes with as many dimensions as it should have, is shorter or longer
        than it says, or is damaged; if images and labels differ in number, training and test images in size; or if a
        label is k or more.

    Notes
    -----
    A file starts with two zero bytes, the type of its numbers (8: bytes), the number of dimensions, and their sizes as
    big-endian integers of four bytes. The 70,000 images of MNIST or of Fashion-MNIST take 0.44 GB of memory.

    On Debian ``apt install dataset-fashion-mnist`` puts the files into ``/usr/share/datasets/fashion-mnist``.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
    Proceedings of the IEEE 86 (1998) 2278.
    H. Xiao, K. Rasul and R. Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning
    algorithms" (2017), arXiv:1708.07747.

    Examples
    --------
    Four images of two by three pixels, and two to test on:

    >>> import pathlib, struct, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for part, n in (("train", 4), ("t10k", 2)):
    ...     images = bytes([0, 0, 8, 3]) + struct.pack(">3I", n, 2, 3) + bytes(range(6 * n))
    ...     labels = bytes([0, 0, 8, 1]) + struct.pack(">I", n) + bytes(i % 2 for i in range(n))
    ...     _ = (folder / f"{part}-images-idx3-ubyte").write_bytes(images)
    ...     _ = (folder / f"{part}-labels-idx1-ubyte").write_bytes(labels)
    >>> data = idx(folder, n_classes=2)
    >>> data.x_train.shape, data.y_test
    ((4, 6), array([0, 1]))
    """
    k = _validate.integer("n_classes", n_classes, at_least=2)
    place = _validate.folder_path("folder", folder)
    found: dict[str, NDArray[Any]] = {}
    sizes = {}
    for part, stem in (("train", "train"), ("test", "t10k")):
        images_in, labels_in = _file(place, f"{stem}-images", 3), _file(place, f"{stem}-labels", 1)
        images, labels = _read(images_in, 3), _read(labels_in, 1)
        if len(images) != len(labels):
            raise InvalidInputError(
                f"images and labels must be of one number; got {len(images)} in {images_in} and {len(labels)} in "
                f"{labels_in}. They may be of two data sets."
            )
        if labels.max() >= k:
            raise InvalidInputError(
                f"labels must be below n_classes = {k}; {labels_in} has {labels.max()}. Pass n_classes."
            )
        sizes[part] = images.shape[1:]
        found |= {f"x_{part}": images.reshape(len(images), -1) / 255.0, f"y_{part}": labels.astype(np.int64)}
    if sizes["train"] != sizes["test"]:
        raise InvalidInputError(
            f"training and test images must be of one size; got {sizes['train']} and {sizes['test']} pixels in {place}"
        )
    return Dataset(**found)


def _file(place: Path, stem: str, dimensions: int) -> Path:
    names = [f"{stem}{mark}idx{dimensions}-ubyte{end}" for end in ("", ".gz") for mark in "-."]
    for name in names:
        if (place / name).is_file():
            return place / name
    raise InvalidInputError(f"folder must hold {names[0]} or {names[2]}, an IDX file; {place} has neither")


def _read(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Return the numbers of a file, an array of `dimensions` dimensions."""
    opener, growth = (gzip.open, _GROWTH) if path.suffix == ".gz" else (open, 1)
    try:
        with opener(path, "rb") as file:
            magic = file.read(4)
            wanted = bytes([0, 0, _BYTES, dimensions])
            if magic != wanted:
                raise InvalidInputError(
                    f"{path} must be an IDX file of bytes in {dimensions} dimensions, which starts with "
                    f"{wanted.hex(' ')}; got {magic.hex(' ') or 'an empty file'}"
                )
            head = file.read(4 * dimensions)
            shape = tuple(np.frombuffer(head, ">u4", len(head) // 4).tolist())
            size = int(np.prod(shape, dtype=object))
            if len(shape) < dimensions or not 0 < size <= _LARGEST:
                raise InvalidInputError(
                    f"{path} must say in its header how many numbers it holds, from 1 to {_LARGEST}; got {shape}"
                )
            # One more than there should be, to see whether there is; but no more memory than the file may need.
            body = file.read(min(size + 1, growth * path.stat().st_size))
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidInputError(f"{path} must be a file that can be read; got {error}") from None
    if len(body) != size:
        found = f"{len(body)}" if len(body) < size else "more"
        raise InvalidInputError(
            f"{path} must hold {size} bytes after its header, {shape}; got {found}. Fetch it again."
        )
    return np.frombuffer(body, np.uint8).reshape(shape)
