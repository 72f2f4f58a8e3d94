"""Exponents of the optimum batch size, from one curve that all settings share when their batches are scaled.

The protocol, written down when only seeds 0 and 1 of the study over N had been looked at. It decides on seeds 2 to 7.

- Of each run: the mean test loss y over its last four records, which for the base are steps 6,500 to 8,000. All runs
  end at the same ε/(1 − m) × steps. At equal steps, for ε at N = 4,000: the mean over records in steps 3,001 to 4,000.
- A setting is ε, m, N and the share of random labels. Batches count if all seeds have them and if their mean loss lies
  at most as far above that of the largest batch as that lies above the least: what is worse has failed to train.
- All settings share the shape f, and each has its own offset, its own scale > 0 and its own place:

      y_s(B) = a_s + b_s f(ln B − c_s),   f(u) = h e^(−pu) + 1/(1 + e^(−qu)):

  noise costs h e^(−pu), and more of it keeps from overfitting. Least squares over all settings at once, in units of
  the scatter of a mean over seeds and two percent of each setting's range.
- The places are linear in ln N, ln ε and ln 1/(1 − m): their slopes are the exponents. Intervals of 95 % hold two
  errors added in squares: the seeds' (bootstrap, all settings with the same draws, Student's factor for few seeds), and
  that of the places about the line (residuals, Student's factor for few settings): the misfit of the collapse.
- Over N: of all N from 1,000 on with the labels as they are; and of those from 16,000 on, where the paper says it is
  linear, with both kinds of labels, which have a constant each on the line.
- An exponent of one holds if its interval has 1 inside and 0 and 1/2 outside, fails if 1 is outside, and is open
  otherwise.
- Longer training makes the optimum smaller if at N = 60,000 the best tried batch at steps 3,001 to 4,000 is more than
  1.5 times that at the end: ln of their ratio, seed by seed, upper end of its 95 % interval.
- The optimum is no edge of stability if at every N the mean largest curvature at the best batch is below a quarter of
  the limit 2(1 + m)/ε of the full batch.
- The collapse across ε and m at N = 4,000 is that g alone, of which all settings have the same values, explains more
  than 0.9 of the variance of the mean losses at the end. Neither B nor ε/B may.

Added when seeds 0 to 3 were known, of which the test loss at N = 4,000 has two minima, at N = 1,000 a larger optimum
than there, and the error rate one minimum everywhere. It decides on seeds 4 to 7.

- The exponent of N in the optimum of the error rate, from the same collapse.
- The optimum of the test loss without any shape: the best tried batch of each seed. Between two N it grows in
  proportion if the exponent's 95 % interval over seeds, widened by half a step of the grid, has 1 inside, and fails to
  if not.

Added before a network of 800 units was trained.

- 800 units, seeds 0 to 2, N = 1,000, 4,000 and 16,000: ln of the best tried batch of the test loss, less that of 64
  units at the same N and seed. The optimum grows with N as that of 64 units does if the change of this difference from
  each N to the next has 0 in its 95 % interval over seeds, widened by half a step of each grid; it fails to if not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize, special

import sdetheory as st

Array = Any
CONFIDENCE = 0.95
FLOOR = 0.02  # of a setting's range
N_BOOTSTRAP = 50
QUANTITIES = ("train_size", "learning_rate", "1/(1 - momentum)")


@dataclass(frozen=True)
class Setting:
    """The losses at one setting: ``losses`` has a row for each batch size and a column for each seed."""

    values: Mapping[str, float]
    batch_sizes: Array
    losses: Array


@dataclass(frozen=True)
class Collapse:
    """One curve for all settings."""

    exponents: dict[str, st.studies.Interval]
    places: Array
    misfit: float
    shape: Array


def settings_of(
    rows: Sequence[Mapping[str, str]],
    seeds: Iterable[int],
    *,
    quantity: str = "test_loss",
    steps: tuple[int, int] | None = None,
) -> dict[tuple[float, ...], Setting]:
    """Return the settings of a study's rows by (random labels, hidden, ε, m, N).

    `steps` are the first and the last between which records count; by default the last four do.
    """
    wanted = list(seeds)
    tables: dict[tuple[float, ...], dict[int, dict[int, float]]] = {}
    for row in rows:
        if row["data"] == "fashion" and int(row["seed"]) in wanted:
            key = tuple(
                float(row[name]) for name in ("random_labels", "hidden", "learning_rate", "momentum", "train_size")
            )
            values = np.array(row["test_accuracy" if quantity == "test_error" else quantity].split(), dtype=float)
            values = 1 - values if quantity == "test_error" else values
            at = np.linspace(0, int(row["n_steps"]), len(values))
            kept = values[-4:] if steps is None else values[(at >= steps[0]) & (at <= steps[1])]
            tables.setdefault(key, {}).setdefault(int(row["batch_size"]), {})[int(row["seed"])] = float(kept.mean())
    found = {}
    for key, table in tables.items():
        whole = sorted(size for size, by_seed in table.items() if len(by_seed) == len(wanted))
        losses = np.array([[table[size][seed] for seed in wanted] for size in whole])
        if len(whole):
            values = {
                "train_size": key[4],
                "learning_rate": key[2],
                "1/(1 - momentum)": 1 / (1 - key[3]),
                "random_labels": key[0],
            }
            found[key] = trained(Setting(values, np.array(whole, dtype=float), losses))
    return found


def trained(setting: Setting) -> Setting:
    """Return a setting without the batch sizes that failed to train."""
    means = setting.losses.mean(axis=1)
    kept = means <= 2 * means[-1] - np.nanmin(means) if np.isfinite(means[-1]) else np.isfinite(means)
    return Setting(setting.values, setting.batch_sizes[kept], setting.losses[kept])


def explained(settings: Sequence[Setting], of: Callable[[Mapping[str, float], Array], Array]) -> float:
    """Return the share of the variance of the mean losses that a function of setting and batch sizes explains."""
    losses = np.concatenate([setting.losses.mean(axis=1) for setting in settings])
    logs = np.concatenate([np.log2(of(setting.values, setting.batch_sizes)) for setting in settings])
    groups = [losses[np.rint(logs) == value] for value in np.unique(np.rint(logs))]
    return float(
        1 - sum(np.sum((group - group.mean()) ** 2) for group in groups) / np.sum((losses - losses.mean()) ** 2)
    )


def collapse(settings: Sequence[Setting], *, n_bootstrap: int = N_BOOTSTRAP, seed: int = 1710) -> Collapse:
    """Return the exponents of all quantities that vary."""
    logs = {name: np.log([setting.values[name] for setting in settings]) for name in QUANTITIES}
    varied = [name for name, column in logs.items() if np.ptp(column) > 1e-9]
    kinds, kind = np.unique([setting.values["random_labels"] for setting in settings], return_inverse=True)
    design = np.column_stack([*(logs[name] for name in varied), np.eye(len(kinds))[kind]])
    n_seeds = settings[0].losses.shape[1]
    spread = [np.std(s.losses, axis=1, ddof=1) / np.sqrt(n_seeds) for s in settings]
    errors = [np.hypot(e, FLOOR * np.ptp(s.losses.mean(axis=1))) for e, s in zip(spread, settings, strict=True)]
    fitted = _fit(settings, [s.losses.mean(axis=1) for s in settings], errors, None)
    solve = np.linalg.pinv(design)
    centre = solve @ fitted.places
    draws = np.random.default_rng(seed).multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), n_bootstrap) / n_seeds
    again = [_fit(settings, [s.losses @ w for s in settings], errors, fitted.x).places for w in draws]
    scatter = np.std(np.array(again) @ solve.T, axis=0) * np.sqrt(n_seeds / (n_seeds - 1))
    seeds = scatter * special.stdtrit(n_seeds - 1, 0.5 + CONFIDENCE / 2)
    freedom = len(settings) - design.shape[1]
    residual = np.sum((fitted.places - design @ centre) ** 2)
    line = np.full(len(centre), np.inf)
    if freedom:
        line = np.sqrt(residual / freedom * np.sum(solve**2, axis=1)) * special.stdtrit(freedom, 0.5 + CONFIDENCE / 2)
    half = np.hypot(seeds, line)
    intervals = {
        name: st.studies.Interval(value=float(v), low=float(v - h), high=float(v + h), confidence=CONFIDENCE)
        for name, v, h in zip(varied, centre, half, strict=False)
    }
    return Collapse(intervals, fitted.places, fitted.misfit, fitted.x[:3])


@dataclass(frozen=True)
class _Fit:
    x: Array
    places: Array
    misfit: float


def shape(u: Array, logs: Array) -> Array:
    """Return h e^(−pu) + 1/(1 + e^(−qu)) for ln h, ln p and ln q."""
    h, p, q = np.exp(np.clip(logs, -14, 4))
    return h * np.exp(np.clip(-p * u, -60, 60)) + special.expit(q * u)


def _fit(settings: Sequence[Setting], means: Sequence[Array], errors: Sequence[Array], start: Array | None) -> _Fit:
    sizes = [np.log(setting.batch_sizes) for setting in settings]

    def residuals(x: Array) -> Array:
        """Return them with offset and scale of each setting at their best, the scale not negative."""
        found = []
        for place, log_b, y, e in zip(x[3:], sizes, means, errors, strict=True):
            f, w = shape(log_b - place, x[:3]), 1 / e**2
            middle, level = np.average(f, weights=w), np.average(y, weights=w)
            slope = max(0.0, np.sum(w * (f - middle) * (y - level)) / max(np.sum(w * (f - middle) ** 2), 1e-300))
            found.append((y - level - slope * (f - middle)) / e)
        return np.concatenate(found)

    if start is not None:
        starts = [start]
    else:
        least = np.array([b[np.argmin(y)] for b, y in zip(sizes, means, strict=True)])
        shapes = [np.log(values) for values in ((0.1, 1.0, 1.0), (0.3, 0.5, 2.0), (0.03, 2.0, 1.0))]
        starts = [np.concatenate([logs, least + shift]) for logs in shapes for shift in (0.5, 1.5)]
    fits = [
        optimize.least_squares(residuals, x, method="trf", x_scale=1.0, max_nfev=100 if start is None else 20)
        for x in starts
    ]
    best = min(fits, key=lambda fit: fit.cost)
    count = sum(map(len, means)) - 3 - 3 * len(settings)
    return _Fit(best.x, best.x[3:], float(2 * best.cost / max(count, 1)))
