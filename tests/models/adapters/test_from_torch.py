"""Modules of PyTorch as models: equal to autograd and to torch.optim, and refused where C(w) would be no sum."""

import copy
import functools
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from to_adapt import CLASSES, HIDDEN, INPUTS, LABELS, TARGETS, N, X, batches, newton, settings

import sdetheory as st
from sdetheory.errors import IncompatibleError, InvalidInputError

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'sdetheory[torch]'")
nn = torch.nn
PRIOR = 0.46
CROSS_ENTROPY = nn.CrossEntropyLoss(reduction="none")


def squares(outputs, targets):
    return ((outputs - targets) ** 2).flatten(1).sum(1) / 2


def linear(*more, dtype=torch.float64):
    return nn.Sequential(nn.Linear(INPUTS, CLASSES), *more).to(dtype)


def tanh_network(dtype=torch.float64):
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(INPUTS, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, CLASSES)).to(dtype)


def convolutions():
    torch.manual_seed(4)
    return nn.Sequential(
        nn.Unflatten(1, (1, 2, 2)), nn.Conv2d(1, 3, 2, padding=1), nn.GroupNorm(1, 3), nn.ReLU(), nn.Flatten(),
        nn.Linear(27, CLASSES),
    ).double()  # fmt: skip


class Tied(nn.Module):
    """Both layers have the same weights."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(5)
        self.first = nn.Linear(INPUTS, INPUTS)
        self.second = nn.Linear(INPUTS, INPUTS, bias=False)
        self.second.weight = self.first.weight
        self.last = nn.Linear(INPUTS, CLASSES)
        self.double()

    def forward(self, x):
        return self.last(torch.tanh(self.second(torch.tanh(self.first(x)))))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(6)
        self.cell = nn.GRU(1, 3, batch_first=True)
        self.last = nn.Linear(3, CLASSES)
        self.double()

    def forward(self, x):
        return self.last(self.cell(x[:, :, None])[0][:, -1])


class Branching(nn.Module):
    """Looks at numbers, as vmap cannot."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(INPUTS, CLASSES).double()

    def forward(self, x):
        return self.layer(x) if bool((x.sum() > 1e9).item()) else torch.tanh(self.layer(x))


NETWORKS = {
    "tanh": tanh_network, "convolutions": convolutions, "tied": Tied, "recurrent": Recurrent, "branching": Branching,
    "normalized by fixed numbers": lambda: linear(nn.BatchNorm1d(CLASSES)).eval(),
    "dropout at rest": lambda: linear(nn.Dropout(0.5)).eval(),
}  # fmt: skip


def model_of(module=None, loss=CROSS_ENTROPY, targets=LABELS, prior=PRIOR, dtype=torch.float64):
    module = tanh_network(dtype) if module is None else module
    return st.models.from_torch(
        module, loss, torch.tensor(X).to(dtype), torch.tensor(targets), prior_precision=prior
    )  # fmt: skip


def reference(module, loss, w, model, rows=None, targets=LABELS):
    """Return the cost of some examples, with the share of the prior, and its gradient: plain autograd."""
    module = copy.deepcopy(module)
    module.load_state_dict(model.unflatten(w), strict=False)
    rows = np.arange(N) if rows is None else rows
    parameters = [each for each in module.parameters() if each.requires_grad]
    penalty = sum((each**2).sum() for each in parameters)
    cost = loss(module(torch.tensor(X)[rows]), torch.tensor(targets)[rows]).sum() + PRIOR / 2 * penalty * len(rows) / N
    gradient = torch.cat([each.flatten() for each in torch.autograd.grad(cost, parameters)])
    return cost.item(), gradient.numpy()


@pytest.mark.parametrize("name", NETWORKS)
def test_costs_and_gradients_are_those_of_autograd(name, rng):
    module = NETWORKS[name]()
    model = model_of(module)
    w = model.weights + 0.1 * rng.standard_normal(model.dimension)
    cost, gradient = reference(module, CROSS_ENTROPY, w, model)
    assert model.cost(w) == pytest.approx(cost, rel=1e-13)
    np.testing.assert_allclose(model.cost(np.stack([w, model.weights])), [model.cost(w), model.cost(model.weights)])
    assert model.loss(w) == pytest.approx((cost - PRIOR / 2 * w @ w) / N, rel=1e-12)
    size = {"rtol": 1e-12, "atol": 1e-13 * np.abs(gradient).max()}
    np.testing.assert_allclose(model.gradient(w), gradient, **size)
    each = np.stack([reference(module, CROSS_ENTROPY, w, model, np.array([i]))[1] for i in range(N)])
    np.testing.assert_allclose(model.per_example_gradients(w), each, **size)
    np.testing.assert_allclose(model.per_example_gradients(w, [3, 3, 0]), each[[3, 3, 0]], **size)
    for chosen in ([2], [0, 7, 7], [*range(N)]):
        expected = N / len(chosen) * each[chosen].sum(axis=0)
        np.testing.assert_allclose(model.minibatch_gradient(w, np.array(chosen)), expected, rtol=1e-11, atol=1e-12)
    a = rng.standard_normal(N)
    np.testing.assert_allclose(model.weighted_gradient(w, a), a @ each, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", NETWORKS)
def test_second_derivatives_are_those_of_autograd(name, rng):
    module = NETWORKS[name]()
    model = model_of(module)
    w = model.weights + 0.1 * rng.standard_normal(model.dimension)
    parameters = {n: p for n, p in module.named_parameters() if p.requires_grad}
    shapes = {n: (p.numel(), p.shape) for n, p in parameters.items()}

    def cost(flat):
        parts = flat.split([size for size, _ in shapes.values()])
        named = {n: part.view(shape) for (n, (_, shape)), part in zip(shapes.items(), parts, strict=True)}
        outputs = torch.func.functional_call(module, named, (torch.tensor(X),))
        return CROSS_ENTROPY(outputs, torch.tensor(LABELS)).sum() + PRIOR / 2 * (flat**2).sum()

    hessian = torch.autograd.functional.hessian(cost, torch.tensor(w)).numpy()
    products = np.stack([model.hessian_vector_product(w, v) for v in np.eye(model.dimension)])
    np.testing.assert_allclose(products, hessian, rtol=1e-10, atol=1e-12 * np.abs(hessian).max())
    found = st.models.check(model, w, rng=rng)
    assert found.ok and not found.missing, found


def test_products_of_jacobians_make_the_gauss_newton_matrix(rng):
    """Of a linear module it is the Hessian, for a softmax and for squares; else it differs by the curvature."""
    v = rng.standard_normal
    linear = nn.Linear(INPUTS, CLASSES).double()
    two = nn.Linear(INPUTS, 2).double()
    cases = [(linear, CROSS_ENTROPY, LABELS, CLASSES - 1), (two, squares, TARGETS, 2)]
    for module, loss, targets, rank in cases:
        model = model_of(module, loss, targets)
        w = v(model.dimension)
        R = model.curvature_factors(w)
        assert R.shape == (N, rank, model.outputs(w).shape[1])
        for _ in range(3):
            u = v(model.dimension)
            seen = np.einsum("nmk,nmj,nj->nk", R, R, model.jacobian_vector_product(w, u))
            product = model.vector_jacobian_product(w, seen) + PRIOR * u
            np.testing.assert_allclose(product, model.hessian_vector_product(w, u), rtol=1e-9, atol=1e-10)


def test_the_evidence_of_an_adapter_is_that_of_the_network_of_the_package():
    """A rectified network in both forms, about the same weights; and Laplace's, at the minimum of another."""
    torch.manual_seed(1)
    module = nn.Sequential(nn.Linear(INPUTS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES)).double()
    model = model_of(module)
    own = st.models.ReLUNetwork(X, LABELS, hidden=HIDDEN, n_classes=CLASSES, prior_precision=PRIOR, dtype="float64")
    parts = model.unflatten(model.weights)
    w = np.concatenate([parts[n].numpy().T.ravel() for n in ("0.weight", "0.bias", "2.weight", "2.bias")])
    assert model.cost(model.weights) == pytest.approx(own.cost(w), rel=1e-12)
    precisions = [0.1, PRIOR, 10.0]
    ours, theirs = (
        st.evidence.laplace(model, precisions, about=model.weights),
        st.evidence.laplace(own, precisions, about=w),
    )
    np.testing.assert_allclose(ours.log_evidence, theirs.log_evidence, rtol=1e-9)
    sampled = st.evidence.lanczos_evidence(model, PRIOR, about=model.weights, n_probes=100, rng=2)
    assert abs(sampled.log_evidence.z_score(ours.log_evidence[1])) < 4.5
    smooth = model_of()
    mode = newton(smooth, smooth.weights)
    assert st.evidence.laplace(smooth, PRIOR, mode=mode).decrement < 1e-6
    assert np.isfinite(st.evidence.laplace(smooth, PRIOR, mode=mode).log_evidence)


OPTIMIZERS = {
    "sgd": ({}, {}, lambda p: torch.optim.SGD(p, lr=0.3)),
    "weight decay": ({}, {}, lambda p: torch.optim.SGD(p, lr=0.3, weight_decay=PRIOR / N)),
    "momentum": ({"momentum": 0.9}, {}, lambda p: torch.optim.SGD(p, lr=0.3, momentum=0.9, weight_decay=PRIOR / N)),
    "damped": (
        {"momentum": 0.9, "dampening": 0.5}, {"momentum_of": "gradients"},
        lambda p: torch.optim.SGD(p, lr=0.3, momentum=0.9, dampening=0.5, weight_decay=PRIOR / N),
    ),
    "nesterov": (
        {"momentum": 0.8}, {"optimizer": "nesterov", "momentum_of": "gradients"},
        lambda p: torch.optim.SGD(p, lr=0.3, momentum=0.8, nesterov=True, weight_decay=PRIOR / N),
    ),
    "adam": ({}, {"optimizer": st.Adam()}, lambda p: torch.optim.Adam(p, lr=0.3, weight_decay=PRIOR / N)),
    "rmsprop": (
        {}, {"optimizer": st.RMSprop(beta=0.9)},
        lambda p: torch.optim.RMSprop(p, lr=0.3, alpha=0.9, weight_decay=PRIOR / N),
    ),
}  # fmt: skip


@pytest.mark.parametrize("dtype, rtol", [(torch.float64, 1e-10), (torch.float32, 2e-3)])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_are_those_of_torch_optim(name, dtype, rtol):
    """Every one of twelve steps, on the same batches. Rounding in float32 is magnified by Adam's first steps."""
    changes, options, make = OPTIMIZERS[name]
    prior = 0.0 if name == "sgd" else PRIOR
    module = tanh_network(dtype)
    model = model_of(copy.deepcopy(module), dtype=dtype, prior=prior)
    run = st.sgd(model, settings(**changes), model.weights, n_steps=12, rng=0, save_every=1, **options)
    assert run.final.dtype == model.dtype == np.dtype(str(dtype).partition(".")[2])
    optimizer, inputs, labels = make(module.parameters()), torch.tensor(X).to(dtype), torch.tensor(LABELS)
    for step, batch in enumerate(batches(12), 1):
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(inputs[batch]), labels[batch]).backward()
        optimizer.step()
        np.testing.assert_allclose(run.paths[step, 0], model.flatten(module), rtol=rtol, atol=rtol)
    wrong = st.sgd(model, settings(0.301, **changes), model.weights, n_steps=12, rng=0, **options)
    assert not np.allclose(wrong.final[0], model.flatten(module), rtol=min(rtol, 1e-4), atol=min(rtol, 1e-4))


def test_runs_are_the_same_bits_in_parts_in_threads_and_after_a_pickle(tmp_path):
    model = model_of(tanh_network(torch.float32), dtype=torch.float32)
    given = {"n_steps": 20, "n_runs": 3, "rng": 5}
    whole = st.sgd(model, settings(), model.weights, **given)
    st.sgd(model, settings(), model.weights, **given | {"n_steps": 20}, checkpoint=tmp_path / "run.npz")
    again = st.sgd(model, settings(), model.weights, **given, checkpoint=tmp_path / "run.npz")
    np.testing.assert_array_equal(whole.final, again.final)
    np.testing.assert_array_equal(st.sgd(**whole.replay).final, whole.final)
    with ThreadPoolExecutor(2) as threads:
        np.testing.assert_array_equal(
            st.sgd(model, settings(), model.weights, **given, executor=threads).final, whole.final
        )
    copied = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(st.sgd(copied, settings(), model.weights, **given).final, whole.final)


def test_weights_are_not_copied_and_the_module_is_not_touched():
    module = tanh_network()
    before = [each.clone() for each in module.parameters()]
    model = model_of(module)
    w = model.weights
    first = model.minibatch_gradient(w, np.arange(N)).copy()
    w += 1.0  # the array that the module sees now
    np.testing.assert_allclose(model.minibatch_gradient(w, np.arange(N)), model.gradient(w.copy()), rtol=1e-12)
    assert not np.allclose(first, model.gradient(w))
    w.flags.writeable = False
    np.testing.assert_allclose(model.minibatch_gradient(w, np.arange(N)), model.gradient(w), rtol=1e-12)
    assert all(torch.equal(a, b) for a, b in zip(before, module.parameters(), strict=True))
    with torch.no_grad():
        module[0].weight += 1
    module.train()
    np.testing.assert_array_equal(model.minibatch_gradient(model.weights, np.arange(N)), first)


def test_frozen_parameters_are_no_weights():
    module = tanh_network()
    module[0].requires_grad_(False)
    model = model_of(module)
    assert model.dimension == HIDDEN * CLASSES + CLASSES
    assert list(model.unflatten(model.weights)) == ["2.weight", "2.bias"]
    np.testing.assert_allclose(model.gradient(model.weights), reference(module, CROSS_ENTROPY, model.weights, model)[1])


def test_weights_go_to_names_and_back(rng):
    module, model = tanh_network(), model_of()
    w = rng.standard_normal(model.dimension)
    module.load_state_dict(model.unflatten(w))
    np.testing.assert_array_equal(model.flatten(module), w)
    np.testing.assert_array_equal(model.flatten(model.unflatten(w)), w)
    np.testing.assert_array_equal(model.weights, model.flatten(tanh_network()))
    with pytest.raises(InvalidInputError, match=r"0\.bias are missing"):
        model.flatten({n: p for n, p in module.named_parameters() if n != "0.bias"})
    with pytest.raises(InvalidInputError, match="got the shapes"):
        model.flatten(nn.Sequential(nn.Linear(INPUTS, 6), nn.Tanh(), nn.Linear(6, CLASSES)))
    with pytest.raises(InvalidInputError, match="parameters must be a module"):
        model.flatten(3)


def test_other_data():
    model = model_of()
    w, inputs, labels = model.weights, torch.tensor(X[:7]), torch.tensor(LABELS[:7])
    np.testing.assert_allclose(model.outputs(w, inputs), model.outputs(w)[:7], rtol=1e-13)
    assert model.loss(w, inputs, labels) == pytest.approx(model_of(prior=0.0).cost(w) / N, rel=2.0)
    metrics = {"accuracy": lambda w: float(np.mean(model.outputs(w, inputs).argmax(1) == labels.numpy()))}
    assert st.sgd(model, settings(), w, n_steps=2, rng=0, metrics=metrics).metrics["accuracy"].shape == (2, 1)
    with pytest.raises(InvalidInputError, match="inputs and targets must be given together"):
        model.loss(w, inputs)
    with pytest.raises(InvalidInputError, match=r"inputs must have rows of shape \(4,\)"):
        model.outputs(w, inputs[:, :3])


def test_the_equation_and_measures_of_noise_take_it():
    model = model_of()
    sde = st.sgd_sde(model, settings(), order=2)
    np.testing.assert_allclose(sde.drift(model.weights).shape, (model.dimension,))
    rows = model.per_example_gradients(model.weights)
    assert st.models.simple_noise_scale(model, model.weights) == pytest.approx(st.models.simple_noise_scale(rows))
    assert st.svag(model, settings(), model.weights, factor=2, n_steps=4, n_runs=2, rng=0).final.shape == (
        2,
        model.dimension,
    )


def mean_of_batch(outputs, targets):
    return CROSS_ENTROPY(outputs - outputs.mean(0), targets)


class Drawing(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(INPUTS, CLASSES).double()

    def forward(self, x):
        return nn.functional.dropout(self.layer(x), 0.5, training=True)


class Mixing(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(INPUTS, CLASSES).double()

    def forward(self, x):
        return self.layer(x - x.mean(0))


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(INPUTS, CLASSES).double()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        return self.layer(x)


def frozen():
    return linear().requires_grad_(False)


def split_precision():
    module = nn.Sequential(nn.Linear(INPUTS, 2).double(), nn.Linear(2, CLASSES))
    return module


def not_finite():
    module = linear()
    with torch.no_grad():
        module[0].weight[0, 0] = np.nan
    return module


REFUSED = {
    "batch normalization": ({"module": lambda: linear(nn.BatchNorm1d(CLASSES))}, r"BatchNorm1d \(1\) in training mode"),
    "of the batch even at rest": (
        {"module": lambda: linear(nn.BatchNorm1d(CLASSES, track_running_stats=False)).eval()}, "no running mean either",
    ),
    "dropout": ({"module": lambda: linear(nn.Dropout(0.5))}, r"Dropout \(1\) in training mode drops.*module\.eval"),
    "a draw": ({"module": Drawing}, "module must have no randomness"),
    "a mean over the batch": ({"module": Mixing}, "module must treat each example by itself"),
    "a buffer that changes": ({"module": Counting}, "module must not change when it is called; it changes calls"),
    "no module": ({"module": lambda: len}, "module must be of type Module"),
    "no trained parameters": ({"module": frozen}, r"all 2 are frozen"),
    "no parameters": ({"module": nn.Identity}, "it has none"),
    "half precision": (
        {"module": lambda: linear(dtype=torch.bfloat16)}, "must be of float32 or float64; got torch.bfloat16",
    ),
    "two precisions": ({"module": split_precision}, "weights of one dtype"),
    "weights that are not finite": ({"module": not_finite}, "module must have finite weights; those of 0.weight"),
    "weights without shape": ({"module": lambda: nn.LazyLinear(3)}, "has no shape yet"),
    "no tensor comes out": ({"module": lambda: nn.GRU(INPUTS, 3).double()}, "module must return a tensor"),
    "mean loss": ({"loss": nn.CrossEntropyLoss()}, 'it returns their mean. Give it reduction="none"'),
    "sum of losses": ({"loss": nn.CrossEntropyLoss(reduction="sum")}, "it returns their sum"),
    "a loss of the batch": ({"loss": mean_of_batch}, "loss must treat each example by itself"),
    "a loss for each output": (
        {"loss": nn.MSELoss(reduction="none"), "targets": lambda: torch.zeros(N, CLASSES).double()},
        r"Sum over all axes but the first",
    ),
    "outputs against a vector": (
        {"module": lambda: nn.Linear(INPUTS, 1).double(), "loss": lambda o, t: (o - t) ** 2,
         "targets": lambda: torch.zeros(N).double()}, r"outputs \(B, 1\) meet targets \(B,\)",
    ),
    "a loss that is not finite": ({"loss": lambda o, t: o[:, 0] * np.inf}, "loss must be finite"),
    "a loss that fails": (
        {"loss": lambda o, t: o.no_such_name}, "loss must be a function of outputs and targets; it failed",
    ),
    "a loss that is no tensor": ({"loss": lambda o, t: [1.0]}, "loss must return a tensor"),
    "no loss": ({"loss": "cross entropy"}, "loss must be a function of outputs and targets"),
    "targets of another length": ({"targets": lambda: torch.tensor(LABELS[:5])}, "targets must have 23 rows.*got 5"),
    "targets of another dtype": (
        {"targets": lambda: torch.tensor(LABELS).double()}, "loss must be a function.*it failed with",
    ),
    "labels beyond the classes": (
        {"targets": lambda: torch.tensor(LABELS + 5)}, "loss must be a function.*it failed with",
    ),
    "arrays for tensors": ({"inputs": lambda: X}, r"inputs must be a tensor.*torch\.as_tensor\(inputs\)"),
    "no examples": ({"inputs": lambda: torch.zeros(0, INPUTS).double()}, "inputs must have a row for each example"),
    "inputs of another width": (
        {"inputs": lambda: torch.zeros(N, 7).double()}, "module must be a function of inputs; it failed",
    ),
    "inputs of another precision": (
        {"inputs": lambda: torch.tensor(X).float()}, r"inputs must be of the dtype of the weights",
    ),
    "inputs that are not finite": ({"inputs": lambda: torch.tensor(X) / 0}, "inputs must be finite"),
    "inputs on another device": (
        {"inputs": lambda: torch.zeros(N, INPUTS, device="meta").double()},
        "inputs must be on the device of the module, cpu",
    ),
    "targets on another device": (
        {"targets": lambda: torch.zeros(N, device="meta").long()}, "targets must be on the device of the module, cpu",
    ),
    "a negative precision": ({"prior_precision": -1.0}, "prior_precision must be >= 0"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_sum_over_examples_is_refused(name):
    changes, words = REFUSED[name]
    right = {
        "module": tanh_network,
        "loss": CROSS_ENTROPY,
        "inputs": lambda: torch.tensor(X),
        "targets": lambda: torch.tensor(LABELS),
    }
    given = right | {"prior_precision": 0.0} | changes
    for key in ("module", "inputs", "targets"):
        given[key] = given[key]()
    with pytest.raises(InvalidInputError, match=words):
        st.models.from_torch(**given)


def test_devices_and_precisions_do_not_go_together():
    with pytest.raises(IncompatibleError):
        model_of(dtype=torch.float32, module=tanh_network())


def test_weights_that_do_not_fit_are_refused():
    model = model_of(tanh_network(torch.float32), dtype=torch.float32)
    with pytest.raises(InvalidInputError, match=r"w must have shape \(43,\); got shape \(42,\)"):
        model.gradient(np.zeros(42))
    with pytest.raises(InvalidInputError, match="w must be numbers that float32 holds; got 1e"):
        model.gradient(np.full(43, 1e300))
    with pytest.raises(InvalidInputError, match="indices must be"):
        model.minibatch_gradient(model.weights, np.array([N]))
    with pytest.raises(InvalidInputError, match=r"u must have shape \(23, 3\)"):
        model.vector_jacobian_product(model.weights, np.zeros((N, 2)))


def test_a_loss_that_is_not_convex_has_no_gauss_newton_matrix():
    model = model_of(loss=lambda o, t: torch.cos(o).sum(1), prior=0.1)
    with pytest.raises(InvalidInputError, match="loss must be convex in the outputs"):
        model.curvature_factors(model.weights)


def test_a_backward_of_ones_own_that_is_wrong_is_found():
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        def backward(ctx, g):
            return g

    class Module(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(INPUTS, CLASSES).double()

        def forward(self, x):
            return Wrong.apply(self.layer(x))

    with pytest.raises(InvalidInputError, match=r"gradients of Module must be the slopes of its loss.*0\.5 times"):
        model_of(Module())


def test_large_batches_go_through_in_parts(monkeypatch, rng):
    """Sums over parts are those of all at once, to rounding."""
    from sdetheory.models.adapters import _outputs, adapted_model

    model = model_of()
    w, a, u, v = (
        model.weights,
        rng.standard_normal(N),
        rng.standard_normal((N, CLASSES)),
        rng.standard_normal(model.dimension),
    )

    def everything():
        return [
            model.cost(w), model.gradient(w), model.weighted_gradient(w, a), model.minibatch_gradient(w, np.arange(11)),
            model.per_example_gradients(w), model.hessian_vector_product(w, v), model.outputs(w),
            model.jacobian_vector_product(w, v), model.vector_jacobian_product(w, u), model.curvature_factors(w) ** 2,
        ]  # fmt: skip

    whole = everything()
    monkeypatch.setattr(adapted_model, "EXAMPLES", 4)
    monkeypatch.setattr(_outputs, "EXAMPLES", 4)
    for one, other in zip(whole, everything(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


def test_one_example_is_enough():
    model = st.models.from_torch(linear(), functools.partial(nn.functional.cross_entropy, reduction="none"),
                                 torch.tensor(X[:1]), torch.tensor(LABELS[:1]))  # fmt: skip
    np.testing.assert_allclose(model.gradient(model.weights), model.per_example_gradients(model.weights)[0])


def test_pytorch_has_the_threads_that_it_had_when_the_model_was_made():
    """Numba's kernels set the number of threads of OpenMP, which PyTorch shares."""
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        module = torch.nn.Linear(2, 2)
        inputs, targets = torch.zeros(3, 2), torch.zeros(3, dtype=torch.long)
        model = st.models.from_torch(module, torch.nn.CrossEntropyLoss(reduction="none"), inputs, targets)
        torch.set_num_threads(2)
        model.cost(model.weights)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
