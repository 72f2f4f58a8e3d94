"""What an ensemble costs, against its own parts and against itself at other sizes."""

import subprocess
import sys

import numba
import numpy as np
import pytest

import sdetheory as st
from sdetheory._kernels import noise

PATHS, STEPS, DT, T = 100_000, 1_000, 0.01, 0.25
LANES = 256


@pytest.fixture(scope="module")
def sde():
    return st.langevin(st.landscapes.double_well(), T)


@numba.njit
def our_normals(z, words, groups):
    for group in range(groups):
        noise.fill_normals(z, words, 0, group, np.uint64(1), np.uint64(2))


@numba.njit(parallel=True, error_model="numpy")
def sums_of_normals(x, n_steps):
    """Add one normal a step to x (n_blocks, L): what simulate does, without an equation."""
    blocks, lanes = x.shape
    for block in numba.prange(blocks):
        z, words = np.empty((4, lanes)), np.empty((2, lanes), np.uint64)
        for group in range(n_steps // 4):
            noise.fill_normals(z, words, block * lanes, group, np.uint64(1), np.uint64(2))
            for row in range(4):
                for lane in range(lanes):
                    x[block, lane] += z[row, lane]


def test_kernel_against_its_normals(compare, sde):
    x = np.zeros((-(-PATHS // LANES), LANES))
    compare(
        "double well, 100,000 paths × 1,000 steps",
        1.3,
        lambda: st.simulate(sde, [0.0], dt=DT, n_steps=STEPS, n_paths=PATHS, rng=1),
        lambda: sums_of_normals(x, STEPS),
        against="generating and summing the same normals",
        units=PATHS * STEPS,
    )


def test_normals_on_one_core(compare):
    z, words = np.empty((4, LANES)), np.empty((2, LANES), np.uint64)
    groups = 10_000
    out = np.empty(4 * LANES * groups)
    generator = np.random.default_rng(0)
    compare(
        "normals on one core (per normal)",
        1 / 5,
        lambda: our_normals(z, words, groups),
        lambda: generator.standard_normal(out=out),
        against="Generator.standard_normal",
        units=out.size,
    )


def test_two_threads(compare, sde):
    def run(threads):
        numba.set_num_threads(threads)
        st.simulate(sde, [0.0], dt=DT, n_steps=STEPS, n_paths=PATHS, rng=1)

    compare(
        "double well on two threads", 1 / 1.8, lambda: run(2), lambda: run(1), against="one thread", units=PATHS * STEPS
    )


@pytest.mark.parametrize(("n_paths", "n_steps"), [(10**4, 10**4), (10**6, 100), (10**7, 100)])
def test_flat_in_the_number_of_paths(compare, sde, n_paths, n_steps):
    compare(
        f"double well, {n_paths:,} paths × {n_steps:,} steps",
        1.2,
        lambda: st.simulate(sde, [0.0], dt=DT, n_steps=n_steps, n_paths=n_paths, rng=1),
        lambda: st.simulate(sde, [0.0], dt=DT, n_steps=STEPS, n_paths=PATHS, rng=1),
        against=f"{PATHS:,} paths × {STEPS:,} steps",
        units=(n_paths * n_steps, PATHS * STEPS),
        rounds=5,
    )


def test_memory_of_streaming(benchmark, request):
    """Resident memory of a fresh process that samples 10⁹ path-steps, or with --large 10¹⁰."""
    steps = 90_000 if request.config.getoption("--large") else 9_000
    script = (
        "import resource, sys, numpy as np, sdetheory as st\n"
        "from pathlib import Path\n"
        "sde = st.langevin(st.landscapes.double_well(), 0.25)\n"
        "steps = int(sys.argv[1])\n"
        "st.sample_stationary(sde, dt=0.01, n_paths=10**5, burn_in=steps // 9, n_steps=steps, every=10,\n"
        "                     bins=np.linspace(-2.5, 2.5, 101), rng=0)\n"
        # Linux counts in ru_maxrss what the parent had before exec; its own high-water mark is VmHWM.
        "status = Path('/proc/self/status')\n"
        "lines = status.read_text().splitlines() if status.exists() else []\n"
        "own = [line.split()[1] for line in lines if line.startswith('VmHWM')]\n"
        "print(*own or [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss])\n"
    )

    def run(n_steps):
        command = [sys.executable, "-c", script, str(n_steps)]
        return subprocess.run(command, capture_output=True, text=True, check=True)

    run(90)  # compiling takes memory of its own
    done = benchmark.pedantic(
        lambda: run(steps),
        rounds=1,
        iterations=1,
    )
    megabytes = int(done.stdout) * (1 if sys.platform == "darwin" else 1024) / 1e6
    benchmark.extra_info["resident MB"] = megabytes
    print(f"\nresident memory of {steps * 10**6 // 9:.0e} path-steps: {megabytes:.0f} MB (bar: 400)")
