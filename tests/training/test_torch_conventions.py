"""The steps of torch.optim on the same batches, to rounding, against numbers that PyTorch 2.13.0 gave.

The numbers are the last lines of this script, with the data, batches and rates of this file:

    torch.set_default_dtype(torch.float64)
    def final(make, rates=None):
        w = torch.tensor(START, requires_grad=True)
        optimizer = make([w])
        for t, batch in enumerate(BATCHES):
            if rates is not None:
                optimizer.param_groups[0]["lr"] = rates[t]
            optimizer.zero_grad()
            loss = torch.nn.functional.binary_cross_entropy_with_logits
            loss(torch.tensor(X)[batch] @ w, torch.tensor(Y)[batch].double()).backward()
            optimizer.step()
        return w.tolist()
    final(lambda p: torch.optim.SGD(p, lr=0.3, momentum=0.9, dampening=0.9), RATES)    # and so on
"""

import numpy as np
import pytest

import sdetheory as st
from sdetheory.errors import IncompatibleError, InvalidInputError
from sdetheory.models import FunctionModel, LogisticRegression

X = [[1.0, 0.5], [1.0, -1.5], [1.0, 2.0], [1.0, -0.25], [1.0, 1.0]]
Y = [1, 0, 0, 1, 1]
START = [0.2, -0.4]
BATCHES = [[0, 3], [3, 2], [0, 1], [1, 0], [3, 0], [2, 4], [2, 4], [3, 0], [1, 4], [3, 4], [0, 4], [0, 3]]
RATES = [0.5 * min(1.0, t / 4) / (1 + t // 6) for t in range(12)]
"""A warm-up from zero, then half."""

SGD = [
    # momentum, dampening, weight decay, optimizer, rates, weights
    (0.0, 0.0, 0.0, "sgd", None, [0.7822761112402494, 0.10013364205896547]),
    (0.0, 0.0, 0.0, "sgd", RATES, [0.6984659034343326, 0.04848152068897032]),
    (0.9, 0.0, 0.0, "sgd", None, [1.2391241314065349, 0.6146000763631112]),
    (0.9, 0.0, 0.0, "sgd", RATES, [1.154438291421207, 0.464150062069943]),
    (0.9, 0.9, 0.0, "sgd", None, [1.2208220577751832, -0.08772157141923838]),
    (0.9, 0.9, 0.0, "sgd", RATES, [1.1129393480055194, -0.07721808741029569]),
    (0.8, 0.3, 0.0, "sgd", None, [1.0960175830218093, 0.38015023336875997]),
    (0.8, 0.3, 0.0, "sgd", RATES, [1.007664667431103, 0.3657515499999879]),
    (0.9, 0.0, 0.0, "nesterov", None, [1.3353015012006866, 0.6802398859490704]),
    (0.9, 0.0, 0.0, "nesterov", RATES, [1.2903925611062352, 0.47446046872137937]),
    (0.9, 0.5, 0.04, "sgd", None, [1.0884673810060963, 0.4065681053779413]),
    (0.9, 0.5, 0.04, "sgd", RATES, [1.0633026057588166, 0.3913962399233087]),
    (0.9, 0.0, 0.04, "nesterov", None, [1.17060301755699, 0.6949651314732298]),
    (0.9, 0.0, 0.04, "nesterov", RATES, [1.1389579337946723, 0.481535667000611]),
]

ADAPTIVE = [
    # optimizer, rate, weight decay, rates, weights
    (st.Adam(beta1=0.8, beta2=0.95, floor=1e-6), 0.1, 0.0, None, [0.7554634687642128, -0.03483917444502927]),
    (st.Adam(beta1=0.8, beta2=0.95, floor=1e-6), 0.1, 0.0, RATES, [1.0696429137254317, 0.270001483032972]),
    (st.Adam(), 0.1, 0.04, None, [0.7005098736601618, -0.0288181296180247]),
    (st.Adam(), 0.1, 0.04, RATES, [0.9479128605158855, 0.3046962460129789]),
    (st.RMSprop(beta=0.9, floor=1e-6), 0.05, 0.0, None, [0.6661560931488812, -0.0642747644416546]),
    (st.RMSprop(beta=0.9, floor=1e-6), 0.05, 0.0, RATES, [1.4580049357383893, 0.23116102012328912]),
    (st.RMSprop(), 0.05, 0.04, None, [0.9521971418798402, 0.22540411582938039]),
    (st.RMSprop(), 0.05, 0.04, RATES, [1.8319031894368412, 0.4408745488979448]),
]


def settings(rate=0.3, momentum=0.0, dampening=0.0):
    return st.SGDHyperparameters(
        learning_rate=rate, train_size=5, batch_size=2, momentum=momentum, dampening=dampening
    )  # fmt: skip


def finals(hp, decay, **options):
    """Return the last weights of both engines. PyTorch's weight decay is λ/N: its cost is the mean."""
    model = LogisticRegression(X, Y, prior_precision=5 * decay)
    own = FunctionModel(
        model.cost, lambda w, i: model.per_example_gradients(w)[i], model.hessian_vector_product, train_size=5,
        dimension=2,
    )  # fmt: skip
    return [st.sgd(m, hp, START, n_steps=12, rng=0, **options).final[0] for m in (model, own)]


def test_the_batches_are_those_that_torch_was_given():
    seen = []

    class Recorder:
        train_size, dimension = 5, 1

        def minibatch_gradient(self, w, indices):
            seen.append(indices.tolist())
            return 0 * w

    st.sgd(Recorder(), settings(), [0.0], n_steps=12, rng=0)
    assert seen == BATCHES


@pytest.mark.parametrize("momentum, dampening, decay, optimizer, rates, weights", SGD)
def test_sgd_is_that_of_torch(momentum, dampening, decay, optimizer, rates, weights):
    hp = settings(momentum=momentum, dampening=dampening)
    given = {"optimizer": optimizer, "learning_rates": rates}
    torch, ours = finals(hp, decay, momentum_of="gradients", **given), finals(hp, decay, **given)
    # Twelve steps of rounding, in another order of sums.
    np.testing.assert_allclose(torch, [weights] * 2, rtol=1e-13, atol=1e-14)
    # With dampening or a schedule under momentum the other convention is another run; else the same.
    same = not momentum or (rates is None and not dampening)
    assert np.allclose(ours, weights, rtol=1e-12) == same


@pytest.mark.parametrize("optimizer, rate, decay, rates, weights", ADAPTIVE)
def test_adam_and_rmsprop_are_those_of_torch(optimizer, rate, decay, rates, weights):
    found = finals(settings(rate), decay, optimizer=optimizer, learning_rates=rates)
    np.testing.assert_allclose(found, [weights] * 2, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("momentum_of", ["steps", "gradients"])
@pytest.mark.parametrize("optimizer", ["sgd", "nesterov"])
def test_a_run_in_parts_and_a_replay_have_the_same_bits(tmp_path, momentum_of, optimizer):
    """The undamped first step comes once, at the start of the run and not of a chunk."""
    hp = settings(momentum=0.9, dampening=0.0 if optimizer == "nesterov" else 0.5)
    model = LogisticRegression(X, Y)
    given = {"optimizer": optimizer, "momentum_of": momentum_of, "rng": 3, "n_runs": 3}
    whole = st.sgd(model, hp, START, n_steps=12, **given)
    parts = st.sgd(model, hp, START, n_steps=12, **given, save_every=2, checkpoint=tmp_path / "run.npz")
    np.testing.assert_array_equal(whole.final, parts.final)
    np.testing.assert_array_equal(st.sgd(**whole.replay).final, whole.final)
    other = "steps" if momentum_of == "gradients" else "gradients"
    with pytest.raises(InvalidInputError, match="optimizer differs"):
        options = given | {"momentum_of": other, "save_every": 2}
        st.sgd(model, hp, START, n_steps=12, **options, checkpoint=tmp_path / "run.npz")


def test_a_warm_up_starts_at_zero():
    model, hp = LogisticRegression(X, Y), settings(momentum=0.9)
    for momentum_of in ("steps", "gradients"):
        run = st.sgd(
            model, hp, START, n_steps=2, learning_rates=[0.0, 0.1], momentum_of=momentum_of, save_every=1, rng=0
        )
        np.testing.assert_array_equal(run.paths[1, 0], START)
        assert np.all(run.paths[2, 0] != START)
    with pytest.raises(InvalidInputError, match="learning_rates must be >= 0"):
        st.sgd(model, hp, START, n_steps=2, learning_rates=[0.1, -0.1])


def test_what_does_not_go_together():
    model = LogisticRegression(X, Y)
    with pytest.raises(IncompatibleError, match="no dampening, as in PyTorch"):
        hp = settings(momentum=0.9, dampening=0.5)
        st.sgd(model, hp, START, n_steps=1, optimizer="nesterov", momentum_of="gradients")
    with pytest.raises(IncompatibleError, match="Adam has averages of its own"):
        st.sgd(model, settings(), START, n_steps=1, optimizer=st.Adam(), momentum_of="gradients")
    with pytest.raises(InvalidInputError, match="momentum_of must be one of 'steps', 'gradients'"):
        st.sgd(model, settings(), START, n_steps=1, momentum_of="torch")
