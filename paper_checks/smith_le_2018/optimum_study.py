"""The stored study of the optimum batch size, tied to the code: some of its cells are computed again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from . import optimum_runs
from .optimum_collapse import Setting, settings_of
from .optimum_grid import BASE, STEPS, TRAIN_SIZES, Cell, spots

FILE = Path(__file__).parent / "data" / "optimum_scaling.csv"
EARLY, RTOL = 4, 1e-3  # records before rounding has grown: another seed, sign, batch or momentum is off by far more
LATE = 0.2

Key = tuple[float, ...]


def rows() -> list[dict[str, str]]:
    """Return the rows of the study."""
    return optimum_runs.read(FILE)


def complete(study: Sequence[dict[str, str]], seeds: Iterable[int], *, random_labels: float = 0.0) -> list[int]:
    """Return those of the seeds that have the near batches of the base at N = 1,000 to 60,000."""
    wanted = {(n, round(n * 2.0**j / 1000 * (4 if n == 1000 else 1))) for n in TRAIN_SIZES for j in range(6)}
    cells = {optimum_runs.cell_of(row) for row in study}
    return [
        seed
        for seed in seeds
        if all(Cell("fashion", n, b, *BASE, STEPS, random_labels, 64, seed) in cells for n, b in wanted)
    ]


def over_sizes(
    study: Sequence[dict[str, str]],
    seeds: Sequence[int],
    *,
    quantity: str = "test_loss",
    steps: tuple[int, int] | None = None,
    random_labels: float = 0.0,
    hidden: int = 64,
) -> list[Setting]:
    """Return the settings of the base, by increasing N."""
    found = settings_of(study, seeds, quantity=quantity, steps=steps)
    keys = [key for key in found if key[:4] == (random_labels, hidden, *BASE)]
    return [found[key] for key in sorted(keys)]


def over_rates(
    study: Sequence[dict[str, str]],
    seeds: Sequence[int],
    *,
    quantity: str = "test_loss",
    steps: tuple[int, int] | None = None,
) -> list[Setting]:
    """Return the settings of N = 4,000 with labels as they are, by increasing ε and m."""
    found = settings_of(study, seeds, quantity=quantity, steps=steps)
    keys = [key for key in found if (*key[:2], key[4]) == (0.0, 64, 4000)]
    return [found[key] for key in sorted(keys)]


def edge(study: Sequence[dict[str, str]], seeds: Sequence[int]) -> dict[tuple[float, float], float]:
    """Return by N and B of the base how much of the limit 2(1 + m)/ε the curvature at the end is, mean over seeds."""
    found: dict[tuple[float, float], list[float]] = {}
    for row in study:
        cell = optimum_runs.cell_of(row)
        if (cell.data, cell.random_labels, cell.hidden, cell.learning_rate, cell.momentum) == (
            "fashion",
            0.0,
            64,
            *BASE,
        ):
            share = cell.learning_rate * float(row["curvature"]) / (2 * (1 + cell.momentum))
            if cell.seed in seeds:
                found.setdefault((cell.train_size, cell.batch_size), []).append(share)
    return {key: float(np.mean(shares)) for key, shares in found.items()}


def recompute(rng: np.random.Generator) -> None:
    """Train two cells again, and compare all that is stored of them."""
    stored = {optimum_runs.cell_of(row): row for row in rows()}
    for index in rng.choice(len(spots()), size=2, replace=False):
        cell = spots()[index]
        again = optimum_runs.train(cell, "")
        for name in ("test_loss", "train_loss"):
            old, new = (np.array(row[name].split(), dtype=float) for row in (stored[cell], again))
            off = np.abs(new / old - 1)
            assert off[: EARLY + 1].max() <= RTOL and off.max() <= LATE, f"{name} of {cell} is {new}; {old} is stored"
