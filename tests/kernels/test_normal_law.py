"""A thousand million normals against the normal law: moments, chi-square, Kolmogorov-Smirnov, and tails.

They are counted in cells of width 1/128 from -8 to 8, and their powers are summed, by a kernel that calls the engine's
own machine code. Negative controls are counts of other laws, drawn for as many numbers.
"""

import numba
import numpy as np
import pytest
from conftest import ROOT_SEED
from scipy import special
from scipy.stats import binomtest, chi2

from sdetheory._kernels import noise
from sdetheory._kernels.signatures import NOISE, compiled

# False-alarm rate of one statistical assertion. The eighth power is far from normal: its skewness is 11, that of a mean
# of 10^9 of them 3e-4.
ALPHA = 1e-6
BLOCKS, LANES, GROUPS = 64, 512, 7630
ROWS = noise.UNITS["gaussian"]
N = BLOCKS * LANES * GROUPS * ROWS
EDGES = np.arange(-1024, 1025) / 128
POWERS = np.arange(1, 9)
WIDE = 1.0005  # of the negative control: normals that are too wide by a twentieth of a percent


@numba.njit(parallel=True, error_model="numpy")
def _count(gaussian, rows, lanes, groups, key, counts, sums):
    """Add to the counts (n_blocks, cells), and to the sums of the first eight powers (n_blocks, 8)."""
    for block in numba.prange(len(counts)):
        z, words = np.empty((rows, lanes)), np.empty((2, lanes), np.uint64)
        power = np.empty(8)
        for group in range(groups):
            gaussian(z, words, rows * group, block * lanes, key)
            power[:] = 0.0
            for row in range(rows):
                for lane in range(lanes):
                    x = z[row, lane]
                    counts[block, int((x + 8.0) * 128.0)] += 1
                    y = x * x
                    q = y * y
                    power[0] += x
                    power[1] += y
                    power[2] += x * y
                    power[3] += q
                    power[4] += x * q
                    power[5] += y * q
                    power[6] += x * y * q
                    power[7] += q * q
            sums[block] += power


@pytest.fixture(scope="module")
def drawn():
    """Return the counts in the cells, and the sums of the powers, under a key made of the root seed."""
    key = np.random.SeedSequence([ROOT_SEED, N]).generate_state(2, np.uint32).astype(np.uint64)
    counts, sums = np.zeros((BLOCKS, len(EDGES) - 1), np.int64), np.zeros((BLOCKS, len(POWERS)))
    _count(compiled(NOISE, noise.gaussian), ROWS, LANES, GROUPS, key, counts, sums)
    assert counts.sum() == N >= 10**9
    return counts.sum(axis=0), sums.sum(axis=0)


def cells(cdf):
    """Return the probabilities of the cells, from a symmetric law's distribution function for x <= 0."""
    lower = np.diff(cdf(EDGES[: len(EDGES) // 2 + 1]))
    return np.concatenate([lower, lower[::-1]])


def twelve_uniforms(x):
    """Return the distribution function of the sum of twelve uniform numbers less 6, for x <= 0."""
    k = np.arange(7)
    parts = (-1.0) ** k * special.binom(12, k) * np.maximum(np.asarray(x)[:, None] + 6 - k, 0.0) ** 12
    return parts.sum(axis=1) / special.factorial(12)


NORMAL = cells(special.ndtr)
OTHERS = {"too wide": cells(lambda x: special.ndtr(x / WIDE)), "twelve uniforms": cells(twelve_uniforms)}


@pytest.fixture(params=OTHERS)
def other(request, rng):
    """Return counts of another law."""
    p = OTHERS[request.param]
    return rng.multinomial(N, p / p.sum())


def moments_agree(sums):
    exact = np.where(POWERS % 2, 0.0, special.factorial2(POWERS - 1))
    deviations = np.sqrt(special.factorial2(2 * POWERS - 1) - exact**2)
    scores = (sums / N - exact) / deviations * np.sqrt(N)
    return bool(np.all(np.abs(scores) <= -special.ndtri(ALPHA / 2 / len(POWERS))))


def test_moments_to_the_eighth_order(drawn):
    assert moments_agree(drawn[1])
    assert not moments_agree(drawn[1] * WIDE**POWERS)
    shifted = drawn[1].copy()
    shifted[0] += 5e-4 * N  # 16 standard errors
    assert not moments_agree(shifted)


def chi_square_agrees(counts):
    """Cells of fewer than 10^4 expected normals are one on either side."""
    inner = np.flatnonzero(N * NORMAL >= 1e4)
    ends = [0, *inner, inner[-1] + 1]
    expected, found = (np.add.reduceat(a, ends) for a in (N * NORMAL, counts))
    return bool(np.sum((found - expected) ** 2 / expected) <= chi2.isf(ALPHA, len(ends) - 1))


def test_chi_square_against_the_normal_law(drawn, other):
    assert chi_square_agrees(drawn[0])
    assert not chi_square_agrees(other)


def kolmogorov_smirnov_agrees(counts):
    """Only edges of cells are looked at: the greatest distance is no smaller, so the true rate is below ALPHA."""
    distance = np.abs(np.cumsum(counts) / N - special.ndtr(EDGES[1:])).max()
    return bool(special.kolmogorov(np.sqrt(N) * distance) >= ALPHA)


def test_kolmogorov_smirnov_against_the_normal_law(drawn, other):
    assert kolmogorov_smirnov_agrees(drawn[0])
    assert not kolmogorov_smirnov_agrees(other)


def tails(counts, beyond):
    return int(counts[EDGES[1:] <= -beyond].sum() + counts[EDGES[:-1] >= beyond].sum())


def tail_agrees(count, beyond):
    """By the binomial law, exactly."""
    return binomtest(count, N, 2 * special.ndtr(-beyond)).pvalue >= ALPHA


@pytest.mark.parametrize("beyond", [5.0, 5.5, 6.0])
def test_tails(drawn, beyond):
    """Some 573, 38 and 2 normals of 10^9 are expected."""
    assert tail_agrees(tails(drawn[0], beyond), beyond)
    assert not tail_agrees(round(2 * N * special.ndtr(-beyond)) + (20 if beyond == 6 else 200), beyond)


def test_too_few_bits_would_be_seen_in_the_tails(rng):
    """Negative controls: twelve uniforms, and a radius of 20 random bits, which ends at 5.4."""
    p = OTHERS["twelve uniforms"]
    assert not tail_agrees(tails(rng.multinomial(N, p / p.sum()), 5.0), 5.0)
    assert np.sqrt(-2 * np.log(2.0**-21)) < 5.5
    assert not tail_agrees(0, 5.5)
    assert np.sqrt(-2 * np.log(2.0**-41)) > 7.5  # the radius of the engine
