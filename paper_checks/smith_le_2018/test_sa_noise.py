"""Appendix A and section 5: noise that is not Langevin's, and what evidence has to do with it."""

import numpy as np
import pytest
import sympy
from scipy import integrate

import sdetheory as st
from sdetheory.symbolic.formulas.functions import logaddexp

ALPHA = 1e-6


@pytest.mark.claim("C31")
def test_stationary_density_of_noise_that_depends_on_the_weights_has_one_over_f_in_front(record, rng):
    """Itô: p ∝ (1/F) exp(−(2/g) ∫C′/F); in Stratonovich's reading 1/√F stands in front, in Langevin's law nothing.

    C′ = xF with F = 1 + x², so that the exponent is −x²/g. Witnesses: proof, quadrature of the law with the formula
    beside it, and simulation. Steps of h with two-point noise are SGD itself, with two examples of gradients
    C′/2 ± √(gF/h)/2; h = 1e-3 biases P(|x| < ½) by 2e-4. Half of the way to Stratonovich's
    value would matter.
    """
    x, g = sympy.Symbol("x", real=True), sympy.Symbol("g", positive=True)
    noise = 1 + x**2
    for build, power in ((st.symbolic.ItoSDE, 1), (st.symbolic.ItoSDE.from_stratonovich, sympy.Rational(1, 2))):
        equation = build(-x * noise, sympy.sqrt(g * noise), x)
        assert st.symbolic.is_stationary(equation, sympy.exp(-(x**2) / g) / noise**power)
        assert not st.symbolic.is_stationary(equation, sympy.exp(-(x**2) / g))

    scale = 1.0

    def formula(power):
        weight = [
            integrate.quad(lambda w: np.exp(-(w**2) / scale) / (1 + w**2) ** power, -end, end)[0] for end in (0.5, 9.0)
        ]
        return weight[0] / weight[1]

    def law(calculus):
        return st.theory.stationary_law(
            lambda w: -w * (1 + w**2), lambda w: scale * (1 + w[..., 0] ** 2) / 2, calculus=calculus
        ).probability(-0.5, 0.5)

    ito, stratonovich, langevin = formula(1), formula(1 / 2), formula(0)
    record(label="Stratonovich", predicted=stratonovich, measured=law("stratonovich"), rtol=1e-8,
           wrong_predictions={"Itô": ito})  # fmt: skip
    record(label="Itô", predicted=ito, measured=law("ito"), rtol=1e-8,
           wrong_predictions={"Stratonovich": stratonovich})  # fmt: skip

    paths = st.stats.required_samples(
        deviation=np.sqrt(ito * (1 - ito)), effect=(ito - stratonovich) / 2, alpha=ALPHA, power=1 - 1e-5
    )
    sampled = st.sample_stationary(
        st.SDE.from_sympy(["-x*(1 + x**2)"], ["sqrt(g*(1 + x**2))"], variables=["x"], parameters={"g": scale}),
        [0.0],
        dt=1e-3,
        n_paths=paths,
        burn_in=5000,
        n_steps=5000,
        every=100,
        basins={"middle": "abs(x) < 0.5"},
        increments="two-point",
        rng=rng,
    )
    record(
        label="steps of SGD",
        predicted=ito,
        measured=sampled.occupancy["middle"],
        alpha=ALPHA,
        wrong_predictions={"Stratonovich": stratonovich, "e^{−C/T} as if F were constant": langevin},
    )


@pytest.mark.claim("C32")
def test_sgd_whose_noise_is_its_hessian_over_n_is_isotropic_near_a_minimum_and_not_the_posterior(record, rng):
    """With F = H/(N − 1) the covariance is g/(2(N − 1)) times the identity, whereas that of the posterior is H⁻¹.

    Each input stands twice in the data, with residuals 1 and −1, so that F is so exactly at the minimum. The two
    curvatures are 0.87 and 35. Compared are the variances along both, in units of their mean, from the step equation,
    from the exact law of SGD and from SGD: at ε = 0.1 the two differ by 1 %, and would by 40 times in the posterior.
    """
    grid = np.linspace(-1, 1, 50)
    inputs = np.repeat(np.column_stack([grid, 0.3 * (grid**2 - np.mean(grid**2))]), 2, axis=0)
    outputs = inputs @ [1.0, 2.0] + np.tile([1.0, -1.0], 50)
    hessian = inputs.T @ inputs
    hp = st.SGDHyperparameters(learning_rate=0.1, train_size=100, batch_size=2)

    model = st.models.LinearRegression(inputs, outputs)
    noise = st.models.gradient_covariance(model.per_example_gradients([1.0, 2.0]))
    np.testing.assert_allclose(noise, hessian / 99, rtol=1e-10, atol=1e-12)
    law = st.theory.least_squares_sgd(inputs, outputs, hp)

    def shares(covariance):
        return np.diag(covariance) / np.trace(covariance)

    posterior = shares(np.linalg.inv(hessian))
    equation = shares(st.theory.sgd_covariance(hessian, noise, hp).sde_covariance)
    record(label="equation", predicted=posterior, measured=equation, found=0.5, rtol=1e-9,
           wrong_predictions={"H": shares(hessian)})  # fmt: skip
    runs = st.sgd(model, hp, law.mean, n_steps=9000, n_runs=400, rng=rng, average_from=5000).covariance
    total = np.trace(law.covariance)
    measured = runs[np.diag_indices(len(hessian))] / total
    record(label="SGD", predicted=posterior, measured=measured, found=shares(law.covariance), alpha=ALPHA,
           wrong_predictions={"H": shares(hessian)})  # fmt: skip


@pytest.fixture(scope="module")
def crossed():
    """Two minima 3 apart along x: curvatures (16, 1) and cost 0, and (1, 16) and cost ½, of equal breadth."""
    x, y, s, c = sympy.symbols("x y s c", real=True)
    first, second = -(16 * x**2 + y**2) / 2, -c - ((x - s) ** 2 + 16 * y**2) / 2
    cost = -logaddexp(first, second)
    return st.Landscape.from_sympy(cost, variables=["x", "y"], parameters={"s": 3.0, "c": 0.5})


BORDER = 0.75  # in x, between the minima
STEP = 1.25e-3


def share(landscape, diffusion):
    """Return the stationary probability of x < BORDER, from the Fokker–Planck equation on a grid (to 1e-3)."""
    grid = st.theory.Grid([(-6.0, 12.0), (-7.0, 7.0)], (144, 112))
    law = st.theory.fokker_planck(lambda w: -landscape.gradient(w), diffusion, grid)
    return float(law.density[grid.centers[..., 0] < BORDER].sum() * grid.volume)


def sampled_share(landscape, diffusion, relaxation, rng):
    """Return the time that paths spend at x < BORDER; an error of 0.04 would matter.

    Half of the paths start at either minimum. Each gives about eight independent samples in sixteen relaxation times,
    after ten in which it forgets its start: five autocorrelation times are asked for, and their estimate is uncertain.
    The largest curvature times the step is 0.02, which biases the share by 2e-3 at most, half a standard error.
    """
    samples = st.stats.required_samples(deviation=0.5, effect=0.04, alpha=ALPHA, power=1 - 1e-5)
    pairs, steps = samples // 16 + 1, 40 * round(relaxation / STEP / 40)
    x = landscape.variables
    equation = st.SDE.from_sympy(
        [-landscape.expression.diff(v) for v in x], diffusion, variables=x, parameters=landscape.parameters
    )
    return st.sample_stationary(
        equation,
        np.repeat([[0.0, 0.0], [3.0, 0.0]], pairs, axis=0),
        dt=STEP,
        n_paths=2 * pairs,
        burn_in=10 * steps,
        n_steps=16 * steps,
        every=40,
        basins={"first": f"x < {BORDER}"},
        rng=rng,
    ).occupancy["first"]


@pytest.mark.claim("C33")
def test_anisotropic_gradient_noise_does_not_weigh_minima_by_their_evidence(record, crossed, rng):
    """Noise that is mostly along x drives paths out of the minimum that is narrow there, though its evidence is larger.

    e^{−C} gives the first minimum a share of 0.62. With D = (1.6, 0.4) in place of (1, 1) it has 0.39 by the
    Fokker–Planck equation and by simulation. Proof for a parabola: e^{−C} is stationary with the one, not with the
    other.
    """
    x, y = sympy.symbols("x y", real=True)
    bowl = x**2 / 2 + x * y / 2 + y**2 / 2
    for variances, stationary in (((2, 2), True), ((3, 1), False)):
        equation = st.symbolic.ItoSDE.from_covariance(
            [-bowl.diff(x), -bowl.diff(y)], [[variances[0], 0], [0, variances[1]]], [x, y]
        )
        assert st.symbolic.is_stationary(equation, sympy.exp(-bowl)) is stationary

    strengths = np.array([1.6, 0.4])
    evidence = 1 / (1 + np.exp(-0.5))
    actual = share(crossed, strengths)
    change = share(crossed, 1.0) - actual
    record(label="what D = (1, 1) changes", predicted=0.0, measured=change, found=evidence - actual, rtol=0.02,
           wrong_predictions={"opposite": -change})  # fmt: skip
    record(
        label="share of the minimum of larger evidence",
        predicted=evidence,
        measured=sampled_share(crossed, list(np.sqrt(2 * strengths)), 3.9, rng),
        found=actual,
        alpha=ALPHA,
        wrong_predictions={"a half": 0.5, "noise along y": share(crossed, strengths[::-1])},
    )


@pytest.mark.claim("C34")
def test_noise_added_to_sgd_makes_it_weigh_minima_by_their_evidence(record, crossed, rng):
    """Δw = −(ε/N)Ĝ + √(2ε/N) ξ has D = 1 + ½(ε/N) Cov Ĝ: what the gradient noise spoils vanishes with ε.

    Cov Ĝ = diag(16, 0). By the Fokker–Planck equation the share of the first minimum, less that at D = 1, halves with
    ε. Simulation makes the very steps of SGLD, with ε/N = 1.25e-3 and Gaussian gradient noise.
    """
    noise = np.array([16.0, 0.0])
    deviations = [share(crossed, 1 + step / 2 * noise) - share(crossed, 1.0) for step in (2 * STEP, STEP)]
    record(label="order", predicted=1.0, measured=np.log2(deviations[0] / deviations[1]), rtol=0.05,
           wrong_predictions={"½": 0.5, "2": 2.0})  # fmt: skip
    record(label="without noise of the gradient", predicted=1 / (1 + np.exp(-0.5)), measured=share(crossed, 1.0),
           rtol=0.01, wrong_measurements={"temperature ½": share(crossed, 0.5)})  # fmt: skip

    both = [[np.sqrt(2), 0.0, np.sqrt(STEP * noise[0])], [0.0, np.sqrt(2), 0.0]]
    record(
        label="SGLD",
        predicted=share(crossed, 1 + STEP / 2 * noise),
        measured=sampled_share(crossed, both, 11.9, rng),
        alpha=ALPHA,
        wrong_predictions={"noise √(ε/N)": share(crossed, 0.5), "gradient noise of C33": share(crossed, [1.6, 0.4])},
    )
