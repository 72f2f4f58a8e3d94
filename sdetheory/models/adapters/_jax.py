"""A function of JAX whose parameters are a NumPy vector."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import _validate
from ...errors import IncompatibleError, InvalidInputError
from ._trial import examine, tried

Array = NDArray[Any]


def _jax() -> Any:
    import jax
    import jax.flatten_util

    return jax


class JaxBackend:
    """Derivatives by grad, jvp and vjp; each is compiled when it is first asked for, and for each size of a batch."""

    def __init__(self, apply: Any, params: Any, loss: Any, inputs: Any, targets: Any) -> None:
        self._apply, self._loss = apply, loss
        self._tree = _jax().tree.map(np.asarray, params)
        self.weights = self.flatten(params)
        self.dtype, self.dimension = self.weights.dtype, self.weights.size
        self._inputs, self._targets = _jax().numpy.asarray(inputs), _jax().numpy.asarray(targets)
        self.train_size = len(inputs)
        self.n_outputs = self._try()

    def __repr__(self) -> str:
        """Name the function."""
        return str(getattr(self._apply, "__name__", type(self._apply).__name__))

    def __getstate__(self) -> dict[str, Any]:
        # Compiled code stays in its process.
        return {key: value for key, value in vars(self).items() if key not in ("_functions", "_unravel")}

    def losses(self, w: Array, rows: Any, data: tuple[Any, Any] | None = None) -> Array:
        """Return ℓᵢ."""
        inputs, targets = (self._inputs, self._targets) if data is None else data
        return _array(self._functions["losses"](w, inputs[rows], targets[rows]))

    def gradient(self, w: Array, rows: Any, scale: Any) -> Array:
        """Return Σ scaleᵢ ∇ℓᵢ."""
        return _array(self._functions["gradient"](w, self._inputs, self._targets, rows, np.asarray(scale, self.dtype)))

    def example_gradients(self, w: Array, rows: Any, out: Array) -> None:
        """Write ∇ℓᵢ to out."""
        out[:] = self._functions["example_gradients"](w, self._inputs, self._targets, rows)

    def hessian_product(self, w: Array, v: Array, rows: Any) -> Array:
        """Return Σ ∇∇ℓᵢ v, forward over reverse."""
        return _array(self._functions["hessian_product"](w, self._inputs[rows], self._targets[rows], v))

    def outputs(self, w: Array, inputs: Any) -> Array:
        """Return the outputs of rows, or of other inputs."""
        return _array(self._functions["outputs"](w, self._inputs[inputs] if isinstance(inputs, slice) else inputs))

    def jacobian_product(self, w: Array, v: Array, rows: Any) -> Array:
        """Return J v."""
        return _array(self._functions["jacobian_product"](w, self._inputs[rows], v))

    def jacobian_transpose(self, w: Array, u: Array, rows: Any) -> Array:
        """Return Jᵀ u."""
        return _array(self._functions["jacobian_transpose"](w, self._inputs[rows], u))

    def output_hessians(self, w: Array, rows: Any) -> Array:
        """Return the Hessians of ℓᵢ in the outputs, in the dtype of the parameters."""
        return _array(self._functions["output_hessians"](w, self._inputs[rows], self._targets[rows]))

    def checked(self, inputs: Any, targets: Any) -> tuple[Any, Any]:
        """Return other data as arrays of JAX, if they fit."""
        check_data(inputs, targets, self.dtype)
        if np.shape(inputs)[1:] != self._inputs.shape[1:]:
            raise InvalidInputError(
                f"inputs must have rows of shape {self._inputs.shape[1:]}; got {np.shape(inputs)[1:]}"
            )
        asarray = _jax().numpy.asarray
        return asarray(inputs), None if targets is None else asarray(targets)

    def unflatten(self, w: Array) -> Any:
        """Return the tree of parameters."""
        return self._unravel(w)

    def flatten(self, parameters: Any) -> Array:
        """Return a tree like the one that was given as one vector."""
        jax = _jax()
        leaves, tree = jax.tree.flatten(parameters)
        own, right = jax.tree.flatten(self._tree)
        shapes, wanted = [np.shape(leaf) for leaf in leaves], [leaf.shape for leaf in own]
        if tree != right or shapes != wanted:
            raise InvalidInputError(
                f"parameters must be a tree like that of the model, with arrays of shapes {wanted}; got "
                f"{_validate.shown(tree) if tree != right else shapes}"
            )
        return np.concatenate([np.asarray(leaf).reshape(-1) for leaf in leaves])

    @cached_property
    def _unravel(self) -> Callable[[Any], Any]:
        return _jax().flatten_util.ravel_pytree(self._tree)[1]

    @cached_property
    def _functions(self) -> dict[str, Callable[..., Any]]:
        jax = _jax()

        def applied(w: Any, x: Any) -> Any:
            return self._apply(self._unravel(w), x)

        def outputs(w: Any, x: Any) -> Any:
            found = applied(w, x)
            return found.reshape(len(found), -1)

        def losses(w: Any, x: Any, y: Any) -> Any:
            return self._loss(applied(w, x), y)

        def total(w: Any, x: Any, y: Any, scale: Any) -> Any:
            return (losses(w, x, y) * scale).sum()

        def output_hessian(w: Any, x: Any, y: Any) -> Any:
            found = applied(w, x[None])
            return jax.hessian(lambda o: self._loss(o.reshape(found.shape), y[None])[0])(found.reshape(-1))

        def of_rows(function: Any) -> Any:
            """Let a function of examples take their numbers, so that they are found inside what is compiled."""
            return lambda w, x, y, rows, *rest: function(w, x[rows], y[rows], *rest)

        functions = {
            "losses": losses,
            "gradient": of_rows(jax.grad(total)),
            "example_gradients": of_rows(
                jax.vmap(jax.grad(lambda w, x, y: losses(w, x[None], y[None])[0]), (None, 0, 0))
            ),
            "hessian_product": lambda w, x, y, v: jax.jvp(lambda p: jax.grad(total)(p, x, y, 1.0), (w,), (v,))[1],
            "outputs": outputs,
            "jacobian_product": lambda w, x, v: jax.jvp(lambda p: outputs(p, x), (w,), (v,))[1],
            "jacobian_transpose": lambda w, x, u: jax.vjp(lambda p: outputs(p, x), w)[1](u)[0],
            "output_hessians": jax.vmap(output_hessian, (None, 0, 0)),
        }
        return {name: jax.jit(function) for name, function in functions.items()}

    def _try(self) -> int:
        """Ask the network a few examples."""
        params = self._unravel(self.weights)

        def outputs(rows: Array) -> Any:
            return tried("apply", self._apply, params, self._inputs[rows], on="params and inputs")

        def loss(found: Any, rows: Array) -> Any:
            said = tried("loss", self._loss, found, self._targets[rows], on="outputs and targets")
            if not isinstance(said, _jax().Array):
                raise InvalidInputError(f"loss must return an array of JAX; it returns {_validate.shown(said)}")
            return said

        first = outputs(np.arange(1))
        if not isinstance(first, _jax().Array):
            raise InvalidInputError(f"apply must return an array; it returns {_validate.shown(first)}")
        size = examine("apply(params, inputs)", outputs, loss, self.train_size, np.asarray)
        if first.dtype != self.dtype:
            raise IncompatibleError(
                f"apply must compute in the dtype of params, {self.dtype}; its outputs are {first.dtype}"
            )
        one = np.arange(1)
        tried("apply", self.gradient, self.weights, one, 1.0, on="params and inputs that jax.grad and jax.jit take")
        return size


def _array(found: Any) -> Array:
    """Return an array that may be written to, which what JAX shares may not."""
    return np.array(found)


def check_data(inputs: Any, targets: Any, dtype: np.dtype[Any]) -> None:
    """Refuse data that are no arrays, of another precision or length."""
    jax = _jax()
    given = {"inputs": inputs} if targets is None else {"inputs": inputs, "targets": targets}
    for name, value in given.items():
        if not isinstance(value, (np.ndarray, jax.Array)) or np.ma.isMaskedArray(value):
            raise InvalidInputError(
                f"{name} must be an array of NumPy or JAX; got {_validate.shown(value)}. Pass numpy.asarray({name})."
            )
        if value.ndim == 0 or not len(value):
            raise InvalidInputError(f"{name} must have a row for each example; got shape {value.shape}")
        if value.dtype.kind not in "biuf":
            raise InvalidInputError(f"{name} must be real numbers; got dtype {value.dtype}")
        if value.dtype.kind == "f" and not bool(np.isfinite(value).all()):
            raise InvalidInputError(f"{name} must be finite; {int((~np.isfinite(value)).sum())} entries are not")
        if value.dtype.kind == "f" and value.dtype != dtype:
            raise IncompatibleError(
                f"{name} must be of the dtype of params, {dtype}; got {value.dtype}. Convert them: "
                f"{name}.astype('{dtype}')."
            )
    if targets is not None and len(targets) != len(inputs):
        raise InvalidInputError(f"targets must have {len(inputs)} rows, one for each of inputs; got {len(targets)}")
