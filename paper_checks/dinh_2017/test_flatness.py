"""Sections 3 to 5: minima of the same predictions are as sharp as one likes, but have the same evidence."""

import itertools
import math

import numpy as np
import pytest
import scipy.integrate
import scipy.special

import sdetheory as st
from derivations import reparameterization
from sdetheory.claims import Above, Below

X = np.array([0.5, 1.0, 1.5, 2.0, 1.2, 0.8])
Y = np.array([0.75, 0.7, 1.45, 1.7, 1.28, 0.42])
STRENGTH, PRODUCT = X @ X, (X @ Y) / (X @ X)
PRECISION, VARIANCE = 1.0, 0.25


def loss(w):
    """Return the loss of y = w₁w₂x, summed."""
    return 0.5 * float(np.sum((Y - w[0] * w[1] * X) ** 2))


def hessian(w):
    """Return its Hessian where w₁w₂ is the best product: Σx² times (w₂, w₁)(w₂, w₁)ᵀ."""
    return STRENGTH * np.outer(w[::-1], w[::-1])


def bayesian():
    """Return the model with normal noise and prior."""

    def log_likelihood(w):
        squares = np.sum((Y - np.multiply.outer(w[:, 0] * w[:, 1], X)) ** 2, axis=1)
        return -(squares / VARIANCE + len(Y) * math.log(2 * math.pi * VARIANCE)) / 2

    def log_prior(w):
        return math.log(PRECISION / (2 * math.pi)) - PRECISION / 2 * np.sum(w**2, axis=1)

    return st.evidence.WeightModel(log_likelihood=log_likelihood, log_prior=log_prior, start=[1.0, 1.0])


@pytest.mark.claim("D01")
def test_rescaling_two_layers_keeps_predictions_and_multiplies_curvature_by_alpha_squared(record, rng):
    """Loss and curvature of a network of 8 units on 60 images of MNIST; curvature along its first layer grows as α².

    At the minimum of two linear layers the largest eigenvalue itself is Σx²(α²w₂² + w₁²/α²).
    """
    data, alphas = st.datasets.mnist(train_size=60), np.array([10.0, 100.0, 1000.0])
    network = st.models.ReLUNetwork(data.x_train, data.y_train, hidden=8, dtype="float64")
    w, direction, first, second = network.initial(rng), *np.zeros((3, network.dimension))
    for part in network.layers(first)[:2]:
        part[...] = 1.0
    network.layers(second)[2][...] = 1.0
    network.layers(direction)[0][...] = rng.standard_normal(network.layers(w)[0].shape)

    def rescaled(alpha, *, both=True):
        return w * (first / alpha + second * (alpha if both else 1.0) + (1 - first - second))

    losses = [network.loss(rescaled(alpha), data.x_test, data.y_test) for alpha in alphas]
    unbalanced = [network.loss(rescaled(alpha, both=False), data.x_test, data.y_test) for alpha in alphas]
    record(label="loss on the test images", predicted=network.loss(w, data.x_test, data.y_test), measured=losses,
           rtol=1e-9, wrong_measurements={"one layer only": unbalanced})  # fmt: skip

    def curvature(v):
        return float(direction @ network.hessian_vector_product(v, direction))

    record(label="curvature along the first layer, growth", predicted=alphas**2, rtol=1e-8,
           measured=[curvature(rescaled(alpha)) / curvature(w) for alpha in alphas],
           wrong_predictions={"as α": alphas, "none": np.ones(3)})  # fmt: skip

    w1, w2 = 2.0, PRODUCT / 2.0
    largest = [st.evidence.sharpness(hessian(np.array([w1 / a, w2 * a]))).largest_eigenvalue for a in alphas]
    predicted = STRENGTH * ((alphas * w2) ** 2 + (w1 / alphas) ** 2)
    record(label="largest eigenvalue, two linear layers", predicted=predicted, measured=largest, rtol=1e-10,
           wrong_predictions={"none": STRENGTH * (w1**2 + w2**2)})  # fmt: skip


@pytest.mark.claim("D02")
def test_region_of_low_loss_around_a_minimum_of_two_layers_has_infinite_volume(record):
    """The area where the loss is below its minimum + ε, |wᵢ| < R, grows by 8δ ln 10 for each decade of R, without end.

    There |w₁w₂ − c| < δ = √(2ε/Σx²). With weight decay the cost bounds w, and the area stops growing.
    """
    rise, decay, decades = 0.01, 1e-3, 10.0 ** np.arange(1, 6)
    delta = math.sqrt(2 * rise / STRENGTH)

    def area(radius, room=lambda w1: math.inf):
        def length(log):
            w1 = math.exp(log)
            ends = [min((PRODUCT + sign * delta) / w1, radius, room(w1)) for sign in (1, -1)]
            return w1 * (ends[0] - ends[1])

        edges = sorted({math.log((PRODUCT + sign * delta) / radius) for sign in (1, -1)} | {math.log(radius)})
        return 2 * sum(
            scipy.integrate.quad(length, *piece, epsrel=1e-10, limit=200)[0] for piece in itertools.pairwise(edges)
        )

    def room(w1):
        """Return the largest w₂ with ½λ(w₁² + w₂²) < λc + ε."""
        return math.sqrt(max(2 * (PRODUCT + rise / decay) - w1**2, 0.0))

    record(
        label="growth for each decade",
        predicted=8 * delta * math.log(10),
        measured=np.diff([area(radius) for radius in decades]),
        rtol=1e-6,
        wrong_predictions={"a bounded region": 0.0, "one of the two branches": 4 * delta * math.log(10)},
        wrong_measurements={"with weight decay": np.diff([area(radius, room) for radius in decades])},
    )


@pytest.mark.claim("D03")
def test_epsilon_sharpness_of_the_same_predictions_is_as_large_as_one_likes(record):
    """Keskar's measure in a ball of radius 0.05 beats any bound: it grows as (α w₂ ε)², and here passes 1000."""
    radius, alphas = 0.05, np.array([1.0, 10.0, 1000.0])
    points = [np.array([1 / a, PRODUCT * a]) for a in alphas]
    record(label="loss", predicted=loss(points[0]), measured=[loss(w) for w in points], rtol=1e-10,
           wrong_predictions={"of no weights": loss([0.0, 0.0])})  # fmt: skip
    balanced, _, sharp = (st.evidence.epsilon_sharpness(loss, w, radius) for w in points)
    record(
        label="rise of the loss within the ball",
        predicted=Above(1000.0),
        measured=sharp,
        wrong_measurements={"α = 1": balanced},
    )


@pytest.mark.claim("D04")
def test_other_coordinates_change_curvature_but_not_the_evidence_nor_curvature_relative_to_the_prior(record):
    """Rescaled a hundredfold the Hessian of the cost grows by more than 1000, the evidence stays as it is.

    Witnesses of the evidence: the integral over the product of two normal weights, whose density is K₀(λ|u|)λ/π, and
    the package's quadrature in either coordinates. The prior must be transported; left behind where one layer alone is
    stretched it changes the evidence.
    """
    model, rescaling = bayesian(), st.evidence.two_layer_rescaling(1, 1, 100.0)
    other = st.evidence.reparameterize(model, rescaling)
    matrices = [m.gradient_and_hessian(m.mode())[1] for m in (model, other)]
    before, after = (st.evidence.sharpness(m) for m in matrices)
    record(label="growth of the largest eigenvalue", predicted=Above(1e3),
           measured=after.largest_eigenvalue / before.largest_eigenvalue,
           wrong_measurements={"not rescaled": 1.0})  # fmt: skip

    prior = PRECISION * rescaling.matrix.T @ rescaling.matrix
    found = [st.evidence.sharpness(matrices[1], prior_hessian=p).largest_eigenvalue for p in (prior, np.eye(2))]
    record(label="largest eigenvalue relative to the prior", predicted=before.largest_eigenvalue / PRECISION,
           measured=found[0], rtol=1e-4, wrong_measurements={"prior left behind": found[1]})  # fmt: skip

    law = reparameterization.two_weights().result
    record(label="log determinant of the map, layers of 3 and 5 weights", predicted=law(n1=3, n2=5, alpha=100.0),
           measured=float(st.evidence.two_layer_rescaling(3, 5, 100.0).log_determinant(np.ones(8))), rtol=1e-12,
           wrong_predictions={"layers alike": 0.0})  # fmt: skip

    def integrand(u):
        squares = float(np.sum((Y - u * X) ** 2))
        likelihood = math.exp(-squares / (2 * VARIANCE)) / (2 * math.pi * VARIANCE) ** (len(Y) / 2)
        return likelihood * scipy.special.k0(PRECISION * abs(u)) * PRECISION / math.pi

    exact = math.log(sum(scipy.integrate.quad(integrand, *ends, epsabs=0, epsrel=1e-11, limit=500)[0]
                         for ends in ((-3.0, 0.0), (0.0, PRODUCT), (PRODUCT, 5.0))))  # fmt: skip
    stretched = st.evidence.WeightModel(
        log_likelihood=lambda v: model.log_likelihood(v * [3.0, 1.0]), log_prior=model.log_prior, start=[1.0, 1.0]
    )
    record(
        label="log evidence",
        predicted=exact,
        measured=[model.log_evidence(), other.log_evidence()],
        rtol=1e-8,
        wrong_measurements={"one layer stretched, prior left behind": [stretched.log_evidence()] * 2,
                            "Laplace": [model.log_laplace()] * 2},
    )  # fmt: skip


@pytest.mark.claim("D05")
def test_rescaled_minimum_is_a_minimum_of_the_cost_too(record):
    """The cost of rescaled weights is that of the balanced ones without a prior; with one it is higher by ½λ|w|²."""
    model, alphas = bayesian(), np.array([2.0, 4.0, 8.0])
    balanced = np.full(2, math.sqrt(PRODUCT))
    points = np.stack([balanced / alphas[:, None] ** [1, -1], np.tile(balanced, (3, 1))])

    with_decay = np.diff([model.cost(points[1]), model.cost(points[0])], axis=0)[0]
    record(
        label="rise of the cost with weight decay",
        predicted=PRECISION * PRODUCT * (alphas**2 + alphas**-2 - 2) / 2,
        measured=with_decay,
        rtol=1e-9,
        wrong_predictions={"none": np.zeros(3)},
    )
    record(
        label="rise of the loss",
        predicted=Below(1e-12),
        measured=np.abs(np.diff([model.log_likelihood(p) for p in points], axis=0)),
        wrong_measurements={"with weight decay": with_decay},
    )
