"""Functions of JAX as models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ... import _validate
from ...errors import InvalidInputError
from .adapted_model import AdaptedModel


def from_jax(
    apply: Callable[[Any, Any], Any],
    params: Any,
    loss: Callable[[Any, Any], Any],
    inputs: Any,
    targets: Any,
    *,
    prior_precision: float = 0.0,
) -> AdaptedModel:
    r"""Make a model of a function of JAX, with which everything works that takes a model.

    .. math:: C(w) = \sum_{i=1}^N \ell(\mathrm{apply}(w, x_i), y_i) + \frac{\lambda}{2} |w|^2

    Parameters
    ----------
    apply : callable
        ``apply(params, inputs)``: the outputs of a batch, one row an example. A function that JAX can compile and
        differentiate, without state and without draws. Parameters that are frozen stand in it, not in `params`.
    params : pytree
        Arrays of float32 or float64, all alike; leaf by leaf they are w.
    loss : callable
        ``loss(outputs, targets)``, *one number for each example*, shape (B,), not their mean or sum. For the evidence
        it must be −ln P(y|outputs), with all its constants.
    inputs, targets : ndarray or jax.Array, shapes (N, ...)
        One example a row; those that are floats in the dtype of the parameters. They need not be copied.
    prior_precision : float
        λ ≥ 0.

    Returns
    -------
    AdaptedModel
        With the methods of :class:`Model`, and of the outputs' derivatives.

    Raises
    ------
    ImportError
        If JAX is not installed (``pip install "sdetheory[jax]"``).
    InvalidInputError
        If the function mixes examples (normalizes over the batch), the loss returns a mean, a sum, or what is not
        finite, gradients are not the slopes of the loss, or lengths differ.
    IncompatibleError
        If arrays are of another precision than the parameters.

    Notes
    -----
    Each derivative is compiled when it is first asked for, and again for each size of a batch: a schedule of many batch
    sizes compiles as many times. float64 needs ``jax.config.update("jax_enable_x64", True)``.

    References
    ----------
    J. Bradbury et al., "JAX: composable transformations of Python+NumPy programs" (2018).

    Examples
    --------
    >>> import jax
    >>> import sdetheory as st
    >>> def apply(params, x):
    ...     return jax.numpy.tanh(x @ params["w1"]) @ params["w2"]
    >>> def loss(outputs, targets):
    ...     return -jax.nn.log_softmax(outputs)[np.arange(len(targets)), targets]
    >>> rng = np.random.default_rng(0)
    >>> params = {"w1": rng.standard_normal((2, 4), "float32"), "w2": rng.standard_normal((4, 3), "float32")}
    >>> inputs, targets = rng.standard_normal((60, 2), "float32"), rng.integers(0, 3, 60)
    >>> model = st.models.from_jax(apply, params, loss, inputs, targets, prior_precision=0.5)
    >>> model.train_size, model.dimension, model.weights.dtype
    (60, 20, dtype('float32'))
    >>> hp = st.SGDHyperparameters(learning_rate=0.1, train_size=60, batch_size=10)
    >>> run = st.sgd(model, hp, model.weights, n_steps=100, rng=0)
    >>> bool(model.cost(run.final[0]) < model.cost(model.weights))
    True
    >>> model.unflatten(run.final[0])["w2"].shape
    (4, 3)
    """
    try:
        import jax
    except ImportError as error:
        raise ImportError(
            'from_jax() needs JAX, which was not found. Install it with: pip install "sdetheory[jax]"', name="jax"
        ) from error
    from ._jax import JaxBackend, check_data

    _validate.function("apply", apply, "of params and inputs")
    _validate.function("loss", loss, "of outputs and targets")
    precision = _validate.real("prior_precision", prior_precision, at_least=0.0)
    with _validate.naming("params"):
        dtype = _checked_dtype(jax, params)
    check_data(inputs, targets, dtype)
    return AdaptedModel(JaxBackend(apply, params, loss, inputs, targets), prior_precision=precision)


def _checked_dtype(jax: Any, params: Any) -> np.dtype[Any]:
    """Refuse parameters that are no vector of one kind, and return their dtype."""
    try:
        leaves = jax.tree.leaves(params)
    except Exception as error:  # keys that have no order, say
        raise InvalidInputError(f"params must be a tree of arrays; got {_validate.shown(params)} ({error})") from None
    if not leaves or sum(np.size(leaf) for leaf in leaves) == 0:
        raise InvalidInputError(f"params must hold arrays of weights; got {_validate.shown(params)}")
    for leaf in leaves:
        if not isinstance(leaf, (np.ndarray, jax.Array)) or leaf.dtype not in (np.float32, np.float64):
            raise InvalidInputError(
                f"params must hold arrays of float32 or float64 alone; got {_validate.shown(leaf)}. What is not "
                "trained belongs into apply."
            )
    if len(kinds := sorted({str(leaf.dtype) for leaf in leaves})) > 1:
        raise InvalidInputError(f"params must be of one dtype, to be one vector; got {' and '.join(kinds)}")
    if leaves[0].dtype == np.float64 and not jax.config.jax_enable_x64:
        raise InvalidInputError(
            'params must be float32 unless JAX computes in float64: jax.config.update("jax_enable_x64", True), before '
            "any array is made"
        )
    if not all(bool(np.isfinite(leaf).all()) for leaf in leaves):
        raise InvalidInputError("params must be finite; some weights are not")
    return np.dtype(leaves[0].dtype)
