"""Normals: each to a few ulp, a function of its position, and none knowing of another."""

import itertools

import mpmath
import numpy as np
import pytest
from numba import njit

from sdetheory._kernels import noise
from sdetheory._kernels.signatures import NOISE, compiled
from sdetheory.results import mean_estimate
from sdetheory.stats import agrees, required_samples

# False-alarm rate of one statistical assertion.
ALPHA = 1e-6
ULP = 2.0**-52
N_STEPS_OF_ANGLE = 2**21


@njit
def _parts(words, out):
    for i in range(words.size):
        out[0, i] = noise.radius(words[i])
        out[1, i], out[2, i] = noise.direction(words[i])


def parts(words):
    words = np.array(words, dtype=np.uint64)
    out = np.empty((3, words.size))
    _parts(words, out)
    return out


def fill(first_path, group, lanes, key=(1, 2)):
    z, words = np.empty((4, lanes)), np.empty((2, lanes), np.uint64)
    noise.fill_normals(z, words, first_path, group, np.uint64(key[0]), np.uint64(key[1]))
    return z


def key_of(seed):
    return np.random.SeedSequence(seed).generate_state(2, np.uint32)


def edge_radii():
    powers = [2**i for i in range(40)]
    around = [p + shift for p in powers for shift in (-1, 0, 1)]
    # u next to 1/sqrt(2), where the logarithm changes its octave.
    octaves = [int(2**i / np.sqrt(2)) + shift for i in range(1, 41) for shift in (-1, 0, 1)]
    return [k for k in [*around, *octaves, 2**40 - 1, 2**40 - 2, 2**39] if 0 <= k < 2**40]


def test_radius_is_accurate_to_four_ulp(rng):
    numbers = [*edge_radii(), *rng.integers(0, 2**40, size=2000).tolist()]
    # The upper bits must not matter.
    values = parts([k | (int(j) << 40) for k, j in zip(numbers, rng.integers(0, 2**24, len(numbers)), strict=True)])[0]
    with mpmath.workdps(40):
        exact = [mpmath.sqrt(-2 * mpmath.log((mpmath.mpf(k) + 0.5) / 2**40)) for k in numbers]
        errors = [abs(mpmath.mpf(v) / e - 1) for v, e in zip(values.tolist(), exact, strict=True)]
        assert max(errors) <= 4 * ULP
        # Negative control: leaving out the half step is seen.
        k = 2**40 - 2**20
        assert abs(parts([k])[0, 0] / mpmath.sqrt(-2 * mpmath.log(mpmath.mpf(k) / 2**40)) - 1) > 4 * ULP


def test_direction_is_accurate_to_four_ulp_in_every_octant(rng):
    powers = [2**i + shift for i in range(21) for shift in (-1, 0)]
    inner = [*powers, N_STEPS_OF_ANGLE - 1, *rng.integers(0, N_STEPS_OF_ANGLE, size=200).tolist()]
    cases = list(itertools.product(range(8), inner))
    _, cosines, sines = parts([(octant << 61) | (j << 40) | 0xFFFFFFFFFF * (j & 1) for octant, j in cases])
    with mpmath.workdps(40):
        for (octant, j), a, b in zip(cases, cosines.tolist(), sines.tolist(), strict=True):
            angle = (mpmath.mpf(j) + 0.5) * mpmath.pi / 4 / N_STEPS_OF_ANGLE
            angle = mpmath.pi / 2 - angle if octant & 1 else angle  # bit 61 reflects about the diagonal
            x = mpmath.cos(angle) * (-1 if octant & 4 else 1)
            y = mpmath.sin(angle) * (-1 if octant & 2 else 1)
            assert abs(a / x - 1) <= 4 * ULP
            assert abs(b / y - 1) <= 4 * ULP


def test_the_octants_cover_the_circle_evenly():
    inner = [0, 1, 2, N_STEPS_OF_ANGLE - 3, N_STEPS_OF_ANGLE - 2, N_STEPS_OF_ANGLE - 1]
    _, a, b = parts([(octant << 61) | (j << 40) for octant in range(8) for j in inner])
    number = np.sort(np.arctan2(b, a) % (2 * np.pi)) / (np.pi / 4 / N_STEPS_OF_ANGLE) - 0.5
    expected = np.sort([octant * N_STEPS_OF_ANGLE + j for octant in range(8) for j in inner])
    np.testing.assert_allclose(number, expected, atol=1e-6)


@pytest.mark.parametrize("first_path", [0, 2**32 - 256])
@pytest.mark.parametrize("group", [0, 7, 2**32 - 1, 2**32, 2**40 + 3])
def test_normals_are_a_function_of_their_position(first_path, group):
    together = fill(first_path, group, 256)
    apart = np.hstack([fill(first_path + lane, group, 16) for lane in range(0, 256, 16)])
    np.testing.assert_array_equal(together, apart)
    single = np.hstack([fill(first_path + lane, group, 1) for lane in (0, 17, 255)])
    np.testing.assert_array_equal(together[:, [0, 17, 255]], single)


def test_the_order_of_groups_does_not_matter():
    forward = [fill(0, group, 64) for group in range(10)]
    backward = [fill(0, group, 64) for group in reversed(range(10))][::-1]
    np.testing.assert_array_equal(forward, backward)


def test_no_normal_is_used_twice():
    """Paths, groups (beyond 32 bits too), slots and both words of the key all count."""
    positions = [(0, 0, (1, 2)), (64, 0, (1, 2)), (0, 1, (1, 2)), (0, 2**32, (1, 2)), (0, 0, (2, 1)), (0, 0, (1, 3))]
    z = np.array([fill(path, group, 64, key) for path, group, key in positions])
    # Two of a few thousand words of 64 bits would be equal with probability 1e-13; a normal holds fewer bits, pairs do.
    assert len(np.unique(z.reshape(-1, 2, 2, 64).transpose(0, 1, 3, 2).reshape(-1, 2), axis=0)) == z.size // 2


def uncorrelated(a, b):
    """Test values and squares: the two normals of a pair share a radius, and only the law separates them."""
    products = np.stack([(a * b).ravel(), ((a**2 - 1) * (b**2 - 1) / 2).ravel()], axis=1)
    return agrees(mean_estimate(products), [0.0, 0.0], alpha=ALPHA)


@pytest.mark.parametrize(
    ("here", "there"),
    [
        *[pytest.param(([i], 0, 0, 0), ([j], 0, 0, 0), id=f"slots {i}, {j}") for i in range(4) for j in range(i)],
        *[pytest.param((..., 0, 0, 0), (..., lag, 0, 0), id=f"lanes {lag} apart") for lag in (1, 2, 16, 256)],
        *[pytest.param((..., 0, 0, 0), (..., 0, lag, 0), id=f"groups {lag} apart") for lag in (1, 2, 2**32)],
        *[pytest.param((..., 0, 0, 0), (..., 0, 0, lag), id=f"seeds {lag} apart") for lag in (1, 2)],
    ],
)
def test_no_correlation(here, there):
    """What matters: a correlation of 1.5 %."""
    n = required_samples(deviation=1.0, effect=0.015, alpha=ALPHA / 2, power=0.9999)

    def normals(slots, lane, group, seed):
        return fill(lane, 5 + group, n, key_of(20 + seed))[slots]

    a, b = normals(*here), normals(*there)
    assert uncorrelated(a, b)
    # Negative control: a little of one in the other.
    assert not uncorrelated(a, np.sqrt(1 - 0.03**2) * b + 0.03 * a)


def test_neighbouring_keys_are_not_correlated():
    """Raw keys, without SeedSequence to mix them."""
    n = required_samples(deviation=1.0, effect=0.015, alpha=ALPHA / 2, power=0.9999)
    base = fill(0, 0, n, (7, 9))
    for key in [(8, 9), (7, 10), (9, 7), (7 ^ 2**31, 9)]:
        assert uncorrelated(base, fill(0, 0, n, key))
    assert not uncorrelated(base, fill(0, 0, n, (7, 9)))


@pytest.mark.parametrize(("path", "first"), [(0, 0), (7, 4), (2**32 - 1, 2**34)])
def test_numbers_of_a_single_path_are_those_of_a_block(path, first):
    key = np.array([3, 4], np.uint64)
    block, one = np.empty((12, 1)), np.empty((12, 1))
    compiled(NOISE, noise.gaussian)(block, np.empty((2, 1), np.uint64), first, path, key)
    compiled(NOISE, noise.gaussian_of_one)(one, np.empty((2, 3), np.uint64), first, path, key)
    np.testing.assert_array_equal(one, block)
