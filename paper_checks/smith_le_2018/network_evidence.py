"""The study behind the claims that small batches find larger evidence: networks trained, and their evidence.

    python -m paper_checks.smith_le_2018.network_evidence --minutes 25

trains the cells of `CELLS` that `examples/data/network_evidence.csv` does not have yet, one after the other, and
appends a row for each; stopped, it goes on where it was. What follows was written, and committed, before any cell was
run; a pilot on other images had chosen learning rates that do not diverge and a λ of the order of the best one.

Protocol
--------
n = 500 training images, 10 classes, h rectified units, C(w) = Σ −ln P + λ|w|²/2 on weights and biases. SGD without
replacement, undamped momentum 0.9, from He's start; then 3,000 steps of the whole batch (ε = 0.05, m = 0.99) to the
bottom of the basin that SGD has reached; there the local evidence, `laplace(network, λ, about=w)`. A seed fixes images,
labels and start, so that cells of one seed are pairs. Labels: true; 20 % replaced at random; all replaced, those of the
test images too. Of 4,000 test images the labels are true otherwise.

* Main: Fashion-MNIST, h = 16, λ = 1, ε = 0.05, 4,000 steps, B = 15, 50, 150, 500, hence g = ε(N/B − 1)/(1 − m) = 16.2,
  4.5, 1.2, 0; three kinds of labels; seeds 0 to 3.
* Prior: the same at B = 50 and λ = 0.1, 0.3, 3, 10, true labels.
* Equal g: (ε, B) = (0.025, 26) and (0.1, 91) with ε × steps kept, beside (0.05, 50): g = 4.6, 4.5, 4.5; true labels.
* Others: MNIST, and h = 64 on Fashion-MNIST: the four batches; true labels, and on MNIST random ones.

A cell whose Newton decrement ends above 2 (kinks kept it near 0.8 in the pilot) has reached no bottom, and is left out
and counted; a cell that has collapsed to the null model (training loss above ln 10 − 0.01) stays in.

What each outcome would mean, all by 95 % Student intervals of paired differences over seeds:

1. *Evidence grows with g*: ln P at the largest g minus at g = 0. Above 0: the title's direction. Below 0: against it.
   Holding 0: open; and if the interval lies within ±1 nat, no effect that matters.
2. *It ranks minima by test loss*: Spearman's ρ of ln P with minus the test loss, over the batches of a seed at equal λ;
   over the λ of a seed at equal B; over all. Above 0, below 0, or open; for each grouping by itself.
3. *It tells true from random labels*, as figure 1 does for linear models: E = −ln P − n ln 10 is below 0 with true
   labels and above 0 with random ones; and ln P of the one above that of the other.
4. *Its optimum over λ, and over B, is that of the test loss*: difference of the log10 λ at which ln P is largest and
   the test loss least. An interval within ±0.5, a step of the grid: the same. One that leaves out 0 beyond it: another.

Third stage, written down when all of the above was known and before any of its cells was run. Pairs of which a cell
ends with a decrement above 2 are left out and counted.

* `LAST`, sixty seeds from 24 on: Fashion-MNIST, true labels, B = 15 and 500 as in the main part. They alone decide
  whether the gain of ln P goes on to g = 16: 95 % Student interval of the mean over pairs, above 0, below, or open.
* λ = 30, 100, 300 at B = 50, true labels, seeds 0 to 3: the test loss was still falling at the end of the old grid.
  Question 4 again, over λ = 0.1 to 300, by the same rule.
* Random labels at B = 50 and λ = 0.1 to 100, seeds 0 to 3: E > 0 at every λ and seed, as figure 2 has it of linear
  models. At small λ decrements will exceed 2 as they did at λ = 1: it is decided on what is left, and said of all.
"""

from __future__ import annotations

import argparse
import csv
import functools
import json
import math
import platform
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import sdetheory as st

STORED = Path(__file__).parents[2] / "examples" / "data" / "network_evidence.csv"
SPOTS = STORED.with_name("network_evidence_spots.csv")
"""Training loss of the MNIST cells with true labels after their first steps, which other machines find again."""
EARLY = 20
FASHION = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package dataset-fashion-mnist puts its files."""
TRAIN_SIZE, TEST_SIZE, CLASSES = 500, 4000, 10
SEEDS = range(4)
LATER = range(4, 24)
"""Seeds of the second stage."""
LAST = range(24, 84)
"""Seeds of the third stage."""
POLISH = 3000
SETTINGS = (
    "images", "hidden", "labels", "prior_precision", "learning_rate", "batch_size", "n_steps", "seed",
)  # fmt: skip
MEASURED = (
    "noise_scale", "train_loss_of_sgd", "test_loss_of_sgd", "train_loss", "test_loss", "test_accuracy", "squared_norm",
    "decrement", "log_likelihood", "half_log_curvature_ratio", "log_evidence", "trace", "largest_curvature",
    "best_prior_precision", "log_evidence_there", "effective_parameters", "seconds",
)  # fmt: skip


def _cells() -> Iterator[dict[str, Any]]:
    """Yield the settings of all cells, what decides most first."""
    usual = {
        "images": "fashion", "hidden": 16, "labels": "true", "prior_precision": 1.0, "learning_rate": 0.05,
        "batch_size": 50, "n_steps": 4000,
    }  # fmt: skip
    batches = (15, 500, 50, 150)
    for seed in SEEDS:
        for labels in ("true", "random", "partly"):
            yield from ({**usual, "labels": labels, "batch_size": b, "seed": seed} for b in batches)
    for seed in SEEDS:
        yield from ({**usual, "prior_precision": precision, "seed": seed} for precision in (0.1, 0.3, 3.0, 10.0))
    for seed in SEEDS:
        yield {**usual, "learning_rate": 0.025, "batch_size": 26, "n_steps": 8000, "seed": seed}
        yield {**usual, "learning_rate": 0.1, "batch_size": 91, "n_steps": 2000, "seed": seed}
    for seed in SEEDS:
        for labels in ("true", "random"):
            yield from ({**usual, "images": "mnist", "labels": labels, "batch_size": b, "seed": seed} for b in batches)
    for seed in LATER:
        yield from ({**usual, "batch_size": b, "seed": seed} for b in batches)
    for seed in SEEDS:
        yield from ({**usual, "hidden": 64, "batch_size": b, "seed": seed} for b in batches)
    for seed in LAST:
        yield from ({**usual, "batch_size": b, "seed": seed} for b in (15, 500))
    for seed in SEEDS:
        yield from ({**usual, "prior_precision": precision, "seed": seed} for precision in (30.0, 100.0, 300.0))
        for precision in (0.1, 0.3, 3.0, 10.0, 30.0, 100.0):
            yield {**usual, "labels": "random", "prior_precision": precision, "seed": seed}


CELLS = tuple(_cells())


def bottoms(table: dict[tuple[int, int, float], dict[str, Any]]) -> list[tuple[float, float]]:
    """Return λ and E for the null model, of the cells at B = 50 that have reached a bottom."""
    return [
        (precision, -row["log_evidence"] - TRAIN_SIZE * math.log(CLASSES))
        for (_, size, precision), row in table.items()
        if size == 50 and row["decrement"] <= 2
    ]


def problem(cell: dict[str, Any], folder: Path = FASHION) -> tuple[Any, Any, Any, Any]:
    """Return network, start, test images and test labels of a cell."""
    choice, randomness, start = (np.random.default_rng(s) for s in np.random.SeedSequence(cell["seed"]).spawn(3))
    if cell["images"] == "mnist":
        data = st.datasets.mnist(range(CLASSES), train_size=TRAIN_SIZE, test_size=TEST_SIZE, rng=choice)
        x, y, x_test, y_test = data.x_train, data.y_train, data.x_test, data.y_test
    else:
        data, chosen = _idx(folder), choice.permutation(60_000)[:TRAIN_SIZE]
        x, y = data.x_train[chosen], data.y_train[chosen]
        x_test, y_test = data.x_test[:TEST_SIZE], data.y_test[:TEST_SIZE]
    replaced = {"true": 0.0, "partly": 0.2, "random": 1.0}[cell["labels"]]
    chosen = randomness.random(len(y)) < replaced
    y = np.where(chosen, st.datasets.random_labels(y, n_classes=CLASSES, rng=randomness), y)
    if replaced == 1:
        y_test = st.datasets.random_labels(y_test, n_classes=CLASSES, rng=randomness)
    model = st.models.ReLUNetwork(
        x, y, hidden=cell["hidden"], n_classes=CLASSES, prior_precision=cell["prior_precision"]
    )
    return model, model.initial(start), x_test.astype(np.float32), y_test


_idx = functools.cache(st.datasets.idx)


def measure(cell: dict[str, Any], folder: Path = FASHION) -> dict[str, float]:
    """Train the network of a cell and return what is kept of it."""
    began = time.perf_counter()
    model, w0, x_test, y_test = problem(cell, folder)
    hp = st.SGDHyperparameters(
        learning_rate=cell["learning_rate"], train_size=TRAIN_SIZE, batch_size=cell["batch_size"], momentum=0.9
    )
    reached = st.sgd(model, hp, w0, n_steps=cell["n_steps"], rng=cell["seed"]).final[0]
    whole = st.SGDHyperparameters(learning_rate=0.05, train_size=TRAIN_SIZE, batch_size=TRAIN_SIZE, momentum=0.99)
    w = st.sgd(model, whole, reached, n_steps=POLISH, rng=0).final[0]
    fit = st.evidence.laplace(model, cell["prior_precision"], about=w)
    best = there = effective = math.nan
    if cell["seed"] == 0:  # the spectrum takes longer than all the rest
        at_best = fit.maximize()
        best, there = at_best.prior_precision, at_best.occam.log_evidence
        effective = fit.effective_parameters
    numbers = (
        hp.noise_scale, model.loss(reached), model.loss(reached, x_test, y_test), model.loss(w),
        model.loss(w, x_test, y_test), model.accuracy(w, x_test, y_test), float(fit.weights @ fit.weights),
        fit.decrement, fit.occam.log_likelihood_at_mode, fit.occam.half_log_curvature_ratio, fit.log_evidence,
        fit.trace, fit.largest_curvature, best, there, effective, time.perf_counter() - began,
    )  # fmt: skip
    return dict(zip(MEASURED, map(float, numbers), strict=True))


def early_loss(cell: dict[str, Any]) -> float:
    """Return the training loss of a cell after its first steps of SGD."""
    model, w0, _, _ = problem(cell)
    hp = st.SGDHyperparameters(
        learning_rate=cell["learning_rate"], train_size=TRAIN_SIZE, batch_size=cell["batch_size"], momentum=0.9
    )
    return float(model.loss(st.sgd(model, hp, w0, n_steps=EARLY, rng=cell["seed"]).final[0]))


def spots() -> dict[tuple[int, int], dict[str, Any]]:
    """Return the cells that have an early loss, by seed and batch size."""
    cells = (cell for cell in CELLS if cell["images"] == "mnist" and cell["labels"] == "true")
    return {(cell["seed"], cell["batch_size"]): cell for cell in cells}


def read(path: Path = STORED) -> list[dict[str, Any]]:
    """Return the rows that are done, settings and measurements."""
    if not path.exists():
        return []
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    rows = []
    for row in csv.DictReader(lines):
        kept: dict[str, Any] = {name: row[name] for name in ("images", "labels")}
        kept |= {name: int(row[name]) for name in ("hidden", "batch_size", "n_steps", "seed")}
        kept |= {name: float(row[name]) for name in ("prior_precision", "learning_rate", *MEASURED)}
        rows.append(kept)
    return rows


def main(path: Path, minutes: float, folder: Path) -> None:
    """Append the rows of cells that are not done yet, until the time is over."""
    names = ("sdetheory", "numpy", "scipy", "numba")
    versions = {name: version(name) for name in names} | {"python": platform.python_version()}
    done = {tuple(row[name] for name in SETTINGS) for row in read(path)}
    end = time.monotonic() + 60 * minutes
    heading = "# " + json.dumps(versions)
    if not path.exists():
        path.write_text(f"{heading}\n{','.join((*SETTINGS, *MEASURED))}\n", encoding="utf-8")
    elif heading not in path.read_text(encoding="utf-8"):
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{heading}\n")
    for cell in CELLS:
        if tuple(cell[name] for name in SETTINGS) in done:
            continue
        if time.monotonic() > end:
            return
        found = measure(cell, folder)
        with path.open("a", encoding="utf-8") as file:
            file.write(",".join([str(cell[n]) for n in SETTINGS] + [f"{found[n]:.7g}" for n in MEASURED]) + "\n")


def write_spots() -> None:
    """Write the early losses anew, when the code that the study ran with is at hand."""
    lines = [f"{seed},{size},{early_loss(cell):.7g}" for (seed, size), cell in spots().items()]
    SPOTS.write_text("\n".join(["seed,batch_size,train_loss", *lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--path", type=Path, default=STORED)
    parser.add_argument("--minutes", type=float, default=25.0)
    parser.add_argument("--fashion", type=Path, default=FASHION, help="folder with the IDX files of Fashion-MNIST")
    parser.add_argument("--spots", action="store_true", help="write the early losses instead")
    options = parser.parse_args()
    write_spots() if options.spots else main(options.path, options.minutes, options.fashion)
