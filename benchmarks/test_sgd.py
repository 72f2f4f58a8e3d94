"""What a step of SGD costs on a small model, against the loops that people write."""

import numba
import numpy as np
import pytest

import sdetheory as st

N, D, BATCH, RATE = 1000, 10, 8, 0.1
RUNS, STEPS = 1000, 10_000


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N, D))
    return X, (X @ rng.standard_normal(D) + rng.logistic(size=N) > 0).astype(np.int64)


@numba.njit(parallel=True)
def plain(X, y, w, n_steps, batch_size, rate):
    """Make steps of SGD with replacement, as one writes them at first."""
    n, d = X.shape
    for run in numba.prange(w.shape[0]):
        gradient = np.empty(d)
        for _ in range(n_steps):
            gradient[:] = 0.0
            for _ in range(batch_size):
                i = np.random.randint(n)
                z = 0.0
                for j in range(d):
                    z += X[i, j] * w[run, j]
                slope = 1 / (1 + np.exp(-z)) - y[i]
                for j in range(d):
                    gradient[j] += slope * X[i, j]
            for j in range(d):
                w[run, j] -= rate / batch_size * gradient[j]


def ours(data, n_steps=STEPS, n_runs=RUNS):
    hp = st.SGDHyperparameters(learning_rate=RATE, train_size=N, batch_size=BATCH)
    return st.sgd(st.models.LogisticRegression(*data), hp, np.zeros(D), n_steps=n_steps, n_runs=n_runs, rng=0)


def test_both_loops_find_the_same_weights(data):
    """Means over 1,000 runs of the last weights, within five standard errors of one another."""
    theirs = np.zeros((RUNS, D))
    plain(*data, theirs, 2000, BATCH, RATE)
    mine = ours(data, 2000).final
    error = np.sqrt((mine.var(axis=0) + theirs.var(axis=0)) / RUNS)
    assert np.all(np.abs(mine.mean(axis=0) - theirs.mean(axis=0)) < 5 * error)


def test_against_a_plain_loop(compare, data):
    compare(
        "SGD, logistic regression d = 10, N = 1,000, B = 8, 1,000 runs × 10,000 steps", 1 / 2, lambda: ours(data),
        lambda: plain(*data, np.zeros((RUNS, D)), STEPS, BATCH, RATE), against="plain Numba `prange` loop", rounds=5,
        units=RUNS * STEPS,
    )  # fmt: skip


def test_against_pytorch(compare, data):
    torch = pytest.importorskip("torch")
    inputs, labels = torch.from_numpy(data[0]), torch.from_numpy(data[1]).double()
    steps = 1000

    def theirs():
        layer = torch.nn.Linear(D, 1, bias=False, dtype=torch.float64)
        optimizer = torch.optim.SGD(layer.parameters(), lr=RATE)
        for _ in range(steps):
            batch = torch.randint(N, (BATCH,))
            optimizer.zero_grad()
            loss = torch.nn.functional.binary_cross_entropy_with_logits(layer(inputs[batch])[:, 0], labels[batch])
            loss.backward()
            optimizer.step()

    compare(
        "the same", 1 / 50, lambda: ours(data), theirs, against="PyTorch loop of one run", rounds=5,
        units=(RUNS * STEPS, steps),
    )  # fmt: skip
