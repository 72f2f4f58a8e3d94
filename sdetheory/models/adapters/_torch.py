"""A module of PyTorch whose weights are a NumPy vector."""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import _validate
from ...errors import IncompatibleError, InvalidInputError
from ._trial import examine, tried

Array = NDArray[Any]


def _torch() -> Any:
    import torch

    return torch


class TorchBackend:
    """Derivatives by autograd; the weights of a copy of the module are views of the vector that is asked about.

    A step of SGD then copies no weights. As this changes the copy, one thread at a time is served.
    """

    def __init__(self, module: Any, loss: Any, inputs: Any, targets: Any) -> None:
        self._module, self._loss = module, loss
        trained = {name: each for name, each in module.named_parameters() if each.requires_grad}
        self._names, self._parameters = list(trained), list(trained.values())
        self._shapes = [tuple(each.shape) for each in self._parameters]
        ends = np.cumsum([each.numel() for each in self._parameters])
        self._places = [
            slice(int(end) - each.numel(), int(end)) for end, each in zip(ends, self._parameters, strict=True)
        ]
        self._device = self._parameters[0].device
        self._inputs, self._targets = inputs.detach(), targets.detach()
        self.train_size, self.dimension = len(inputs), int(ends[-1])
        self.weights = self.flatten(trained)
        self.dtype = self.weights.dtype
        self._bound: Any = None
        self._threads = _torch().get_num_threads()
        self._lock = threading.RLock()
        self.n_outputs = self._try()

    def __repr__(self) -> str:
        """Name the module's class."""
        return type(self._module).__name__

    def __getstate__(self) -> dict[str, Any]:
        with self._lock:
            for parameter in self._parameters:  # a view would take the whole vector with it, each anew
                parameter.data = parameter.data.clone()
            self._bound = None
            return {key: value for key, value in vars(self).items() if key not in ("_lock", "_threads")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lock=threading.RLock(), _threads=_torch().get_num_threads())

    def losses(self, w: Array, rows: Any, data: tuple[Any, Any] | None = None) -> Array:
        """Return ℓᵢ."""
        inputs, targets = (self._inputs, self._targets) if data is None else data
        rows = self._tensor(rows)
        with self._lock, _torch().no_grad():
            self._bind(w)
            return _array(self._loss(self._module(inputs[rows]), targets[rows]))

    def gradient(self, w: Array, rows: Any, scale: Any) -> Array:
        """Return Σ scaleᵢ ∇ℓᵢ."""
        torch, rows = _torch(), self._tensor(rows)
        with self._lock, torch.enable_grad():
            self._bind(w)
            losses = self._loss(self._module(self._inputs[rows]), self._targets[rows])
            scales = torch.full_like(losses, scale) if np.ndim(scale) == 0 else self._tensor(scale)
            return _array(self._flat(self._derivatives(losses, grad_outputs=scales)))

    def example_gradients(self, w: Array, rows: Any, out: Array) -> None:
        """Write ∇ℓᵢ to out, all of them together if the module's operations allow it."""
        torch, rows = _torch(), self._tensor(rows)
        with self._lock:
            self._bind(w)
            inputs, targets = self._inputs[rows], self._targets[rows]
            if not self._together:
                with torch.enable_grad():
                    for i in range(len(inputs)):
                        losses = self._loss(self._module(inputs[i : i + 1]), targets[i : i + 1])
                        out[i] = _array(self._flat(self._derivatives(losses.sum())))
                return
            views = dict(zip(self._names, (each.detach() for each in self._parameters), strict=True))
            found = torch.func.vmap(torch.func.grad(self._single), in_dims=(None, 0, 0))(views, inputs, targets)
            target = torch.from_numpy(out)
            for name, place in zip(self._names, self._places, strict=True):
                target[:, place].copy_(found[name].reshape(len(inputs), -1))

    def hessian_product(self, w: Array, v: Array, rows: Any) -> Array:
        """Return Σ ∇∇ℓᵢ v, by the gradient of the product of the gradient with v."""
        torch = _torch()
        with self._lock, torch.enable_grad():
            self._bind(w)
            total = self._loss(self._module(self._inputs[rows]), self._targets[rows]).sum()
            slopes = self._derivatives(total, create_graph=True)
            along: Any = sum((slope * part).sum() for slope, part in zip(slopes, self._parts(v), strict=True))
            if not along.requires_grad:  # a cost that is linear in the weights
                return np.zeros(self.dimension, self.dtype)
            return _array(self._flat(self._derivatives(along)))

    def outputs(self, w: Array, inputs: Any) -> Array:
        """Return the outputs of rows, or of other inputs."""
        with self._lock, _torch().no_grad():
            self._bind(w)
            given = self._inputs[inputs] if isinstance(inputs, slice) else inputs
            return _array(self._rowed(self._module(given)))

    def jacobian_product(self, w: Array, v: Array, rows: Any) -> Array:
        """Return J v as the derivative of v·Jᵀu in u, which any module has that has second derivatives."""
        torch = _torch()
        with self._lock, torch.enable_grad():
            self._bind(w)
            outputs = self._rowed(self._module(self._inputs[rows]))
            u = torch.zeros_like(outputs, requires_grad=True)
            slopes = self._derivatives(outputs, grad_outputs=u, create_graph=True)
            along: Any = sum((slope * part).sum() for slope, part in zip(slopes, self._parts(v), strict=True))
            return _array(torch.autograd.grad(along, u)[0])

    def jacobian_transpose(self, w: Array, u: Array, rows: Any) -> Array:
        """Return Jᵀ u."""
        with self._lock, _torch().enable_grad():
            self._bind(w)
            outputs = self._rowed(self._module(self._inputs[rows]))
            return _array(self._flat(self._derivatives(outputs, grad_outputs=self._tensor(u))))

    def output_hessians(self, w: Array, rows: Any) -> Array:
        """Return the Hessians of ℓᵢ in the outputs, computed in float64 whatever the module computes in."""
        torch = _torch()
        targets = self._targets[rows]
        targets = targets.double() if targets.is_floating_point() else targets
        loss = self._loss
        if isinstance(loss, torch.nn.Module):
            loss = copy.deepcopy(loss).double()
        with self._lock, torch.enable_grad():
            self._bind(w)
            with torch.no_grad():
                outputs = self._module(self._inputs[rows]).double()
            outputs.requires_grad_()
            losses = tried("loss", loss, outputs, targets, on="outputs and targets in float64")
            slopes = torch.autograd.grad(losses.sum(), outputs, create_graph=True)[0].reshape(len(outputs), -1)
            if not slopes.requires_grad:  # a loss that is linear in the outputs
                return np.zeros((*slopes.shape, slopes.shape[1]))
            columns = [
                torch.autograd.grad(slopes[:, j].sum(), outputs, retain_graph=True)[0].reshape(len(outputs), -1)
                for j in range(slopes.shape[1])
            ]
            return _array(torch.stack(columns, dim=1))

    def checked(self, inputs: Any, targets: Any) -> tuple[Any, Any]:
        """Return other data as they are, if they are on the module's device and in its dtype."""
        check_data(inputs, targets, self._parameters[0])
        if inputs.shape[1:] != self._inputs.shape[1:]:
            raise InvalidInputError(
                f"inputs must have rows of shape {tuple(self._inputs.shape[1:])}; got {tuple(inputs.shape[1:])}"
            )
        return inputs.detach(), None if targets is None else targets.detach()

    def unflatten(self, w: Array) -> dict[str, Any]:
        """Return tensors of their own by name."""
        return {name: part.clone() for name, part in zip(self._names, self._parts(w), strict=True)}

    def flatten(self, parameters: Any) -> Array:
        """Return the weights of a module of the same kind, or of tensors by name, as one vector."""
        named = dict(parameters.named_parameters()) if hasattr(parameters, "named_parameters") else parameters
        if not isinstance(named, Mapping):
            raise InvalidInputError(
                f"parameters must be a module, or tensors by name; got {_validate.shown(parameters)}"
            )
        missing = [name for name in self._names if name not in named]
        wrong = {
            name: tuple(getattr(named[name], "shape", ()))
            for name, shape in zip(self._names, self._shapes, strict=True)
            if name not in missing and tuple(getattr(named[name], "shape", ())) != shape
        }
        if missing or wrong:
            right = {name: shape for name, shape in zip(self._names, self._shapes, strict=True) if name in wrong}
            raise InvalidInputError(
                "parameters must be those of the module that the model was made of; "
                + (f"{', '.join(missing)} are missing" if missing else f"got the shapes {wrong} in place of {right}")
            )
        return np.concatenate([np.array(_array(named[name].detach())).reshape(-1) for name in self._names])

    def _try(self) -> int:
        """Ask the module a few examples, and whether its operations work on examples one by one."""
        torch = _torch()
        before = {name: each.detach().clone() for name, each in self._module.named_buffers()}

        def outputs(rows: Array) -> Any:
            with torch.no_grad():
                return tried("module", self._module, self._inputs[self._tensor(rows)], on="inputs")

        def loss(found: Any, rows: Array) -> Any:
            with torch.no_grad():
                said = tried("loss", self._loss, found, self._targets[self._tensor(rows)], on="outputs and targets")
            if not isinstance(said, torch.Tensor):
                raise InvalidInputError(f"loss must return a tensor; it returns {_validate.shown(said)}")
            return said

        first = outputs(np.arange(1))
        if not isinstance(first, torch.Tensor):
            raise InvalidInputError(f"module must return a tensor; it returns {_validate.shown(first)}")
        self._wide = first.ndim > 1
        size = examine("module", outputs, loss, self.train_size, _array)
        changed = [n for n, each in self._module.named_buffers() if not torch.equal(each, before[n])]
        if changed:
            raise InvalidInputError(
                f"module must not change when it is called; it changes {', '.join(changed)}, as in training mode. Call "
                "module.eval()."
            )
        few = np.arange(min(2, self.train_size))
        self._together = False
        one_by_one = np.empty((len(few), self.dimension), self.dtype)
        tried(
            "module", self.example_gradients, self.weights, few, one_by_one, on="inputs with derivatives in its weights"
        )
        self._together = True
        try:
            found = np.empty_like(one_by_one)
            self.example_gradients(self.weights, few, found)
            close = 1e4 * np.finfo(self.dtype).eps * np.abs(one_by_one).max(initial=0.0)
            self._together = bool(np.abs(found - one_by_one).max(initial=0.0) <= close)
        except Exception:  # an operation that vmap does not know, or that looks at numbers: then one by one
            self._together = False
        return size

    def _single(self, weights: dict[str, Any], inputs: Any, targets: Any) -> Any:
        outputs = _torch().func.functional_call(self._module, weights, (inputs[None],))
        return self._loss(outputs, targets[None])[0]

    def _bind(self, w: Array) -> None:
        """Make a vector the weights of the module; the same array again is seen with what it holds by now."""
        if (torch := _torch()).get_num_threads() != self._threads:  # Numba's kernels share OpenMP with PyTorch
            torch.set_num_threads(self._threads)
        if w is self._bound:
            return
        shared = w if w.flags.writeable else w.copy()  # PyTorch has no tensors that are only read
        for parameter, part in zip(self._parameters, self._parts(shared), strict=True):
            parameter.data = part
        self._bound = w if shared is w and self._device.type == "cpu" else None

    def _parts(self, w: Array) -> list[Any]:
        flat = self._tensor(w if w.flags.writeable else w.copy())
        return [flat[place].view(shape) for place, shape in zip(self._places, self._shapes, strict=True)]

    def _tensor(self, array: Any) -> Any:
        if isinstance(array, slice):
            return array
        return _torch().from_numpy(array).to(self._device)

    def _derivatives(self, of: Any, **options: Any) -> list[Any]:
        """Return derivatives in the weights; those of weights that are not used are zero."""
        torch = _torch()
        found = torch.autograd.grad(of, self._parameters, allow_unused=True, **options)
        pairs = zip(found, self._parameters, strict=True)
        return [torch.zeros_like(parameter) if part is None else part for part, parameter in pairs]

    def _flat(self, parts: Any) -> Any:
        return _torch().cat([part.reshape(-1) for part in parts])

    def _rowed(self, outputs: Any) -> Any:
        return outputs.flatten(1) if self._wide else outputs[:, None]


def _array(tensor: Any) -> Array:
    return tensor.numpy(force=True)


def check_data(inputs: Any, targets: Any, parameter: Any) -> None:
    """Refuse data that are no tensors, of another device, precision or length."""
    torch = _torch()
    given = {"inputs": inputs} if targets is None else {"inputs": inputs, "targets": targets}
    for name, value in given.items():
        if not isinstance(value, torch.Tensor):
            raise InvalidInputError(
                f"{name} must be a tensor; got {_validate.shown(value)}. Pass torch.as_tensor({name})."
            )
        if value.ndim == 0 or not len(value):
            raise InvalidInputError(f"{name} must have a row for each example; got shape {tuple(value.shape)}")
        if value.device != parameter.device:
            raise IncompatibleError(
                f"{name} must be on the device of the module, {parameter.device}; got {value.device}. "
                f"Move them: {name}.to({str(parameter.device)!r})."
            )
        if value.is_complex():
            raise InvalidInputError(f"{name} must be real; got {value.dtype}")
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise InvalidInputError(f"{name} must be finite; {int((~torch.isfinite(value)).sum())} entries are not")
    if inputs.is_floating_point() and inputs.dtype != parameter.dtype:
        raise IncompatibleError(
            f"inputs must be of the dtype of the weights, {parameter.dtype}; got {inputs.dtype}. Convert one of them: "
            f"inputs.to({parameter.dtype}) or module.to({inputs.dtype})."
        )
    if targets is not None and len(targets) != len(inputs):
        raise InvalidInputError(f"targets must have {len(inputs)} rows, one for each of inputs; got {len(targets)}")
