"""What a number with an error refuses, as a number without one would not: each with what to do instead."""

from __future__ import annotations

from typing import Any, NoReturn

from .errors import InvalidInputError

COMPARED = (
    "an estimate and a number are compared by a test: stats.agrees(e, number, alpha=...), or the ends of e.interval(); "
    "e.value alone says nothing of its error"
)


class Refusals:
    """The base of :class:`Estimate`: comparisons, powers and conversions, which would lose the error in silence."""

    __slots__ = ()

    def __pow__(self, exponent: Any) -> NoReturn:
        raise InvalidInputError(
            "a power of an estimate is refused, since where its base may be negative it turns; of a positive one it is "
            "np.exp(exponent * np.log(e))"
        )

    def __abs__(self) -> NoReturn:
        raise InvalidInputError("|e| turns at 0; take e or -e, or abs(e.value) and forgo the error")

    def __rtruediv__(self, known: Any) -> NoReturn:
        raise InvalidInputError(
            "the reciprocal of an estimate is biased and its error skewed; take 1 / e.value, and for its error the "
            "reciprocals of the ends of e.interval()"
        )

    def __lt__(self, other: Any) -> NoReturn:
        raise InvalidInputError(COMPARED)

    __le__ = __gt__ = __ge__ = __lt__

    def __bool__(self) -> NoReturn:
        raise InvalidInputError(
            "an estimate is neither true nor false. Whether there is one: e is not None; whether it is 0: "
            "stats.agrees(e, 0, alpha=...)"
        )

    def __float__(self) -> NoReturn:
        raise InvalidInputError("an estimate as a float would lose its error: take e.value, and e.stderr for the error")

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        raise InvalidInputError("an Estimate is no array: take e.value, and e.stderr for the error")
