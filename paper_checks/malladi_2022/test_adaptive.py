"""Sections 4 and 5: what must change with the batch size of RMSprop and Adam."""

import numpy as np
import pytest
import scipy.stats

import sdetheory as st
from derivations import optimum_batch_size
from sdetheory.claims import Below

from ..estimates import stacked

ALPHA = 1e-6
N, RATE, DEVIATION, FORGET = 1024, 0.005, 5.0, 5e-4
FACTORS = np.array([1, 4, 16])


@pytest.fixture(scope="module")
def model():
    """One weight of unit curvature, with normal quantiles as labels, whose deviation is that of the gradients."""
    labels = scipy.stats.norm.ppf((np.arange(N) + 0.5) / N)
    return st.models.LinearRegression(np.ones((N, 1)), DEVIATION * labels / labels.std())


def setting(rate, batch_size, momentum=0.0):
    """Return the hyperparameters of a run that draws its examples independently."""
    return st.SGDHyperparameters(learning_rate=rate, train_size=N, batch_size=batch_size, momentum=momentum,
                                 dampening=momentum, sampling="with-replacement")  # fmt: skip


def variances(model, optimizer, rates, rng, full):
    """Return the stationary variance at each κ, for B = κ; 12,000/κ steps, six memories of s, are left out."""
    runs, found = 200 if full is None else 2000, []
    for factor, rate in zip(FACTORS, rates, strict=True):
        run = st.sgd(
            model, setting(rate, int(factor)), [0.0], n_steps=42_000 // factor, n_runs=runs, rng=rng,
            optimizer=optimizer(factor), average_from=12_000 // factor,
        )  # fmt: skip
        found.append(run.covariance[0, 0])
    return stacked(found)


def sgd_variance(rate, batch_size, momentum=0.0):
    """Return the exact variance of SGD on the same labels."""
    noise = [[DEVIATION**2 * N / (N - 1)]]
    return st.theory.sgd_covariance([[float(N)]], noise, setting(rate, int(batch_size), momentum)).covariance.item()


def theory(rates, momenta=(0.0, 0.0, 0.0), floors=(0.0, 0.0, 0.0)):
    """Return the variance V of SGD at the rate η/(√(σ²/B + V) + floor), B = κ; without floor it is about ησ/2√B."""
    found = []
    for rate, b, m, floor in zip(rates, FACTORS, momenta, floors, strict=True):
        value = 0.0
        for _ in range(5):
            value = sgd_variance(rate / (np.sqrt(DEVIATION**2 / b + value) + floor), b, m)
        found.append(value)
    return np.array(found)


@pytest.mark.claim("MLPA01")
def test_rmsprop_keeps_its_law_by_the_square_root_rule(record, model, rng, full):
    """Variance at κ = 1, 4 and 16: 0.0125, as it is for κ = 1; without the rule it falls as 1/√κ.

    Witnesses: the proof of the rule, the exact variance of SGD with the normalized step, and RMSprop.
    """
    proved = optimum_batch_size.adaptive_rule().result(eta=RATE, k=FACTORS.astype(float))
    rates = RATE * np.sqrt(FACTORS)
    record(label="proof", predicted=proved, measured=rates, rtol=1e-12,
           wrong_predictions={"linear rule": RATE * FACTORS})  # fmt: skip
    predicted = theory(rates)
    wrong = {"rate as it was": theory(np.full(3, RATE)), "linear rule": theory(RATE * FACTORS)}
    record(label="theory, relative to κ = 1", predicted=1.0, measured=predicted / predicted[0], rtol=0.01,
           wrong_measurements={"linear rule": theory(RATE * FACTORS) / predicted[0]})  # fmt: skip
    measured = variances(model, lambda k: st.RMSprop(beta=1 - FORGET * k, floor=0.0), rates, rng, full)
    record(label="RMSprop", predicted=predicted, measured=measured, alpha=ALPHA, wrong_predictions=wrong)


@pytest.mark.claim("MLPA02")
def test_adam_keeps_its_law_by_the_square_root_rule(record, model, rng, full):
    """Variance at κ = 1, 4 and 16, with β₁ = 0.975, 0.9 and 0.6: the same but for a per cent."""
    rates, memories = RATE * np.sqrt(FACTORS), 1 - 0.025 * FACTORS
    predicted = theory(rates, memories)
    record(label="theory, relative to κ = 1", predicted=1.0, measured=predicted / predicted[0], rtol=0.01,
           wrong_measurements={"linear rule": theory(RATE * FACTORS, memories) / predicted[0]})  # fmt: skip
    measured = variances(
        model, lambda k: st.Adam(beta1=1 - 0.025 * k, beta2=1 - FORGET * k, floor=0.0), rates, rng, full
    )
    record(
        label="Adam",
        predicted=predicted,
        measured=measured,
        alpha=ALPHA,
        wrong_predictions={
            "linear rule": theory(RATE * FACTORS, memories),
            "rate as it was": theory(np.full(3, RATE), memories),
        },
    )


@pytest.mark.claim("MLPA03")
def test_linear_rule_of_sgd_makes_the_variance_of_rmsprop_grow_as_the_root_of_kappa(record, model, rng, full):
    """Variance with η = 0.005κ: 1, 2 and 4 times what it was, where that of SGD stays."""
    rates = RATE * FACTORS
    predicted = theory(rates)
    sgd = [
        st.theory.sgd_covariance([[float(N)]], [[1.0]], setting(0.001 * k, int(k))).covariance.item() for k in FACTORS
    ]
    record(label="SGD by the linear rule, relative to κ = 1", predicted=1.0, measured=np.array(sgd) / sgd[0], rtol=0.01,
           wrong_predictions={"square root": FACTORS**-0.5})  # fmt: skip
    record(label="theory, relative to κ = 1", predicted=np.sqrt(FACTORS), measured=predicted / predicted[0], rtol=0.05,
           wrong_predictions={"the same": np.ones(3), "as κ": FACTORS})  # fmt: skip
    measured = variances(model, lambda k: st.RMSprop(beta=1 - FORGET * k, floor=0.0), rates, rng, full)
    record(
        label="RMSprop",
        predicted=predicted,
        measured=measured,
        alpha=ALPHA,
        wrong_predictions={"the same": np.full(3, predicted[0]), "as κ": predicted[0] * FACTORS},
    )


@pytest.mark.claim("MLPA04")
def test_square_root_rule_needs_gradient_noise_that_dominates(record, model, rng):
    """How far Adam gets at κ = 16 in a sixteenth of the steps, over how far at κ = 1: from 50 and from 0.5.

    From 50 = 10σ each step has the length η, so that it is a quarter; from σ/10 it is as far.
    """

    def way(start, factor):
        optimizer = st.Adam(beta1=1 - 0.025 * factor, beta2=1 - FORGET * factor, floor=0.0)
        hp = setting(RATE * np.sqrt(factor), factor)
        final = st.sgd(model, hp, [start], n_steps=1600 // factor, n_runs=400, rng=rng, optimizer=optimizer).final
        return start - float(final.mean())

    far, near = (way(start, 16) / way(start, 1) for start in (50.0, 0.5))
    record(
        label="way at κ = 16 over that at κ = 1",
        predicted=Below(0.5),
        measured=far,
        wrong_measurements={"noise dominates": near},
    )


@pytest.mark.claim("MLPA05")
def test_floor_must_fall_as_the_root_of_kappa(record, model, rng, full):
    """Variance at κ = 1, 4 and 16 with a floor of 5/√κ, as large as the noise: what it is for κ = 1.

    √v + floor is then 2σ/√κ. If the floor stays, or falls as κ, the rate that is divided by it is another.
    """
    rates, floors = RATE * np.sqrt(FACTORS), DEVIATION / np.sqrt(FACTORS)
    predicted = theory(rates, floors=floors)
    wrong = {
        "floor as it was": theory(rates, floors=np.full(3, DEVIATION)),
        "linear rule": theory(rates, floors=DEVIATION / FACTORS), "no floor": theory(rates),
    }  # fmt: skip
    record(label="theory, relative to κ = 1", predicted=1.0, measured=predicted / predicted[0], rtol=0.01,
           wrong_measurements={name: values / predicted[0] for name, values in wrong.items()})  # fmt: skip
    measured = variances(
        model, lambda k: st.RMSprop(beta=1 - FORGET * k, floor=DEVIATION / np.sqrt(k)), rates, rng, full
    )
    record(label="RMSprop", predicted=predicted, measured=measured, alpha=ALPHA, wrong_predictions=wrong)
