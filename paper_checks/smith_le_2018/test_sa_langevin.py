"""Appendix A: Langevin dynamics and the evidence of minima."""

import numpy as np
import pytest
import scipy.stats
import sympy

import sdetheory as st
from sdetheory.claims import Above

from ..estimates import stacked

ALPHA = 1e-6


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


@pytest.fixture(scope="module")
def low_barrier():
    """Curvatures 20 and 2, costs 0 and 1, and a barrier of 2.6, so that paths cross it often."""
    return st.landscapes.sharp_and_broad(sharp_curvature=20.0, broad_curvature=2.0)


def broad_weight(landscape, temperature):
    """Return the exact share of the basin of the broad minimum."""
    law = st.theory.basin_weights(landscape, temperature)
    return law.weights[np.argmax([point.position[0] for point in law.minima])]


def sampled_weight(landscape, temperature, relaxation, rng):
    """Return the time that Langevin paths spend beyond the barrier; a quarter more temperature would matter.

    Half of the paths start at either minimum. The step is 5e-3, whose bias in this scheme is of second order, below
    1e-3; each path gives about eight independent samples in sixteen relaxation times. It forgets its start in ten, as
    five autocorrelation times are asked for and their estimate is uncertain.
    """
    points = st.theory.critical_points(landscape, [(-4.0, 10.0)])
    (barrier,) = [float(point.position[0]) for point in points if point.index == 1]
    weight = broad_weight(landscape, temperature)
    samples = st.stats.required_samples(
        deviation=np.sqrt(weight * (1 - weight)),
        effect=abs(broad_weight(landscape, 1.25 * temperature) - weight),
        alpha=ALPHA / 3,
        power=1 - 1e-5,
    )
    pairs, steps = samples // 16 + 1, 20 * round(relaxation / 5e-3 / 20)
    return st.sample_stationary(
        st.langevin(landscape, temperature),
        np.repeat([0.0, 2.0], pairs)[:, None],
        dt=5e-3,
        n_paths=2 * pairs,
        burn_in=10 * steps,
        n_steps=16 * steps,
        every=20,
        basins={"broad": f"x > {barrier}"},
        method="leimkuhler-matthews",
        rng=rng,
    ).occupancy["broad"]


@pytest.mark.claim("C28")
def test_langevin_dynamics_at_any_temperature_samples_e_to_the_minus_cost_over_temperature(record, low_barrier, rng):
    """Noise of covariance 2T leaves e^{−C/T} stationary: proof for any C, and the weight of a basin at three T.

    The weights are local integrals of that density. Relaxation times are 20, 3 and 1.1.
    """
    x = sympy.Symbol("x", real=True)
    temperature, cost = sympy.Symbol("T", positive=True), sympy.Function("C")(x)
    density = sympy.exp(-cost / temperature)
    assert st.symbolic.is_stationary(st.symbolic.ItoSDE(-cost.diff(x), sympy.sqrt(2 * temperature), x), density)
    halved = st.symbolic.ItoSDE(-(x**3), sympy.sqrt(temperature), x)
    assert not st.symbolic.is_stationary(halved, sympy.exp(-(x**4) / (4 * temperature)))

    temperatures = np.array([0.5, 1.0, 2.0])
    parts = [sampled_weight(low_barrier, t, r, rng) for t, r in zip(temperatures, (20.0, 3.0, 1.1), strict=True)]
    measured = stacked(parts)

    def exact(values):
        return np.array([broad_weight(low_barrier, value) for value in values])

    wrong = {"noise covariance T": exact(temperatures / 2), "T = 1 always": exact(np.ones(3))}
    record(predicted=exact(temperatures), measured=measured, alpha=ALPHA, wrong_predictions=wrong)


@pytest.mark.claim("C29")
def test_low_temperature_picks_the_deepest_and_high_temperature_the_broadest_minimum(record):
    """The broad basin's weight rises from 0 at T → 0 to √k₁/(√k₁ + √k₂) = 5/6 for T → ∞, with curvatures 100 and 4.

    Minima forty apart have a barrier of 2200. Minima four apart have one of 22, and their weight is less at T = 80 than
    at T = 20: paths pass over both, and the basin of the sharp minimum is a half line. Basins meet where 50x² is
    1 + 2(x − s)².
    """

    def weight(separation, temperature):
        landscape = st.landscapes.sharp_and_broad(separation=separation)
        border = np.roots([48.0, 4 * separation, -1 - 2 * separation**2]).max()
        return st.theory.gibbs(landscape, temperature).probability(border, np.inf)

    record(label="deepest, T = 0.05", predicted=Above(1 - 1e-6), measured=1 - weight(40.0, 0.05),
           wrong_measurements={"T = 1": 1 - weight(40.0, 1.0)})  # fmt: skip
    rising = np.diff([weight(40.0, t) for t in (0.05, 0.2, 1.0, 5.0, 20.0, 80.0)])
    falling = weight(4.0, 80.0) - weight(4.0, 20.0)
    record(label="change with T", predicted=Above(0.0), measured=rising, wrong_measurements={"low barrier": falling})
    record(
        label="broadest, T = 80, without what 1/T leaves of the cost",
        predicted=5 / 6,
        measured=scipy.special.expit(scipy.special.logit(weight(40.0, 80.0)) + 1 / 80),
        rtol=1e-6,
        wrong_measurements={"T = 1": weight(40.0, 1.0), "low barrier": weight(4.0, 80.0)},
    )


@pytest.mark.claim("C30")
def test_broad_minimum_takes_over_at_twice_the_cost_over_the_log_of_the_curvature_ratio(record, low_barrier, rng):
    """T* = 2ΔC/ln(k₁/k₂) follows from e^{−C₁/T}/√k₁ = e^{−C₂/T}/√k₂; where the barrier is high it is exact.

    Witnesses: the solution of the equation of two Laplace expansions, the temperature at which two basins four apart
    weigh the same by quadrature, and, with a low barrier, simulation at the temperature that quadrature gives there: a
    half of the time in either. That one is 4 % above the formula.
    """
    x = sympy.Symbol("x", real=True)
    t, rise, k1, k2 = sympy.symbols("T Delta k1 k2", positive=True)
    sharp = st.symbolic.laplace(k1 * x**2 / 2, {x: 0}, temperature=t, order=0).log_leading
    broad = st.symbolic.laplace(rise + k2 * x**2 / 2, {x: 0}, temperature=t, order=0).log_leading
    (solution,) = sympy.solve(sympy.expand(broad - sharp), t)
    predicted = 2 / np.log(25)
    derived = float(solution.subs({rise: 1, k1: 100, k2: 4}))
    wrong = {"ΔC/ln(k₁/k₂)": predicted / 2, "reciprocal": 1 / predicted}
    record(label="derivation", predicted=predicted, measured=derived, rtol=1e-12, wrong_predictions=wrong)

    landscape = st.landscapes.sharp_and_broad(separation=4.0)
    found = st.theory.crossover_temperature(landscape, [0.0], [4.0], (-4.0, 10.0))
    both = [found.laplace_temperature, found.temperature]
    record(label="T*", predicted=predicted, measured=both, rtol=1e-7, wrong_predictions=wrong)

    sharp_minimum = st.theory.basin_weights(low_barrier, 1.0).minima[0].position
    crossing = st.theory.crossover_temperature(low_barrier, sharp_minimum, [2.0], (-4.0, 10.0)).temperature
    record(
        label="weight at T*, low barrier",
        predicted=0.5,
        measured=sampled_weight(low_barrier, crossing, 3.5, rng),
        alpha=ALPHA,
        wrong_predictions={
            "depth alone": 1 / (1 + np.exp(1 / crossing)),
            "T*/2": broad_weight(low_barrier, crossing / 2),
        },
    )
