"""What generated kernels cost: against the same kernel by hand, and until the first value of a new landscape."""

import math
import os
import subprocess
import sys

import numba
import numpy as np

import sdetheory as st
from sdetheory._kernels.signatures import FIELD

LANES, CALLS = 256, 2_000
A = (-200.0, -100.0, -170.0, 15.0)
B = ((-1.0, 0.0, -10.0), (-1.0, 0.0, -10.0), (-6.5, 11.0, -6.5), (0.7, 0.6, 0.7))
PLACES = ((1.0, 0.0), (0.0, 0.5), (-0.5, 1.5), (-1.0, 1.0))
MULLER_BROWN = " + ".join(
    f"({a})*exp(({p})*(x - ({u}))**2 + ({q})*(x - ({u}))*(y - ({v})) + ({r})*(y - ({v}))**2)"
    for a, (p, q, r), (u, v) in zip(A, B, PLACES, strict=True)
)

# Seconds of processor time, which other processes do not lengthen. The imports are measured elsewhere
# (test_startup.py); what SymPy and Numba import and set up at their first use, whatever the formula, is told apart.
FIRST_VALUE = f"""
import time
import numba, numpy, sympy
import sdetheory as st
start = time.process_time()
st.Landscape.from_sympy("z**4 + exp(-z)", variables=["z"]).drift(numpy.zeros((1, 1)))
ready = time.process_time()
st.Landscape.from_sympy({MULLER_BROWN!r}, variables=["x", "y"]).drift(numpy.zeros((1, 2)))
print(ready - start, time.process_time() - ready)
"""


@numba.cfunc(FIELD, error_model="numpy")
def by_hand(w, p, out):
    """Compute the force of the surface of Müller and Brown, as one would write it."""
    for lane in range(w.shape[1]):
        x, y = w[0, lane], w[1, lane]
        u, v = x - 1.0, y - 0.5
        a = -200.0 * math.exp(-u * u - 10.0 * y * y)
        b = -100.0 * math.exp(-x * x - 10.0 * v * v)
        s, t = x + 0.5, y - 1.5
        c = -170.0 * math.exp(-6.5 * s * s + 11.0 * s * t - 6.5 * t * t)
        q, r = x + 1.0, y - 1.0
        d = 15.0 * math.exp(0.7 * q * q + 0.6 * q * r + 0.7 * r * r)
        out[0, lane] = 2.0 * u * a + 2.0 * x * b - (11.0 * t - 13.0 * s) * c - (1.4 * q + 0.6 * r) * d
        out[1, lane] = 20.0 * y * a + 20.0 * v * b - (11.0 * s - 13.0 * t) * c - (0.6 * q + 1.4 * r) * d


@numba.njit
def repeat(field, w, p, out, n):
    for _ in range(n):
        field(w, p, out)


def test_generated_force_against_the_same_by_hand(compare):
    field = st.Landscape.from_sympy(MULLER_BROWN, variables=["x", "y"]).drift
    w = np.random.default_rng(0).uniform(-1.0, 1.0, (2, LANES))
    ours, theirs, parameters = np.empty_like(w), np.empty_like(w), np.zeros(1)
    compare(
        "generated force of the Müller–Brown surface",
        1.0,
        lambda: repeat(field.compiled, w, parameters, ours, CALLS),
        lambda: repeat(by_hand, w, parameters, theirs, CALLS),
        against="the same kernel by hand",
        units=LANES * CALLS,
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-10)


def first_value(environment=None):
    """Return the seconds of a first landscape, in a new process, and those of another one after it."""
    done = subprocess.run(
        [sys.executable, "-c", FIRST_VALUE], check=True, env=environment, capture_output=True, text=True
    )
    return tuple(map(float, done.stdout.split()))


def test_first_value_of_a_new_landscape(benchmark, tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "numba"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    first, second = benchmark.pedantic(lambda: first_value(environment), rounds=1)
    benchmark.extra_info["seconds with all that Numba compiles once, bar 10"] = first + second


def test_first_value_from_the_cache(benchmark):
    first_value()
    first, second = benchmark.pedantic(first_value, rounds=1)
    benchmark.extra_info["seconds, bar 0.3"] = second
    benchmark.extra_info["seconds of the first use of SymPy and Numba"] = first
