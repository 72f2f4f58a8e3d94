"""Modules of PyTorch as models."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from ... import _validate
from ...errors import IncompatibleError, InvalidInputError
from .adapted_model import AdaptedModel


def from_torch(
    module: Any, loss: Callable[[Any, Any], Any], inputs: Any, targets: Any, *, prior_precision: float = 0.0
) -> AdaptedModel:
    r"""Make a model of a PyTorch module, with which everything works that takes a model.

    .. math:: C(w) = \sum_{i=1}^N \ell(\mathrm{module}_w(x_i), y_i) + \frac{\lambda}{2} |w|^2

    Parameters
    ----------
    module : torch.nn.Module
        The network, on whose copy the model works: what becomes of the module later is not seen. Its parameters with
        ``requires_grad`` are w; the others are frozen at their values. float32 or float64, all alike.
    loss : callable
        ``loss(outputs, targets)``, *one number for each example*, shape (B,), not their mean or sum:
        ``torch.nn.CrossEntropyLoss(reduction="none")``, say. For the evidence it must be −ln P(y|outputs), with all its
        constants.
    inputs, targets : torch.Tensor, shapes (N, ...)
        One example a row, on the module's device; inputs that are floats in its dtype. They are not copied.
    prior_precision : float
        λ ≥ 0. PyTorch's ``weight_decay`` is λ/N, as its cost is the mean.

    Returns
    -------
    AdaptedModel
        With the methods of :class:`Model`, and of the outputs' derivatives.

    Raises
    ------
    ImportError
        If PyTorch is not installed (``pip install "sdetheory[torch]"``).
    InvalidInputError
        If the module draws numbers (dropout in training mode), mixes examples (batch normalization in training mode) or
        changes when it is called, the loss returns a mean, a sum, or what is not finite, gradients are not the slopes
        of the loss, or lengths differ.
    IncompatibleError
        If tensors are on other devices or of another precision than the module.

    Notes
    -----
    Gradients are those of autograd. Those of the examples come from ``torch.func.vmap``, at most 2²² entries at a time
    beyond those returned; where the module has operations that vmap does not know, one after the other.

    :func:`sgd` makes a step on the weights where they are: no copy is made if it starts at ``model.weights``, of the
    module's dtype. Steps of `momentum_of="gradients"`, `Adam` and `RMSprop` are those of ``torch.optim``. PyTorch keeps
    the number of threads that it has when the model is made; for small networks ``torch.set_num_threads(1)`` is faster.

    References
    ----------
    A. Paszke et al., "PyTorch: An imperative style, high-performance deep learning library", NeurIPS 2019,
    arXiv:1912.01703.

    Examples
    --------
    >>> import torch
    >>> import sdetheory as st
    >>> _ = torch.manual_seed(0)
    >>> module = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3)).double()
    >>> inputs, targets = torch.randn(60, 2).double(), torch.randint(3, (60,))
    >>> loss = torch.nn.CrossEntropyLoss(reduction="none")
    >>> model = st.models.from_torch(module, loss, inputs, targets, prior_precision=0.5)
    >>> model.train_size, model.dimension, model.weights.shape
    (60, 51, (51,))
    >>> st.models.check(model, model.weights, rng=0).ok
    True
    >>> hp = st.SGDHyperparameters(learning_rate=0.1, train_size=60, batch_size=10, momentum=0.9)
    >>> run = st.sgd(model, hp, model.weights, n_steps=100, rng=0)
    >>> _ = module.load_state_dict(model.unflatten(run.final[0]))
    >>> bool(model.cost(run.final[0]) < model.cost(model.weights))
    True
    """
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            'from_torch() needs PyTorch, which was not found. Install it with: pip install "sdetheory[torch]"',
            name="torch",
        ) from error
    from ._torch import TorchBackend, check_data

    _validate.instance("module", module, torch.nn.Module, hint="Put functions into a module, or use from_jax.")
    _validate.function("loss", loss, "of outputs and targets")
    precision = _validate.real("prior_precision", prior_precision, at_least=0.0)
    check_data(inputs, targets, _checked_parameters(torch, module))
    _check_layers(torch, module)
    try:
        own = copy.deepcopy(module)
    except Exception as error:
        raise InvalidInputError(
            f"module must be one that copy.deepcopy copies, as the model keeps one of its own; it failed: {error}"
        ) from error
    return AdaptedModel(TorchBackend(own, loss, inputs, targets), prior_precision=precision)


def _checked_parameters(torch: Any, module: Any) -> Any:
    """Refuse weights that are no vector of one kind, and return one of them."""
    named = list(module.named_parameters())
    if lazy := [name for name, each in named if isinstance(each, torch.nn.parameter.UninitializedParameter)]:
        raise InvalidInputError(
            f"module must have all its weights; {lazy[0]} has no shape yet. Call it once on inputs."
        )
    trained = {name: each for name, each in named if each.requires_grad}
    if not trained:
        raise InvalidInputError(
            "module must have parameters that are trained; "
            + (f"all {len(named)} are frozen (requires_grad=False)" if named else "it has none")
        )
    first = next(iter(trained.values()))
    if devices := sorted({str(each.device) for _, each in named} - {str(first.device)}):
        raise IncompatibleError(f"module must be on one device; got {first.device} and {', '.join(devices)}")
    if first.dtype not in (torch.float32, torch.float64):
        raise InvalidInputError(
            f"module must be of float32 or float64; got {first.dtype}. Call module.float() or module.double()."
        )
    if other := [name for name, each in trained.items() if each.dtype != first.dtype]:
        raise InvalidInputError(
            f"module must have weights of one dtype, to be one vector; got {first.dtype} and, for {other[0]}, "
            f"{trained[other[0]].dtype}"
        )
    if wrong := [name for name, each in named if not bool(torch.isfinite(each).all())]:
        raise InvalidInputError(f"module must have finite weights; those of {wrong[0]} are not all")
    return first


def _check_layers(torch: Any, module: Any) -> None:
    """Refuse layers that are known to mix examples or to draw, by their names."""
    nn = torch.nn.modules
    for name, layer in module.named_modules():
        label = f"{type(layer).__name__}{f' ({name})' if name else ''}"
        if isinstance(layer, nn.batchnorm._BatchNorm) and (layer.training or layer.running_mean is None):
            raise InvalidInputError(
                f"module must treat each example by itself; {label} in training mode normalizes over the batch, so "
                "that C(w) is no sum over examples. "
                + (
                    "Call module.eval(), which fixes its mean and variance, or use GroupNorm or LayerNorm."
                    if layer.running_mean is not None
                    else "It keeps no running mean either: use GroupNorm or LayerNorm."
                )
            )
        if isinstance(layer, nn.dropout._DropoutNd) and layer.training and layer.p > 0:
            raise InvalidInputError(
                f"module must have no randomness; {label} in training mode drops units at random, so that C(w) is no "
                "function. Call module.eval()."
            )
