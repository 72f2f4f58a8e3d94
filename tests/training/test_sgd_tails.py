"""Heavy tails of SGD: Kesten's exponent on least squares, for batches of one and of four."""

import numpy as np
import pytest
from scipy import stats as distributions

import sdetheory as st
from sdetheory.models import LinearRegression

ALPHA = 1e-5


def hill(values, k):
    """Return Hill's estimate of the exponent of P(|w| > x), from the k largest, and its standard error."""
    largest = np.sort(np.abs(values))[::-1][: k + 1]
    exponent = 1 / np.mean(np.log(largest[:k] / largest[k]))
    return exponent, exponent / np.sqrt(k)


# Of fewer inputs the sample's exponent is not that of the law: with 20,000 it is, to a tenth of Hill's error. And the
# estimate needs heavy tails: those of smaller learning rates are powers only further out.
@pytest.mark.parametrize("batch_size, rate", [(1, 0.6), (4, 1.5)])
def test_tails_have_kestens_exponent(rng, batch_size, rate):
    """Of least squares with one weight and normal inputs: P(|w| > x) falls as x^−α."""
    n = 20_000
    x = distributions.norm.ppf((np.arange(n) + 0.5) / n)
    exponent = st.theory.kesten_exponent(rate, batch_size)
    wrong = [exponent - 0.75, exponent + 0.75]
    if batch_size == 4:
        # What the SDE with this multiplicative noise has: the same equation to second order in ε, with E s² = 1 +
        # 2/B. For batches of one the two are too near each other to tell them apart by 1,000 values.
        wrong.append(1 + 2 / (rate * (1 + 2 / batch_size)))

    model = LinearRegression(x[:, None], rng.standard_normal(n))
    hp = st.SGDHyperparameters(learning_rate=rate, train_size=n, batch_size=batch_size)
    # One in a hundred of the runs: 3 % of error, against 20 % and more in the wrong exponents. 150 steps are many times
    # the memory of the start.
    run = st.sgd(model, hp, [0.0], n_steps=150, n_runs=100_000, rng=rng)
    assert run.diverged == 0
    found, error = hill(run.final[:, 0], 1000)
    bar = distributions.norm.isf(ALPHA / 2) * error
    assert abs(found - exponent) < bar
    assert all(abs(found - other) > bar for other in wrong)
