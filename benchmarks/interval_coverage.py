"""How often intervals hold the truth: 68 and 95 % intervals of Monte Carlo estimates, for few paths and many.

    python benchmarks/interval_coverage.py            # prints the table of docs/coverage.md, some minutes
    python benchmarks/interval_coverage.py 100        # with fewer seeds

Every number comes from problems whose answer is known: an Ornstein-Uhlenbeck process with exact steps, Brownian motion
with drift, Pareto numbers, a logistic regression with one weight, whose evidence quadrature gives. Where the run of a
thousand seeds is one ensemble of many paths, it is cut into groups of n, which are independent runs.
"""

from __future__ import annotations

import importlib
import math
import sys
import warnings
from collections.abc import Iterator

import numpy as np
from scipy import stats

import sdetheory as st
from sdetheory.evidence.reference import summarize
from sdetheory.results import mean_of
from sdetheory.simulators._ensemble import Ensemble
from sdetheory.simulators._observables import Observables
from sdetheory.simulators.first_passage import _rate
from sdetheory.simulators.stationary import _BY_PATH, _estimates, _occupancy, _sums

langevin = importlib.import_module("sdetheory.evidence.thermodynamic")

LEVELS = (0.68, 0.95)
SIZES = (5, 10, 20, 50, 200)


def held(estimates: list[st.Estimate], truth: float) -> list[float]:
    """Return the shares of intervals that hold the truth."""
    ends = [[e.interval(level) for e in estimates] for level in LEVELS]
    return [float(np.mean([low <= truth <= high for low, high in part])) for part in ends]


def stationary(seeds: int) -> Iterator[tuple[str, int, list[float]]]:
    """Of dx = −x dt + √2 dW, in 20 steps of 1/2 after a burn-in."""
    sde = st.SDE.from_sympy(["-x"], [math.sqrt(2)], variables=["x"])
    h, steps = 0.5, 20
    rho = math.exp(-h)
    lags = np.arange(1, steps)
    variance = (1 + 2 * np.sum((1 - lags / steps) * rho**lags)) / steps  # of the average over a path
    truths = {
        "mean": 0.0, "variance": 1.0, "occupancy of x > 0": 0.5, "occupancy of x > 1": stats.norm.sf(1.0),
        "observable x²": 1.0, "observable eˣ": math.exp(0.5), "autocorrelation time τ": steps * h * variance / 2,
    }  # fmt: skip
    watched = Observables(sde, {"square": "x**2", "exp": "exp(x)"}, {"right": "x > 0", "far": "x > 1"})
    ensemble = Ensemble.prepare(
        sde, [0.0], dt=h, n_paths=seeds * max(SIZES), rng=0, method="exact", increments="gaussian"
    )
    sums = _sums(ensemble, 20, steps, 1, None, watched, 1)
    column = {name: i for i, name in enumerate(watched.names, 1)}
    for n in SIZES:
        kept: dict[str, list[st.Estimate]] = {name: [] for name in truths}
        for seed in range(seeds):
            own = {name: np.asfortranarray(sums[name][seed * n : (seed + 1) * n]) for name in _BY_PATH}
            means, covariance, mixes, values, _ = _estimates(own, 1, steps, steps // 2, h)
            shares = (_occupancy(means[column[basin]], values[:, column[basin]]) for basin in ("right", "far"))
            found = (
                means[0], covariance[0, 0], *shares, means[column["square"]], means[column["exp"]],
                mixes.autocorrelation_time[0],
            )  # fmt: skip
            for name, estimate in zip(kept, found, strict=True):
                kept[name].append(estimate)
        for name, truth in truths.items():
            yield name, n, held(kept[name], truth)


def passages(seeds: int) -> Iterator[tuple[str, int, list[float]]]:
    """Passage times: of Brownian motion with drift, inverse Gaussian; of escape, nearly exponential."""
    drifting = st.SDE.from_sympy(["1"], ["1"], variables=["x"])
    bound = st.SDE.from_sympy(["-x"], [math.sqrt(2)], variables=["x"])
    wait = 5.5
    for name, sde, level, dt in (("Brownian motion", drifting, 1.0, 0.02), ("escape", bound, 2.0, 0.02)):
        run = st.first_passage(
            sde, [0.0], target=("above", level), dt=dt, max_steps=10**6, n_paths=seeds * max(SIZES), rng=1
        )
        truth = run.mean.value  # its bias in dt and its error are a hundredth of the intervals
        short = np.minimum(run.times, wait)
        hazard = np.mean(run.times < wait) / short.mean()
        for n in SIZES:
            groups = run.times[: seeds * n].reshape(seeds, n)
            ends = [mean_of(groups.T, positive=True).interval(level) for level in LEVELS]
            shares = [float(np.mean((low <= truth) & (truth <= high))) for low, high in ends]
            yield f"passage time, {name}", n, shares
            if name != "escape":
                continue
            rates = []
            for group in groups:
                at_risk = np.minimum(group, wait)
                rates.append(_rate(group < wait, at_risk, mean_of(at_risk, positive=True)))
            yield f"rate, {100 * np.mean(run.times < wait):.0f} % arrived", n, held(rates, hazard)


def others(seeds: int) -> Iterator[tuple[str, int, list[float]]]:
    """Tails, gradient noise scales, orders of schemes and evidences."""
    for n in SIZES:
        rng = np.random.default_rng(n)
        tails = [st.models.tail_index(rng.random(20 * n) ** (-1 / 2.5), n_largest=n) for _ in range(seeds)]
        yield "tail index", n, held(tails, 2.5)
    for n in SIZES:
        rng, shares = np.random.default_rng(n), []
        for _ in range(seeds):
            small, large = (2.0 + rng.standard_normal((n, 20)) / math.sqrt(b) for b in (2, 32))
            ends = [
                st.models.noise_scale_from_batches(small, large, 2, 32, alpha=1 - level).interval for level in LEVELS
            ]
            shares.append([low <= 0.25 <= high for low, high in ends])
        yield "noise scale (its `interval`)", n, list(np.mean(shares, axis=0))
    fit = st.evidence.laplace(st.models.LogisticRegression([[-2.0], [-1.0], [1.0], [3.0]], [0, 0, 1, 1]), 0.3)
    truth = st.evidence.quadrature(fit)
    target = langevin._logistic(fit)
    averages, weights = _averages(target, seeds * max(SIZES))
    for n in SIZES:
        groups = averages[:, : seeds * n].reshape(len(weights), seeds, n).transpose(1, 0, 2)
        yield "thermodynamic", n, held([langevin._integral(target.log_laplace, weights, g) for g in groups], truth)
    work = _work(target, seeds * 200)
    groups = work.reshape(seeds, 1, 200)
    yield "annealed", 200, held([summarize(target.log_laplace, -g, "").log_evidence for g in groups], truth)
    sampled = [st.evidence.importance_sampling(fit, n_samples=1000, rng=i).log_evidence for i in range(seeds)]
    yield "importance sampling", 1000, held(sampled, truth)
    gbm, shares = st.SDE.from_sympy(["x"], ["x"], variables=["x"]), []
    for seed in range(seeds):
        study = st.convergence_study(
            gbm, [1.0], time=1.0, dts=2.0 ** -np.arange(4, 9), n_paths=200, rng=seed, exact=lambda w: np.exp(0.5 + w)
        )
        ends = [study.interval("strong", alpha=1 - level) for level in LEVELS]
        shares.append([low <= 0.5 <= high for low, high in ends])
    yield "strong order (its `interval`)", 200, list(np.mean(shares, axis=0))


def _averages(target, n):
    """Return the averages of H at each node, as thermodynamic makes them, of n paths each."""
    generator, dt = np.random.default_rng(5), langevin._step(target, None)
    nodes, weights = np.polynomial.legendre.leggauss(langevin._NODES)
    start = langevin._start(target, len(nodes) * n, generator)
    start[:, -2] = np.repeat((nodes + 1) / 2, n)
    sde = langevin._interpolation(target, rate=0.0)
    method, steps = "leimkuhler-matthews", math.ceil(5 / dt)
    start = langevin._run(sde, start, dt, 2 * steps, method, generator).final
    end = langevin._run(sde, start, dt, steps, method, generator).final
    return ((end - start)[:, -1] / (steps * dt)).reshape(len(nodes), n), weights / 2


def _work(target, n):
    """Return the work done on n paths of annealed."""
    generator, dt = np.random.default_rng(6), langevin._step(target, None)
    steps = math.ceil(10 / dt)
    start = langevin._start(target, n, generator)
    start[:, -2] = 1 / steps
    sde = langevin._interpolation(target, rate=1 / (steps * dt))
    return langevin._run(sde, start, dt, steps, "leimkuhler-matthews", generator).final[:, -1] / (steps * dt)


def main(seeds: int) -> None:
    """Print the table."""
    table: dict[str, dict[int, str]] = {}
    for part in (stationary, passages, others):
        for name, n, shares in part(seeds):
            table.setdefault(name, {})[n] = " / ".join(f"{100 * share:.1f}" for share in shares)
            print(name, n, table[name][n], file=sys.stderr, flush=True)
    print("| estimate | " + " | ".join(f"n = {n}" for n in SIZES) + " |")
    print("|---" * (1 + len(SIZES)) + "|")
    for name, cells in table.items():
        row = [cells.get(n, "") for n in SIZES]
        if len(cells) == 1 and not any(row):
            name, row = f"{name} (n = {next(iter(cells))})", ["", "", "", "", next(iter(cells.values()))]
        print(f"| {name} | " + " | ".join(row) + " |")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
