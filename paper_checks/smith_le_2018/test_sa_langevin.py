"""Appendix A: Langevin dynamics and the evidence of minima."""

import numpy as np
import pytest
import scipy.stats

import sdetheory as st

ALPHA = 1e-5


@pytest.mark.claim("C06")
def test_langevin_dynamics_at_temperature_one_occupies_minima_by_their_evidence(record, rng):
    """The broad basin has weight e^{−C}√(2π/k) over the sum of both: 0.6478, though its minimum is the higher one.

    Witnesses: the evidences, quadrature of e^{−C} beyond the barrier (x = 0.4), and simulation. A fifth more
    temperature would matter. Cutting at the barrier leaves out 4e-4; the step 5e-4 biases this scheme by about 5e-4
    (order 2; Euler–Maruyama by 4e-3, order 1). Both are far below the standard error.
    """
    landscape, cut = st.landscapes.sharp_and_broad(), 0.4
    costs, curvatures, positions = np.array([0.0, 1.0]), np.array([100.0, 4.0]), np.array([0.0, 2.0])

    def weights(temperature):
        evidence = np.exp(-costs / temperature) / np.sqrt(curvatures)
        return evidence / evidence.sum()

    def beyond(temperature):
        return st.theory.gibbs(landscape, temperature).probability(cut, np.inf)

    predicted = weights(1.0)[1]
    wrong = {"T = 1.3": beyond(1.3), "depth alone": 1 / (1 + np.e), "breadth alone": 5 / 6}
    record(
        label="quadrature",
        predicted=weights(1.0) @ scipy.stats.norm.sf(cut, positions, 1 / np.sqrt(curvatures)),
        measured=beyond(1.0),
        rtol=1e-9,
        wrong_predictions=wrong,
    )

    # The relaxation time is 17.5. One path gives an independent sample every two of them.
    step, relaxation = 5e-4, 35_000
    samples = st.stats.required_samples(
        deviation=np.sqrt(predicted * (1 - predicted)),
        effect=abs(beyond(1.2) - predicted),
        alpha=ALPHA,
        power=1 - 1e-5,
    )
    pairs = samples // 8 + 1
    sampled = st.sample_stationary(
        st.langevin(landscape, 1.0),
        np.repeat(positions, pairs)[:, None],
        dt=step,
        n_paths=2 * pairs,
        burn_in=5 * relaxation,
        n_steps=8 * relaxation,
        every=20,
        bins=np.linspace(-1.2, 5.2, 321),
        method="leimkuhler-matthews",
        rng=rng,
    )
    measured = sampled.histogram.probability(cut, np.inf)
    record(label="simulation", predicted=predicted, measured=measured, alpha=ALPHA, wrong_predictions=wrong)
