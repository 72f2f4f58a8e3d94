"""What a measurement is: a value that never travels without its standard error."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _display, _intervals, _propagation, _validate
from ._intervals import Law
from ._refusals import COMPARED, Refusals
from .errors import AccuracyWarning, InvalidInputError

_MANY = 10_000
"""Samples of which the mean is normal, whatever they are."""
_FEW = 20
"""Samples fewer of which do not tell how their mean is distributed."""


@_display.shown
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Estimate(Refusals):
    """A Monte Carlo number, or an array of them, with its standard error.

    Parameters
    ----------
    value : float or ndarray
        The estimate.
    stderr : float or ndarray
        Its standard error, of the same shape, not negative. NaN is for what is not known: the error of one number, and
        that of a value that is not finite itself.
    n_eff : float
        Number of independent samples behind it (independent paths, or the effective sample size of a chain).
    law : optional
        How the error is distributed, for intervals: what the simulators know of it. By default Student's t with
        ``n_eff - 1`` degrees of freedom, which is right for means of normal samples.

    Raises
    ------
    InvalidInputError
        A field that is no number, a negative error, shapes that differ, an n_eff that is not positive.

    Notes
    -----
    Estimates can be multiplied and divided by numbers, or arrays of them, that have no error of their own, and shifted
    by them. ``np.exp``, ``np.log``, ``np.sqrt``, ``np.tanh`` and their kin, which increase, take the error along to
    first order, with a warning where that is rough, and the interval without loss: its ends are the function's values
    at the ends of the estimate's own. Other functions are refused.

    Two estimates are not added, compared or multiplied by themselves: numbers from one run share its randomness, and
    no estimate knows with which others it does. :meth:`plus_independent` is the word that they do not; where they do,
    take the difference path by path and :func:`sdetheory.stats.mean_estimate` of that. (The package *uncertainties*
    would follow correlations that arise in arithmetic, but takes any two numbers that it is given for independent, and
    knows no law of an error but the normal one: ``ufloat(e.value, e.stderr)`` hands an estimate over to it.)

    ``==`` between two estimates asks whether they are the same record, and between an estimate and a number is
    refused, as are ``<``, ``bool(e)`` and ``float(e)``: :func:`sdetheory.stats.agrees` decides with a stated error.

    Formats: ``f"{e:.3f}"`` is value ± error, ``f"{e:S}"`` the short form 1.234(56), with the error's last digits in
    parentheses.

    Examples
    --------
    >>> measured = Estimate(value=0.6481, stderr=0.0012, n_eff=4000)
    >>> print(measured, f"{measured:S}", 2 * measured + 1)
    0.6481 ± 0.0012 0.6481(12) 2.2962 ± 0.0024
    >>> round(measured.z_score(0.6478), 2)
    0.25
    """

    value: Any
    stderr: Any
    n_eff: float
    law: Law | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.law is not None:
            _validate.instance("law", self.law, Law, hint="None stands for Student's t.")
        value, stderr = _numbers("value", self.value), _numbers("stderr", self.stderr)
        if value.shape != stderr.shape:
            raise InvalidInputError(f"stderr must have the shape of value, {value.shape}; got shape {stderr.shape}")
        if (stderr < 0).any():
            raise InvalidInputError(f"stderr must be >= 0; got {stderr[stderr < 0].flat[0]:g}")
        n_eff = _numbers("n_eff", self.n_eff)
        if n_eff.ndim or not n_eff > 0:
            raise InvalidInputError(
                f"n_eff must be one number > 0, of independent samples; got {_validate.shown(self.n_eff)}"
            )
        finite = np.isfinite(value)
        if n_eff > 1 and np.isnan(stderr[finite]).any():
            raise InvalidInputError(
                f"stderr must not be nan where the value is a number and n_eff = {n_eff:g} samples tell its error; "
                "if it is not known, give inf"
            )
        if np.isfinite(stderr[np.isnan(value)]).any():
            raise InvalidInputError("value must not be nan where its stderr is a number; remove or replace it")
        if not isinstance(self.value, np.ndarray | np.generic | float | int):
            object.__setattr__(self, "value", value[()])
        if not isinstance(self.stderr, np.ndarray | np.generic | float | int):
            object.__setattr__(self, "stderr", stderr[()])

    def z_score(self, expected: ArrayLike) -> Any:
        """Return (value − expected) / stderr, the distance to `expected` in standard errors."""
        right = _validate.reals("expected", expected)
        try:
            difference = np.subtract(self.value, right)
        except ValueError:
            raise InvalidInputError(
                f"expected must have the shape of the value, {np.shape(self.value)}; got shape {right.shape}"
            ) from None
        # An exact agreement with no error at all is zero standard errors away, not 0/0.
        exact = (difference == 0) & (np.asarray(self.stderr) == 0)
        with np.errstate(divide="ignore"):
            z = np.where(exact, 0.0, np.divide(difference, np.where(exact, 1.0, self.stderr)))
        return float(z) if z.ndim == 0 else z

    def interval(self, level: float = 0.95) -> tuple[Any, Any]:
        """Return the ends of the confidence interval, with equal chances to miss on either side.

        Parameters
        ----------
        level : float, optional
            Probability, in (0, 1), that the interval holds the true number, entry by entry.

        Returns
        -------
        tuple of two floats or ndarrays
            Lower and upper end. An error of ``inf`` or ``nan`` bounds nothing: −inf and inf.

        Raises
        ------
        InvalidInputError
            If `level` is not between 0 and 1, or n_eff ≤ 1: one number has no error.

        Warns
        -----
        AccuracyWarning
            Fewer than 20 samples, whose law is guessed from themselves.

        Examples
        --------
        >>> low, high = Estimate(value=1.0, stderr=0.1, n_eff=5).interval(0.95)
        >>> print(f"{low:.3f} {high:.3f}")
        0.722 1.278
        """
        level = _validate.real("level", level, above=0.0, below=1.0)
        if self.law is not None and self.n_eff < _FEW and _intervals.guessed(self.law):
            warnings.warn(
                f"n_eff = {self.n_eff:g} samples do not tell how their mean is distributed: of 5 samples intervals of "
                "68 % hold 61 to 85 in 100, those of 95 % 88 to 99 (docs/paper/coverage.md). Take 20 or more.",
                AccuracyWarning,
                stacklevel=2,
            )
        return self._ends((1 - level) / 2)

    def _ends(self, tail: float) -> tuple[Any, Any]:
        """Return the ends of the interval that misses with a probability of `tail` on either side."""
        if self.n_eff <= 1:
            raise InvalidInputError(f"an interval needs n_eff > 1: one number has no error; got n_eff = {self.n_eff:g}")
        law = self._law()
        value, stderr = np.asarray(self.value, dtype=float), np.asarray(self.stderr, dtype=float)
        unknown = ~(np.isfinite(value) & np.isfinite(stderr))
        ends = []
        for p, bound in ((tail, -np.inf), (1 - tail, np.inf)):
            with np.errstate(invalid="ignore", over="ignore"):
                end = value + np.where(stderr > 0, law.quantile(p) * np.where(unknown, 1.0, stderr), 0.0)
            end = np.where(unknown, bound, end)
            ends.append(float(end) if end.ndim == 0 else end)
        return ends[0], ends[1]

    def _law(self) -> Law:
        return _intervals.Student(self.n_eff - 1) if self.law is None else self.law

    def plus_independent(self, other: Estimate) -> Estimate:
        """Return the sum with an estimate that shares no randomness with this one; a − b is ``a.plus_independent(-b)``.

        Variances add. The interval is Student's with the degrees of freedom of Welch and Satterthwaite.

        Examples
        --------
        >>> a, b = Estimate(value=3.0, stderr=0.3, n_eff=50), Estimate(value=1.0, stderr=0.4, n_eff=50)
        >>> print(a.plus_independent(-b))
        2.00 ± 0.50
        """
        if not isinstance(other, Estimate):
            raise InvalidInputError(f"other must be an Estimate; got {type(other).__name__}. Add numbers by +.")
        value = np.asarray(self.value) + np.asarray(other.value)
        stderr = np.broadcast_to(np.hypot(self.stderr, other.stderr), value.shape)
        least = float(min(self.n_eff, other.n_eff))
        if least <= 1:
            return Estimate(value=value[()], stderr=stderr[()], n_eff=least)
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = (np.asarray(e.stderr) ** 4 / (e.n_eff - 1) for e in (self, other))
            freedom = stderr**4 / sum(shares)
        freedom = np.where(np.isfinite(freedom), freedom, least - 1)
        return Estimate(value=value[()], stderr=stderr[()], n_eff=least, law=_intervals.Student(freedom[()]))

    def __getitem__(self, index: Any) -> Estimate:
        """Return an entry, or some of them, of an array of estimates.

        Examples
        --------
        >>> print(Estimate(value=np.array([1.0, 2.0]), stderr=np.array([0.1, 0.2]), n_eff=100)[1])
        2.00 ± 0.20
        """
        law = None if self.law is None else self.law.part(np.shape(self.value), index)
        value, stderr = np.asarray(self.value)[index], np.asarray(self.stderr)[index]
        return Estimate(value=value, stderr=stderr, n_eff=self.n_eff, law=law)

    def __mul__(self, known: ArrayLike) -> Estimate:
        """Multiply by a number, or an array of numbers, that has no error of its own."""
        factor = _known("multiplied", known)
        value = np.multiply(self.value, factor)
        stderr = np.broadcast_to(np.multiply(self.stderr, np.abs(factor)), value.shape)
        law = self.law
        if law is not None and value.shape != np.shape(self.value):
            law = law.part(value.shape, ...)
        if law is not None and (factor < 0).any():
            law = _intervals.Mirrored(law, np.broadcast_to(factor < 0, value.shape)[()])
        return Estimate(value=value[()], stderr=stderr[()], n_eff=self.n_eff, law=law)

    def __add__(self, known: ArrayLike) -> Estimate:
        """Add a number, or an array of numbers, that has no error of its own."""
        value = np.add(self.value, _known("added", known))
        law = self.law
        if law is not None and value.shape != np.shape(self.value):
            law = law.part(value.shape, ...)
        stderr = np.broadcast_to(self.stderr, value.shape)
        return Estimate(value=value[()], stderr=stderr[()], n_eff=self.n_eff, law=law)

    def __truediv__(self, known: ArrayLike) -> Estimate:
        """Divide by a number, or an array of numbers, that has no error of its own."""
        divisor = _known("divided", known)
        if (divisor == 0).any():
            raise InvalidInputError("an estimate cannot be divided by zero")
        quotient = self * (1 / divisor)
        value, stderr = np.divide(self.value, divisor), np.divide(self.stderr, np.abs(divisor))
        return Estimate(value=value[()], stderr=stderr[()], n_eff=self.n_eff, law=quotient.law)

    def __neg__(self) -> Estimate:
        return self * -1.0

    def __pos__(self) -> Estimate:
        return self

    def __sub__(self, known: ArrayLike) -> Estimate:
        return self + -_known("subtracted", known)

    def __rsub__(self, known: ArrayLike) -> Estimate:
        return -self + known

    def __radd__(self, known: ArrayLike) -> Estimate:
        return self + known

    def __rmul__(self, known: ArrayLike) -> Estimate:
        return self * known

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """Serve NumPy's numbers and arrays in +, −, · and /, and functions of one number that increase."""
        operations = {"add": "add", "subtract": "sub", "multiply": "mul", "divide": "truediv", "equal": "eq"}
        name = ufunc.__name__
        if method == "__call__" and not options:
            if name in operations:
                left = inputs[0] is self
                operation = f"__{'' if left or name == 'equal' else 'r'}{operations[name]}__"
                return getattr(self, operation)(inputs[1] if left else inputs[0])
            if name in _propagation.FUNCTIONS:
                return self._through(name)
        raise InvalidInputError(
            f"numpy.{name} takes numbers, and an Estimate is a number with an error. Apply it to e.value; a "
            "monotone function makes the ends of e.interval() those of its own interval"
        )

    def _through(self, name: str) -> Estimate:
        """Return an increasing function of the estimate."""
        law = self._law() if self.n_eff > 1 else None
        value, stderr, law = _propagation.through(name, self.value, self.stderr, law)
        return Estimate(value=value, stderr=stderr, n_eff=self.n_eff, law=law)

    def __eq__(self, other: object) -> Any:
        if isinstance(other, Estimate):
            pairs = ((self.value, other.value), (self.stderr, other.stderr), (self.n_eff, other.n_eff))
            same = all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)
            return same and _intervals.same(self.law, other.law)
        if isinstance(other, (int, float, np.ndarray, np.generic)):
            raise InvalidInputError(COMPARED)
        return NotImplemented

    def __hash__(self) -> int:
        return hash((np.shape(self.value), self.n_eff))

    def __len__(self) -> int:
        if not np.ndim(self.value):
            raise InvalidInputError("one estimate has no length; only an array of them has")
        return len(self.value)

    def __iter__(self) -> Iterator[Estimate]:
        return (self[i] for i in range(len(self)))

    def __format__(self, spec: str) -> str:
        try:
            return _display.estimates(self.value, self.stderr, spec)
        except ValueError as error:
            raise InvalidInputError(
                f'the format of an Estimate must be that of a float, such as ".3f", or "S" for 1.234(56); got {spec!r} '
                f"({error})"
            ) from None

    def __str__(self) -> str:
        return format(self, "")


def _numbers(name: str, given: Any) -> NDArray[Any]:
    """Return what may be a number or an array of them, NaN and infinity included."""
    try:
        array = np.asarray(given)
    except Exception:  # whatever a stranger's __array__ raises
        array = np.asarray("")
    if array.dtype.kind not in "iufb" or isinstance(given, np.ma.MaskedArray):
        raise InvalidInputError(f"{name} must be real numbers; got {_validate.shown(given)}")
    return array


def _known(done: str, given: Any) -> NDArray[Any]:
    """Return the numbers without an error that an estimate is to be multiplied with, or the like."""
    if isinstance(given, Estimate):
        raise InvalidInputError(
            f"two estimates cannot be {done}: their errors depend on whether they share randomness. For the sum of "
            "independent ones use a.plus_independent(b), for the difference a.plus_independent(-b)."
        )
    return _validate.reals(f"what an estimate is {done} by", given)


def mean_estimate(samples: ArrayLike, axis: int = 0) -> Estimate:
    r"""Return the mean of independent samples, with its standard error.

    .. math:: \bar x \pm \frac{s}{\sqrt n}

    Parameters
    ----------
    samples : array_like
        Independent along one axis: at least two, all finite.
    axis : int, optional
        Which one.

    Returns
    -------
    Estimate
        Of the shape that is left; s has n − 1 in its denominator. Its interval is Student's, corrected for the
        skewness of the samples where they are at most 10,000.

    Raises
    ------
    InvalidInputError
        Fewer than two samples, or one that is not finite.

    Examples
    --------
    >>> print(mean_estimate([1.0, 2.0, 3.0, 4.0]))
    2.50 ± 0.65
    """
    array = _validate.reals("samples", samples)
    axis = _validate.integer("axis", axis)
    if not -array.ndim <= axis < array.ndim:
        raise InvalidInputError(f"axis must be one of the {array.ndim} axes of samples; got {axis}")
    if array.shape[axis] < 2:
        raise InvalidInputError(
            f"samples must be at least two along axis {axis}: one number has no error; got {array.shape[axis]}"
        )
    return mean_of(array, axis)


def mean_of(samples: NDArray[np.float64], axis: int = 0, *, positive: bool = False) -> Estimate:
    """Return the mean of n ≥ 2 samples, which may not be finite; that of `positive` ones has an interval of its own."""
    moved = np.moveaxis(np.asarray(samples, dtype=np.float64), axis, 0)
    n = len(moved)
    value = np.asarray(samples, dtype=np.float64).mean(axis=axis)
    stderr = np.asarray(samples, dtype=np.float64).std(axis=axis, ddof=1) / np.sqrt(n)
    law = _intervals.law_of_mean(moved, value, positive=positive) if n <= _MANY else None
    return Estimate(value=value[()], stderr=stderr[()], n_eff=float(n), law=law)


def ratio_estimate(numerators: ArrayLike, denominators: ArrayLike, axis: int = 0) -> Estimate:
    """Return the ratio of sums of independent pairs along `axis`; its error is that of residuals, to first order."""
    above, below = np.asarray(numerators, dtype=np.float64), np.asarray(denominators, dtype=np.float64)
    value = above.sum(axis=axis) / below.sum(axis=axis)
    residual = mean_of((above - value * below) / below.mean(axis=axis), axis=axis)
    return Estimate(value=value[()], stderr=residual.stderr, n_eff=residual.n_eff, law=residual.law)
