"""Ties the stored studies to the code: some of their cells are computed again, and must be what is stored.

Two cells of each study, drawn by the root seed, make the first `STEPS` steps of their run; one has the largest
momentum and less than all examples in a batch. Rounding has not grown yet, so that the test loss must be the stored one
to a part in a thousand on every processor, and no other batch, sign or momentum gives it. Beyond some hundred steps
rounding decides where a run goes, as another seed would: one whole run of each study is made again, whose accuracy must
lie within what seeds make of it.

``python -m paper_checks.smith_le_2018.spots SWEEP`` adds the losses of a study.
"""

from __future__ import annotations

import csv
import functools
import sys
import zlib
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import numpy as np

import sdetheory as st
from sdetheory.claims import ROOT_SEED

FILE = Path(__file__).parents[2] / "examples" / "data" / "mnist_spots.csv"
CELL = ("learning_rate", "momentum", "dampening", "train_size", "batch_size", "seed")
STEPS, RTOL = 20, 1e-3
WORK = 100_000  # examples in a whole run that is made again: seconds
TRAINED = 0.88


def verify(sweep: str, study: st.BatchSizeStudy, problem: Any, workers: Executor) -> None:
    """Compute cells of a study again, and compare."""
    rng = np.random.default_rng([ROOT_SEED, zlib.crc32(sweep.encode())])
    with FILE.open(encoding="utf-8", newline="") as file:
        known = {tuple(float(row[name]) for name in CELL): float(row["test_loss"])
                 for row in csv.DictReader(file) if row["sweep"] == sweep}  # fmt: skip
    assert len(known) == len(study.table), f"{FILE.name} must have each cell of {sweep}"
    # One shows how momentum is applied and how batches are drawn, as runs without it, and of full batches, do not.
    table = study.table
    moving = table[(table["momentum"] == table["momentum"].max()) & (table["batch_size"] < table["train_size"])]
    early = [rng.choice(study.table), rng.choice(moving)]
    good = study.table[study.table["test_accuracy"] > TRAINED]
    whole = rng.choice(good[good["batch_size"] * good["n_steps"] <= WORK])
    jobs = [workers.submit(ends, problem, cell_of(row), STEPS) for row in early]
    last = workers.submit(ends, problem, cell_of(whole), int(whole["n_steps"]))
    for row, job in zip(early, jobs, strict=True):
        found, stored = job.result()[1], known[cell_of(row)]
        assert abs(found - stored) <= RTOL * stored, (
            f"{sweep} {cell_of(row)}: test loss {found} after {STEPS} steps, {stored} is stored"
        )
    found, spread = last.result()[0], _spread(good)
    assert abs(found - whole["test_accuracy"]) <= 6 * spread, (
        f"{sweep} {cell_of(whole)}: accuracy {found}, {whole['test_accuracy']} is stored, and seeds make {spread:.2g}"
    )


def ends(problem: Any, cell: tuple[float, ...], n_steps: int) -> tuple[float, float]:
    """Return test accuracy and loss of a cell after some of its steps."""
    values = dict(zip(CELL, cell, strict=True))
    seed, size, train_size = (int(values.pop(name)) for name in ("seed", "batch_size", "train_size"))
    model, metrics, w0 = _made(problem, seed, train_size)
    hp = st.SGDHyperparameters(batch_size=size, train_size=train_size, **values)
    w = st.sgd(model, hp, w0, n_steps=n_steps, rng=np.random.SeedSequence(seed, spawn_key=(size,))).final[0]
    return metrics["test_accuracy"](w), metrics["test_loss"](w)


@functools.lru_cache(maxsize=2)
def _made(problem: Any, seed: int, train_size: int) -> Any:
    return problem(seed, train_size)


def cell_of(row: Any) -> tuple[float, ...]:
    """Return what tells a row of a study from the others."""
    return tuple(float(row[name]) for name in CELL)


def _spread(rows: Any) -> float:
    """Return by how much two seeds differ, a standard deviation: that of one seed about its cell's mean, times √2."""
    _, cells = np.unique(rows[list(CELL[:-1])], return_inverse=True)
    count = np.bincount(cells)
    centered = rows["test_accuracy"] - (np.bincount(cells, rows["test_accuracy"]) / count)[cells]
    return float(np.sqrt(2 * np.sum(centered**2) / np.sum(count - 1)))


def main(sweep: str) -> None:
    """Add a study to the file."""
    from . import studies

    table = st.BatchSizeStudy.read(studies.DATA / f"mnist_{sweep}.csv").table
    problem = studies.Digits(studies.TEST_SIZES[sweep])
    with FILE.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for row in table:
            cell = cell_of(row)
            writer.writerow([sweep, *cell, f"{ends(problem, cell, STEPS)[1]:.6g}"])


if __name__ == "__main__":
    main(*sys.argv[1:])
