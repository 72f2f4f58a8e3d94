"""SGD killed, interrupted, and resumed with the wrong file; and beside PyTorch."""

import os
import signal

import numpy as np
import pytest
from killing import killed

import sdetheory as st
from sdetheory.errors import InvalidInputError
from sdetheory.models import LogisticRegression, SoftmaxRegression

STEPS = 6000


def run(n_steps=STEPS, rate=0.1, **options):
    generator = np.random.default_rng(0)
    X, y = generator.standard_normal((30, 3)), generator.integers(0, 3, 30)
    model = SoftmaxRegression(X, y, n_classes=3)
    hp = st.SGDHyperparameters(learning_rate=rate, train_size=30, batch_size=4, momentum=0.5)
    given = {"rng": 3, "n_runs": 3, "average_from": 100, "metrics": {"loss": model.loss}, "record_every": 50}
    return st.sgd(model, hp, np.zeros(9), n_steps=n_steps, **given | options)


def assert_same(a, b):
    for name in ("final", "average", "steps", "diverged_at"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    np.testing.assert_array_equal(a.metrics["loss"], b.metrics["loss"])
    np.testing.assert_array_equal(a.covariance.value, b.covariance.value)


SCRIPT = """
import sys
import test_sgd_long_runs as t
from sdetheory.engine import checkpoint

def offer(self, step, arrays):
    self.save(step, arrays)
    while step > t.STEPS // 2:  # the kill comes before the end, however slow this machine is
        self.save(step, arrays)

checkpoint.Checkpoint.offer = offer
t.run(checkpoint=sys.argv[1])
"""


def test_a_killed_run_goes_on_to_the_same_bits(tmp_path):
    path = tmp_path / "run.npz"
    made = killed(SCRIPT, os.path.dirname(__file__), path, beyond=200)
    assert 200 < made < STEPS
    assert_same(run(checkpoint=path, rng=None), run())


def test_an_interrupted_run_returns_what_it_has_and_goes_on(tmp_path):
    path, calls = tmp_path / "run.npz", []

    def loss_and_ctrl_c(w):
        calls.append(1)
        if len(calls) == 30:
            signal.raise_signal(signal.SIGINT)
        return 0.0

    with pytest.warns(RuntimeWarning, match="interrupted after 450 of 600 steps"):
        part = run(600, metrics={"loss": loss_and_ctrl_c}, checkpoint=path)
    assert part.interrupted and part.n_steps == 450 and part.steps[-1] == 450
    whole = run(600, metrics={"loss": lambda w: 0.0}, checkpoint=path)
    assert_same(whole, run(600, metrics={"loss": lambda w: 0.0}))


def test_a_file_of_another_run_is_refused(tmp_path):
    path = tmp_path / "run.npz"
    run(100, average_from=50, checkpoint=path)
    with pytest.raises(InvalidInputError, match="belongs to another run; hp differs"):
        run(100, rate=0.2, average_from=50, checkpoint=path)
    with pytest.raises(InvalidInputError, match="rng differs"):
        run(100, average_from=50, checkpoint=path, rng=4)


def test_training_curve_is_that_of_pytorch():
    """The same minibatches for 100 steps, in float64."""
    torch = pytest.importorskip("torch")
    generator = np.random.default_rng(1)
    X, y = generator.standard_normal((50, 4)), generator.integers(0, 2, 50)
    model, seen = LogisticRegression(X, y), []

    class Watched:
        train_size, dimension = 50, 4

        def minibatch_gradient(self, w, indices):
            seen.append(np.array(indices))
            return model.minibatch_gradient(w, indices)

    for momentum, nesterov in ((0.0, False), (0.9, False), (0.9, True)):
        seen.clear()
        hp = st.SGDHyperparameters(learning_rate=0.3, train_size=50, batch_size=5, momentum=momentum)
        ours = st.sgd(
            Watched(), hp, np.zeros(4), n_steps=100, rng=2, optimizer="nesterov" if nesterov else "sgd",
            metrics={"loss": model.loss}, record_every=1,
        )  # fmt: skip
        inputs, labels = torch.from_numpy(X), torch.from_numpy(y).double()
        layer = torch.nn.Linear(4, 1, bias=False, dtype=torch.float64)
        torch.nn.init.zeros_(layer.weight)
        optimizer = torch.optim.SGD(layer.parameters(), lr=0.3, momentum=momentum, nesterov=nesterov)
        curve = []
        for batch in map(torch.from_numpy, seen):
            cross_entropy = torch.nn.functional.binary_cross_entropy_with_logits
            curve.append(float(cross_entropy(layer(inputs)[:, 0], labels).detach()))
            optimizer.zero_grad()
            cross_entropy(layer(inputs[batch])[:, 0], labels[batch]).backward()
            optimizer.step()
        np.testing.assert_allclose(ours.metrics["loss"][:100, 0], curve, rtol=1e-5)
