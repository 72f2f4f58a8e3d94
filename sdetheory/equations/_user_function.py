"""A user's own drift or diffusion, compiled into a block kernel."""

from __future__ import annotations

import hashlib
import inspect
import math
import os
import re
import sys
from collections.abc import Callable
from functools import cache, cached_property
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core.errors import NumbaError
from numba.extending import is_jitted
from numpy.typing import NDArray

from .._kernels.block import BlockFunction
from .._kernels.deferred import deferred
from .._kernels.signatures import FIELD
from ..errors import InvalidInputError
from ..symbolic.formulas import _elementary
from . import _fast_mathematics, _lane_loop
from ._identity import identity


class UserFunction:
    """A function from a point (d,) to `rows` numbers, called lane by lane; or to the diagonal of a matrix of them.

    It has the interface of a BlockFunction. Its machine code is kept on disk, under the name of everything that it was
    made from; not where the function refers to something that cannot be told from an edited one.
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
        if not inspect.isfunction(plain):
            raise InvalidInputError(
                f"{role} must be a function written with def or lambda, or one of numba.njit; got "
                f"{type(plain).__name__}. Call it from such a function"
            )
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
        # Taken now, when Numba freezes the globals that the function reads.
        self._identity = identity(self._function)
        text = f"{_made_by()} {self.source}" if self._identity[1] else None
        try:
            return deferred(FIELD, self._define, text)
        except NumbaError as error:
            raise InvalidInputError(
                f"{self.role} {self._code.co_name!r} cannot be compiled by Numba{self._place(str(error))}. Use "
                "numbers, NumPy arrays and the functions of math and numpy that Numba knows, and return a number, a "
                "tuple or an array."
            ) from error

    def _define(self, names: dict[str, Any]) -> Any:
        """Return the loop over lanes, defined among `names`, for Numba to compile."""
        self._check_in_python()
        function = numba.jit(**self._options, forceinline=True)(_fast_mathematics.with_fast_mathematics(self._plain))
        inline = numba.njit(forceinline=True)
        if self._arity == 1:
            call = inline(lambda x, p: function(x))
        elif self._arity == 2:
            call = inline(lambda x, p: function(x, p[-1]))
        else:
            call = inline(lambda x, p: function(x, p[-1], p[:-1]))
        self._check_count(np.shape(call(np.zeros(self.dimension), np.append(self.parameters, 0.0))))
        returned = call.nopython_signatures[-1].return_type
        return _lane_loop.lane_loop(names, call, returned, self.dimension, self.rows, self._stride)

    @property
    def source(self) -> str:
        """What the function computes, as text that is the same in every process: bytecode and all it refers to."""
        return f"{self._identity[0]} {self._arity} {self.dimension} {self.rows} {self._stride} {len(self.parameters)}"

    @cached_property
    def _identity(self) -> tuple[str, bool]:
        return identity(self._function)

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

    def _check_in_python(self) -> None:
        """Call the function once as Python, which checks bounds; machine code does not."""
        try:
            with np.errstate(all="ignore"):
                shape = np.shape(self._plain(*(np.zeros(self.dimension), 0.0, self.parameters)[: self._arity]))
        except IndexError as error:
            raise InvalidInputError(
                f"{self.role} {self._code.co_name!r} reads beyond x of shape ({self.dimension},) or parameters of "
                f"shape {self.parameters.shape}: {error}"
            ) from None
        except Exception:
            return  # What is not Python's business, such as a division by zero.
        self._check_count(shape)

    def _check_count(self, shape: tuple[int, ...]) -> None:
        """Refuse a wrong number of values, which would be read out of bounds."""
        given = -(-self.rows // self._stride)
        if math.prod(shape) != given:
            raise InvalidInputError(
                f"{self.role} {self._code.co_name!r} must return {given} numbers for x of shape "
                f"({self.dimension},); it returned shape {shape}"
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

    __call__ = BlockFunction.__call__


@cache
def _made_by() -> str:
    """Return text about what turns a function into machine code."""
    modules = (sys.modules[__name__], _fast_mathematics, _lane_loop, _elementary)
    sources = "".join(map(inspect.getsource, modules))
    return f"{hashlib.sha256(sources.encode()).hexdigest()} {llvmlite.__version__} {np.__version__}"
