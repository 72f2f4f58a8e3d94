"""A user's own drift or diffusion, compiled into a block kernel."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numba
import numpy as np
from numba import types
from numba.core.errors import NumbaError
from numba.extending import is_jitted
from numpy.typing import NDArray

from .._kernels.signatures import FIELD
from ..engine.interrupt import shielded
from ..errors import InvalidInputError
from ..symbolic.codegen import module_source
from ._fast_mathematics import stack_vector, with_fast_mathematics


class UserFunction:
    """A function from a point (d,) to `rows` numbers, called lane by lane; or to the diagonal of a matrix of them.

    It has the interface of a BlockFunction. Its machine code is not kept on disk: a function that came from anywhere
    cannot be told from an edited one.
    """

    def __init__(
        self,
        role: str,
        function: Callable[..., Any],
        dimension: int,
        rows: int,
        parameters: NDArray[np.float64],
        diagonal: bool = False,
    ) -> None:
        plain = function.py_func if is_jitted(function) else function  # pyright: ignore[reportFunctionMemberAccess]
        arguments = [
            p
            for p in inspect.signature(plain).parameters.values()
            if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
        if not 1 <= len(arguments) <= 3:
            raise InvalidInputError(f"{role} must take x, x and t, or x, t and parameters; it takes {len(arguments)}")
        self.role, self.dimension, self.rows, self.parameters = role, dimension, rows, parameters
        self.diagonal = diagonal
        # A division by zero gives inf, as in NumPy: an exception could not leave the kernel.
        options = dict(getattr(function, "targetoptions", {})) | {"error_model": "numpy", "nopython": True}
        options.pop("cache", None)
        self._plain, self._function, self._options = plain, numba.jit(**options)(plain), options
        self._arity = len(arguments)
        self._code = plain.__code__

    @cached_property
    def compiled(self) -> Any:
        """The machine code, as a first-class function that compiled kernels can call."""
        function = numba.jit(**self._options, forceinline=True)(with_fast_mathematics(self._plain))
        inline = numba.njit(forceinline=True)
        if self._arity == 1:
            call = inline(lambda x, p: function(x))
        elif self._arity == 2:
            call = inline(lambda x, p: function(x, p[-1]))
        else:
            call = inline(lambda x, p: function(x, p[-1], p[:-1]))
        try:
            with shielded():
                self._check(call)
                returned = call.nopython_signatures[-1].return_type
                return numba.cfunc(FIELD, error_model="numpy")(self._kernel(call, returned))
        except NumbaError as error:
            raise InvalidInputError(
                f"{self.role} {self._code.co_name!r} cannot be compiled by Numba{self._place(str(error))}. Use "
                "numbers, NumPy arrays and the functions of math and numpy that Numba knows, and return a number, a "
                "tuple or an array."
            ) from error

    def _kernel(self, call: Any, returned: types.Type) -> Any:
        """Return the loop over lanes; written out where that lets LLVM compute several lanes at once."""
        d, rows, stride = self.dimension, self.rows, self._stride
        if isinstance(returned, types.Number):
            values = ["float(values)"]
        elif isinstance(returned, types.UniTuple | types.Tuple) and all(isinstance(t, types.Number) for t in returned):
            values = [f"float(values[{i}])" for i in range(len(returned))]
        else:
            values = [f"flat[{i}]" for i in range(-(-rows // stride))]
        entries = ["0.0" if row % stride else values[row // stride] for row in range(rows)]
        body = ["def kernel(x, p, out):", f"    point = stack_vector({d})", "    for lane in range(x.shape[1]):"]
        body += [f"        point[{i}] = get(x, {i}, lane, {rows}, {rows})" for i in range(d)]
        body += ["        values = call(point, p)"]
        body += ["        flat = np.asarray(values).ravel()"] if values[0].startswith("flat") else []
        body += [f"        put(out, {row}, lane, {rows}, {entry})" for row, entry in enumerate(entries)]
        namespace = {"call": call, "stack_vector": stack_vector}
        exec(module_source(set(), body), namespace)
        return namespace["kernel"]

    @cached_property
    def source(self) -> str:
        """What the function computes, as text that is the same in every process: bytecode and all it refers to."""
        return f"{_identity(self._function)} {self._arity} {self.rows} {self._stride}"

    @property
    def _stride(self) -> int:
        """Rows from one of the function's numbers to the next."""
        return self.dimension + 1 if self.diagonal else 1

    def as_matrix(self) -> UserFunction:
        """Return the function that gives all d² entries of the matrix whose diagonal this one gives."""
        rows = self.dimension**2
        return UserFunction(self.role, self._function, self.dimension, rows, self.parameters, diagonal=True)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key not in ("compiled", "_plain", "_code")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Numba pickles the functions that it compiles, lambdas too.
        self.__dict__.update(state)
        self._plain = self._function.py_func
        self._code = self._plain.__code__

    def _check(self, call: Any) -> None:
        """Call the function once, so that a wrong number of values is an error and not a read out of bounds."""
        x, p = np.zeros(self.dimension), np.append(self.parameters, 0.0)
        try:
            # Machine code does not check bounds; Python does.
            with np.errstate(all="ignore"):
                self._plain(*(x, 0.0, self.parameters)[: self._arity])
        except IndexError as error:
            raise InvalidInputError(
                f"{self.role} {self._code.co_name!r} reads beyond x of shape ({self.dimension},) or parameters of "
                f"shape {self.parameters.shape}: {error}"
            ) from None
        except Exception:
            pass  # What is not Python's business, such as a division by zero.
        values = np.asarray(call(x, p))
        if values.size != (given := -(-self.rows // self._stride)):
            raise InvalidInputError(
                f"{self.role} {self._code.co_name!r} must return {given} numbers for x of shape "
                f"({self.dimension},); it returned shape {values.shape}"
            )

    def _place(self, message: str) -> str:
        """Return which line of the function Numba stopped at, as far as its message tells."""
        lines = [int(line) for file, line in re.findall(r'File "([^"]+)", line (\d+)', message) if file in self._file()]
        within = [line for line in lines if line >= self._code.co_firstlineno]
        unknown = re.search(r"NameError: .*", message)
        if not within and unknown:
            return f" ({unknown[0]})"
        return f" (line {within[-1]} of {self._code.co_filename})" if within else ""

    def _file(self) -> tuple[str, str]:
        # Numba shortens the paths of files below the current directory.
        return self._code.co_filename, os.path.relpath(self._code.co_filename)

    def __call__(self, x: NDArray[np.float64], time: float = 0.0) -> NDArray[np.float64]:
        """Return the values at points of shape (..., d), as an array of shape (..., rows)."""
        lanes = np.ascontiguousarray(x.reshape(-1, x.shape[-1]).T)
        out = np.empty((self.rows, lanes.shape[1]))
        _apply(self.compiled, lanes, np.append(self.parameters, time), out)
        return np.ascontiguousarray(out.T).reshape(*x.shape[:-1], self.rows)


@numba.njit
def _apply(function, x, parameters, out):
    function(x, parameters, out)


def _identity(value: Any, seen: tuple[Any, ...] = ()) -> str:
    """Return text that tells functions, and the constants that Numba froze into them, apart."""
    value = value.py_func if is_jitted(value) else value
    if inspect.isfunction(value):
        if value.__code__ in seen:
            return "itself"
        seen = (*seen, value.__code__)
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        used = [value.__globals__[name] for name in _names(value.__code__) if name in value.__globals__]
        parts = [_identity(part, seen) for part in (value.__code__, *cells, *used)]
        return f"function({', '.join(parts)})"
    if inspect.iscode(value):
        constants = [_identity(constant, seen) for constant in value.co_consts]
        return f"code({value.co_code.hex()}, {value.co_names}, {value.co_varnames}, {', '.join(constants)})"
    if isinstance(value, np.ndarray):
        return f"array({value.dtype}, {value.shape}, {value.tobytes().hex()})"
    if isinstance(value, tuple | list):
        return f"({', '.join(_identity(item, seen) for item in value)})"
    if isinstance(value, bool | int | float | complex | str | bytes | np.generic | None):
        return repr(value)
    return getattr(value, "__name__", type(value).__qualname__)


def _names(code: Any) -> list[str]:
    """Return the names of globals that a function or the functions inside it use."""
    inner = [name for constant in code.co_consts if inspect.iscode(constant) for name in _names(constant)]
    return sorted({*code.co_names, *inner})
