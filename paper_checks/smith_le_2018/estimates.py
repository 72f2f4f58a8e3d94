"""Averages of independent samples, with their standard errors."""

import numpy as np

import sdetheory as st


def mean_of(samples):
    """Return the mean over the first axis of independent samples, with its standard error s/√n."""
    values = np.asarray(samples, dtype=float)
    n = len(values)
    return st.Estimate(value=values.mean(axis=0), stderr=values.std(axis=0, ddof=1) / np.sqrt(n), n_eff=n)


ROOT_TWO = float(np.sqrt(2))
"""Deviation of the square of a normal number of variance one."""


def draws_for(effect, *, alpha, deviation=ROOT_TWO):
    """Return how many samples see a relative error `effect`, almost surely."""
    return st.stats.required_samples(deviation=deviation, effect=effect, alpha=alpha, power=1 - 1e-5)


def slope(sizes, errors):
    """Return the slope of ln|error| over ln size between the two smallest sizes: the observed order."""
    order = np.argsort(sizes)[:2]
    x, y = np.log(np.asarray(sizes, dtype=float)[order]), np.log(np.abs(np.asarray(errors, dtype=float)[order]))
    return float((y[1] - y[0]) / (x[1] - x[0]))
