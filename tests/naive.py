"""Brute-force oracles: slow, short, and written without looking at what they check."""

import numpy as np

MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
WEYL = 0x9E3779B9, 0xBB67AE85
MASK = 0xFFFFFFFF


def philox4x32(counter, key, rounds=10):
    """Philox4x32 in Python's integers (Salmon, Moraes, Dror, Shaw 2011, figure 2)."""
    c, k = list(counter), list(key)
    for _ in range(rounds):
        (high0, low0), (high1, low1) = (divmod(m * word, 2**32) for m, word in zip(MULTIPLIERS, c[::2], strict=True))
        c = [high1 ^ c[1] ^ k[0], low1, high0 ^ c[3] ^ k[1], low0]
        k = [(word + step) & MASK for word, step in zip(k, WEYL, strict=True)]
    return tuple(c)


def ensemble(x, force, *, dt, amplitude, n_steps, normal, averaged=False):
    """Euler-Maruyama or Leimkuhler-Matthews on x of shape (n_paths, d); ``normal(q)`` gives one normal a path."""
    x = np.array(x, dtype=np.float64)
    d = x.shape[1]
    for n in range(n_steps):
        noise = np.stack([normal(n * d + c) for c in range(d)], axis=1)
        if averaged:
            noise = (noise + np.stack([normal((n + 1) * d + c) for c in range(d)], axis=1)) / 2
        x = x + dt * force(x) + np.asarray(amplitude) * noise
    return x
