"""Functions of JAX as models: equal to jax.grad and to steps written out, and refused where C(w) would be no sum."""

import pickle

import numpy as np
import pytest
from to_adapt import CLASSES, HIDDEN, INPUTS, LABELS, TARGETS, N, X, batches, settings

import sdetheory as st
from sdetheory.errors import IncompatibleError, InvalidInputError

jax = pytest.importorskip("jax", reason="JAX is not installed: pip install 'sdetheory[jax]'")
jnp = jax.numpy
PRIOR = 0.46


@pytest.fixture
def double():
    """Let JAX compute in float64 for one test."""
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


def parameters(dtype=np.float64):
    rng = np.random.default_rng(7)
    shapes = {"first": (INPUTS, HIDDEN), "last": {"b": (CLASSES,), "w": (HIDDEN, CLASSES)}}
    return jax.tree.map(
        lambda shape: 0.5 * rng.standard_normal(shape).astype(dtype), shapes, is_leaf=lambda s: isinstance(s, tuple)
    )


def apply(params, x):
    return jnp.tanh(x @ params["first"]) @ params["last"]["w"] + params["last"]["b"]


def cross_entropy(outputs, targets):
    return -jnp.take_along_axis(jax.nn.log_softmax(outputs), targets[:, None], axis=1)[:, 0]


def model_of(dtype=np.float64, apply=apply, params=None, loss=cross_entropy, inputs=X, targets=LABELS, prior=PRIOR):
    params = parameters(dtype) if params is None else params
    return st.models.from_jax(apply, params, loss, inputs.astype(dtype), targets, prior_precision=prior)


def of_one(i):
    """Return the cost of an example as a function of flat weights."""
    unravel = jax.flatten_util.ravel_pytree(parameters())[1]

    def cost(w):
        outputs = apply(unravel(w), jnp.asarray(X[i : i + 1]))
        return cross_entropy(outputs, jnp.asarray(LABELS[i : i + 1]))[0] + PRIOR / 2 / N * w @ w

    return cost


def test_costs_and_derivatives_are_those_of_jax(double, rng):
    model = model_of()
    w = model.weights + 0.1 * rng.standard_normal(model.dimension)
    unravel = jax.flatten_util.ravel_pytree(parameters())[1]

    def costs(flat):
        return cross_entropy(apply(unravel(flat), X), LABELS) + PRIOR / 2 / N * flat @ flat

    each, hessian = jax.jacobian(costs)(w), jax.hessian(lambda flat: costs(flat).sum())(w)
    size = {"rtol": 1e-11, "atol": 1e-12}
    assert model.cost(w) == pytest.approx(float(costs(w).sum()), rel=1e-13)
    np.testing.assert_allclose(model.per_example_gradients(w), each, **size)
    np.testing.assert_allclose(model.gradient(w), np.sum(each, axis=0), **size)
    np.testing.assert_allclose(
        model.minibatch_gradient(w, np.array([0, 7, 7])), N / 3 * np.sum(each[np.array([0, 7, 7])], axis=0), **size
    )  # fmt: skip
    a, v = rng.standard_normal(N), rng.standard_normal(model.dimension)
    np.testing.assert_allclose(model.weighted_gradient(w, a), a @ each, **size)
    np.testing.assert_allclose(model.hessian_vector_product(w, v), hessian @ v, **size)
    found = st.models.check(model, w, rng=rng)
    assert found.ok and not found.missing, found


def test_products_of_jacobians_make_the_gauss_newton_matrix(double, rng):
    cases = [
        (cross_entropy, LABELS, CLASSES, CLASSES - 1),
        (lambda o, t: ((o - t) ** 2).sum(1) / 2, TARGETS, 2, 2),
    ]
    for loss, targets, k, rank in cases:
        model = model_of(apply=lambda w, x: x @ w, params=rng.standard_normal((INPUTS, k)), loss=loss, targets=targets)
        w, v = model.weights, rng.standard_normal(model.dimension)
        R = model.curvature_factors(w)
        assert R.shape == (N, rank, k)
        seen = np.einsum("nmk,nmj,nj->nk", R, R, model.jacobian_vector_product(w, v))
        product = model.vector_jacobian_product(w, seen) + PRIOR * v
        np.testing.assert_allclose(product, model.hessian_vector_product(w, v), rtol=1e-9, atol=1e-10)
        assert np.isfinite(st.evidence.laplace(model, PRIOR, about=w).log_evidence)


@pytest.mark.parametrize("name", ["momentum", "adam"])
def test_steps_are_those_of_a_loop_over_jax_grad(double, name):
    """Written out, with the formulas of torch.optim, which the models of PyTorch are held to step by step."""
    model, rate = model_of(), 0.3
    options = {"optimizer": st.Adam()} if name == "adam" else {}
    hp = settings(rate, momentum=0.9) if name == "momentum" else settings(rate)
    run = st.sgd(model, hp, model.weights, n_steps=6, rng=0, save_every=1, **options)
    w, m, v = model.weights, 0.0, 0.0
    for t, batch in enumerate(batches(6), 1):
        g = np.mean([np.asarray(jax.grad(of_one(i))(w)) for i in batch], axis=0)
        if name == "momentum":
            m = 0.9 * m + g
            w = w - rate * m
        else:
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
            w = w - rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        np.testing.assert_allclose(run.paths[t, 0], w, rtol=1e-9, atol=1e-10)


def test_single_precision_stays_single_and_survives_a_pickle():
    model = model_of(np.float32)
    given = {"n_steps": 10, "rng": 1}
    run = st.sgd(model, settings(), model.weights, **given)
    assert run.final.dtype == np.float32 == model.gradient(model.weights).dtype
    copied = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(st.sgd(copied, settings(), model.weights, **given).final, run.final)
    tree = model.unflatten(run.final[0])
    assert tree["last"]["w"].shape == (HIDDEN, CLASSES)
    np.testing.assert_array_equal(model.flatten(tree), run.final[0])
    with pytest.raises(InvalidInputError, match="parameters must be a tree like that of the model"):
        model.flatten({"first": tree["first"]})
    found = st.models.check(model, model.weights, rng=0)
    assert found.ok, found
    assert model.outputs(model.weights, X[:2].astype("float32")).shape == (2, CLASSES)
    with pytest.raises(InvalidInputError, match=r"inputs must have rows of shape \(4,\)"):
        model.outputs(model.weights, X[:2, :3].astype("float32"))


def drawing():
    generator = np.random.default_rng(0)
    return lambda params, x: apply(params, x) * generator.random()


SINGLE = X.astype("float32")
REFUSED = {
    "a mean over the batch": (
        {"apply": lambda p, x: apply(p, x - x.mean(0))}, r"apply\(params, inputs\) must treat each example",
    ),
    "a draw": ({"apply": drawing()}, r"apply\(params, inputs\) must have no randomness"),
    "no function": ({"apply": 3}, "apply must be a function of params and inputs"),
    "a function that fails": ({"apply": lambda p, x: p["none"]}, "apply must be a function of params.*it failed with"),
    "mean loss": ({"loss": lambda o, t: cross_entropy(o, t).mean()}, "it returns their mean"),
    "sum of losses": ({"loss": lambda o, t: cross_entropy(o, t).sum()}, "it returns their sum"),
    "a loss of the batch": (
        {"loss": lambda o, t: cross_entropy(o - o.mean(0), t)}, "loss must treat each example by itself",
    ),
    "two precisions": (
        {"params": {"a": np.ones(3, "float32"), "b": np.ones(3)}}, "params must be of one dtype",
    ),
    "float64 without x64": ({"params": parameters()}, "jax_enable_x64"),
    "whole numbers": ({"params": {"a": np.arange(3)}}, "params must hold arrays of float32 or float64 alone"),
    "no parameters": ({"params": {}}, "params must hold arrays of weights"),
    "weights that are not finite": (
        {"params": jax.tree.map(lambda leaf: leaf * np.nan, parameters("float32"))}, "params must be finite",
    ),
    "targets of another length": ({"targets": LABELS[:5]}, "targets must have 23 rows"),
    "a list": ({"inputs": SINGLE.tolist()}, r"inputs must be an array.*numpy\.asarray\(inputs\)"),
    "inputs of another precision": ({"inputs": X}, r"inputs must be of the dtype of params, float32; got float64"),
    "inputs that are not finite": ({"inputs": SINGLE * np.nan}, "inputs must be finite"),
    "a negative precision": ({"prior_precision": -1.0}, "prior_precision must be >= 0"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_sum_over_examples_is_refused(name):
    changes, words = REFUSED[name]
    given = {
        "apply": apply,
        "params": parameters("float32"),
        "loss": cross_entropy,
        "inputs": SINGLE,
        "targets": LABELS,
    }
    with pytest.raises(InvalidInputError, match=words):
        st.models.from_jax(**given | changes)


def test_precisions_do_not_go_together():
    with pytest.raises(IncompatibleError):
        st.models.from_jax(apply, parameters("float32"), cross_entropy, X, LABELS)
