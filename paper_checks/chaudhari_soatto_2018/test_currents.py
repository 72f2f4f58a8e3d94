"""Where SGD settles when its noise is not isotropic, and the currents that do not settle."""

import numpy as np
import pytest
import scipy.linalg
import sympy

import sdetheory as st
from sdetheory.claims import Above, Below

ALPHA = 1e-6
HESSIAN, NOISE = np.diag([1.0, 3.0]), np.array([[1.0, 0.5], [0.5, 1.0]])


def angle(a, b):
    """Return the sine of the angle between two matrices: 0 if one is a multiple of the other."""
    cosine = np.sum(a * b) / (np.linalg.norm(a) * np.linalg.norm(b))
    return np.sqrt(max(0.0, 1 - cosine**2))


@pytest.mark.claim("CS01")
def test_stationary_law_has_a_potential_that_an_antisymmetric_matrix_leads_to(record):
    """Φ = xᵀΣ⁻¹x/2 has (D + Q)Σ⁻¹ = H with the package's Q, here 0.25 off the diagonal; without Q this is not so.

    Witnesses: Σ in symbols, of which e^{−Φ} is proved to be stationary, and the package's process.
    """
    x, y = sympy.symbols("x y", real=True)
    h, d = sympy.diag(1, 3), sympy.Matrix([[1, sympy.Rational(1, 2)], [sympy.Rational(1, 2), 1]])
    sde = st.symbolic.ItoSDE.from_covariance([-x, -3 * y], 2 * d, [x, y])
    sigma, place = st.symbolic.lyapunov(h, 2 * d), sympy.Matrix([x, y])
    densities = [sympy.exp(-(place.T * m * place)[0] / 2) for m in (sigma.inv(), h)]
    settled = [int(st.symbolic.is_stationary(sde, density)) for density in densities]
    record(label="proof", predicted=1, measured=settled[0], rtol=0, wrong_measurements={"f for Φ": settled[1]})

    law = st.theory.ornstein_uhlenbeck(HESSIAN, NOISE)
    known = np.array(h * sigma - d, dtype=float)
    record(
        label="Q", predicted=known, measured=law.current, rtol=1e-12, atol=1e-12,
        wrong_predictions={"its transpose": known.T, "none": np.zeros((2, 2))},
    )  # fmt: skip
    slope = np.linalg.inv(law.covariance)
    record(
        label="(D + Q)∇Φ", predicted=HESSIAN, measured=(NOISE + law.current) @ slope, rtol=1e-12, atol=1e-12,
        wrong_measurements={"D∇Φ": NOISE @ slope, "(D − Q)∇Φ": (NOISE - law.current) @ slope},
    )  # fmt: skip


@pytest.mark.claim("CS02")
def test_constant_noise_keeps_the_loss_as_potential_only_if_it_is_isotropic(record, rng):
    """If: D = T I gives Φ = f/T. Only if: Lyapunov's equation with Σ = H⁻¹/c leaves no D but I/c, which is proved.

    Noise along the axes of the Hessian, which makes no current, changes the potential as well.
    """
    root = rng.standard_normal((4, 4))
    hessian = root @ root.T + np.eye(4)
    isotropic = np.linalg.inv(st.theory.ornstein_uhlenbeck(hessian, 0.3 * np.eye(4)).covariance)
    commuting = np.linalg.inv(st.theory.ornstein_uhlenbeck(hessian, 0.3 * hessian).covariance)
    record(
        label="if: Φ is f/T", predicted=hessian / 0.3, measured=isotropic, rtol=1e-9,
        wrong_measurements={"D ∝ H": commuting},
    )  # fmt: skip

    a, b, c, s = sympy.symbols("a b c s", positive=True)
    h = sympy.Matrix([[a, b], [b, c]])
    sigma = h.inv() / s
    left = ((h * sigma + sigma * h) / 2 - sympy.eye(2) / s).applyfunc(sympy.simplify)
    other = ((h * h * sigma + sigma * h * h) / 2 - sympy.eye(2) / s).applyfunc(sympy.simplify)
    record(
        label="only if, proof: D − I/c", predicted=0, measured=int(left != sympy.zeros(2)), rtol=0, atol=0,
        wrong_measurements={"drift H²x": int(other != sympy.zeros(2))},
    )  # fmt: skip
    noises = (NOISE, np.diag([1.0, 2.0]), HESSIAN)
    angles = [angle(np.linalg.inv(st.theory.ornstein_uhlenbeck(HESSIAN, d).covariance), HESSIAN) for d in noises]
    record(
        label="only if: angle of Φ and f", predicted=Above(0.1), measured=angles,
        wrong_measurements={
            "D ∝ I": angle(np.linalg.inv(st.theory.ornstein_uhlenbeck(HESSIAN, 2 * np.eye(2)).covariance), HESSIAN)
        },
    )  # fmt: skip


@pytest.mark.claim("CS03")
def test_no_noise_that_varies_in_space_keeps_the_loss_as_potential(record):
    """D = 1 + k e^f is a counterexample: its current vanishes for e^{−f}, as D p = e^{−f} + k has the slope −f′p.

    Proved for any f in symbols, and measured as the largest |ln p + f − const| of the package's law in a double well.
    """
    x, k = sympy.Symbol("x", real=True), sympy.Symbol("k", positive=True)
    f = sympy.Function("f")(x)
    settled = [
        int(st.symbolic.is_stationary(st.symbolic.ItoSDE(-f.diff(x), sympy.sqrt(2 * d), x), sympy.exp(-f)))
        for d in (1 + k * sympy.exp(f), 1 + k * f**2)
    ]
    record(
        label="whether e^(−f) is stationary", predicted=0, measured=settled[0], rtol=0, found=1,
        wrong_predictions={"D = 1 + k f²": settled[1]},
    )  # fmt: skip
    places = np.linspace(-1.5, 1.5, 61)[:, None]

    def loss(points):
        return (points[..., 0] ** 2 - 1) ** 2

    def slope(points):
        return 4 * points * (points**2 - 1)

    def distance(diffusion):
        law = st.theory.stationary_law(lambda p: -slope(p), diffusion, bounds=(-2.5, 2.5))
        return np.ptp(np.log(law.pdf(places)) + loss(places))

    record(
        label="distance of Φ and f", predicted=Above(0.01), measured=distance(lambda p: 1 + np.exp(loss(p)) / 2),
        found=Below(1e-6), wrong_predictions={"D = 1 + f²": Above(distance(lambda p: 1 + loss(p) ** 2))},
    )  # fmt: skip


@pytest.mark.claim("CS04")
def test_sgd_circulates_where_noise_and_hessian_do_not_commute(record, rng):
    """The entropy production is positive, and SGD sweeps area about the minimum in one sense, as its law predicts.

    Witnesses: entropy production by integration in symbols and by the package's process; least squares of four
    examples whose noise is oblique to the axes of the Hessian, by minibatches, against the exact law: the mean area of
    a step is the antisymmetric part of κHΣ, κ = ε/N. The same with noise along the axes sweeps none.
    """
    x, y = sympy.symbols("x y", real=True)
    h, d = sympy.diag(1, 3), sympy.Matrix([[1, sympy.Rational(1, 2)], [sympy.Rational(1, 2), 1]])
    sigma, place = st.symbolic.lyapunov(h, 2 * d), sympy.Matrix([x, y])
    density = sympy.exp(-(place.T * sigma.inv() * place)[0] / 2) / (2 * sympy.pi * sympy.sqrt(sigma.det()))
    sde = st.symbolic.ItoSDE.from_covariance([-x, -3 * y], 2 * d, [x, y])
    rate = st.symbolic.entropy_production_density(sde, density)
    # The local rate over the density is a quadratic form, whose mean is a trace with Σ.
    form = sympy.hessian(sympy.simplify(rate / density), [x, y]) / 2
    proved = float((form * sigma).trace())
    rates = [st.theory.ornstein_uhlenbeck(HESSIAN, d).entropy_production for d in (NOISE, np.diag([1.0, 2.0]))]
    record(
        label="entropy production: proof and process", predicted=proved, measured=rates[0], rtol=1e-10,
        wrong_measurements={"noise along the axes of H": rates[1]},
    )  # fmt: skip

    inputs = np.repeat([[1.0, np.sqrt(3)], [1.0, -np.sqrt(3)]], 2, axis=0)
    swept, predicted = {}, {}
    for name, residuals in (("anisotropic", [1, -1, 0.2, -0.2]), ("along the axes of H", [1, -1, 1, -1])):
        model = st.models.LinearRegression(inputs, residuals)
        hp = st.SGDHyperparameters(learning_rate=0.05, train_size=4, batch_size=1, sampling="with-replacement")
        law = st.theory.least_squares_sgd(inputs, residuals, hp)
        drift = hp.step_time * model.hessian(np.zeros(2)) @ law.covariance
        predicted[name] = (drift - drift.T)[0, 1] / 2
        starts = rng.standard_normal((200, 2)) @ scipy.linalg.sqrtm(law.covariance).real
        run = st.svag(model, hp, starts, factor=1, n_steps=400, save_every=1, rng=rng)
        paths = run.paths[100:]
        area = (paths[:-1, :, 0] * paths[1:, :, 1] - paths[:-1, :, 1] * paths[1:, :, 0]).mean(axis=0) / 2
        swept[name] = st.stats.mean_estimate(area)
    record(
        label="area that SGD sweeps in a step", predicted=predicted["anisotropic"], measured=swept["anisotropic"],
        alpha=ALPHA, wrong_predictions={"equilibrium": 0.0, "the other sense": -predicted["anisotropic"]},
        wrong_measurements={"noise along the axes of H": swept["along the axes of H"]},
    )  # fmt: skip


@pytest.mark.claim("CS05")
def test_minibatch_noise_of_a_network_is_far_from_isotropic(record, rng):
    """Participation ratio (Tr F)²/Tr F² of the gradient covariance, over the number of weights, as SGD trains.

    500 images and 6370 weights: isotropic noise would make it 500/6870, 0.07, at this number of images.
    """
    data = st.datasets.mnist(digits=range(10), train_size=500)
    model = st.models.ReLUNetwork(data.x_train, data.y_train, hidden=8)
    hp = st.SGDHyperparameters(learning_rate=0.1, train_size=500, batch_size=20)

    def rank(gradients):
        centered = gradients - gradients.mean(axis=0)
        gram = centered @ centered.T
        return np.trace(gram) ** 2 / np.sum(gram**2) / gradients.shape[1]

    w, shares = model.initial(rng), []
    for _ in range(3):
        shares.append(rank(model.per_example_gradients(w)))
        w = st.sgd(model, hp, w, n_steps=500, rng=rng).final[0]
    record(
        label="rank over dimension, at 0, 500 and 1000 steps", predicted=Below(0.01), measured=shares,
        wrong_measurements={"isotropic noise": rank(rng.standard_normal((500, model.dimension)))},
    )  # fmt: skip
