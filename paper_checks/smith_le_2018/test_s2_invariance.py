"""Section 2: what a change of the weights leaves alone, and what not."""

import numpy as np
import pytest
from scipy import integrate, optimize, special

import sdetheory as st
from sdetheory.claims import Above

INPUTS = np.array([-3.0, -2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 3.0])
LABELS = np.array([0, 0, 0, 1, 0, 1, 1, 1])
PRECISION = 0.01


@pytest.fixture(scope="module")
def one_weight():
    """Logistic regression with one weight on eight examples."""
    data = st.models.LogisticRegression(INPUTS[:, None], LABELS, prior_precision=PRECISION)
    return st.evidence.WeightModel.of(data)


@pytest.mark.claim("C14")
def test_evidence_is_the_same_integral_in_whatever_coordinates(record, one_weight):
    """∫ P(y|w)P(w) dw does not change under w = sinh u, w = u + u³ or the map that makes the posterior Gaussian.

    Witnesses: the integral in w by SciPy from its formula, the package's quadrature of a classifier, and the same model
    rewritten. A prior that keeps its formula, as if u were the weight, is another model.
    """

    def joint(w):
        likelihood = np.prod(special.expit((2 * LABELS - 1) * INPUTS * w))
        return likelihood * np.sqrt(PRECISION / (2 * np.pi)) * np.exp(-PRECISION * w**2 / 2)

    exact = np.log(integrate.quad(joint, -20, 60, points=[0, 1, 3], epsabs=0, epsrel=1e-12, limit=200)[0])
    maps = [st.evidence.SINH, st.evidence.CUBIC, st.evidence.gaussianizing_map(one_weight)]
    left_behind = [
        st.evidence.WeightModel(
            log_likelihood=lambda v, m=m: one_weight.log_likelihood(m.forward(v)),
            log_prior=one_weight.log_prior,
            start=[0.0],
        ).log_evidence()
        for m in maps[:2]
    ]
    fit = st.evidence.laplace(st.models.LogisticRegression(INPUTS[:, None], LABELS), PRECISION)
    wrong = {"prior left behind": left_behind}
    record(label="in w", predicted=exact, measured=st.evidence.quadrature(fit), rtol=1e-8, wrong_measurements=wrong)
    measured = [st.evidence.reparameterize(one_weight, m).log_evidence() for m in maps]
    record(label="in u", predicted=exact, measured=measured, rtol=1e-8, wrong_measurements=wrong)


@pytest.mark.claim("C15")
def test_laplace_value_of_the_evidence_changes_with_the_coordinates(record, one_weight):
    """Eq. 7 in u = asinh w gives another value than in w, on either side of the integral; so does eq. 7 in w = u + u³.

    In u the density is e^{−C(sinh u)} cosh u, whose minimum and curvature are computed here.
    """

    def cost(u):
        return one_weight.cost(np.sinh([u])) - np.log(np.cosh(u))

    u = optimize.minimize_scalar(cost, bounds=(-3, 3), method="bounded", options={"xatol": 1e-10}).x
    w, p = np.sinh(u), special.expit(np.sinh(u) * INPUTS)
    slope, bend = PRECISION * w + INPUTS @ (p - LABELS), PRECISION + INPUTS**2 @ (p * (1 - p))
    curvature = bend * np.cosh(u) ** 2 + slope * w - 1 / np.cosh(u) ** 2
    in_u = -cost(u) + np.log(2 * np.pi / curvature) / 2

    in_w, exact = one_weight.log_laplace(), one_weight.log_evidence()
    cubic = st.evidence.reparameterize(one_weight, st.evidence.CUBIC).log_laplace()
    record(
        label="w = sinh u",
        predicted=in_w,
        measured=st.evidence.reparameterize(one_weight, st.evidence.SINH).log_laplace(),
        found=in_u,
        rtol=1e-8,
        wrong_predictions={"the integral": exact, "w = u + u³": cubic},
    )


@pytest.mark.claim("C16")
def test_laplace_value_is_invariant_where_the_jacobian_determinant_is_constant(record):
    """An affine map and a shear leave eq. 8 as it is; maps that stretch here more than there do not.

    The determinant of the Hessian gains det J², the prior at the minimum det J; a determinant that varies moves the
    minimum of −ln(density) as well.
    """
    x = np.linspace(-2, 2, 12)
    inputs, labels = np.column_stack([x, np.cos(3 * x)]), (x + np.sin(5 * x) > 0).astype(int)
    data = st.models.LogisticRegression(inputs, labels, prior_precision=0.3)
    model = st.evidence.WeightModel.of(data)

    def bend(v, sign):
        return np.stack([v[..., 0], v[..., 1] + sign * v[..., 0] ** 2], axis=-1)

    def slopes(v):
        rows = np.tile(np.eye(2), (*v.shape[:-1], 1, 1))
        rows[..., 1, 0] = 2 * v[..., 0]
        return rows

    shear = st.evidence.SmoothMap(lambda v: bend(v, 1), lambda w: bend(w, -1), slopes)
    affine = st.evidence.LinearMap([[20.0, 1.0], [-0.3, 0.05]], [1.0, -3.0])

    def value(phi):
        return st.evidence.reparameterize(model, phi).log_laplace()

    record(
        predicted=st.evidence.laplace(data, 0.3).log_evidence,
        measured=[value(affine), value(shear)],
        rtol=1e-8,
        wrong_measurements={"w = sinh u": value(st.evidence.SINH), "w = u + u³": value(st.evidence.CUBIC)},
    )


# A network v·ReLU(u·x) with two inputs and one hidden unit, on twelve examples; near its minimum all are active.
GRID = np.array([(a, b) for a in (0.5, 1.0, 1.5, 2.0) for b in (-0.5, 0.25, 1.0)])
TARGETS = 1.2 * np.maximum(GRID @ [0.9, 0.4], 0) + 0.1 * (-1.0) ** np.arange(12)
VARIANCE = 0.25


def log_normal(x, variance):
    """Return ln N(x; 0, variance), summed over the last axis."""
    return -0.5 * np.sum(x**2 / variance + np.log(2 * np.pi * variance), axis=-1)


@pytest.fixture(scope="module")
def relu():
    """Return the network with a prior N(0, 1) of its three weights u₁, u₂, v."""
    return st.evidence.WeightModel(
        log_likelihood=lambda w: log_normal(TARGETS - w[:, 2:] * np.maximum(w[:, :2] @ GRID.T, 0), VARIANCE),
        log_prior=lambda w: log_normal(w, 1.0),
        start=[0.9, 0.4, 1.2],
    )


class FirstLayer:
    """Minus the log of prior times likelihood of u alone, with prior precisions a of u and c of v, integrated out."""

    dimension = 2

    def __init__(self, a, c):
        self.a, self.c = a, c

    def value(self, u):
        """Return it at points (..., 2): v has a Gaussian posterior, so that its integral is known."""
        features = np.maximum(u @ GRID.T, 0)
        curvature = self.c + np.sum(features**2, axis=-1) / VARIANCE
        slope = features @ TARGETS / VARIANCE
        log_evidence = log_normal(TARGETS, VARIANCE) + slope**2 / (2 * curvature) - np.log(curvature / self.c) / 2
        return -log_evidence - log_normal(u, 1 / self.a)


@pytest.mark.claim("C26")
def test_rescaling_two_layers_changes_curvature_at_will_and_not_the_evidence(record, relu):
    """(u, v) → (αu, v/α) keeps the network; det ∇∇C at its minimum changes by α^{2(n₁ − n₂)}, n₁ = 2 and n₂ = 1.

    Largest eigenvalue and trace grow at least as fast as α if α is large. The evidence, with v integrated out in closed
    form and u by quadrature, stays if the prior is carried along: precision α² for u and 1/α² for v. To carry along a
    part only is another model.
    """
    alpha = 10.0
    other = st.evidence.reparameterize(relu, st.evidence.two_layer_rescaling(2, 1, alpha))
    hessians = [m.gradient_and_hessian(m.mode())[1] for m in (relu, other)]
    traces = [np.trace(h) for h in hessians]
    record(label="growth of the trace", predicted=Above(alpha), measured=traces[1] / traces[0],
           wrong_measurements={"α = 1": 1.0})  # fmt: skip
    determinants = [np.linalg.det(h) for h in hessians]
    record(label="determinant", predicted=alpha**2, measured=determinants[1] / determinants[0], rtol=1e-6,
           wrong_predictions={"as many weights in both layers": 1.0, "α⁻²": alpha**-2})  # fmt: skip
    ours = np.array([[0.3, -0.2, 0.7], [2.0, 1.0, -0.5]])
    scaled = ours * [1 / alpha, 1 / alpha, alpha]
    record(label="log likelihood", predicted=relu.log_likelihood(ours), measured=other.log_likelihood(scaled),
           rtol=1e-12, wrong_measurements={"one layer only": relu.log_likelihood(ours * [1, 1, alpha])})  # fmt: skip

    def log_evidence(a, c):
        return st.theory.gibbs(FirstLayer(a, c), 1.0).log_partition

    record(
        label="log evidence",
        predicted=log_evidence(1.0, 1.0),
        measured=log_evidence(alpha**2, alpha**-2),
        rtol=1e-6,
        wrong_measurements={"prior of v left behind": log_evidence(alpha**2, 1.0)},
    )


@pytest.mark.claim("C27")
def test_rescaling_two_layers_is_no_symmetry_of_a_cost_with_an_l2_term(record, relu):
    """(u, v) → (αu, v/α) costs λ/2[(α² − 1)|u|² + (α⁻² − 1)v²]: along the valley the cost has one minimum.

    Where it is |u| = |v|, so that a minimum of C cannot be made sharp at will without a change of the prior.
    """
    alpha, w = 10.0, relu.mode()
    u, v = w[:2], w[2:]
    assert abs(np.linalg.norm(u) / np.linalg.norm(v) - 1) < 1e-6
    rescaled = np.concatenate([alpha * u, v / alpha])
    record(
        predicted=0.0,
        measured=relu.cost(rescaled) - relu.cost(w),
        found=((alpha**2 - 1) * u @ u + (alpha**-2 - 1) * v @ v) / 2,
        rtol=1e-9,
        atol=1e-9,
        wrong_predictions={"u alone": (alpha**2 - 1) * u @ u / 2},
    )
