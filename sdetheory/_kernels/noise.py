"""Random numbers for blocks of paths: each a pure function of its position, computed across lanes.

Number q = step * m + component of a path comes from the counter-based generator Philox4x32-10 (Salmon et al., SC'11) at
a counter made of the path and of q alone, under a key made of the seed. Nothing else enters, so that a result does not
depend on threads, on the number of lanes or on how a run is cut into chunks. One counter gives 128 random bits: two
Box-Muller pairs, so four normals; or four three-point numbers; or 128 two-point ones.

Every multiply-add that may round once is written ``fma`` and there is no fast-math flag: the bits are the same on any
processor with fused multiply-add, at any vector width. (LLVM 22 was seen to compile the logarithm below wrongly under
the flags "contract" and "reassoc" together.)

A normal carries 40 random bits in its radius and 21 in its angle, beside the three bits of its octant: the radius
reaches 7.5, the discrete angles have the moments of the uniform law far beyond order 10^5.
"""

import numpy as np
from numba import njit

from ._cache import checked
from .arithmetic import fma

# Philox4x32: multipliers, and the increments of the key from round to round.
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)

# sin(t) = t + t^3 p(t^2) and cos(t) = 1 - t^2/2 + t^4 q(t^2) on [0, pi/4], minimax: relative errors 3e-18 and 8e-17.
_S0, _S1, _S2 = -0.16666666666666632, 0.008333333333322418, -0.00019841269829812285
_S3, _S4, _S5 = 2.755731369354231e-06, -2.5050758380086096e-08, 1.5896811576186565e-10
_C0, _C1, _C2 = 0.04166666666660222, -0.0013888888878270148, 2.480158096979788e-05
_C3, _C4 = -2.755556678518952e-07, 2.064771529210649e-09

# -2 ln m = s (-4 + s^2 g(s^2)) with s = (m - 1) / (m + 1) and m in [sqrt(1/2), sqrt(2)), minimax: relative error 1e-16.
_G0, _G1, _G2 = -1.3333333333317392, -0.800000001048178, -0.5714283421210075
_G3, _G4, _G5 = -0.44446746959304256, -0.36247162949017603, -0.3364117722649108
_MINUS_2LN2 = -1.3862943611198906

_EXPONENT_OF_ONE = np.uint64(0x3FF0000000000000)
_EXPONENT_OF_2_52 = np.uint64(0x4330000000000000)
_TOP_40_OF_MANTISSA = np.uint64(0x000FFFFFFFFFF000)
_HALF_STEP_BELOW_ONE = 1.0 - 2.0**-41
_BITS_OF_ROOT_HALF = np.int64(0x3FE6A09E667F3BCD)
_21_BITS = np.uint64(2**21 - 1)
_ANGLE_STEP = np.pi / 4 / 2**21
_SIGN = np.uint64(1 << 63)
_SWAP = np.uint64(1 << 61)


@njit(inline="always")
def philox(c0, c1, c2, c3, k0, k1):
    """Ten rounds of Philox4x32; each word in the low half of a uint64."""
    for _ in range(10):
        # What the high halves hold meanwhile does not matter: the processor multiplies low halves.
        p0 = _M0 * (c0 & _LOW)
        p1 = _M1 * (c2 & _LOW)
        c0, c1, c2, c3 = (p1 >> _32) ^ c1 ^ k0, p1, (p0 >> _32) ^ c3 ^ k1, p0
        k0 = (k0 + _W0) & _LOW
        k1 = (k1 + _W1) & _LOW
    return c0 & _LOW, c1 & _LOW, c2 & _LOW, c3 & _LOW


@njit(inline="always")
def radius(bits):
    """sqrt(-2 ln u) for u = (k + 1/2) / 2^40, k the low 40 bits."""
    u = np.uint64(((bits << np.uint64(12)) & _TOP_40_OF_MANTISSA) | _EXPONENT_OF_ONE).view(np.float64)
    u_bits = np.float64(u - _HALF_STEP_BELOW_ONE).view(np.int64)
    e = (u_bits - _BITS_OF_ROOT_HALF) >> np.int64(52)
    m = np.int64(u_bits - (e << np.int64(52))).view(np.float64)
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    g = fma(fma(fma(fma(fma(_G5, z, _G4), z, _G3), z, _G2), z, _G1), z, _G0)
    return np.sqrt(fma(np.float64(e), _MINUS_2LN2, s * fma(g, z, -4.0)))


@njit(inline="always")
def direction(bits):
    """(cos, sin) of a uniform angle: 21 bits within an octant from bit 40 on, and the octant in bits 61 to 63."""
    t = np.uint64(((bits >> np.uint64(40)) & _21_BITS) | _EXPONENT_OF_2_52).view(np.float64)
    t = (t - (2.0**52 - 0.5)) * _ANGLE_STEP
    z = t * t
    p = fma(fma(fma(fma(fma(_S5, z, _S4), z, _S3), z, _S2), z, _S1), z, _S0)
    q = fma(fma(fma(fma(_C4, z, _C3), z, _C2), z, _C1), z, _C0)
    sine = fma(t * z, p, t)
    cosine = fma(z * z, q, fma(-0.5, z, 1.0))
    swap = (bits & _SWAP) != np.uint64(0)
    a = sine if swap else cosine
    b = cosine if swap else sine
    a = np.uint64(np.float64(a).view(np.uint64) ^ (bits & _SIGN)).view(np.float64)
    b = np.uint64(np.float64(b).view(np.uint64) ^ ((bits << np.uint64(1)) & _SIGN)).view(np.float64)
    return a, b


@checked
@njit(error_model="numpy", cache=True)
def fill_normals(z, words, first_path, group, key0, key1):
    """Fill z (4, L) with the normals 4 * group to 4 * group + 3 of L consecutive paths; words (2, L) is scratch."""
    lanes = z.shape[1]
    low, high = np.uint64(group) & _LOW, np.uint64(group) >> _32
    # Three loops: one would need more vector registers than there are.
    for lane in range(lanes):
        c0, c1, c2, c3 = philox(np.uint64(first_path + lane) & _LOW, np.uint64(0), low, high, key0, key1)
        words[0, lane] = c0 | (c1 << _32)
        words[1, lane] = c2 | (c3 << _32)
    _box_muller(z, words)


@njit(error_model="numpy")
def _box_muller(z, words):
    """Fill z (4, L) with the normals that the bits of words (2, L) give."""
    for pair in range(2):
        for lane in range(z.shape[1]):
            r = radius(words[pair, lane])
            a, b = direction(words[pair, lane])
            z[2 * pair, lane] = r * a
            z[2 * pair + 1, lane] = r * b


def gaussian(z, words, first, path, key):
    """Fill z (rows, L), rows a multiple of 4, with the normals from number `first` on, a multiple of 4 too."""
    for row in range(0, z.shape[0], 4):
        fill_normals(z[row : row + 4], words, path, (first + row) >> 2, key[0], key[1])


def gaussian_of_one(z, words, first, path, key):
    """Fill z (rows, 1) as `gaussian` does, across the numbers of one path; words (2, rows / 4 or more) is scratch."""
    groups = z.shape[0] >> 2
    one = z.reshape(-1, 4)
    for i in range(groups):
        group = np.uint64((first >> 2) + i)
        c0, c1, c2, c3 = philox(np.uint64(path) & _LOW, np.uint64(0), group & _LOW, group >> _32, key[0], key[1])
        words[0, i] = c0 | (c1 << _32)
        words[1, i] = c2 | (c3 << _32)
    for pair in range(2):
        for i in range(groups):
            r = radius(words[pair, i])
            a, b = direction(words[pair, i])
            one[i, 2 * pair] = r * a
            one[i, 2 * pair + 1] = r * b


def three_point(z, words, first, path, key):
    """Fill z likewise with 0 and +-sqrt(3), of probabilities 2/3 and 1/6: the moments of N(0, 1) to order 5.

    Each number takes one 32-bit word, so that the probabilities are right to 2^-32. Zero has a sign too, either with
    the same probability, for schemes that want a sign alone.
    """
    sixth = np.uint64(715827883)
    for row in range(0, z.shape[0], 4):
        group = np.uint64((first + row) >> 2)
        for lane in range(z.shape[1]):
            w = philox(np.uint64(path + lane) & _LOW, np.uint64(1), group & _LOW, group >> _32, key[0], key[1])
            for i in range(4):
                tail = w[i] < sixth or w[i] >= np.uint64(4294967296) - sixth
                size = 1.7320508075688772 if tail else 0.0
                z[row + i, lane] = -size if w[i] < np.uint64(2147483648) else size


def two_point(z, words, first, path, key):
    """Fill z likewise with +-1, the moments of N(0, 1) to order 3; rows and `first` are multiples of 32.

    One 32-bit word gives 32 numbers.
    """
    for row in range(0, z.shape[0], 32):
        group = np.uint64((first + row) >> 7)
        shift_of_word = np.uint64(32 * (((first + row) >> 5) & 1))
        second = ((first + row) >> 6) & 1
        for lane in range(z.shape[1]):
            w = philox(np.uint64(path + lane) & _LOW, np.uint64(2), group & _LOW, group >> _32, key[0], key[1])
            pair = (w[2] | (w[3] << _32)) if second else (w[0] | (w[1] << _32))
            words[0, lane] = pair >> shift_of_word
        for i in range(32):
            shift = np.uint64(63 - i)
            for lane in range(z.shape[1]):
                sign = (words[0, lane] << shift) & _SIGN
                z[row + i, lane] = np.uint64(sign | _EXPONENT_OF_ONE).view(np.float64)


def packed_two_point(z, words, first, path, key):
    """Fill z (rows, L), rows a multiple of 4, with the same numbers, 32 in the low half of each entry; bit 1 is -1."""
    for row in range(0, z.shape[0], 4):
        group = np.uint64((first >> 7) + (row >> 2))
        for lane in range(z.shape[1]):
            w = philox(np.uint64(path + lane) & _LOW, np.uint64(2), group & _LOW, group >> _32, key[0], key[1])
            for i in range(4):
                z[row + i, lane] = np.uint64(w[i]).view(np.float64)


@njit(error_model="numpy")
def _normals_of(z, words, paths, group, key0, key1):
    low, high = np.uint64(group) & _LOW, np.uint64(group) >> _32
    for lane in range(z.shape[1]):
        c0, c1, c2, c3 = philox(paths[lane] & _LOW, np.uint64(0), low, high, key0, key1)
        words[0, lane] = c0 | (c1 << _32)
        words[1, lane] = c2 | (c3 << _32)
    _box_muller(z, words)


def gaussian_of_listed(z, words, first, path, key):
    """Fill z as `gaussian` does, for paths whose numbers stand in key, from key[2 + path] on, in any order."""
    paths = key[2 + path : 2 + path + z.shape[1]]
    for row in range(0, z.shape[0], 4):
        _normals_of(z[row : row + 4], words, paths, (first + row) >> 2, key[0], key[1])


def uniform_of_listed(z, words, first, path, key):
    """Fill z likewise with uniform numbers (k + 1/2) / 2^32, independent of the increments."""
    paths = key[2 + path : 2 + path + z.shape[1]]
    for row in range(0, z.shape[0], 4):
        group = np.uint64((first + row) >> 2)
        for lane in range(z.shape[1]):
            w = philox(paths[lane] & _LOW, np.uint64(3), group & _LOW, group >> _32, key[0], key[1])
            for i in range(4):
                z[row + i, lane] = (np.float64(w[i]) + 0.5) * 2.0**-32


def no_noise(z, words, first, path, key):
    """Fill z with zeros: the step that the drift alone makes."""
    z[:] = 0.0


UNITS = {"gaussian": 4, "three-point": 4, "two-point": 32, "none": 1}
"""Increments, and how many numbers of a path are made at once."""


def batch_words(words, first_run, step, tag, key):
    """Fill words (2 groups, L) with random bits for L consecutive runs: those of a step, or of an epoch.

    The tag, from 3 on, keeps apart what is drawn for different ends; numbers of paths use 0 to 2.
    """
    low, high = np.uint64(step) & _LOW, np.uint64(step) >> _32
    for group in range(words.shape[0] // 2):
        purpose = np.uint64(tag | group << 4)
        for lane in range(words.shape[1]):
            c0, c1, c2, c3 = philox(np.uint64(first_run + lane) & _LOW, purpose, low, high, key[0], key[1])
            # Two stores: with four, LLVM leaves the loop scalar.
            words[2 * group, lane] = c0 | (c1 << _32)
            words[2 * group + 1, lane] = c2 | (c3 << _32)
