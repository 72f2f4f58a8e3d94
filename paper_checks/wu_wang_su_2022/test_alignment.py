"""Alignment of the noise of gradients with the Hessian, and what stability says of its norm: exact second moments."""

import itertools

import numpy as np
import pytest
import scipy.linalg

import sdetheory as st
from sdetheory.claims import Above, Below


def features(rng, n, d):
    """Return Gaussian features, in coordinates of the space that they span."""
    u, s, _ = np.linalg.svd(rng.standard_normal((n, d)), full_matrices=False)
    return u * s


def setting(n, size, rate=0.1):
    """Return hyperparameters for batches with replacement."""
    return st.SGDHyperparameters(learning_rate=rate, train_size=n, batch_size=size, sampling="with-replacement")


def alignment(inputs):
    """Return the least μ over all weights, and ‖H‖: Tr(SH) and 2L are quadratic forms in w."""
    hessian = inputs.T @ inputs / len(inputs)
    steepness = np.einsum("ni,ij,nj->n", inputs, hessian, inputs)
    noise = (inputs.T * steepness) @ inputs / len(inputs) - hessian @ hessian @ hessian
    norm = np.linalg.norm(hessian)
    return scipy.linalg.eigh(noise, hessian, eigvals_only=True)[0] / norm**2, norm


def relative_to_bound(inputs, size, rate=None):
    """Return ‖H‖ over √(B/μ)/η, at the last stable rate or another."""
    mu, norm = alignment(inputs)
    if rate is None:
        rate = st.theory.least_squares_stability_limit(inputs, setting(len(inputs), size)).mean_square
    return rate * norm * np.sqrt(mu / size)


@pytest.mark.claim("WWS01")
def test_frobenius_norm_of_a_stable_minimum_is_bounded_by_batch_size_and_rate(record):
    """Twelve sets of Gaussian features, fewer and more than examples: ‖H‖ is below the bound at the last stable rate.

    At that of gradient descent, 2/λ_max, it is not.
    """
    rng = np.random.default_rng(2022)
    cases = [(features(rng, n, d), size) for n, d, size in itertools.product((8, 24), (4, 16, 64), (1, 4))]
    found = [relative_to_bound(inputs, size) for inputs, size in cases]
    steep = [
        relative_to_bound(inputs, size, 2 * len(inputs) / np.linalg.norm(inputs, 2) ** 2) for inputs, size in cases
    ]
    record(label="‖H‖η√(μ/B) at the last stable rate", predicted=Below(1.0), measured=found,
           wrong_measurements={"at the limit of gradient descent": steep})  # fmt: skip


@pytest.mark.claim("WWS02")
def test_bound_does_not_depend_on_the_number_of_weights(record):
    """η‖H‖/√B at the last stable rate, B = 1: below 1/√(1 − 1/n) with orthogonal features, and so up to O(1/√d).

    For orthogonal inputs of one length all Tr(SH)/(2L‖H‖²) are 1 − 1/n. The trace, in place of the norm, is not
    bounded by it: it is √n times the norm.
    """
    rng = np.random.default_rng(2023)
    sizes = list(itertools.product((8, 32), (4096, 16384)))
    norms, traces, bounds = [], [], []
    for n, d in sizes:
        inputs = features(rng, n, d)
        rate = st.theory.least_squares_stability_limit(inputs, setting(n, 1)).mean_square
        mu, norm = alignment(inputs)
        bounds.append(mu / (1 - 1 / n))
        norms.append(rate * norm)
        traces.append(rate * np.sum(inputs**2) / n)
    record(label="least μ over 1 − 1/n", predicted=1.0, measured=bounds, rtol=0.2,
           wrong_measurements={"a few features": alignment(features(rng, 8, 8))[0] / (1 - 1 / 8)})  # fmt: skip
    record(label="η‖H‖ at the last stable rate", predicted=Below(1.0 / np.sqrt(0.8 * (1 - 1 / 8))), measured=norms,
           wrong_measurements={"the trace": traces})  # fmt: skip


@pytest.mark.claim("WWS03")
def test_loss_grows_exponentially_beyond_the_bound(record):
    """Mean growth of the loss in each of thirty steps at 1.2 times the bound's rate: at least 1.44.

    Started along each axis in turn; at half the last stable rate the loss falls.
    """
    inputs, n = features(np.random.default_rng(2024), 8, 16), 8
    mu, norm = alignment(inputs)
    hessian = inputs.T @ inputs / n

    def growth(rate):
        found = []
        for start in np.eye(n):
            moments = st.theory.least_squares_moments(
                inputs, np.zeros(n), setting(n, 1, rate), start=start, steps=np.arange(31)
            )  # fmt: skip
            second = moments.covariance + np.einsum("ti,tj->tij", moments.mean, moments.mean)
            losses = np.einsum("tij,ij->t", second, hessian)
            found.append(losses[1:] / losses[:-1])
        return np.array(found)

    last = st.theory.least_squares_stability_limit(inputs, setting(n, 1)).mean_square
    record(label="growth of the loss in a step", predicted=Above(1.44), measured=growth(1.2 / (norm * np.sqrt(mu))),
           wrong_measurements={"half the last stable rate": growth(last / 2)})  # fmt: skip


@pytest.mark.claim("WWS04")
def test_gradients_of_gaussian_inputs_are_aligned_with_the_hessian(record):
    """S = (wᵀHw)H + HwwᵀH, so that μ = 1 + wᵀH³w/(wᵀHw‖H‖²), for three spectra and weights along and between axes.

    The mean of r²aaᵀ is integrated exactly by three Gauss–Hermite nodes a dimension.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(3)
    grid = np.array(list(itertools.product(nodes, repeat=3)))
    mass = np.prod(list(itertools.product(weights, repeat=3)), axis=1) / np.sqrt(2 * np.pi) ** 3
    predicted, measured, isotropic = [], [], []
    for spectrum in ([1.0, 0.1, 0.01], [1.0, 1.0, 1.0], [4.0, 1.0, 0.25]):
        hessian, inputs = np.diag(spectrum), grid * np.sqrt(spectrum)
        for w in np.vstack([np.eye(3), [1.0, 1.0, 1.0]]):
            squares, gradient = (inputs @ w) ** 2, hessian @ w
            noise = (inputs.T * (mass * squares)) @ inputs - np.outer(gradient, gradient)
            scale = (w @ gradient) * np.linalg.norm(hessian) ** 2
            predicted.append(1 + w @ np.linalg.matrix_power(hessian, 3) @ w / scale)
            measured.append(np.trace(noise @ hessian) / scale)
            isotropic.append(np.trace(noise) * np.trace(hessian) / 3 / scale)
    record(label="μ", predicted=predicted, measured=measured, rtol=1e-12,
           wrong_measurements={"isotropic noise": isotropic})  # fmt: skip
    record(label="least μ", predicted=Above(1.0), measured=measured,
           wrong_measurements={"isotropic noise": isotropic})  # fmt: skip
