"""Sections 3 and 4: the noise of the squared loss, its stationary density and its escape rate."""

import math

import numpy as np
import pytest
import scipy.optimize
import scipy.stats
import sympy

import sdetheory as st
from sdetheory.claims import Above

ALPHA = 1e-6
NOISE, FLOOR = 0.4, 0.1  # ηh/B and the least loss, of L = x²/2 + FLOOR
POWER = 1 + 1 / NOISE


@pytest.mark.claim("MZLU01")
def test_covariance_of_gradients_of_least_squares_is_twice_the_loss_times_the_hessian(record, rng, full):
    """At the minimum F = 2LH = σ²H; at the distance δ there is (Hδ)(Hδ)ᵀ besides, which is not small in few weights.

    Second moments along three axes, of fresh examples with inputs of variance 1, 2 and 3.
    """
    n = 40_000 if full is None else 10**6
    hessian, sigma, shift = np.array([1.0, 2.0, 3.0]), 0.7, np.array([1.0, -0.5, 0.5])
    inputs = rng.standard_normal((n, 3)) * np.sqrt(hessian)
    model = st.models.LinearRegression(inputs, sigma * rng.standard_normal(n))

    def variances(w):
        deviations = model.per_example_gradients(w) - hessian * w
        return st.stats.mean_estimate(deviations**2)

    twice_loss = sigma**2 + float(hessian @ shift**2)
    away = variances(shift)
    record(label="away from it", predicted=twice_loss * hessian + (hessian * shift) ** 2, measured=away, alpha=ALPHA,
           wrong_predictions={"2LH": twice_loss * hessian})  # fmt: skip
    record(
        label="at the minimum",
        predicted=sigma**2 * hessian,
        measured=variances(np.zeros(3)),
        alpha=ALPHA,
        wrong_predictions={"LH": sigma**2 * hessian / 2, "isotropic": np.full(3, sigma**2)},
        wrong_measurements={"away from it": away},
    )


@pytest.mark.claim("MZLU02")
def test_stationary_density_is_a_power_of_the_loss(record, rng, full):
    """φ = 3.5 at ηh/B = 0.4: Student's law with six degrees of freedom, of which 3.4 % are beyond 0.5.

    Witnesses: the density of zero current by SymPy, by quadrature, and simulated paths. Stratonovich's reading would
    have 5.4 % there, a normal law of the same variance 2.5 %. The step makes an error of a third of the standard one.
    """
    x = sympy.Symbol("x", real=True)
    strength, floor = sympy.symbols("r c", positive=True)
    loss = x**2 / 2 + floor
    density = st.symbolic.stationary_density(st.symbolic.ItoSDE(-x, sympy.sqrt(2 * strength * loss), x))
    points = np.array([0.2, 0.5, 1.0, 3.0])

    def power_law(values, power=POWER):
        return (values**2 / 2 + FLOOR) ** -power / FLOOR**-power

    ratio = sympy.lambdify(x, (density / density.subs(x, 0)).subs({strength: NOISE, floor: FLOOR}))
    wrong = {"Stratonovich": power_law(points, POWER - 0.5), "Gibbs": np.exp(-(points**2) / (2 * NOISE * FLOOR))}
    record(label="SymPy", predicted=power_law(points), measured=ratio(points), rtol=1e-9, wrong_predictions=wrong)
    law = st.theory.stationary_law(lambda y: -y, lambda y: NOISE * (y**2 / 2 + FLOOR))
    found = law.pdf(points[:, None]) / law.pdf(np.zeros((1, 1)))
    record(label="quadrature", predicted=power_law(points), measured=found, rtol=1e-9, wrong_predictions=wrong)

    sde = st.SDE.from_sympy(["-x"], ["sqrt(2*r*(x**2/2 + c))"], variables=["x"], parameters={"r": NOISE, "c": FLOOR})
    sampled = st.sample_stationary(
        sde, dt=0.00125, n_paths=1500 if full is None else 10_000, burn_in=8000, n_steps=32_000, every=160,
        basins={"far": "x**2 > 1/4"}, rng=rng,
    )  # fmt: skip
    tails = {name: 2 * st.theory.power_law(1.0, 2 * NOISE, slope=1.0, floor=FLOOR, calculus=name).sf(0.5)
             for name in ("ito", "stratonovich")}  # fmt: skip
    normal = 2 * scipy.stats.norm.sf(0.5, scale=math.sqrt(law.variance))
    record(
        label="simulated share beyond 0.5",
        predicted=tails["ito"],
        measured=sampled.occupancy["far"],
        alpha=ALPHA,
        wrong_predictions={"Stratonovich": tails["stratonovich"], "normal": normal},
    )


@pytest.mark.claim("MZLU03")
def test_sgd_on_least_squares_has_the_tail_of_that_power_law(record, rng, full):
    """With one normal input the variance ends at η = 2/(1 + 2/B), for B = 1 at 2/3 and not at 2.

    Witnesses: the tail exponent of normal inputs, which is 2 there, the limit of 4096 normal quantiles, and Hill's
    estimate of the tail of SGD on those, against E|1 − ηx²|^α = 1.
    """
    n, rate = 4096, 2 / 3
    inputs = scipy.stats.norm.ppf((np.arange(n) + 0.5) / n)
    inputs /= inputs.std()
    hp = st.SGDHyperparameters(learning_rate=rate, train_size=n, batch_size=1, sampling="with-replacement")
    paper = 1 + 2 / rate
    record(label="tail exponent of normal inputs", predicted=paper, found=2.0, rtol=1e-6,
           measured=st.theory.kesten_exponent(rate, 1),
           wrong_predictions={"1 + B/η, of its own noise in Itô's equation": 1 + 1 / rate})  # fmt: skip
    limit = st.theory.least_squares_stability_limit(inputs[:, None], hp).mean_square
    record(label="limit of η", predicted=2.0, found=2 / (1 + 2), measured=limit, rtol=0.01,
           wrong_predictions={"of B = 2": 1.0})  # fmt: skip

    exact = scipy.optimize.brentq(lambda power: np.log(np.mean(np.abs(1 - rate * inputs**2) ** power)), 0.5, 8.0)
    model = st.models.LinearRegression(inputs[:, None], rng.standard_normal(n))
    runs = 40_000 if full is None else 10**6
    final = st.sgd(model, hp, [0.0], n_steps=80, n_runs=runs, rng=rng).final
    measured = st.models.tail_index(np.abs(final[:, 0]), n_largest=runs // 200)
    record(
        label="Hill's estimate, SGD",
        predicted=paper,
        found=exact,
        measured=measured,
        alpha=ALPHA,
        wrong_predictions={"twice": 2 * exact},
    )


@pytest.mark.claim("MZLU04")
def test_escape_time_is_a_power_of_the_ratio_of_losses(record):
    """The slope of ln τ in ln(L(saddle)/L(minimum)) is B/(ηh) + ½: exact passage times, ratios from 10² to 10⁵.

    L = 1 + ½x² − x⁴/4X², whose saddles at ±X have the height 1 + X²/4, with D = L ηh/B. Isotropic noise would make
    the time grow as an exponential.
    """
    inverse, ratios = np.array([2.5, 6.0]), 10.0 ** np.arange(2, 6)

    def slopes(a, values, *, isotropic=False):
        logs = []
        for ratio in values:
            width = math.sqrt(4 * (ratio - 1))
            diffusion = (
                (lambda x, d=1 / a: np.full_like(x, d))
                if isotropic
                else (lambda x, w=width: (1 + w**2 * ((x / w) ** 2 / 2 - (x / w) ** 4 / 4)) / a)
            )
            time = st.theory.mean_first_passage_time(
                lambda x, w=width: x**3 / w**2 - x, diffusion, start=0.0, target=1.3 * width, wall=-width
            )
            logs.append(math.log(time))
        return np.diff(logs) / np.diff(np.log(values))

    found = np.array([slopes(a, ratios) for a in inverse])
    isotropic = [slopes(a, [10, 20], isotropic=True)[0] for a in inverse]
    record(
        label="slopes between 10⁴ and 10⁵",
        predicted=inverse + 0.5,
        measured=found[:, -1],
        rtol=1e-4,
        wrong_predictions={"n = 0": inverse + 1.0, "n = 2": inverse},
        wrong_measurements={"isotropic noise, ratios 10 and 20": isotropic},
    )
    errors = np.abs(found - (inverse + 0.5)[:, None])
    record(
        label="order of the remainder",
        predicted=1.0,
        measured=-np.diff(np.log10(errors), axis=1),
        rtol=0.1,
        wrong_predictions={"second order": 2.0, "half": 0.5},
    )


@pytest.mark.claim("MZLU05")
def test_without_loss_at_the_minimum_there_is_no_stationary_density(record):
    """Towards the minimum the density grows as |x|^{−2φ}, which cannot be integrated; with a floor it is finite.

    The package says so, and the share of probability within 0.01 of the minimum tends to one with the floor.
    """
    gone = st.theory.stationary_law(lambda x: -x, lambda x: NOISE * x**2 / 2, bounds=(0.0, np.inf))
    record(label="exponent of the density at the minimum", predicted=2 * POWER, measured=gone.exponent, rtol=1e-9,
           wrong_predictions={"Stratonovich": 2 * POWER - 1, "integrable": 1.0})  # fmt: skip

    def share(floor):
        return st.theory.stationary_law(lambda x: -x, lambda x: NOISE * (x**2 / 2 + floor)).probability(-0.01, 0.01)

    record(
        label="share within 0.01, least loss 1e-7",
        predicted=Above(0.99),
        measured=share(1e-7),
        wrong_measurements={"least loss 0.1": share(0.1)},
    )
