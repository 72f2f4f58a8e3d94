"""What a module of PyTorch costs as a model: steps of SGD against its own loop, gradients of examples by others."""

from functools import cache

import numpy as np
import pytest
from peers import THREADS

import sdetheory as st

torch = pytest.importorskip("torch")

# Peers warn about themselves: that is not what is measured.
pytestmark = pytest.mark.filterwarnings("default")

N, INPUTS, CLASSES, BATCH, RATE, MOMENTUM = 1000, 784, 10, 30, 0.01, 0.9


@pytest.fixture(autouse=True)
def two_threads():
    torch.set_num_threads(THREADS)


@cache
def data():
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.random((N, INPUTS), dtype=np.float32)), torch.from_numpy(rng.integers(0, CLASSES, N))


def network(hidden):
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(INPUTS, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, CLASSES)
    )  # fmt: skip


def own_loop(module, steps, inputs, labels):
    """Make steps of SGD as one writes them in PyTorch."""
    optimizer = torch.optim.SGD(module.parameters(), lr=RATE, momentum=MOMENTUM)
    for batch in torch.randint(0, N, (steps, BATCH)):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(module(inputs[batch]), labels[batch]).backward()
        optimizer.step()


def of_torch_func(module, inputs, labels):
    """Return the gradients of examples by name, as the documentation of torch.func makes them."""
    weights = {name: each.detach() for name, each in module.named_parameters()}

    def loss(weights, x, y):
        outputs = torch.func.functional_call(module, weights, (x[None],))
        return torch.nn.functional.cross_entropy(outputs, y[None])

    return torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))(weights, inputs, labels)


def of_backpack(module, inputs, labels):
    """Return the gradients of examples by BackPACK, of an extended module."""
    from backpack import backpack, extend, extensions

    module.zero_grad()
    loss = extend(torch.nn.CrossEntropyLoss(reduction="sum"))
    with backpack(extensions.BatchGrad()):
        loss(module(inputs), labels).backward()
    return {name: each.grad_batch for name, each in module.named_parameters()}


def model_of(module):
    return st.models.from_torch(module, torch.nn.CrossEntropyLoss(reduction="none"), *data())


@pytest.mark.parametrize("hidden, steps", [(16, 1000), (100, 600), (800, 200)])
def test_step_against_pytorch(compare, hidden, steps):
    module = network(hidden)
    model = model_of(module)
    hp = st.SGDHyperparameters(learning_rate=RATE, train_size=N, batch_size=BATCH, momentum=MOMENTUM)
    w = model.weights
    compare(
        f"a module of {hidden} rectified units, B = {BATCH}, float32 (per step)", 1.15,
        lambda: st.sgd(model, hp, w, n_steps=steps, rng=0), lambda: own_loop(module, steps, *data()),
        against="PyTorch's own loop", units=steps, rounds=15,
    )  # fmt: skip


@pytest.mark.parametrize("peer", [of_torch_func, of_backpack], ids=["torch.func", "BackPACK"])
def test_gradients_of_examples(compare, peer):
    """Of 256 examples × 79,510 weights; the same numbers, before any clock runs."""
    module, few = network(100), np.arange(256)
    extended = pytest.importorskip("backpack").extend(network(100)) if peer is of_backpack else module
    model, (inputs, labels) = model_of(module), data()
    chosen = torch.from_numpy(few)
    w = model.weights
    theirs = peer(extended, inputs[chosen], labels[chosen])
    flat = np.concatenate([each.reshape(len(few), -1).detach().numpy() for each in theirs.values()], axis=1)
    np.testing.assert_allclose(model.per_example_gradients(w, few), flat, rtol=1e-3, atol=1e-6)
    compare(
        "gradients of 256 examples, 79,510 weights, float32", 1.1, lambda: model.per_example_gradients(w, few),
        lambda: peer(extended, inputs[chosen], labels[chosen]), against=peer.__name__.removeprefix("of_"), rounds=15,
    )  # fmt: skip
