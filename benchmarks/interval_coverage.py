"""How often intervals hold the truth: 68 and 95 % intervals of Monte Carlo estimates, for few paths and many.

    python benchmarks/interval_coverage.py            # prints the tables of docs/paper/coverage.md, some ten minutes
    python benchmarks/interval_coverage.py 100        # with fewer seeds
    python benchmarks/interval_coverage.py 1000 residence   # one part

Every number comes from problems whose answer is known: an Ornstein-Uhlenbeck process with exact steps, Brownian motion
with drift, Pareto numbers, geometric Brownian motion, a logistic regression with one weight, whose evidence quadrature
gives. Where the run of a thousand seeds is one ensemble of many paths, it is cut into groups of n, which are
independent runs; what has no formula there (times with a bias in the step) is taken from the whole ensemble.
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
from sdetheory.engine.checkpoint import Checkpoint
from sdetheory.engine.recorders.moments import BY_PATH, Moments
from sdetheory.engine.recorders.stays import Stays
from sdetheory.engine.run import Arrays, Recorder, run
from sdetheory.evidence.classifiers.reference import summarize
from sdetheory.results import mean_of
from sdetheory.simulators._ensemble import Ensemble
from sdetheory.simulators._observables import Observables
from sdetheory.simulators.first_passage import _rate
from sdetheory.simulators.histogram import Histogram
from sdetheory.simulators.residence import _result
from sdetheory.simulators.stationary import _estimates, _occupancy
from sdetheory.simulators.targets import Bridge, target_function
from sdetheory.studies.batch_size_fit import BatchSizeCurve, bootstrap_weights, optimum
from sdetheory.studies.batch_size_fit import exponents as batch_exponents
from sdetheory.studies.convergence import _interval, _order

Table = Iterator[tuple[str, int, list[float]]]

langevin = importlib.import_module("sdetheory.evidence.classifiers.thermodynamic")

LEVELS = (0.68, 0.95)
SIZES = (5, 10, 20, 50, 200)


def recorded(ensemble: Ensemble, recorder: Recorder) -> Arrays:
    """Return what a run records."""
    return run(ensemble, recorder, file=Checkpoint(None), executor=None, progress=False)


def sampled(n_samples: int, watched: Observables) -> Moments:
    """Return the recorder of samples of every step, after 20."""
    return Moments(
        function="sample_stationary", n_steps=20 + n_samples, burn_in=20, every=1, edges=None, observables=watched
    )


def held(estimates: list[st.Estimate], truth: float) -> list[float]:
    """Return the shares of intervals that hold the truth."""
    ends = [[e.interval(level) for e in estimates] for level in LEVELS]
    return [float(np.mean([low <= truth <= high for low, high in part])) for part in ends]


def stationary(seeds: int) -> Table:
    """Of dx = −x dt + √2 dW, in 20 steps of 1/2 after a burn-in."""
    sde = st.SDE.from_sympy(["-x"], [math.sqrt(2)], variables=["x"])
    h, steps = 0.5, 20
    rho = math.exp(-h)
    lags = np.arange(1, steps)
    variance = (1 + 2 * np.sum((1 - lags / steps) * rho**lags)) / steps  # of the average over a path
    truths = {
        "mean": 0.0, "variance": 1.0, "occupancy of x > 0": 0.5, "occupancy of x > 1": stats.norm.sf(1.0),
        "observable x²": 1.0, "observable eˣ": math.exp(0.5), "autocorrelation time τ": steps * h * variance / 2,
        "histogram, cell of 19 %": np.diff(stats.norm.cdf([0, 0.5]))[0] / 0.5,
        "histogram, cell of 1.7 %": np.diff(stats.norm.cdf([2, 2.5]))[0] / 0.5,
    }  # fmt: skip
    cells = {"near": "0 < x < 0.5", "rare": "2 < x < 2.5"}
    watched = Observables(sde, {"square": "x**2", "exp": "exp(x)"}, {"right": "x > 0", "far": "x > 1", **cells})
    ensemble = Ensemble.prepare(
        sde, [0.0], dt=h, n_paths=seeds * max(SIZES), rng=0, method="exact", increments="gaussian"
    )
    sums = recorded(ensemble, sampled(steps, watched))
    column = {name: i for i, name in enumerate(watched.names, 1)}
    for n in SIZES:
        kept: dict[str, list[st.Estimate]] = {name: [] for name in truths}
        for seed in range(seeds):
            own = {name: np.asfortranarray(sums[name][seed * n : (seed + 1) * n]) for name in BY_PATH}
            means, covariance, mixes, values, _ = _estimates(own, 1, steps, steps // 2, h)
            shares = (_occupancy(means[column[basin]], values[:, column[basin]]) for basin in ("right", "far"))
            # Up to 128 groups of paths, as sample_stationary counts them.
            inside = np.add.reduceat(
                np.rint(steps * values[:, [column[cell] for cell in cells]]), _groups(n), axis=0
            ).astype(int)
            sizes = steps * np.diff([*_groups(n), n])
            histograms = (
                Histogram(edges=(np.array([0.0, 0.5]),), counts=inside[:, [i]], totals=sizes).density[0] for i in (0, 1)
            )
            found = (
                means[0], covariance[0, 0], *shares, means[column["square"]], means[column["exp"]],
                mixes.autocorrelation_time[0], *histograms,
            )  # fmt: skip
            for name, estimate in zip(kept, found, strict=True):
                kept[name].append(estimate)
        for name, truth in truths.items():
            yield name, n, held(kept[name], truth)


def _groups(n: int) -> list[int]:
    """Return the first path of each group that a histogram's errors come from."""
    parts = min(n, 128)
    return [part * n // parts for part in range(parts)]


def plane(seeds: int) -> Table:
    """Of two Ornstein-Uhlenbeck processes with correlated noise."""
    noise = [[math.sqrt(2), 0], [0.6 * math.sqrt(2), 0.8 * math.sqrt(2)]]
    sde = st.SDE.from_sympy(["-x", "-y"], noise, variables=["x", "y"])
    far = st.SDE.from_sympy(["-x", "-y"], [[math.sqrt(2), 0], [0, math.sqrt(2)]], variables=["x", "y"])
    for name, equation, truth in (("covariance 0.6", sde, 0.6), ("covariance 0", far, 0.0)):
        ensemble = Ensemble.prepare(
            equation, [0.0, 0.0], dt=0.5, n_paths=seeds * max(SIZES), rng=3, method="exact", increments="gaussian"
        )
        sums = recorded(ensemble, sampled(20, Observables(equation, None, None)))
        for n in SIZES:
            found = []
            for seed in range(seeds):
                own = {key: np.asfortranarray(sums[key][seed * n : (seed + 1) * n]) for key in BY_PATH}
                found.append(_estimates(own, 2, 20, 10, 0.5)[1][1, 0])
            yield f"{name} of two components", n, held(found, truth)


def residence(seeds: int) -> Table:
    """Move between the cores x < −1 and x > 1 of dx = −x dt + √2 dW: many moves a path, and about one."""
    sde = st.SDE.from_sympy(["-x"], [math.sqrt(2)], variables=["x"])
    within, curved = target_function([("below", -1.0), ("above", 1.0)], sde)
    for n_steps in (1200, 150):
        ensemble = Ensemble.prepare(
            sde, [-1.0], dt=0.02, n_paths=seeds * max(SIZES), rng=4, method="euler-maruyama", increments="gaussian"
        )
        bridge = Bridge.of(sde, True, curved)
        recorder = Stays(function="residence_times", n_steps=n_steps, within=within, k=2, bridge=bridge)
        arrays = recorded(ensemble, recorder)
        whole = _result(arrays, ensemble, {"n_steps": n_steps})
        truths = {
            "residence time": whole.mean_times.value[0], "rate of moves": whole.rates.value[0, 1],
            "rate of moves back": whole.rates.value[1, 0], "occupancy of a core": whole.occupancy.value[0],
        }  # fmt: skip
        for n in SIZES:
            kept: dict[str, list[st.Estimate]] = {name: [] for name in truths}
            for seed in range(seeds):
                part = _result(
                    {k: a[seed * n : (seed + 1) * n] for k, a in arrays.items()}, ensemble, {"n_steps": n_steps}
                )
                found = part.mean_times[0], part.rates[0, 1], part.rates[1, 0], part.occupancy[0]
                for name, estimate in zip(kept, found, strict=True):
                    kept[name].append(estimate)
            moves = arrays["moves"].sum() / len(arrays["moves"])
            for name, truth in truths.items():
                yield f"{name}, {moves:.1f} moves a path", n, held(kept[name], truth)


def passages(seeds: int) -> Table:
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


def others(seeds: int) -> Table:
    """Tails, gradient noise scales and evidences."""
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
    for n in (100, 200):
        work = _work(target, seeds * n).reshape(seeds, 1, n)
        yield "annealed", n, held([summarize(target.log_laplace, -w, "").log_evidence for w in work], truth)
    for n in (1000, 4000):
        sampled = [st.evidence.importance_sampling(fit, n_samples=n, rng=i).log_evidence for i in range(seeds)]
        yield "importance sampling", n, held(sampled, truth)


def orders(seeds: int) -> Table:
    """Orders and errors of Euler-Maruyama for geometric Brownian motion: as convergence_study makes them of paths."""
    steps = 2.0 ** -np.arange(4, 9)[::-1]
    sigma = 0.5
    for n in (64, 200, 1000):
        strong, weak = np.empty((2, len(steps), seeds, n))
        for seed in range(seeds):
            fine = np.random.default_rng([n, seed]).standard_normal((n, 256)) / 16
            exact = np.exp(1 - sigma**2 / 2 + sigma * fine.sum(axis=1))
            for k, h in enumerate(steps):
                increments = fine.reshape(n, round(1 / h), -1).sum(axis=2)
                end = np.prod(1 + h + sigma * increments, axis=1)
                strong[k, seed], weak[k, seed] = np.abs(end - exact), end**2 - exact**2
        found = {
            "strong": [_order(steps, part, positive=True) for part in strong.transpose(1, 0, 2)],
            "weak": [_order(steps, part) for part in weak.transpose(1, 0, 2)],
        }
        for kind, truth, samples in (("strong", 0.5, strong), ("weak", 1.0, weak)):
            runs = found[kind]
            # Where too few errors are told from chance, there is no order.
            known = [run for run in runs if np.isfinite(run[1].value)]
            ends = [[_interval(order, bias, 1 - level) for _, order, bias in known] for level in LEVELS]
            yield f"{kind} order, by `interval`", n, [np.mean([a <= truth <= b for a, b in part]) for part in ends]
            _, slope, _ = _order(steps, samples.reshape(len(steps), -1))
            yield f"slope of {kind} errors over these steps", n, held([order for _, order, _ in known], slope.value)
            yield f"{kind} error at the least step", n, held([error[0] for error, _, _ in runs], samples[0].mean())


def exponents(seeds: int) -> Table:
    """Exponents of the optimum batch size: of curves whose peaks obey a power law, seen by n seeds of SGD."""
    seeds = min(seeds, 60)  # a third of a second each
    sizes = np.unique(np.rint(np.geomspace(2, 128, 13)).astype(int))
    rates = np.array([0.05, 0.1, 0.2, 0.4])
    u = np.log(sizes) - np.log(40 * rates)[:, None]
    mean = 0.9 - 0.01 * u - 0.005 * (np.exp(-2 * u) - 1)
    for n in (5, 10, 20):
        shares = []
        for seed in range(seeds):
            noise = 0.004 * np.random.default_rng([n, seed]).standard_normal((n, *mean.shape))
            weights = bootstrap_weights(n, 200)
            curves = [_curve(rate, sizes, mean[:, None][i] + noise[:, i]) for i, rate in enumerate(rates)]
            row = []
            for level in LEVELS:
                optima = [optimum(curve, weights, level) for curve in curves]
                row.append(1.0 in batch_exponents(optima, [weights] * len(optima), level)["learning_rate"])
            shares.append(row)
        yield "exponent of the optimum batch size", n, list(np.mean(shares, axis=0))


def _curve(rate: float, sizes: np.ndarray, values: np.ndarray) -> BatchSizeCurve:
    setting = {"learning_rate": rate, "momentum": 0.0, "dampening": 0.0, "train_size": 1000}
    none = np.zeros(len(sizes), dtype=int)
    return BatchSizeCurve(
        setting=setting, batch_sizes=sizes, seeds=np.arange(len(values)), values=values, trained=none + len(values),
        failed=none, diverged=none,
    )  # fmt: skip


def _averages(target, n):
    """Return the averages of H at each node, as thermodynamic makes them, of n paths each."""
    generator, dt = np.random.default_rng(5), langevin._step(target, None)
    nodes, weights = np.polynomial.legendre.leggauss(langevin._NODES)
    start = langevin._start(target, len(nodes) * n, generator)
    start[:, -1] = np.repeat((nodes + 1) / 2, n)
    sde, method = langevin._interpolation(target), "leimkuhler-matthews"
    half, every = langevin._stretches("duration", 2.5, dt, 16)
    start = langevin._run(sde, start, dt, 4 * half * every, method, generator).final
    heights = langevin._heights(target, sde, start, dt, 2 * half, every, method, generator)
    return heights[1:].mean(axis=0).reshape(len(nodes), n), weights / 2


def _work(target, n):
    """Return the work done on n paths of annealed."""
    generator, dt = np.random.default_rng(6), langevin._step(target, None)
    levels, every = langevin._stretches("duration", 10.0, dt, 32)
    start = langevin._start(target, n, generator)
    start[:, -1] = 1 / levels
    sde = langevin._interpolation(target, 1 / levels, every * dt)
    return langevin._heights(target, sde, start, dt, levels, every, "leimkuhler-matthews", generator)[:-1].mean(axis=0)


def main(seeds: int, parts: list[str]) -> None:
    """Print the tables: of estimates from any number of paths, and of those with sizes of their own."""
    few: dict[str, dict[int, str]] = {}
    own: dict[str, dict[int, str]] = {}
    makers = (stationary, plane, passages, residence, others, orders, exponents)
    for part in (maker for maker in makers if not parts or maker.__name__ in parts):
        for name, n, shares in part(seeds):
            cell = " / ".join(f"{100 * share:.1f}" for share in shares)
            (few if part not in (orders, exponents) and n in SIZES and name != "annealed" else own).setdefault(
                name, {}
            )[n] = cell
            print(name, n, cell, file=sys.stderr, flush=True)
    print("| estimate | " + " | ".join(f"n = {n}" for n in SIZES) + " |")
    print("|---" * (1 + len(SIZES)) + "|")
    for name, cells in few.items():
        print(f"| {name} | " + " | ".join(cells[n] for n in SIZES) + " |")
    print("\n| estimate | sizes: held |\n|---|---|")
    for name, cells in own.items():
        print(f"| {name} | " + "; ".join(f"n = {n}: {cell}" for n, cell in cells.items()) + " |")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000, sys.argv[2:])
