"""How the error of an estimate is distributed: the laws behind confidence intervals.

A law gives, for a probability p, how many standard errors the p-quantile of the unknown lies from the estimate. So it
stays what it is when an estimate is scaled or shifted. Where the right interval is one of a likelihood (counts,
passage times, variances, fractions), the law is that of the likelihood; elsewhere Student's t, corrected for skewness.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy.optimize import elementwise

Array = NDArray[np.float64]

_EXACT_FAR_OUT = 3.0
"""Standard errors beyond which a correction for skewness, whose own error grows, is held."""

_MOST_SKEWED = 2.0
"""The skewness of an exponential law; a sample that shows more has an outlier, which says little of its law."""

_FEW = 20
"""Draws inside or outside of a region, fewer of which are counts."""

_SHRINK = 20
"""Samples whose own scatter counts as much as what the assumed likelihood says of it."""


@dataclass(frozen=True)
class Law(ABC):
    """The base of laws; fields are numbers or arrays of the estimate's shape, except laws inside laws."""

    @abstractmethod
    def quantile(self, p: float) -> Any:
        """Return the distance of the p-quantile from the estimate, in standard errors."""

    def part(self, shape: tuple[int, ...], index: Any) -> Law:
        """Return the law of some entries of an estimate of the given shape; ``...`` only broadcasts."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(
            self,
            **{
                name: value.part(shape, index)
                if isinstance(value, Law)
                else value
                if isinstance(value, bool)
                else np.broadcast_to(value, shape)[index]
                for name, value in values.items()
            },
        )


@dataclass(frozen=True)
class Student(Law):
    """Student's t."""

    freedom: Any

    def quantile(self, p: float) -> Any:
        return special.stdtrit(self.freedom, p)


@dataclass(frozen=True)
class Mirrored(Law):
    """The law of the negative, where `negative`."""

    law: Law
    negative: Any

    def quantile(self, p: float) -> Any:
        return np.where(self.negative, -np.asarray(self.law.quantile(1 - p)), self.law.quantile(p))


@dataclass(frozen=True)
class Either(Law):
    """One law where `first`, the other elsewhere."""

    first: Any
    yes: Law
    no: Law

    def quantile(self, p: float) -> Any:
        return np.where(self.first, self.yes.quantile(p), self.no.quantile(p))


@dataclass(frozen=True)
class Skewed(Law):
    """The mean of n samples of known skewness: Student's t, transformed so that first-order skewness drops out.

    P. Hall (1992), "On the removal of skewness by transformation", J. R. Statist. Soc. B 54, 221.
    """

    n: Any
    skewness: Any

    def quantile(self, p: float) -> Any:
        # The pivot of the estimate's error is that of the unknown's with the opposite sign.
        n, g = np.asarray(self.n, dtype=float), np.clip(self.skewness, -_MOST_SKEWED, _MOST_SKEWED)
        root, t = np.sqrt(n), -special.stdtrit(n - 1, p)
        held = np.clip(t, -_EXACT_FAR_OUT, _EXACT_FAR_OUT)
        small = np.abs(g) < 1e-6
        safe = np.where(small, 1.0, g)
        # Beyond the zero the cubic turns an end into a wild one.
        cubic = np.maximum(1 + safe * (held / root - safe / (6 * n)), 0.0)
        u = np.where(small, held / root, 3 / safe * (np.cbrt(cubic) - 1))
        return -(u * root + t - held)


@dataclass(frozen=True)
class Positive(Law):
    """The mean of n positive samples: of a gamma law or an inverse Gaussian one, whichever is likelier.

    The gamma mean by its modified signed root r* [1]_, the inverse Gaussian mean by its exact t [2]_. With growing n,
    the variance of the samples takes over from that of the fitted law.

    .. [1] D. Fraser, N. Reid, A. Wong (1997), "Simple and accurate inference for the mean of the gamma model", Canad.
       J. Statist. 25, 91.
    .. [2] R. Chhikara, L. Folks (1989), The Inverse Gaussian Distribution, chapter 6.

    Fields: the number n; ln(mean) − mean(ln); mean · mean(1/x) − 1; standard deviation / mean; standard error /
    estimate.
    """

    n: Any
    log_excess: Any
    inverse_excess: Any
    spread: Any
    relative: Any

    def quantile(self, p: float) -> Any:
        n, w, v, spread, relative = (np.asarray(getattr(self, field.name), dtype=float) for field in fields(self))
        k = _gamma_shape(w)
        gamma, inverse = _log_likelihoods(k, w, v)
        # Of a handful of samples the fit of two laws says little; the gamma law is the one of memoryless times.
        which = inverse > gamma + 1.25 / n**2
        fitted = np.where(which, np.sqrt(v), 1 / np.sqrt(k))
        z = -special.ndtri(p) * (spread / fitted) ** (n / (n + _SHRINK))
        ratio = np.where(which, _inverse_gaussian_ratio(n, v, z), _gamma_ratio(n, w, k, z))
        return (ratio - 1) / relative


@dataclass(frozen=True)
class Reciprocal(Law):
    """The law of 1/x for an x of the given relative error."""

    law: Law
    relative: Any

    def quantile(self, p: float) -> Any:
        with np.errstate(divide="ignore"):
            ratio = 1 + np.asarray(self.law.quantile(1 - p)) * self.relative
            return np.where(ratio > 0, 1 / np.maximum(ratio, 0.0) - 1, np.inf) / self.relative


@dataclass(frozen=True)
class Count(Law):
    """A rate of events that are `events` independent ones in effect, with its relative error; 0 has that of one event.

    Gamma, of shape events + 1/2 where they were counted in a given time (between the two exact laws of Poisson counts),
    and of shape events where the time was taken that so many needed.
    """

    events: Any
    relative: Any
    shape: Any

    def quantile(self, p: float) -> Any:
        events = np.asarray(self.events, dtype=float)
        drawn = special.gammaincinv(self.shape, p)
        none = drawn if p > 0.5 else np.zeros_like(drawn)
        some = np.where(events > 0, events, 1.0)
        return np.where(events > 0, (drawn / some - 1) / self.relative, none)


@dataclass(frozen=True)
class Fraction(Law):
    """The mean of n fractions that are nearly all 0 or 1: beta, of so many draws as the scatter says."""

    n: Any
    mean: Any
    error: Any

    def quantile(self, p: float) -> Any:
        n, mean, error = (np.asarray(getattr(self, field.name), dtype=float) for field in fields(self))
        # Where nobody has been, or left, the error is that of one draw.
        draws = np.where((mean > 0) & (mean < 1), mean * (1 - mean) / error, 1.0) / error
        score = special.ndtr(special.stdtrit(n - 1, p))
        ends = special.betaincinv(mean * draws + 0.5, (1 - mean) * draws + 0.5, score)
        # What nobody has left, or entered, may be all of it, or nothing.
        ends = np.where((mean <= 0) & (p < 0.5), 0.0, np.where((mean >= 1) & (p > 0.5), 1.0, ends))
        return (ends - mean) / error


@dataclass(frozen=True)
class VarianceRatio(Law):
    """The share b/(b + w) of a variance in a sum, both with so many degrees of freedom, and its relative error."""

    above: Any
    below: Any
    ratio: Any
    relative: Any

    def quantile(self, p: float) -> Any:
        true = 1 / special.fdtri(self.above, self.below, 1 - p)
        return (true * (1 + self.ratio) / (1 + true * self.ratio) - 1) / self.relative


def same(one: Any, other: Any) -> bool:
    """Return whether two laws, or two fields of laws, are the same to the bit."""
    if not isinstance(one, Law):
        return one is other or (not isinstance(other, Law) and np.array_equal(one, other))
    return type(one) is type(other) and all(
        same(getattr(one, field.name), getattr(other, field.name)) for field in fields(one)
    )


def guessed(law: Law) -> bool:
    """Return whether the shape of a law is guessed from the samples, of which a handful does not tell it."""
    if isinstance(law, Count):  # of counts in a given time, whose scatter is that of the paths
        return bool(np.any(np.not_equal(law.shape, law.events)))
    parts = (part for part in vars(law).values() if isinstance(part, Law))
    return isinstance(law, Skewed | Positive | Fraction) or any(map(guessed, parts))


def law_of_mean(samples: Array, mean: Array, *, positive: Any = False) -> Law:
    """Return the law of the mean of independent samples along the first axis, where all are finite.

    `positive` says which may be positive by their nature, so that a likelihood of positive numbers serves if it is
    larger than that of normal ones.
    """
    n = len(samples)
    with np.errstate(all="ignore"):
        deviations = samples - mean
        squares = deviations * deviations
        variance = np.mean(squares, axis=0)
        skewness = np.mean(deviations * squares, axis=0) / variance**1.5
        known = np.where(np.isfinite(skewness), skewness, 0.0)[()]
        skewed = Skewed(n, known)
        if not np.any(positive):
            return skewed
        spread = np.sqrt(variance * n / (n - 1)) / mean
        log_excess = np.log(mean) - np.mean(np.log(samples), axis=0)
        inverse_excess = mean * np.mean(1 / samples, axis=0) - 1
        error = spread / np.sqrt(n)
    # Samples that nearly agree are normal in effect, and what is left of their logarithms is rounding.
    serves = positive & (samples > 0).all(axis=0) & (spread > 0.02) & np.isfinite(inverse_excess) & (log_excess > 0)
    serves &= np.isfinite(error) & (error > 0)
    w, v, spread, error = (np.where(serves, a, 0.5) for a in (log_excess, inverse_excess, spread, error))
    normal = -0.5 * np.log(2 * np.pi * spread**2 * (n - 1) / n) - 0.5
    serves &= np.maximum(*_log_likelihoods(_gamma_shape(w), w, v)) > normal
    if not serves.any():
        return skewed
    return Either(serves[()], Positive(n, w[()], v[()], spread[()], error[()]), skewed)


def law_of_rate(events: Any, relative: Any) -> Law:
    """Return the law of a rate from a number of events, whose relative error comes from the scatter between paths.

    Few events say little about how they scatter; as many as they are, Poisson's law says it.
    """
    events, relative = np.asarray(events, dtype=float), np.asarray(relative, dtype=float)
    known = (events > 0) & (relative > 0)
    dispersion = np.where(known, events, 1.0) * np.where(known, relative, 1.0) ** 2
    effective = np.where(known, events / dispersion ** (events / (events + _SHRINK)), 0.0)
    return Count(effective[()], np.where(known, relative, 1.0)[()], effective[()] + 0.5)


def law_of_fraction(samples: Array, mean: Array, error: Array) -> Law:
    """Return the law of the mean of fractions in [0, 1], of independent paths along the first axis."""
    n = len(samples)
    # Where a path is wholly in or out, its fraction is one draw; more than that, and the means are continuous, unless
    # those in, or those out, are few.
    one, inside = 1.5 * n * error**2, np.minimum(mean, 1 - mean)
    few = (mean * (1 - mean) < one) | (inside * mean * (1 - mean) < _FEW * error**2)
    return Either(few[()], Fraction(n, mean, error), law_of_mean(samples, mean))


def _log_likelihoods(k: Array, w: Array, v: Array) -> tuple[Array, Array]:
    """Return the largest log likelihoods per sample, of gamma and inverse Gaussian laws, for samples of mean 1."""
    return k * np.log(k) - special.gammaln(k) - k - (k - 1) * w, -0.5 * np.log(2 * np.pi * v) + 1.5 * w - 0.5


def _gamma_shape(excess: Array) -> Array:
    """Return the shape k of a gamma law: ln k − ψ(k) = ln(mean) − mean(ln)."""
    w = np.maximum(excess, 1e-12)
    k = (3 - w + np.sqrt((w - 3) ** 2 + 24 * w)) / (12 * w)
    for _ in range(4):
        slope = 1 / k - special.polygamma(1, k)
        k = np.maximum(1 / (1 / k + (np.log(k) - special.digamma(k) - w) / (k * k * slope)), 1e-12)
    return k


def _gamma_score(log_ratio: Array, n: Array, w: Array, k: Array) -> Array:
    """Return r* of a gamma mean that is so many times the mean of the samples; it falls from + to −."""
    m = np.exp(log_ratio)
    there = _gamma_shape(w + log_ratio + 1 / m - 1)

    def log_likelihood(shape: Array, mean: Array) -> Array:
        return shape * (np.log(shape) - np.log(mean) - w - 1 / mean) - special.gammaln(shape)

    gain = log_likelihood(k, np.ones_like(m)) - log_likelihood(there, m)
    r = -np.sign(log_ratio) * np.sqrt(np.maximum(2 * n * gain, 0.0))
    information = (special.polygamma(1, k) - 1 / k) / (special.polygamma(1, there) - 1 / there)
    u = (1 / m - 1) * np.sqrt(n * k * information)
    clear = np.abs(r) > 1e-4
    return np.where(clear, r + np.log(np.where(clear, u / np.where(clear, r, 1.0), 1.0)) / np.where(clear, r, 1.0), r)


def _gamma_ratio(n: Array, w: Array, k: Array, z: Array) -> Array:
    """Return which multiple of the mean of the samples has the score z: by secants, or by a bracket where they fail."""
    n, w, k, z = np.broadcast_arrays(n, w, k, z)
    with np.errstate(all="ignore"):
        x, before = -z / np.sqrt(n * k), -1.3 * z / np.sqrt(n * k)
        missed, missed_before = (_gamma_score(at, n, w, k) - z for at in (x, before))
        for _ in range(8):
            step = np.clip(-missed * (x - before) / (missed - missed_before), -1.0, 1.0)
            moves = np.isfinite(step) & (np.abs(missed) > 1e-9)
            if not moves.any():
                break
            before, missed_before = np.where(moves, x, before), np.where(moves, missed, missed_before)
            x = np.where(moves, x + step, x)
            missed = _gamma_score(x, n, w, k) - z
        if (np.abs(missed) < 1e-6).all():
            return np.exp(x)
        found = elementwise.find_root(
            lambda x, n, w, k, z: _gamma_score(x, n, w, k) - z,
            (np.full(z.shape, -30.0), np.full(z.shape, 30.0)),
            args=(n, w, k, z),
            tolerances={"xrtol": 1e-9, "xatol": 1e-9},
        )
    return np.exp(np.where(found.success, found.x, np.where(z > 0, -30.0, np.inf)))


def _inverse_gaussian_ratio(n: Array, v: Array, z: Array) -> Array:
    """Return which multiple of the mean of the samples has the score z; infinity where no mean is too large."""
    t = special.stdtrit(n - 1, special.ndtr(z))
    below = 1 + t * np.sqrt(v / (n - 1))
    return np.where(below > 0, 1 / np.where(below > 0, below, 1.0), np.inf)
