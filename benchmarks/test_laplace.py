"""What Laplace's evidence of a classifier costs, along a path of λ and against the tools that people use for it."""

import time

import numpy as np
import pytest
from scipy import linalg, special

import sdetheory as st
from sdetheory.evidence import importance_sampling, laplace
from sdetheory.models import LogisticRegression

# Peers warn about themselves: that is not what is measured.
pytestmark = pytest.mark.filterwarnings("default")

PATH = np.geomspace(1e-4, 1e4, 25)


@pytest.fixture(scope="module")
def images():
    """MNIST 0/1: 800 images of 784 pixels and a constant, true labels and random ones."""
    data = st.datasets.mnist()
    return np.hstack([data.x_train, np.ones((800, 1))]), data.y_train, st.datasets.random_labels(data.y_train, rng=0)


@pytest.fixture(scope="module")
def six(images):
    """Return a logistic regression on five principal components and a constant."""
    x, y, _ = images
    centred = x - x.mean(axis=0)
    scores = centred @ np.linalg.svd(centred, full_matrices=False)[2][:5].T
    return LogisticRegression(np.hstack([scores, np.ones((800, 1))]), y)


def lbfgs_modes(x, y):
    """Fit by scikit-learn, whose lbfgs ends at gradients of 4e-5 whatever the tolerance."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    fits = (
        linear_model.LogisticRegression(C=1 / precision, fit_intercept=False, tol=1e-10, max_iter=100_000)
        for precision in PATH
    )
    return [fit.fit(x, y).coef_[0] for fit in fits]


def test_path_against_lbfgs_and_a_dense_determinant(compare, images):
    x, y, _ = images

    def fits():
        values = []
        for precision, w in zip(PATH, lbfgs_modes(x, y), strict=True):
            p = special.expit(x @ w)
            factor = linalg.cholesky((x * (p * (1 - p))[:, None]).T @ x + precision * np.eye(785), lower=True)
            cost = np.logaddexp(0.0, (1 - 2 * y) * (x @ w)).sum() + precision / 2 * w @ w
            values.append(-cost - np.log(np.diag(factor)).sum() + 785 / 2 * np.log(precision))
        return np.array(values)

    ours = laplace(LogisticRegression(x, y), PATH)
    assert ours.gradient_norm.max() <= 1e-10
    np.testing.assert_allclose(fits(), ours.log_evidence, atol=0.1)
    compare(
        "Laplace path of 25 λ, MNIST 0/1 (n = 800, p = 785)",
        1.0,
        lambda: laplace(LogisticRegression(x, y), PATH),
        fits,
        against="scikit-learn's lbfgs (tol 1e-10) and a dense determinant each",
        rounds=3,
    )


@pytest.mark.parametrize("given", [False, True], ids=["path", "given modes"])
def test_path_against_laplace_torch(compare, images, given):
    """laplace-torch finds no modes: they come from lbfgs, or for nothing, which leaves it the determinants alone."""
    torch = pytest.importorskip("torch")
    peer = pytest.importorskip("laplace")
    x, y, _ = images
    ours = laplace(LogisticRegression(x, y), PATH)
    # Two outputs (0, x'w) are logistic regression; the first one's weights are no parameters.
    linear = torch.nn.Linear(785, 1, bias=False).double()

    class TwoOutputs(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = linear

        def forward(self, inputs):
            activation = self.linear(inputs)
            return torch.cat([torch.zeros_like(activation), activation], dim=1)

    model = TwoOutputs()
    dataset = torch.utils.data.TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
    loader = torch.utils.data.DataLoader(dataset, batch_size=800)

    def evidences():
        values = []
        modes = ours.mode if given else lbfgs_modes(x, y)
        for precision, mode in zip(PATH, modes, strict=True):
            with torch.no_grad():
                linear.weight.copy_(torch.from_numpy(mode)[None])
            fit = peer.Laplace(
                model, "classification", subset_of_weights="all", hessian_structure="full",
                prior_precision=torch.tensor([precision], dtype=torch.float64),
            )  # fmt: skip
            fit.fit(loader)
            values.append(float(fit.log_marginal_likelihood()))
        return np.array(values)

    np.testing.assert_allclose(evidences(), ours.log_evidence, atol=1e-6 if given else 0.1)
    compare(
        "Laplace path of 25 λ, MNIST 0/1 (n = 800, p = 785)",
        1 / 10,
        lambda: laplace(LogisticRegression(x, y), PATH),
        evidences,
        against=f"laplace-torch, full Hessian, modes {'given' if given else 'from scikit-learn'}",
        rounds=2,
    )


def test_random_labels_against_true_labels(compare, images):
    x, y, random = images
    assert laplace(LogisticRegression(x, random), PATH).gradient_norm.max() <= 1e-10
    compare(
        "Laplace path of 25 λ, random labels",
        3.0,
        lambda: laplace(LogisticRegression(x, random), PATH),
        lambda: laplace(LogisticRegression(x, y), PATH),
        against="the same with true labels",
    )


def test_reference_with_six_weights(benchmark, six):
    """Bar: a standard error of 0.005 nats within a second."""
    fit = laplace(six, 1.0)
    reference = benchmark(lambda: importance_sampling(fit, n_samples=30_000, rng=1))
    seconds = min(_seconds(lambda: importance_sampling(fit, n_samples=30_000, rng=1)) for _ in range(5))
    print(f"\nsix weights, n = 800: {reference.log_evidence} nats in {seconds:.2f} s (bar: 0.005 in 1 s)")
    assert reference.log_evidence.stderr <= 0.005


def test_nested_sampling_as_a_witness(benchmark, six):
    """Its integral is over the prior: dynesty integrates the likelihood, and knows nothing of modes and Hessians."""
    dynesty = pytest.importorskip("dynesty")
    model = LogisticRegression(six.X[:200], six.y[:200])
    fit = laplace(model, 1.0)
    reference = importance_sampling(fit, rng=1).log_evidence

    def run():
        sampler = dynesty.NestedSampler(
            lambda w: -model.cost(w), special.ndtri, 6, nlive=500, rstate=np.random.default_rng(1)
        )
        start = time.perf_counter()
        sampler.run_nested(print_progress=False)
        return sampler.results, time.perf_counter() - start

    results, seconds = benchmark.pedantic(run, rounds=1, iterations=1)
    value, error = results.logz[-1], results.logzerr[-1]
    print(f"\ndynesty {value:.2f} ± {error:.2f} in {seconds:.1f} s, ours {reference}, Laplace {fit.log_evidence:.3f}")
    assert abs(value - reference.value) < 4 * np.hypot(error, reference.stderr)


def _seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
