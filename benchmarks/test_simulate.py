"""What an ensemble costs, against the loop one would write with Numba."""

import math
import subprocess
import sys

import numba
import numpy as np

import sdetheory as st
from sdetheory._kernels import ensemble

PATHS, STEPS, DT, T = 100_000, 1_000, 0.01, 0.25


@numba.njit(parallel=True)
def plain_loop(x, dt, n_steps, temperature):
    scale = math.sqrt(2 * temperature * dt)
    for i in numba.prange(x.size):
        w = x[i]
        for _ in range(n_steps):
            w += (w - w**3) * dt + scale * np.random.standard_normal()
        x[i] = w


@numba.njit
def our_normals(z, words, groups):
    for group in range(groups):
        ensemble.fill_normals(z, words, 0, group, np.uint64(1), np.uint64(2))


def test_double_well(compare):
    sde = st.langevin(st.landscapes.double_well(), T)
    x = np.zeros(PATHS)
    compare(
        "double well, 100,000 paths × 1,000 steps, against a plain Numba loop",
        1 / 8,
        lambda: st.simulate(sde, [0.0], dt=DT, n_steps=STEPS, n_paths=PATHS, rng=1),
        lambda: plain_loop(x, DT, STEPS, T),
    )


def test_normals_on_one_core(compare):
    z, words = np.empty((4, 256)), np.empty((2, 256), np.uint64)
    groups = 10_000
    out = np.empty(4 * 256 * groups)
    generator = np.random.default_rng(0)
    compare(
        "normals on one core, against Generator.standard_normal",
        1 / 5,
        lambda: our_normals(z, words, groups),
        lambda: generator.standard_normal(out=out),
    )


def test_two_threads(compare):
    sde = st.langevin(st.landscapes.double_well(), T)

    def run(threads):
        numba.set_num_threads(threads)
        st.simulate(sde, [0.0], dt=DT, n_steps=STEPS, n_paths=PATHS, rng=1)

    compare("double well on two threads, against one", 1 / 1.8, lambda: run(2), lambda: run(1))
    numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)


def test_memory_of_a_billion_path_steps(benchmark):
    """Resident memory of a fresh process that samples 10⁹ path-steps."""
    script = (
        "import resource, numpy as np, sdetheory as st\n"
        "sde = st.langevin(st.landscapes.double_well(), 0.25)\n"
        "st.sample_stationary(sde, dt=0.01, n_paths=10**5, burn_in=1000, n_steps=9000, every=10,\n"
        "                     bins=np.linspace(-2.5, 2.5, 101), rng=0)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    done = benchmark.pedantic(
        lambda: subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True),
        rounds=1,
        iterations=1,
    )
    megabytes = int(done.stdout) * (1 if sys.platform == "darwin" else 1024) / 1e6
    benchmark.extra_info["resident MB"] = megabytes
    print(f"\nresident memory: {megabytes:.0f} MB (bar: 400)")
