"""The regularizer of noisy labels at rates that are not small, against the exact mean drift along the minima."""

import numpy as np
import pytest
import scipy.special
import sympy

from ..label_noise import drift

STARTS = (1.2, 2.0, 0.4)
SHARES = (0.5, 1.0, 1.5)  # ε Tr H, which is stable below 2


def regularized(regularizer):
    """Return the drift of u² − v² in a step over ε²σ², of gradient flow on ησ²R, as a function of u and η."""
    u, v, rate = sympy.symbols("u v eta", positive=True)
    penalty = rate * regularizer(u**2 + v**2, rate)
    moved = 2 * u * penalty.diff(u) - 2 * v * penalty.diff(v)
    return sympy.lambdify((u, rate), sympy.simplify(moved / (u**2 - v**2) / rate).subs(v, 1 / u))


def measured(deviation, size=1, steps=14):
    """Return the drift over ε²σ², for all starts and rates; the mean of B signs is binomial."""
    values = deviation * (2 * np.arange(size + 1) / size - 1)
    shares = scipy.special.binom(size, np.arange(size + 1)) / 2**size
    return np.array([drift(u, rate, values, shares, steps) / (rate * deviation) ** 2 for u, rate in settings()])


def settings():
    """List u and ε."""
    return [(u, share / (u**2 + u**-2)) for u in STARTS for share in SHARES]


def theory(regularizer):
    """Return what a regularizer predicts for them."""
    return np.array([regularized(regularizer)(u, rate) for u, rate in settings()], dtype=float)


def whole(trace, rate):
    """Return R; of the Hessian's two eigenvalues on the minima one is zero."""
    return -sympy.log(1 - rate * trace / 2) / (2 * rate)


@pytest.mark.claim("DML01")
def test_large_rates_penalize_large_eigenvalues_by_more_than_the_trace(record):
    """Drift along the minima, all ways of the noise listed, for three minima and ε Tr H = ½, 1 and 3/2.

    What is left is of the second order in σ. The trace alone, right for small rates, is off by a factor of up to four.
    """
    predicted = theory(whole)
    trace = theory(lambda t, _: t / 4)
    misses = np.array([measured(deviation) - predicted for deviation in (0.02, 0.01)])
    record(
        label="order in σ of what is left", predicted=2.0, measured=np.log2(misses[0] / misses[1]), rtol=0.05,
        wrong_predictions={"first order": 1.0, "none that falls": 0.0},
    )  # fmt: skip
    record(
        label="drift over η²σ²", predicted=predicted, measured=measured(0.01), rtol=0.01,
        wrong_predictions={"Tr H/4": trace, "Tr H/2": 2 * trace},
    )  # fmt: skip


@pytest.mark.claim("DML02")
def test_strength_of_the_regularizer_is_rate_times_variance_over_batch_size(record):
    """Batches of one to three examples with labels of their own: the drift is that of R over B."""
    found = np.array([measured(0.01, size, steps) for size, steps in ((1, 14), (2, 11), (3, 9))])
    sizes = np.arange(1, 4)[:, None]
    record(
        label="drift over η²σ²", predicted=theory(whole) / sizes, measured=found, rtol=0.02,
        wrong_predictions={
            "independent of B": theory(whole) / np.ones((3, 1)), "1/√B": theory(whole) / np.sqrt(sizes),
            "half of it": theory(whole) / sizes / 2,
        },
    )  # fmt: skip
