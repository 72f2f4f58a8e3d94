"""``python -m sdetheory``: what is installed, on what machine, and whether it computes what it should."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable
from importlib.metadata import version

import numpy as np
from llvmlite.binding import get_host_cpu_name
from numba import get_num_threads

import sdetheory as st

ALPHA = 1e-6  # of each sampled number: one machine in a million is told a falsehood


def noise_scale() -> str:
    """Compare all pairs of four examples with the formula."""
    gradients = np.array([0.3, -1.2, 2.0, 0.7])
    pairs = [(gradients[i] + gradients[j]) * 2 for i in range(4) for j in range(i)]
    counted, formula = np.var(pairs), 4 * (4 / 2 - 1) * np.var(gradients, ddof=1)
    return _same(float(counted), float(formula))


def stationary_variance() -> str:
    """Compare a sample with the law at a finite step."""
    k, temperature, dt = 2.0, 0.5, 0.1
    sde = st.langevin(st.Landscape.from_sympy("k*x**2/2", variables=["x"], parameters={"k": k}), temperature)
    sample = st.sample_stationary(sde, dt=dt, n_paths=20_000, burn_in=200, n_steps=200, every=20, rng=0)
    return _agrees(sample.covariance[0, 0], temperature / k / (1 - k * dt / 2))


def evidence() -> str:
    """Compare the evidence with the density of its responses."""
    rng = np.random.default_rng(0)
    inputs, precision, variance = rng.standard_normal((6, 3)), 0.7, 0.4
    y = rng.standard_normal(6)
    covariance = variance * np.eye(6) + inputs @ inputs.T / precision
    density = -0.5 * (y @ np.linalg.solve(covariance, y) + np.linalg.slogdet(2 * np.pi * covariance)[1])
    model = st.evidence.LinearModel(inputs, y)
    return _same(float(model.log_evidence(precision, noise_variance=variance)), float(density))


def sgd() -> str:
    """Compare runs on minibatches with the exact law."""
    rng = np.random.default_rng(1)
    inputs = rng.standard_normal((40, 1))
    model = st.models.LinearRegression(inputs, inputs[:, 0] + rng.standard_normal(40))
    hp = st.SGDHyperparameters(learning_rate=0.1, train_size=40, batch_size=4)
    run = st.sgd(model, hp, [1.0], n_steps=300, n_runs=2000, average_from=200, rng=0)
    return _agrees(run.covariance[0, 0], st.theory.least_squares_sgd(model.X, model.y, hp).covariance[0, 0])


CHECKS: dict[str, Callable[[], str]] = {
    "the covariance of minibatch gradients, all pairs of four examples counted, is N(N/B − 1)F": noise_scale,
    "the evidence of a linear model is the density of its responses": evidence,
    "a sampled Ornstein–Uhlenbeck process has the variance T/k, the bias of its steps included": stationary_variance,
    "minibatch SGD on least squares has the variance of its exact law in discrete time": sgd,
}


def _same(found: float, expected: float) -> str:
    return "" if np.isclose(found, expected, rtol=1e-10) else f"{found:.15g}, expected {expected:.15g}"


def _agrees(found: st.Estimate, expected: float) -> str:
    return "" if st.stats.agrees(found, expected, alpha=ALPHA) else f"{found}, expected {expected:.6g}"


def main() -> int:
    """Print the versions, the machine and each check; return how many fail."""
    names = ("numpy", "scipy", "sympy", "numba", "matplotlib")
    print(f"sdetheory {st.__version__}, Python {platform.python_version()}")
    print(", ".join(f"{name} {version(name)}" for name in names))
    threads = f"{os.cpu_count()} cores, {get_num_threads()} threads"
    print(f"{platform.system()} {platform.machine()} ({get_host_cpu_name()}), {threads}")
    failed = 0
    for statement, check in CHECKS.items():
        begun = time.perf_counter()
        problem = check()
        failed += bool(problem)
        print(f"{'WRONG: ' + problem if problem else 'right'}  {statement}  {time.perf_counter() - begun:.1f} s")
    return failed


if __name__ == "__main__":
    sys.exit(main())
