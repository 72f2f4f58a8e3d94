"""Steps and examples to a loss, by SGD on a network, at the best learning rate of each batch size.

The network has 32 rectified units and reads 4,000 images of ten handwritten digits; it is trained until the mean loss
of all of them has fallen to `TARGET`. Steps are counted by the loss after each `STRETCH`-th part of the expected run,
on a logarithmic scale between two looks. The learning rate of a batch size is the one, on a grid of factors √2, that
needs the fewest steps on average over the seeds `TUNING`; what is compared comes from the other seeds, `SEEDS`.

Beside it stand the gradient noise scales on the way to the target, of all images, in the first six of these seeds: at
B = 1024, which takes hardly more steps than the whole gradient, and at B = 64, near the critical size.

What would count as agreement was written down here before any run: see `HYPERBOLA`, `FACTOR` and `CLOSE`.

``python -m paper_checks.mccandlish_2018.steps_study`` makes the stored numbers, in some ten minutes; with the word
``scales`` it makes the noise scales, from the learning rates of the others.
"""

from __future__ import annotations

import contextlib
import csv
import functools
import itertools
import math
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import sdetheory as st
from sdetheory.errors import AccuracyWarning, InvalidInputError

FILE = Path(__file__).parent / "data" / "steps_to_loss.csv"
SCALES = FILE.with_name("noise_scales.csv")
SIZES = (4, 16, 64, 256, 1024, 4000)
TARGET = 0.25
TUNING, SEEDS = range(100, 103), range(12)
EARLY = 10
"""Steps after which the loss of each run is stored too: rounding has not grown yet, so that it can be made again."""
STRETCH, MOST = 50, 4.0  # looks during an expected run; a run may take this many times as long before it is given up
FIRST_RATES = {4: 2.0**-4, 16: 2.0**-2.5, 64: 2.0**-1.5, 256: 2.0**-1, 1024: 2.0**-1, 4000: 2.0**-1}
EXPECTED = {4: 2500, 16: 700, 64: 200, 256: 100, 1024: 80, 4000: 80}

WATCHED = {1024: 4, 64: 8}
"""Batch sizes whose noise scales are watched, and after how many steps."""
NOISELESS = 1024
WATCHED_SEEDS, HESSIAN_SEEDS = range(6), range(3)

HYPERBOLA = 0.25
"""The trade of steps against examples is a hyperbola if no batch size takes a quarter more or fewer steps than that."""
FACTOR = 10.0
"""The paper's agreement of critical batch size and noise scale: to an order of magnitude."""
CLOSE = 3.0
"""Ours: what would let a batch size be chosen from the noise scale, within three either way."""


@functools.lru_cache(maxsize=2)
def problem(seed: int) -> tuple[st.models.ReLUNetwork, Any]:
    """Return the network, and the weights from which a seed starts."""
    data = st.datasets.mnist(range(10), train_size=4000, test_size=1000)
    model = st.models.ReLUNetwork(data.x_train, data.y_train, hidden=32, n_classes=10)
    return model, model.initial(np.random.SeedSequence(seed))


def walk(size: int, rate: float, seed: int, looks: int, every: int) -> tuple[list[float], list[Any]]:
    """Return the losses at the start and after each stretch of `every` steps, until the target, and the weights."""
    model, w = problem(seed)
    hp = st.SGDHyperparameters(
        learning_rate=rate, train_size=model.train_size, batch_size=size, sampling="with-replacement"
    )
    losses, weights = [model.loss(w)], [w]
    for part in np.random.SeedSequence(seed, spawn_key=(size,)).spawn(looks):
        w = st.sgd(model, hp, w, n_steps=every, rng=part).final[0]
        losses.append(model.loss(w) if np.isfinite(w).all() else math.inf)
        weights.append(w)
        if losses[-1] <= TARGET or not losses[-1] < 4 * losses[0]:
            break
    return losses, weights


def steps_to_target(size: int, rate: float, seed: int, expected: float) -> float:
    """Return the steps of a run to the target; inf if it diverges or takes `MOST` times what is expected."""
    every = max(1, round(expected / STRETCH))
    losses, _ = walk(size, rate, seed, math.ceil(MOST * expected / every), every)
    if not losses[-1] <= TARGET:
        return math.inf
    before, after = np.log(losses[-2:])
    return float(every * (len(losses) - 2 + (before - math.log(TARGET)) / (before - after)))


def tuned(size: int) -> tuple[float, float]:
    """Return the best learning rate of a batch size, and its mean steps over the seeds for that."""
    found: dict[int, float] = {}
    start, expected = round(2 * math.log2(FIRST_RATES[size])), float(EXPECTED[size])

    def steps(power: int) -> float:
        if power not in found:
            found[power] = float(np.mean([steps_to_target(size, 2 ** (power / 2), s, expected) for s in TUNING]))
            print(f"B = {size}, ε = {2 ** (power / 2):.4g}: {found[power]:.1f} steps", file=sys.stderr, flush=True)
        return found[power]

    at = start
    while math.isinf(steps(at)):
        at -= 1
    while True:
        best = min((at - 1, at, at + 1), key=steps)
        if best == at:
            return 2 ** (at / 2), found[at]
        at = best


def noise_scales() -> None:
    """Write the noise scales on the way, a row a look; that with the Hessian at the larger size, of some seeds.

    Three probes give it without bias, as GᵀHG is exact. Where the loss curves downwards along its gradient it is nan.
    """
    runs = np.genfromtxt(FILE, delimiter=",", names=True)
    with SCALES.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["batch_size", "seed", "step", "loss", "simple", "weighted"])
        for seed, (size, every) in itertools.product(WATCHED_SEEDS, WATCHED.items()):
            rate = float(runs["learning_rate"][runs["batch_size"] == size][0])
            losses, weights = walk(size, rate, seed, 400, every)
            for look, (loss, w) in enumerate(zip(losses, weights, strict=True)):
                simple, weighted = scales_at(seed, w, size == NOISELESS and seed in HESSIAN_SEEDS)
                row = [size, seed, look * every, f"{loss:.4g}", f"{simple:.4g}", f"{weighted:.4g}"]
                writer.writerow(row)
                file.flush()


def scales_at(seed: int, w: Any, with_hessian: bool) -> tuple[float, float]:
    """Return B_simple and B_noise of all images; nan where that is not asked for, or means nothing."""
    model, _ = problem(seed)
    if with_hessian:
        with contextlib.suppress(InvalidInputError), warnings.catch_warnings():
            warnings.simplefilter("ignore", AccuracyWarning)  # the scatter between seeds is the error
            found = st.models.gradient_noise_scale(model, w, hessian_probes=3, rng=seed)
            assert found.hessian_weighted is not None
            return found.noise_scale.value, found.hessian_weighted.noise_scale.value
    return st.models.gradient_noise_scale(model, w).noise_scale.value, math.nan


def main() -> None:
    """Write the file, a row a run."""
    FILE.parent.mkdir(exist_ok=True)
    with FILE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["batch_size", "learning_rate", "seed", "steps", "early_loss"])
        for size in SIZES:
            rate, expected = tuned(size)
            for seed in SEEDS:
                steps = steps_to_target(size, rate, seed, expected)
                early = walk(size, rate, seed, 1, EARLY)[0][-1]
                writer.writerow([size, f"{rate:.9g}", seed, f"{steps:.5g}", f"{early:.6g}"])
                file.flush()


if __name__ == "__main__":
    noise_scales() if sys.argv[1:] == ["scales"] else main()
