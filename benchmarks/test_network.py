"""What a step of SGD costs on the network of the paper, against PyTorch and against its matrix products alone."""

from functools import cache

import numpy as np
import pytest
from peers import THREADS

import sdetheory as st
from sdetheory.models import ReLUNetwork

N, INPUTS, HIDDEN, CLASSES, BATCH, STEPS = 1000, 784, 800, 10, 30, 400
RATE, MOMENTUM = 0.01, 0.9


@pytest.fixture(autouse=True)
def two_threads():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    with threadpoolctl.threadpool_limits(THREADS):
        yield


@cache
def data():
    rng = np.random.default_rng(0)
    return rng.random((N, INPUTS)), rng.integers(0, CLASSES, N)


@pytest.fixture(scope="module")
def ours():
    """Return a function that makes STEPS steps with momentum."""
    X, y = data()
    model = ReLUNetwork(X, y, hidden=HIDDEN, n_classes=CLASSES)
    hp = st.SGDHyperparameters(learning_rate=RATE, train_size=N, batch_size=BATCH, momentum=MOMENTUM)
    w = model.initial(0)
    return lambda: st.sgd(model, hp, w, n_steps=STEPS, rng=0)


def test_step_against_pytorch(compare, ours):
    torch = pytest.importorskip("torch")
    torch.set_num_threads(THREADS)
    X, y = data()
    inputs, labels = torch.from_numpy(X.astype(np.float32)), torch.from_numpy(y)
    layers = torch.nn.Sequential(
        torch.nn.Linear(INPUTS, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, CLASSES)
    )  # fmt: skip
    optimizer = torch.optim.SGD(layers.parameters(), lr=RATE, momentum=MOMENTUM)

    def theirs():
        for batch in torch.randint(0, N, (STEPS, BATCH)):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(layers(inputs[batch]), labels[batch]).backward()
            optimizer.step()

    compare(
        "800 rectified units, B = 30, float32 (per step)", 1.0, ours, theirs,
        against="PyTorch, eager, as many threads", units=STEPS,
    )  # fmt: skip


def test_step_against_its_matrix_products(compare, ours):
    rng = np.random.default_rng(0)
    x, w1, w2, active, outputs, g1, g2 = (
        rng.standard_normal(shape).astype(np.float32)
        for shape in (
            (BATCH, INPUTS), (INPUTS, HIDDEN), (HIDDEN, CLASSES), (BATCH, HIDDEN), (BATCH, CLASSES), (INPUTS, HIDDEN),
            (HIDDEN, CLASSES),
        )
    )  # fmt: skip

    def products():
        for _ in range(STEPS):
            np.matmul(x, w1, out=active)
            np.matmul(active, w2, out=outputs)
            np.matmul(active.T, outputs, out=g2)
            np.matmul(outputs, w2.T, out=active)
            np.matmul(x.T, active, out=g1)

    compare(
        "800 rectified units, B = 30, float32 (per step)", 1.5, ours, products,
        against="its five matrix products alone", units=STEPS,
    )  # fmt: skip
