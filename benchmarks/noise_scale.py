"""The gradient noise scale: its speed and memory on 60,000 images and 50,890 weights, and how often intervals hold.

python benchmarks/noise_scale.py speed [FOLDER]      Fashion-MNIST's files, or random images without a folder
python benchmarks/noise_scale.py coverage [SEEDS]    the table of docs/learn/how_to/noise_scale.md, in some minutes
"""

from __future__ import annotations

import resource
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import sdetheory as st
from sdetheory.errors import AccuracyWarning

LEVELS = (0.68, 0.95)
SIZES = (20, 50, 200, 1000)


def speed(folder: Path | None) -> None:
    """Print the ratio of speeds to bare gradients of examples, in pairs of parts that take turns, and the memory."""
    if folder:
        data = st.datasets.idx(folder)
        X, y = data.x_train.astype(np.float32), data.y_train
        del data
    else:
        rng = np.random.default_rng(0)
        X, y = rng.random((60_000, 784), dtype=np.float32), rng.integers(0, 10, 60_000)
    model = st.models.ReLUNetwork(X, y, hidden=64, n_classes=10)
    w = model.initial(0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    start = time.process_time()
    found = st.models.gradient_noise_scale(model, w)
    whole = time.process_time() - start
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{len(X)} examples, {model.dimension} weights: B_simple = {found.noise_scale.value:.4g} in {whole:.1f} s")
    print(f"memory: {most:.2f} GiB at most, {before:.2f} GiB with the data before")
    ratios = []
    for part in range(10):
        chosen = np.arange(part, len(X), 10)
        some = st.models.ReLUNetwork(X[chosen], y[chosen], hidden=64, n_classes=10)
        everyone = np.arange(some.train_size)
        times = [time.process_time()]
        for i in everyone:
            some.minibatch_gradient(w, everyone[i : i + 1])
        times.append(time.process_time())
        st.models.gradient_noise_scale(some, w)
        times.append(time.process_time())
        st.models.gradient_noise_scale(model, w, examples=chosen)
        times.append(time.process_time())
        bare, exact, sampled = np.diff(times)
        ratios.append([bare / exact, bare / sampled])
        print(f"part {part}: bare {bare:.2f} s, exact {exact:.2f} s, a sample with its error {sampled:.2f} s")
    exact, sampled = np.median(ratios, axis=0)
    print(f"speed, of that of the bare gradients: exact {exact:.2f}, a sample with its error {sampled:.2f} (medians)")


def populations() -> Iterator[tuple[str, float, Callable[[np.random.Generator, int], np.ndarray]]]:
    """Yield laws of gradients in 20 dimensions with their noise scale."""
    yield "normal, B = 5", 5.0, lambda rng, n: 20**-0.5 * 2 + rng.standard_normal((n, 20))
    yield "normal, B = 100", 100.0, lambda rng, n: 0.1 + rng.standard_normal((n, 20))
    yield "normal, G = 0", np.inf, lambda rng, n: rng.standard_normal((n, 20))
    yield "exponential, B = 4", 4.0, lambda rng, n: rng.exponential(size=(n, 20)) - 0.5
    for nu in (5, 3):
        yield (
            f"Student's t, ν = {nu}, B = 4", 4.0,
            lambda rng, n, nu=nu: 0.5
            + rng.standard_normal((n, 20)) * np.sqrt((nu - 2) / rng.chisquare(nu, (n, 1))),
        )  # fmt: skip
    yield (
        "lognormal lengths, B = 12.6", 20 * (1.25 * np.e - 0.25) / 5,
        lambda rng, n: (0.5 + rng.standard_normal((n, 20))) * np.exp(rng.standard_normal((n, 1)) - 0.5),
    )  # fmt: skip


def cell(truth: float, estimates: Callable[[float], tuple[float, float]], seeds: int) -> str:
    """Return the shares that hold the truth, of those that warned and of intervals without an end."""
    held, warned, open_ended = np.zeros(2), 0, 0
    for _ in range(seeds):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", AccuracyWarning)
            ends = estimates()
        held += [low <= truth <= high for low, high in ends]
        warned += bool(caught)
        open_ended += np.isinf(ends[1][1])
    shares = " / ".join(f"{100 * share:.1f}" for share in held / seeds)
    notes = [f"{100 * k / seeds:.0f} % {name}" for k, name in ((open_ended, "unbounded"), (warned, "warn")) if k]
    return shares + (f" ({', '.join(notes)})" if notes else "")


def coverage(seeds: int) -> None:
    """Print the table: of the source, of a sample of a training set, with the Hessian, and of a monitor."""
    print("| what | " + " | ".join(f"n = {n}" for n in SIZES) + " |\n|---" + "|---" * len(SIZES) + "|")
    for name, truth, draw in populations():
        row(
            name,
            [(truth, lambda rng, n=n, draw=draw: _of_source(draw(rng, n))) for n in SIZES],
            seeds,
        )
    rng = np.random.default_rng(1)
    X = rng.standard_normal((2000, 10)) + 0.5
    model = st.models.LogisticRegression(X, rng.random(2000) < 0.8)
    w = np.zeros(10)
    exact = st.models.gradient_noise_scale(model, w, hessian_probes=2000)
    truth, weighted = exact.noise_scale.value, exact.hessian_weighted.noise_scale.value

    def sampled(rng, n, **options):
        return [
            st.models.gradient_noise_scale(model, w, examples=n, alpha=1 - level, rng=seed, **options)
            for level in LEVELS for seed in [rng.integers(2**32)]
        ]  # fmt: skip

    row(f"n of 2,000 examples of a regression, B = {truth:.3g}",
        [(truth, lambda rng, n=n: [f.interval for f in sampled(rng, n)]) for n in SIZES], seeds)  # fmt: skip
    row(f"the same by the Hessian, B = {weighted:.3g}, 20 probes",
        [(weighted, lambda rng, n=n: [f.hessian_weighted.interval for f in sampled(rng, n, hessian_probes=20)])
         for n in SIZES], seeds)  # fmt: skip
    for correlation in (0.0, 0.9):
        row(f"monitor of n steps, correlation {correlation:g}, B = 20",
            [(20.0, lambda rng, n=n, c=correlation: _watched(rng, n, c)) for n in SIZES], seeds)  # fmt: skip


def row(name, cells, seeds):
    """Print a row of the table, each cell with a generator of its own."""
    found = []
    for k, (truth, estimates) in enumerate(cells):
        rng = np.random.default_rng([k, len(name)])
        found.append(cell(truth, lambda rng=rng, estimates=estimates: estimates(rng), seeds))
    print(f"| {name} | " + " | ".join(found) + " |", flush=True)


def _of_source(gradients: np.ndarray) -> list[tuple[float, float]]:
    found = (st.models.gradient_noise_scale(gradients, population="source", alpha=1 - level) for level in LEVELS)
    return [one.interval for one in found]


def _watched(rng: np.random.Generator, n: int, correlation: float) -> list[tuple[float, float]]:
    """Of four devices with 8 examples; the gradient's length wanders, so that steps depend on each other."""
    monitor = st.models.NoiseScaleMonitor(8, 32, window=n)
    wander = rng.standard_normal()
    for _ in range(n):
        wander = correlation * wander + (1 - correlation**2) ** 0.5 * rng.standard_normal()
        length = (0.9 + 0.1 * wander**2) ** 0.5 if correlation else 1.0  # mean square 1
        monitor.update_from_gradients(20**-0.5 * length + rng.standard_normal((4, 20)) / 8**0.5)
    return [monitor.estimate(alpha=1 - level).interval for level in LEVELS]


if __name__ == "__main__":
    if sys.argv[1:2] == ["coverage"]:
        coverage(int(sys.argv[2]) if len(sys.argv) > 2 else 1000)
    else:
        speed(Path(sys.argv[2]) if len(sys.argv) > 2 else None)
