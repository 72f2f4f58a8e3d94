"""Learning rate, batch size and noise: the spread about a minimum, and the odds of two minima.

The paper's H, C and S are, per example, ∇∇C/N, (N − 1)F/N and B of this package.
"""

import numpy as np
import pytest
import sympy

import sdetheory as st
from sdetheory.claims import Above, Below

from ..estimates import order

ALPHA = 1e-6
N = 1000
HESSIAN = np.array([[2.0, 0.5], [0.5, 1.0]])


def settings(rate, size):
    """Return hyperparameters, for batches with replacement."""
    return st.SGDHyperparameters(learning_rate=rate, train_size=N, batch_size=size, sampling="with-replacement")


@pytest.mark.claim("JKA01")
def test_mean_loss_in_equilibrium_is_eta_over_4s_times_the_trace_of_the_hessian(record, rng):
    """Where C = H the law is isotropic, (η/2S)I; then the mean loss is (η/4S) Tr H, and SGD's own a share O(ηH) more.

    Witnesses: Lyapunov's equation in symbols, minibatches on least squares with residuals ±1 (for which C = H at the
    minimum), and the exact law of SGD. A fifth would matter;
    finite steps, and noise that grows off the minimum, raise the loss by less than a hundredth.
    """
    a, b, c, ratio = sympy.symbols("a b c r", positive=True)
    matrix = sympy.Matrix([[a, b], [b, c]])
    proved = (matrix * st.symbolic.lyapunov(matrix, ratio * matrix)).trace() / 2 / (ratio * matrix.trace())
    record(
        label="proof: the loss in units of (η/S) Tr H", predicted=0.25, measured=float(sympy.simplify(proved)),
        rtol=1e-14, wrong_predictions={"½ for ¼": 0.5},
    )  # fmt: skip

    rate, size = 0.01, 10
    inputs = np.repeat(rng.standard_normal((N // 2, 2)) * [1.0, 0.7], 2, axis=0)
    model = st.models.LinearRegression(inputs, np.tile([1.0, -1.0], N // 2))
    hessian = model.hessian(np.zeros(2)) / N
    runs = st.stats.required_samples(deviation=1.0, effect=0.2, alpha=ALPHA, power=1 - 1e-6)
    n_steps = int(10 / rate / np.linalg.eigvalsh(hessian)[0])
    final = st.sgd(model, settings(rate, size), np.zeros(2), n_steps=n_steps, n_runs=runs, rng=rng).final
    losses = (model.cost(final) - model.cost(np.zeros(2))) / N / (rate / (4 * size) * np.trace(hessian))
    measured = st.stats.mean_estimate(losses)
    record(
        label="minibatches, over (η/4S) Tr H", predicted=1.0, measured=measured, alpha=ALPHA,
        wrong_predictions={"½ for ¼": 2.0, "C = I": 2 / np.trace(hessian)},
    )  # fmt: skip

    def misses(factor):
        rates = 0.1 / 2.0 ** np.arange(6)
        exact = [st.theory.sgd_covariance(N * HESSIAN, HESSIAN * N / (N - 1), settings(r, size)) for r in rates]
        formula = factor * rates / (4 * size) * np.trace(HESSIAN)
        return [abs(law.excess_cost / N / f - 1) for law, f in zip(exact, formula, strict=True)]

    record(
        label="order of the relative error in η", predicted=1.0, measured=order(misses(1.0)), rtol=0.02,
        wrong_measurements={"½ for ¼": order(misses(2.0))},
    )  # fmt: skip


@pytest.mark.claim("JKA02")
def test_same_ratio_of_learning_rate_to_batch_size_gives_the_same_law(record, rng):
    """Variances of (η, S) and (4η, 4S), in equilibrium and after as many epochs, differ by a share of O(ηH).

    At ηH = 0.4 SGD itself has four times the variance with the larger batch. Half of that would matter.
    """

    def difference(rate, factor=4, noise=1.0):
        pair = settings(rate, 4), settings(factor * rate, 16)
        stationary = [st.theory.sgd_covariance(N * HESSIAN, HESSIAN, hp).covariance for hp in pair]
        epochs = [
            st.theory.sgd_moments(N * HESSIAN, HESSIAN, hp, start=[1.0, 1.0], steps=round(n / rate)).mean[0]
            for hp, n in zip(pair, (2, 2 / factor), strict=True)
        ]
        return np.array([np.linalg.norm(y - x) / np.linalg.norm(x) for x, y in (stationary, epochs)])

    rates = 0.1 / 2.0 ** np.arange(9)
    wrong = np.array([difference(rate, factor=2) for rate in rates])
    model = st.models.LinearRegression(np.ones((12, 1)), rng.permutation(np.arange(12.0)))
    variances = []
    for rate, size in ((0.4, 1), (1.6, 4)):
        hp = st.SGDHyperparameters(learning_rate=rate, train_size=12, batch_size=size, sampling="with-replacement")
        # Values of one run a few steps apart are nearly independent of one another.
        n = st.stats.required_samples(deviation=np.sqrt(2 / 100), effect=0.1, alpha=ALPHA, power=1 - 1e-6)
        run = st.sgd(model, hp, [5.5], n_steps=2000, n_runs=n, average_from=100, rng=rng)
        variances.append((run.covariance.value[0, 0], run.covariance.stderr[0, 0] / run.covariance.value[0, 0]))
    (small, error), (large, other) = variances
    measured = st.Estimate(value=large / small, stderr=large / small * np.hypot(error, other), n_eff=float(n))
    record(
        label="variance of (1.6, 4) over that of (0.4, 1), H = 1", predicted=4.0, measured=measured, alpha=ALPHA,
        wrong_predictions={"the same law": 1.0, "half of the difference": 2.5},
    )  # fmt: skip
    record(
        label="orders of the relative difference: variance in equilibrium, mean on the way", predicted=np.ones(2),
        measured=order(np.array([difference(rate) for rate in rates])), rtol=0.02,
        wrong_measurements={"ε ∝ √S": order(wrong)},
    )  # fmt: skip


def log_odds(temperature, *, width=0.5):
    """Return ln of the odds of the shallow, wide minimum by quadrature, and by the formula."""
    landscape = st.Landscape.from_sympy("x**4/4 - x**3/30 - 11*x**2/20", variables=["x"])
    law = st.theory.basin_weights(landscape, temperature)
    sharp, wide = law.minima
    formula = width * np.log(sharp.curvatures[0] / wide.curvatures[0]) + (sharp.value - wide.value) / temperature
    return np.diff(law.log_evidence)[0], formula


@pytest.mark.claim("JKA03")
def test_odds_of_two_minima_follow_from_depth_width_and_eta_over_s(record):
    """The formula, with T = ησ²/2S, against quadrature of the stationary density in a double well that is no parabola.

    The density e^{−L/T} is proved to be stationary in symbols. What is left of the formula is the next term of
    Laplace's expansion, so that ln of the odds is off by O(T). And the odds of the wide minimum rise with T.
    """
    x, temperature = sympy.Symbol("x", real=True), sympy.Symbol("T", positive=True)
    loss = sympy.Function("L")(x)
    sde = st.symbolic.ItoSDE(-loss.diff(x), sympy.sqrt(2 * temperature), x)
    record(
        label="proof: e^(−L/T) is stationary", predicted=1,
        measured=int(st.symbolic.is_stationary(sde, sympy.exp(-loss / temperature))), rtol=0,
        wrong_measurements={"e^(−2L/T)": int(st.symbolic.is_stationary(sde, sympy.exp(-2 * loss / temperature)))},
    )  # fmt: skip
    temperatures = 0.0256 / 2.0 ** np.arange(5)
    exact = np.array([log_odds(t)[0] for t in temperatures])
    record(
        label="change of ln odds of the wide minimum, T halved", predicted=Below(0.0), measured=np.diff(exact),
        wrong_measurements={"T doubled": np.diff(exact[::-1])},
    )  # fmt: skip

    def misses(width):
        return [abs(np.subtract(*log_odds(t, width=width))) for t in temperatures]

    record(
        label="order of the error of ln odds in T", predicted=1.0, measured=order(misses(0.5)), rtol=0.02,
        wrong_measurements={"without the √": order(misses(1.0)), "depth alone": order(misses(0.0))},
    )  # fmt: skip


@pytest.mark.claim("JKA04")
def test_odds_depend_on_the_widths_whatever_the_noise_is_like(record):
    """Isotropic noise gives equally deep minima of curvatures 100 and 4 the odds √25 at any T; C ∝ H does not.

    The noise T k(x)/10 goes from one curvature to the other between the minima. The package's law is met by summing
    (1/D) exp(−∫L′/D) on a grid. The odds of the wide minimum are far higher, and they fall as T ∝ η/S rises.
    """
    landscape = st.landscapes.sharp_and_broad(broad_cost=0.0)

    def noise(x, temperature):
        return temperature * (52 - 48 * np.tanh(8 * (np.asarray(x) - 0.5))) / 10

    def odds(temperature, diffusion=None):
        law = st.theory.basin_weights(landscape, temperature, diffusion=diffusion)
        wide = int(law.minima[1].curvatures[0] < law.minima[0].curvatures[0])
        return law.weights[wide] / law.weights[1 - wide]

    def summed(temperature):
        x = np.linspace(-6, 10, 400_001)
        d = noise(x, temperature)
        force = landscape.gradient(x[:, None])[:, 0] / d
        potential = np.concatenate([[0.0], np.cumsum((force[1:] + force[:-1]) / 2) * (x[1] - x[0])])
        weight = np.exp(-(potential - potential.min())) / d
        barrier = x[(x > 0) & (x < 2)][np.argmax(landscape.value(x[(x > 0) & (x < 2)][:, None]))]
        return weight[x > barrier].sum() / weight[x < barrier].sum()

    temperatures = np.array([0.5, 1.0, 2.0])
    isotropic = np.array([odds(t) for t in temperatures])
    measured = np.array([odds(t, lambda x, t=t: noise(x, t)) for t in temperatures])
    record(
        label="change of ln odds of the wide minimum, T doubled", predicted=Above(0.0),
        measured=np.diff(np.log(measured)), found=Below(0.0), wrong_predictions={"rises fourfold": Above(np.log(4))},
    )  # fmt: skip
    record(
        label="odds of the wide minimum", predicted=np.full(3, 5.0), measured=measured, rtol=0.01,
        found=np.array([summed(t) for t in temperatures]), wrong_predictions={"isotropic noise": isotropic},
    )  # fmt: skip
