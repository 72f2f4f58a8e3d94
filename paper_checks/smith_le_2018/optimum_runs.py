"""Trains the cells of the study of the optimum batch size, one row of a CSV file each.

``python -m paper_checks.smith_le_2018.optimum_runs FOLDER FILE.csv`` goes on where the file ends. It may be stopped at
any time: a row is written at once or not at all.
"""

from __future__ import annotations

import csv
import dataclasses
import functools
import os
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import sdetheory as st

from .optimum_grid import Cell, cells

RECORDS = 16
COLUMNS = (
    *(field.name for field in dataclasses.fields(Cell)),
    "diverged_at", "test_loss", "test_accuracy", "train_loss", "curvature", "seconds", "versions",
)  # fmt: skip
VERSIONS = " ".join(
    [*(f"{name}-{version(name)}" for name in ("sdetheory", "numpy", "numba")), f"python-{platform.python_version()}",
     platform.machine()]
)  # fmt: skip


def train(cell: Cell, folder: str) -> dict[str, Any]:
    """Return the row of a cell."""
    begun = time.process_time()
    x_all, y_all, x_test, y_test = images(cell.data, folder)
    chosen, labels, start, batches = (np.random.default_rng(s) for s in np.random.SeedSequence(cell.seed).spawn(4))
    first = chosen.permutation(len(x_all))[: cell.train_size]
    anew = labels.random(len(x_all)) < cell.random_labels
    y = np.where(anew, labels.integers(0, 10, len(x_all)), y_all)[first]
    model = _network(cell, x_all[first], y)
    part = _network(cell, model.X[:4000], model.y[:4000])
    hp = st.SGDHyperparameters(
        learning_rate=cell.learning_rate, train_size=cell.train_size, batch_size=cell.batch_size, momentum=cell.momentum
    )
    run = st.sgd(
        model,
        hp,
        model.initial(start),
        n_steps=cell.n_steps,
        rng=batches,
        record_every=-(-cell.n_steps // RECORDS),
        metrics={
            "test_loss": lambda w: model.loss(w, x_test, y_test),
            "test_accuracy": lambda w: model.accuracy(w, x_test, y_test),
            "train_loss": part.loss,
        },
    )
    return {
        **dataclasses.asdict(cell),
        "diverged_at": int(run.diverged_at[0]),
        **{name: " ".join(f"{value:.5g}" for value in values[:, 0]) for name, values in run.metrics.items()},
        "curvature": f"{_curvature(cell, model, run.final[0]):.4g}",
        "seconds": f"{time.process_time() - begun:.2f}",
        "versions": VERSIONS,
    }


@functools.cache
def images(data: str, folder: str) -> tuple[Any, Any, Any, Any]:
    """Return training images and labels, and those to test on, as the networks see them."""
    found = (
        st.datasets.mnist(range(10), train_size=4000, test_size=1000) if data == "mnist" else st.datasets.idx(folder)
    )
    mean = found.x_train.mean()
    x, x_test = ((inputs - mean).astype(np.float32) for inputs in (found.x_train, found.x_test))
    return x, found.y_train, x_test, found.y_test


def _network(cell: Cell, x: Any, y: Any) -> Any:
    return st.models.ReLUNetwork(x, y, hidden=cell.hidden, n_classes=10)


def _curvature(cell: Cell, model: Any, w: Any) -> float:
    """Return about the largest eigenvalue of the Hessian of the mean loss, of at most 1,000 training images."""
    if not np.isfinite(w).all():
        return float("nan")
    part = _network(cell, model.X[:1000], model.y[:1000])
    v = np.random.default_rng(cell.seed).standard_normal(model.dimension)
    for _ in range(20):
        v /= np.linalg.norm(v)
        product = part.hessian_vector_product(w, v).astype(float) / part.train_size
        value, v = float(v @ product), product
    return value


def read(path: Path) -> list[dict[str, str]]:
    """Return the rows of a file that are whole, as text by column."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    return list(csv.DictReader(text[: text.rfind("\n") + 1].splitlines()))


def cell_of(row: dict[str, str]) -> Cell:
    """Return the cell that a row is of."""
    kinds = {"str": str, "int": int, "float": float}
    return Cell(**{field.name: kinds[str(field.type)](row[field.name]) for field in dataclasses.fields(Cell)})


def append(path: Path, row: dict[str, Any]) -> None:
    """Write a row, on the disk before this returns; cut off first what a kill has left unfinished."""
    with path.open("ab+") as file:
        file.seek(0)
        text = file.read()
        file.truncate(text.rfind(b"\n") + 1)
        head = ",".join(COLUMNS) + "\n" if not text else ""
        file.write((head + ",".join(str(row[name]) for name in COLUMNS) + "\n").encode())
        file.flush()
        os.fsync(file.fileno())


def main(folder: str, file: str) -> None:
    """Do all cells that the file does not have."""
    path = Path(file)
    done = {cell_of(row) for row in read(path)}
    for cell in cells():
        if cell not in done:
            append(path, train(cell, folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
