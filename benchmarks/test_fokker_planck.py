"""Stationary densities on a grid: ours and other people's tools at equal error against exact laws, and large grids.

The errors are total variation distances from the exact law. Where the drift is the gradient of a polynomial of fourth
degree, as in the last row, a chain in detailed balance may have the Boltzmann weights themselves as its law; so the
others have a current, which no tool is told of. fplanck takes diagonal D only.
"""

import subprocess
import sys
from pathlib import Path

import grid_peers
import numpy as np
import pytest
from scipy.sparse.linalg import eigs

# Peers warn about themselves: that is not what is measured.
pytestmark = pytest.mark.filterwarnings("default")

HESSIAN = [[1.0, 0.8], [-0.2, 0.6]]
PROBLEMS = {
    "OU with a current": grid_peers.ornstein_uhlenbeck(HESSIAN, [[0.5, 0.0], [0.0, 0.2]]),
    "OU with oblique noise": grid_peers.ornstein_uhlenbeck(HESSIAN, [[0.5, 0.2], [0.2, 0.3]]),
    "two wells with a current": grid_peers.turning_wells(0.25, 0.5),
}
FEM2, FEM3 = grid_peers.scikit_fem(2), grid_peers.scikit_fem(3)
OURS, FPLANCK = grid_peers.ours, grid_peers.fplanck
OURS_TWICE, FPLANCK_TWICE = grid_peers.ours_extrapolated, grid_peers.extrapolated(FPLANCK)

# Problem, error, our solver and cells per axis, name of the peer, its module, solver, cells or elements per axis. The
# numbers of cells are the smallest that reach the error; of the degrees of scikit-fem the fastest is listed.
ROWS = [
    ("OU with a current", 1e-3, OURS, 34, "fplanck", "fplanck", FPLANCK, 20),
    ("OU with a current", 1e-3, OURS, 34, "scikit-fem, degree 2", "skfem", FEM2, 23),
    ("OU with a current", 1e-4, OURS, 108, "fplanck", "fplanck", FPLANCK, 60),
    ("OU with a current", 1e-4, OURS, 108, "scikit-fem, degree 2", "skfem", FEM2, 48),
    ("OU with a current", 1e-4, OURS_TWICE, 28, "fplanck, extrapolated", "fplanck", FPLANCK_TWICE, 24),
    ("OU with a current", 1e-5, OURS_TWICE, 52, "fplanck, extrapolated", "fplanck", FPLANCK_TWICE, 44),
    ("OU with a current", 1e-5, OURS_TWICE, 52, "scikit-fem, degree 3", "skfem", FEM3, 35),
    ("OU with oblique noise", 1e-3, OURS, 55, "scikit-fem, degree 2", "skfem", FEM2, 22),
    ("OU with oblique noise", 1e-4, OURS, 172, "scikit-fem, degree 2", "skfem", FEM2, 48),
    ("OU with oblique noise", 1e-4, OURS_TWICE, 44, "scikit-fem, degree 2", "skfem", FEM2, 48),
    ("OU with oblique noise", 1e-5, OURS_TWICE, 80, "scikit-fem, degree 3", "skfem", FEM3, 35),
    ("two wells with a current", 1e-3, OURS, 49, "fplanck", "fplanck", FPLANCK, 85),
    ("two wells with a current", 1e-3, OURS, 49, "scikit-fem, degree 2", "skfem", FEM2, 29),
    ("two wells with a current", 1e-4, OURS, 154, "fplanck", "fplanck", FPLANCK, 267),
    ("two wells with a current", 1e-4, OURS, 154, "scikit-fem, degree 2", "skfem", FEM2, 60),
    ("two wells with a current", 1e-5, OURS_TWICE, 76, "fplanck, extrapolated", "fplanck", FPLANCK_TWICE, 68),
    ("two wells with a current", 1e-5, OURS_TWICE, 76, "scikit-fem, degree 3", "skfem", FEM3, 47),
]


@pytest.mark.parametrize(
    ("problem", "error", "solve", "cells", "name", "module", "peer", "elements"),
    ROWS,
    ids=[f"{row[0]} {row[1]:g} {row[4]} {row[3]}" for row in ROWS],
)
def test_equal_error(compare, problem, error, solve, cells, name, module, peer, elements):
    pytest.importorskip(module)
    exact = PROBLEMS[problem]
    # Neither tool may do more work than the error needs.
    for tool, n in ((solve, cells), (peer, elements)):
        assert 0.75 * error < exact.error(*tool(exact, n)) <= error
    twice = ", extrapolated" if solve is OURS_TWICE else ""
    compare(
        f"{problem} to {error:.0e}, {cells} × {cells} cells{twice}",
        1.0,
        lambda: solve(exact, cells),
        lambda: peer(exact, elements),
        against=f"{name}, {elements} × {elements}",
        rounds=5,
    )


def test_gibbs_law(compare):
    """Without a current both laws are exact to rounding, ours from the force of a quartic U, fplanck's from U."""
    pytest.importorskip("fplanck")
    exact = grid_peers.turning_wells(0.25, 0.0)

    def peer(n):
        return FPLANCK(exact, n, potential=lambda x, y: -0.25 * exact.log_density(x, y))

    assert max(exact.error(*OURS(exact, 100)), exact.error(*peer(100))) < 1e-10
    compare(
        "two wells in balance to 1e-10, 100 × 100 cells",
        1.0,
        lambda: OURS(exact, 100),
        lambda: peer(100),
        against="fplanck, given the potential, 100 × 100",
        rounds=5,
    )


@pytest.mark.parametrize("drag", [1.0, 3.0])
def test_translation_to_fplanck(drag):
    """At any drag it is the same law, with the same rates: both differ by what is left of second order in the spacing.

    The exact rate of relaxation is the smallest real part of the eigenvalues of H.
    """
    pytest.importorskip("fplanck")
    exact = PROBLEMS["OU with a current"]
    rate = np.linalg.eigvals(HESSIAN).real.min()

    def between(n, **options):
        theirs, *_, volume = FPLANCK(exact, n, drag=drag, **options)
        return float(np.abs(theirs - OURS(exact, n)[0]).sum() * volume / 2)

    def our_rate(n):
        return grid_peers.chain(exact, n).spectral_gap - rate

    def their_rate(n, **options):
        matrix = grid_peers.fplanck_chain(exact, n, drag=drag, **options).master_matrix
        # The eigenvalues are 0 and a complex pair, which the shift tells apart from it.
        return -eigs(matrix, k=1, sigma=-rate, return_eigenvectors=False)[0].real - rate

    for error in (between, our_rate, their_rate):
        assert 3.5 < error(48) / error(96) < 4.5
    half_the_noise = {"force": lambda x, y: 2 * drag * exact.drift(x, y)}  # as if D were k_B T / (2 drag)
    assert not 3.5 < between(48, **half_the_noise) / between(96, **half_the_noise) < 4.5
    assert not 3.5 < their_rate(48, **half_the_noise) / their_rate(96, **half_the_noise) < 4.5


LARGE = [*((problem, 500, 30, 4000) for problem in PROBLEMS), ("two wells with a current", 1000, 60, 3000)]


@pytest.mark.parametrize(("problem", "cells", "most_seconds", "most_megabytes"), LARGE)
def test_large_grids(benchmark, problem, cells, most_seconds, most_megabytes):
    """Time of the solution, and resident memory of a fresh process that makes it."""
    script = (
        "from test_fokker_planck import PROBLEMS, grid_peers\n"
        f"exact = PROBLEMS[{problem!r}]\n"
        "start = time.perf_counter()\n"
        f"error = exact.error(*grid_peers.ours(exact, {cells}))\n"
    )
    report(benchmark, f"{problem}, {cells} × {cells}", script, most_seconds, most_megabytes)


def test_three_dimensions(benchmark):
    """An Ornstein-Uhlenbeck law with a current on 64 × 64 × 64 cells, and its error."""
    script = (
        "import numpy as np\n"
        "import sdetheory as st\n"
        "hessian = np.array([[1.0, 0.3, 0.0], [-0.2, 0.8, 0.0], [0.0, 0.0, 0.6]])\n"
        "noise = np.diag([0.5, 0.3, 0.2])\n"
        "covariance = st.theory.ornstein_uhlenbeck(hessian, noise).covariance\n"
        "box = [(-6.5 * s, 6.5 * s) for s in np.sqrt(np.diag(covariance))]\n"
        "start = time.perf_counter()\n"
        "law = st.theory.fokker_planck(lambda x: -x @ hessian.T, noise, st.theory.Grid(box, 64))\n"
        "squares = np.einsum('...i,ij,...j', law.grid.centers, np.linalg.inv(covariance), law.grid.centers)\n"
        "exact = np.exp(-squares / 2) / np.sqrt(np.linalg.det(2 * np.pi * covariance))\n"
        "error = np.abs(law.density - exact).sum() * law.grid.volume / 2\n"
    )
    report(benchmark, "64 × 64 × 64", script, 60, 3000)


def report(benchmark, name, script, most_seconds, most_megabytes):
    """Run a script that sets `start` and `error` in a process of its own, and hold time and memory to their bars."""
    script = (
        "import resource, sys, time\n"
        "from pathlib import Path\n" + script + "seconds = time.perf_counter() - start\n"
        # Linux counts in ru_maxrss what the parent had before exec; its own high-water mark is VmHWM.
        "status = Path('/proc/self/status')\n"
        "lines = status.read_text().splitlines() if status.exists() else []\n"
        "own = [line.split()[1] for line in lines if line.startswith('VmHWM')]\n"
        "print(seconds, *own or [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss], error)\n"
    )
    run = {"capture_output": True, "text": True, "check": True, "cwd": Path(__file__).parent}
    done = benchmark.pedantic(lambda: subprocess.run([sys.executable, "-c", script], **run), rounds=1, iterations=1)
    seconds, memory, error = map(float, done.stdout.split())
    megabytes = memory * (1 if sys.platform == "darwin" else 1024) / 1e6
    benchmark.extra_info.update({"seconds": seconds, "resident MB": megabytes, "total variation": error})
    bars = f"{seconds:.1f} s (bar: {most_seconds}), {megabytes:.0f} MB (bar: {most_megabytes})"
    print(f"\n{name}: {bars}, error {error:.1e}")
    assert seconds < most_seconds and megabytes < most_megabytes
