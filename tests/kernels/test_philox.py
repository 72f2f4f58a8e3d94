"""Philox4x32-10 against the known answers of Random123, and against ten lines of Python."""

import naive
import numpy as np
import pytest
from numba import njit

from sdetheory._kernels import noise

# (counter, key, output) from kat_vectors of Random123.
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]
KNOWN = [tuple(tuple(int(word, 16) for word in column.split()) for column in row) for row in KNOWN]


@njit
def _philox(c, k):
    return noise.philox(c[0], c[1], c[2], c[3], k[0], k[1])


def philox(counter, key):
    return tuple(int(word) for word in _philox(np.array(counter, np.uint64), np.array(key, np.uint64)))


@pytest.mark.parametrize(("counter", "key", "output"), KNOWN)
def test_known_answers(counter, key, output):
    assert philox(counter, key) == output
    assert naive.philox4x32(counter, key) == output
    # Negative controls: one round fewer, one more.
    assert naive.philox4x32(counter, key, rounds=9) != output
    assert naive.philox4x32(counter, key, rounds=11) != output


def test_the_words_of_the_key_have_an_order():
    counter, key, output = KNOWN[2]
    assert philox(counter, key[::-1]) != output


def test_random_counters(rng):
    for words in rng.integers(0, 2**32, size=(200, 6)).tolist():
        assert philox(words[:4], words[4:]) == naive.philox4x32(words[:4], words[4:])
