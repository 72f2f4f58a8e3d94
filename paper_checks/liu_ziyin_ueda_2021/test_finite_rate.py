"""The spread of SGD on a parabola at a finite learning rate: K, C and λ are H/N, Cov(Ĝ)/N² and ε of this package."""

import itertools

import numpy as np
import pytest
import sympy

import sdetheory as st

ALPHA = 1e-6
K = np.array([[2.0, 0.5], [0.5, 1.0]])
C = np.array([[1.0, 0.3], [0.3, 2.0]])
N = 4


def settings(rate, momentum=0.0):
    """Return hyperparameters for B = 1 of four examples, with replacement: C is then (N − 1)F/N."""
    return st.SGDHyperparameters(
        learning_rate=rate, train_size=N, batch_size=1, momentum=momentum, sampling="with-replacement"
    )


def law(rate, curvature, noise, momentum=0.0):
    """Return the package's exact law."""
    return st.theory.sgd_covariance(
        N * np.asarray(curvature), N / (N - 1) * np.asarray(noise), settings(rate, momentum)
    )


def iterated(rate, curvature, noise, momentum=0.0):
    """Return the covariance of the weights after 2⁴⁰ steps of (θ, v), by doubling."""
    p = len(curvature)
    move = np.block([
        [np.eye(p) - rate * curvature, momentum * np.eye(p)],
        [-rate * curvature, momentum * np.eye(p)],
    ])  # fmt: skip
    total = rate**2 * np.kron(np.ones((2, 2)), noise)
    for _ in range(40):
        total, move = total + move @ total @ move.T, move @ move
    return total[:p, :p]


@pytest.mark.claim("LZU01")
def test_spread_at_any_learning_rate_solves_the_discrete_equation(record, rng):
    """The equation, for a C that does not commute with K, from small rates to nearly the last stable one.

    Witnesses: a step in symbols, which does not change Σ; the package's law and the recursion iterated; minibatches of
    four parabolas of the same curvature, at λ = 0.7. The SDE's ΣK + KΣ = λC is off by more than its half there.
    """
    rate, k, c, s = sympy.symbols("lambda k c s", positive=True)
    (kept,) = sympy.solve(sympy.Eq((1 - rate * k) ** 2 * s + rate**2 * c, s), s)
    equation = sympy.simplify((2 * kept * k - rate * k**2 * kept) / (rate * c))
    record(
        label="proof, one weight: (ΣK + KΣ − λKΣK)/(λC)", predicted=1.0, measured=float(equation), rtol=0,
        wrong_measurements={"without λKΣK": float((2 * kept * k / (rate * c)).subs({rate: 0.7, k: 2, c: 1}))},
    )  # fmt: skip

    def left(covariance, rate, quadratic=1.0):
        return covariance @ K + K @ covariance - quadratic * rate * K @ covariance @ K

    for name, covariance in (("package", lambda r: law(r, K, C).covariance), ("iterated", lambda r: iterated(r, K, C))):
        rates = (0.01, 0.3, 0.7, 0.89)
        found = np.array([left(covariance(r), r) / r for r in rates])
        record(
            label=f"(ΣK + KΣ − λKΣK)/λ, {name}", predicted=np.tile(C, (4, 1, 1)), measured=found, rtol=1e-9,
            wrong_measurements={"without λKΣK": np.array([left(covariance(r), r, 0.0) / r for r in rates])},
        )  # fmt: skip

    # Pulls ±u and ±v with the mean square C.
    roots = np.linalg.cholesky(2 * C).T
    pulls = np.vstack([roots, -roots])
    model = st.models.FunctionModel(
        lambda w: 2 * w @ K @ w, lambda w, i: w @ K + pulls[i], lambda w, v: 4 * K @ v, train_size=N, dimension=2
    )
    runs, steps = 40, 400
    run = st.sgd(model, settings(0.7), np.zeros(2), n_steps=steps, n_runs=runs, average_from=40, rng=rng)
    diagonal = run.covariance[np.diag_indices(2)]
    record(
        label="minibatches, λ = 0.7", predicted=np.diag(law(0.7, K, C).covariance), measured=diagonal, alpha=ALPHA,
        wrong_predictions={"the SDE": np.diag(law(0.7, K, C).sde_covariance)},
    )  # fmt: skip


@pytest.mark.claim("LZU02")
def test_noise_like_the_hessian_spreads_more_along_sharp_directions(record):
    """λ(2 − λK)⁻¹, against the package's law and the recursion; the SDE has λ/2 in all directions."""
    rate = 0.7
    predicted, wrong = rate * np.linalg.inv(2 * np.eye(2) - rate * K), {"isotropic": rate / 2 * np.eye(2)}
    record(label="iterated", predicted=predicted, measured=iterated(rate, K, K), rtol=1e-10, wrong_predictions=wrong)
    measured = law(rate, K, K).covariance
    record(label="package", predicted=predicted, measured=measured, rtol=1e-10, wrong_predictions=wrong)


@pytest.mark.claim("LZU03")
def test_heavy_ball_spreads_by_a_factor_that_is_not_one_over_one_minus_mu_alone(record, rng):
    """The formula at several rates and momenta. λC/(2k(1 − μ)), the noise scale's, is what is left for small λk.

    Witnesses: the package's law, the recursion iterated, and minibatches at λk = 2, μ = 0.5: there SGD has half more.
    """
    cases = list(itertools.product((0.01, 0.5, 1.5), (0.0, 0.5, 0.9)))
    rates, momenta = np.transpose(cases)
    formula = rates * (1 + momenta) / ((1 - momenta) * (2 * (1 + momenta) - rates))
    wrong = {"1/(1 − μ) alone": rates / (2 * (1 - momenta)), "2 − λk": rates / ((1 - momenta) * (2 - rates))}
    one = np.ones((1, 1))
    found = [law(rate, one, one, m).covariance.item() for rate, m in cases]
    record(label="package", predicted=formula, measured=found, rtol=1e-10, wrong_predictions=wrong)
    again = [iterated(rate, one, one, m).item() for rate, m in cases]
    record(label="iterated", predicted=formula, measured=again, rtol=1e-9, wrong_predictions=wrong)

    targets = np.array([1.0, 2.0, 4.0, 9.0])
    model = st.models.LinearRegression(np.ones((N, 1)), targets)
    runs, (rate, m) = 100, (2.0, 0.5)
    run = st.sgd(model, settings(rate, m), [4.0], n_steps=2000, n_runs=runs, average_from=100, rng=rng)
    predicted = rate * targets.var() * (1 + m) / ((1 - m) * (2 * (1 + m) - rate))
    measured = run.covariance[0, 0]
    record(
        label="minibatches, λk = 2, μ = 0.5", predicted=predicted, measured=measured, alpha=ALPHA,
        wrong_predictions={"1/(1 − μ) alone": rate * targets.var() / (2 * (1 - m))},
    )  # fmt: skip


@pytest.mark.claim("LZU04")
def test_heavy_ball_is_stable_up_to_two_times_one_plus_mu_over_the_curvature(record):
    """The package's limit, and the largest rate at which all eigenvalues of a step are within the unit circle."""
    momenta, k = np.array([0.0, 0.5, 0.9, 0.99]), 2.5

    def radius(rate, m):
        return np.abs(np.linalg.eigvals([[1 - rate * k, m], [-rate * k, m]])).max()

    found = []
    for m in momenta:
        low, high = 0.1 / k, 8 / k
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if radius(middle, m) < 1 else (low, middle)
        found.append(low * k)
    wrong = {"2": np.full(4, 2.0), "2/(1 − μ)": 2 / (1 - momenta), "2(1 − μ)": 2 * (1 - momenta)}
    record(label="eigenvalues", predicted=2 * (1 + momenta), measured=found, rtol=1e-9, wrong_predictions=wrong)
    limits = [st.theory.sgd_stability_limit([[N * k]], settings(0.1, m)) * k for m in momenta]
    record(label="package", predicted=2 * (1 + momenta), measured=limits, rtol=1e-12, wrong_predictions=wrong)
