"""Schedules: how a learning rate or a batch size changes in the course of training, as data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from ..errors import InvalidInputError

Array = NDArray[np.float64]


class Schedule(ABC):
    """What a learning rate or a batch size is multiplied by, as a function of the progress of training.

    Schedules have no state: they can be pickled, compared and printed, and say the same whenever they are asked.
    ``a * b`` multiplies by both. A subclass of your own defines :meth:`factor`; make it a dataclass, whose repr a file
    of a study can keep.
    """

    @abstractmethod
    def factor(self, progress: ArrayLike) -> Array:
        """Return the factors at shares of the training that lie behind.

        Parameters
        ----------
        progress : array_like
            From 0 to 1: of step s, from 0 on, of n steps it is s/n.

        Returns
        -------
        ndarray
            Of the shape of `progress`; not negative.
        """

    def __mul__(self, other: Schedule) -> Schedule:
        if not isinstance(other, Schedule):
            return NotImplemented
        return Product(parts=(self, other))


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmUp(Schedule):
    r"""Rise linearly to 1, and stay there.

    .. math:: f(p) = \min\left(1,\; a + (1 - a)\, p / l\right)

    Parameters
    ----------
    length : float
        l, the share of the training that the rise takes, above 0 and up to 1.
    start : float
        a, from 0 to 1. At 0 the first step of SGD does not move.

    Raises
    ------
    InvalidInputError
        If a number is out of its range.

    References
    ----------
    P. Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour", 2017, arXiv:1706.02677, Section 2.2.

    Examples
    --------
    >>> WarmUp(length=0.5, start=0.2).factor([0.0, 0.25, 0.5, 1.0])
    array([0.2, 0.6, 1. , 1. ])
    """

    length: float
    start: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "length", _validate.real("length", self.length, above=0.0, at_most=1.0))
        object.__setattr__(self, "start", _validate.real("start", self.start, at_least=0.0, at_most=1.0))

    def factor(self, progress: ArrayLike) -> Array:
        """Return the factors at shares of the training, as :meth:`Schedule.factor` says."""
        return np.minimum(1.0, self.start + (1 - self.start) * (shares(progress) / self.length))


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestones(Schedule):
    r"""Multiply by one more factor at each milestone.

    .. math:: f(p) = \gamma^{\#\{i:\, a_i \le p\}}

    A learning rate decays with γ < 1. A batch size that grows with 1/γ at the same milestones has, for B ≪ N, the same
    noise scale g = ε(N/B − 1) all the way.

    Parameters
    ----------
    at : tuple of float
        aᵢ, the milestones, increasing, above 0 and below 1.
    factor_each : float
        γ > 0.

    Raises
    ------
    InvalidInputError
        If a number is out of its range, or the milestones do not increase.

    References
    ----------
    S. L. Smith, P.-J. Kindermans, C. Ying and Q. V. Le, "Don't decay the learning rate, increase the batch size", ICLR
    2018, arXiv:1711.00489.

    Examples
    --------
    >>> Milestones(at=(0.5, 0.75), factor_each=0.1).factor([0.0, 0.5, 0.75])
    array([1.  , 0.1 , 0.01])
    """

    at: tuple[float, ...]
    factor_each: float

    def __post_init__(self) -> None:
        milestones = _validate.reals("at", self.at, shape=(None,), above=0.0, below=1.0)
        if not len(milestones) or np.any(np.diff(milestones) <= 0):
            raise InvalidInputError(f"at must be increasing milestones, at least one; got {_validate.shown(self.at)}")
        object.__setattr__(self, "at", tuple(milestones.tolist()))
        object.__setattr__(self, "factor_each", _validate.real("factor_each", self.factor_each, above=0.0))

    def factor(self, progress: ArrayLike) -> Array:
        """Return the factors at shares of the training, as :meth:`Schedule.factor` says."""
        passed = np.searchsorted(self.at, shares(progress), side="right")
        return np.asarray(self.factor_each**passed, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosine(Schedule):
    r"""Fall from 1 along half a wave of the cosine.

    .. math:: f(p) = e + (1 - e)\, \frac{1 + \cos \pi p}{2}

    Parameters
    ----------
    end : float
        e, from 0 to 1.

    Raises
    ------
    InvalidInputError
        If e is out of its range.

    References
    ----------
    I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017, arXiv:1608.03983,
    Eq. 5 (without restarts).

    Examples
    --------
    >>> Cosine(end=0.2).factor([0.0, 0.5, 1.0])
    array([1. , 0.6, 0.2])
    """

    end: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "end", _validate.real("end", self.end, at_least=0.0, at_most=1.0))

    def factor(self, progress: ArrayLike) -> Array:
        """Return the factors at shares of the training, as :meth:`Schedule.factor` says."""
        return self.end + (1 - self.end) * ((1 + np.cos(np.pi * shares(progress))) / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Product(Schedule):
    """The product of schedules, which ``a * b`` makes."""

    parts: tuple[Schedule, ...]

    def factor(self, progress: ArrayLike) -> Array:
        """Return the factors at shares of the training, as :meth:`Schedule.factor` says."""
        return np.prod([part.factor(progress) for part in self.parts], axis=0)


def shares(progress: ArrayLike) -> Array:
    """Return shares of the training that lie behind."""
    return _validate.reals("progress", progress, at_least=0.0, at_most=1.0)


def factors(name: str, schedule: Schedule, progress: Array) -> Array:
    """Return what a schedule, which may be the user's own, gives at shares of the training."""
    found = _validate.called(name, schedule.factor, progress)
    return _validate.reals(name, found, shape=progress.shape, at_least=0.0)


def rates(schedule: Schedule, learning_rate: float, progress: Array) -> Array:
    """Return the learning rates of steps."""
    return learning_rate * factors("learning_rates", schedule, progress)


def sizes(schedule: Schedule, batch_size: float, progress: Array) -> Array:
    """Return the batch sizes of steps: whole numbers, at least 1."""
    return np.maximum(1.0, np.rint(batch_size * factors("batch_sizes", schedule, progress)))
