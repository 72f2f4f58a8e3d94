"""SGD at a constant learning rate as a sampler: its law, the settings nearest to the posterior, and averages.

The paper's A, BBᵀ, η and S are H/N, (N − 1)F/N, ε and B of this package; the posterior has the covariance H⁻¹.
"""

import numpy as np
import pytest
import scipy.optimize
import sympy

import sdetheory as st

from ..estimates import order

ALPHA = 1e-6
A = np.array([[2.0, 0.5], [0.5, 1.0]])
NOISE = np.array([[1.0, 0.3], [0.3, 2.0]])


def settings(n, *, s=10, rate=0.1, momentum=0.0):
    """Return hyperparameters, for batches with replacement."""
    return st.SGDHyperparameters(
        learning_rate=rate, train_size=n, batch_size=s, momentum=momentum, sampling="with-replacement"
    )


def law(rate, n, momentum=0.0):
    """Return the exact law of SGD, with BBᵀ turned into F."""
    return st.theory.sgd_covariance(n * A, NOISE * n / (n - 1), settings(n, rate=rate, momentum=momentum))


def nearest_rate(divergence, guess):
    """Return the learning rate that makes a divergence least."""
    return scipy.optimize.minimize_scalar(
        divergence, bounds=(guess / 4, 2 * guess), method="bounded", options={"xatol": 1e-9 * guess}
    ).x


def two_signs(rng, n):
    """Return least squares whose residuals at the minimum are ±1, each input once with either: then BBᵀ = A."""
    inputs = np.repeat(rng.standard_normal((n // 2, 2)) @ np.array([[1.0, 0.3], [0.0, 0.8]]), 2, axis=0)
    return st.models.LinearRegression(inputs, np.tile([1.0, -1.0], n // 2))


@pytest.mark.claim("MHB01")
def test_stationary_covariance_solves_lyapunovs_equation(record, rng):
    """Σ of Lyapunov's equation is that of SGD up to a share that is halved with the learning rate.

    Witnesses: the equation solved in symbols, the Ornstein–Uhlenbeck process, minibatches on least squares, and the
    exact law of the recursion. An error of a fifth would matter; the bias at ηA = 0.01 is 0.008.
    """
    a, b, c, d, ratio = sympy.symbols("a b c d r", positive=True)
    solved = st.symbolic.lyapunov([[a, b], [b, c]], ratio * sympy.Matrix([[1, d], [d, 2]]))
    proved = np.array(solved.subs({a: 2, b: 0.5, c: 1, d: 0.3, ratio: 0.01}), dtype=float)
    process = st.theory.ornstein_uhlenbeck(A, 0.01 * NOISE / 2)
    wrong = {"ΣA = (η/S)BBᵀ": 2 * proved, "B for BBᵀ": st.theory.ornstein_uhlenbeck(A, 0.005 * np.eye(2)).covariance}
    record(label="proof", predicted=proved, measured=process.covariance, rtol=1e-12, wrong_predictions=wrong)

    model, hp = two_signs(rng, 100), settings(100, rate=0.01)
    hessian, noise = model.hessian(np.zeros(2)) / 100, model.per_example_gradients(np.zeros(2))
    sigma = st.theory.ornstein_uhlenbeck(hessian, 0.01 / 10 * (noise.T @ noise / 100) / 2).covariance
    slowest = 1 / np.linalg.eigvalsh(hessian)[0] / 0.01
    memory = int(10 * slowest)
    # Ten relaxation times of one run are worth ten draws.
    n = st.stats.required_samples(deviation=np.sqrt(2 / 10), effect=0.2, alpha=ALPHA, power=1 - 1e-6)
    run = st.sgd(model, hp, np.zeros(2), n_steps=2 * memory, n_runs=n, average_from=memory, rng=rng)
    record(
        label="minibatches", predicted=np.diag(sigma), measured=diagonal(run.covariance), alpha=ALPHA,
        wrong_predictions={"ΣA = (η/S)BBᵀ": 2 * np.diag(sigma), "S² for S": np.diag(sigma) / 10},
    )  # fmt: skip

    def misses(scale):
        rates = 0.02 / 2.0 ** np.arange(4)
        exact = [law(rate, 1000).covariance for rate in rates]
        solutions = [st.theory.ornstein_uhlenbeck(A, scale * r / 10 * NOISE / 2).covariance for r in rates]
        return [np.linalg.norm(e - s) / np.linalg.norm(e) for e, s in zip(exact, solutions, strict=True)]

    record(
        label="order of the relative error in η", predicted=1.0, measured=order(misses(1.0)), rtol=0.02,
        wrong_measurements={"without the factor S": order(misses(10.0)), "ΣA = (η/S)BBᵀ": order(misses(2.0))},
    )  # fmt: skip


def diagonal(estimate):
    """Return the variances of a covariance."""
    return estimate[np.diag_indices(len(estimate.value))]


@pytest.mark.claim("MHB02")
def test_learning_rate_nearest_to_the_posterior_is_2sd_over_n_trace_bbt(record):
    """η* minimizes the divergence of the Ornstein–Uhlenbeck law exactly, and of SGD's own law up to O(η*A) = O(S/N).

    Witnesses: the minimum in symbols, the package's function, the divergence minimized numerically.
    """
    n, s = 1000, 10
    eta, trace, ratio, dimension = sympy.symbols("eta t r D", positive=True)
    # ½(Tr(NA Σ) − ln det Σ) with Tr(AΣ) = (η/S) Tr BBᵀ/2 by Lyapunov's equation and det Σ ∝ η^D; r = N/S.
    divergence = ratio * eta * trace / 2 - dimension * sympy.log(eta)
    (found,) = sympy.solve(divergence.diff(eta), eta)
    proved = float(found.subs({dimension: 2, ratio: n / s, trace: np.trace(NOISE)}))

    def of_process(rate):
        sigma = st.theory.ornstein_uhlenbeck(A, rate / s * NOISE / 2).covariance
        return st.theory.kl_divergence(sigma, np.linalg.inv(n * A))

    wrong = {
        "S² for S": s * proved, "without D": proved / 2, "Tr B² for Tr BBᵀ": 2 * s * 2 / (n * np.trace(NOISE @ NOISE)),
        "1 for 2": proved / 2,
    }  # fmt: skip
    function = st.theory.optimal_learning_rate(NOISE * n / (n - 1), settings(n))
    record(label="function", predicted=proved, measured=function, rtol=1e-12, wrong_predictions=wrong)
    measured = nearest_rate(of_process, proved)
    record(label="η* of the process", predicted=proved, measured=measured, rtol=1e-6, wrong_predictions=wrong)

    def shift(n, factor=1.0):
        formula = factor * 2 * s * 2 / (n * np.trace(NOISE))
        found = nearest_rate(lambda r: st.theory.kl_divergence(law(r, n).covariance, np.linalg.inv(n * A)), formula)
        return abs(found / formula - 1)

    record(
        label="order of the relative shift for SGD in S/N", predicted=1.0,
        measured=order([shift(n) for n in (1000, 2000, 4000, 8000)]), rtol=0.02,
        wrong_measurements={"a tenth more": order([shift(n, 1.1) for n in (4000, 8000)])},
    )  # fmt: skip


@pytest.mark.claim("MHB03")
def test_preconditioner_that_inverts_the_noise_makes_sgd_sample_the_posterior(record):
    """With P = (2S/ηN)(BBᵀ)⁻¹ the process has the covariance (NA)⁻¹, and SGD a relative O(ηPA) = O(S/N) more.

    The recursion w ← w − ηP∇L_S is iterated to its fixed point. A diagonal P is not enough.
    """
    n, s, rate = 1000, 10, 0.1
    inverse = 2 * s / (rate * n) * np.linalg.inv(NOISE)
    function = st.theory.optimal_preconditioner(NOISE * n / (n - 1), settings(n, rate=rate))
    record(
        label="function", predicted=inverse, measured=function, rtol=1e-12,
        wrong_predictions={"1 for 2": inverse / 2, "A⁻¹": 2 * s / (rate * n) * np.linalg.inv(A)},
    )  # fmt: skip

    def process(p):
        return st.theory.ornstein_uhlenbeck(p @ A, rate / s * p @ NOISE @ p / 2).covariance

    wrong = {"1 for 2": process(inverse / 2), "diagonal P": process(2 * s / (rate * n) * np.diag(1 / np.diag(NOISE)))}
    posterior = np.linalg.inv(n * A)
    record(label="Σ", predicted=posterior, measured=process(inverse), rtol=1e-10, wrong_measurements=wrong)

    def miss(n, factor=1.0):
        p = factor * 2 * s / (rate * n) * np.linalg.inv(NOISE)
        move, kick = np.eye(2) - rate * p @ A, rate**2 / s * p @ NOISE @ p
        sigma = np.zeros((2, 2))
        for _ in range(30):  # 2³⁰ steps by doubling
            sigma, kick, move = kick + move @ sigma @ move.T, kick + move @ kick @ move.T, move @ move
        return np.linalg.norm(n * A @ sigma - np.eye(2))

    record(
        label="order of SGD's relative error in S/N", predicted=1.0,
        measured=order([miss(n) for n in (1000, 2000, 4000, 8000)]), rtol=0.02,
        wrong_measurements={"1 for 2": order([miss(n, 0.5) for n in (4000, 8000)])},
    )  # fmt: skip


@pytest.mark.claim("MHB04")
def test_momentum_multiplies_the_best_learning_rate_by_the_damping(record):
    """The rate that is nearest to the posterior for the exact law of the heavy ball tends to 2μSD/(N Tr BBᵀ).

    Witnesses: the package's function at m = 0.9, and the divergence of the exact law, minimized numerically.
    """
    s, m = 10, 0.9
    n, formula = 10**6, 2 * (1 - m) * s * 2 / (10**6 * np.trace(NOISE))
    wrong = {"without μ": formula / (1 - m), "1/μ": formula / (1 - m) ** 2}
    function = st.theory.optimal_learning_rate(NOISE * n / (n - 1), settings(n, momentum=m))
    record(label="function", predicted=formula, measured=function, rtol=1e-12, wrong_predictions=wrong)

    def shift(n, factor):
        guess = factor * 2 * s * 2 / (n * np.trace(NOISE))
        posterior = np.linalg.inv(n * A)
        found = nearest_rate(lambda r: st.theory.kl_divergence(law(r, n, m).covariance, posterior), guess)
        return abs(found / guess - 1)

    record(
        label="order of the relative shift for SGD in S/N", predicted=1.0,
        measured=order([shift(n, 1 - m) for n in (32_000, 64_000)]), rtol=0.02,
        wrong_measurements={"μ = 0.12": order([shift(n, 0.12) for n in (32_000, 64_000)])},
    )  # fmt: skip


@pytest.mark.claim("MHB05")
def test_average_over_n_over_s_iterates_is_a_draw_from_the_posterior(record, rng, full):
    """Averages over one epoch of minibatches, from independent runs, have the covariance (NA)⁻¹.

    Witnesses: the exact covariance of averages, whose departure is halved when N is doubled; and SGD on least squares
    with residuals ±1, for which BBᵀ = A at the minimum. Three tenths would matter; the bias there is 0.008.
    """

    def departure(n, noise=A):
        hp = settings(n, rate=0.1)
        average = st.theory.average_covariance(n * A, noise * n / (n - 1), hp, n_steps=n // 10)
        return np.linalg.norm(n * A @ average - np.eye(2))

    sizes = (4000, 8000, 16000, 32000)
    record(
        label="order of the departure in S/(N ηA)", predicted=1.0, measured=order([departure(n) for n in sizes]),
        rtol=0.02, wrong_measurements={"BBᵀ that is not A": order([departure(n, NOISE) for n in sizes])},
    )  # fmt: skip

    n, steps = 20_000, 2000
    model, hp = two_signs(rng, n), settings(n, rate=0.1)
    posterior = np.linalg.inv(model.hessian(np.zeros(2)))
    effect = 0.3 if full is None else 0.15
    runs = st.stats.required_samples(deviation=np.sqrt(2), effect=effect, alpha=ALPHA, power=1 - 1e-6)
    burn_in = 150
    run = st.sgd(model, hp, np.zeros(2), n_steps=burn_in + steps, n_runs=runs, average_from=burn_in, rng=rng)
    spread = np.linalg.solve(np.linalg.cholesky(posterior), run.average.T) ** 2
    measured = st.stats.mean_estimate(spread, axis=1)
    single = 0.1 / 20 * np.linalg.inv(posterior)[0, 0]
    record(
        label="variance of averages over that of the posterior", predicted=np.ones(2), measured=measured, alpha=ALPHA,
        wrong_predictions={"T = 2N/S": np.full(2, 0.5), "a single iterate": np.full(2, single)},
    )  # fmt: skip
