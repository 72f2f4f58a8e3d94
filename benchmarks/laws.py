"""Expectations under the exact law of a discrete scheme, by deterministic sums: what all paths must agree with.

The time step is part of the law, so that no bias in dt blurs the comparison.
"""

import math

import numpy as np
from peers import NOISE
from scipy.interpolate import RectBivariateSpline, make_interp_spline


def increments(kind):
    """Return values and probabilities of numbers that stand for N(0, 1)."""
    if kind == "two-point":
        return np.array([-1.0, 1.0]), np.array([0.5, 0.5])
    values, weights = np.polynomial.hermite_e.hermegauss(16)
    return values, weights / weights.sum()


def double_well(n_steps, dt, kind="gaussian"):
    """Return E[x²] and E[x⁴] of Euler-Maruyama from 0, by the backward equation on a grid."""
    grid = np.linspace(-4.0, 4.0, 401)
    interpolate = make_interp_spline(grid, np.eye(len(grid)))
    moved = grid + dt * (grid - grid**3)
    backward = sum(
        w * interpolate(np.clip(moved + NOISE * math.sqrt(dt) * z, -4.0, 4.0))
        for z, w in zip(*increments(kind), strict=True)
    )
    return (np.linalg.matrix_power(backward, n_steps) @ np.stack([grid**2, grid**4], axis=1))[len(grid) // 2]


def mueller_brown(force, start, n_steps, dt, temperature):
    """Return E[x] and E[y] of Euler-Maruyama from a point, by the backward equation on a grid."""
    x, y = np.linspace(-1.8, 1.2, 71), np.linspace(-0.8, 2.2, 71)
    points = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1)
    moved = points + dt * force(points)
    values, weights = np.polynomial.hermite_e.hermegauss(5)
    values, weights = math.sqrt(2 * temperature * dt) * values, weights / weights.sum()
    expected = []
    for axis in range(2):
        u = points[..., axis]
        for _ in range(n_steps):
            spline = RectBivariateSpline(x, y, u)
            u = sum(
                p * q * spline(moved[..., 0] + a, moved[..., 1] + b, grid=False)
                for a, p in zip(values, weights, strict=True)
                for b, q in zip(values, weights, strict=True)
            )
        expected.append(float(RectBivariateSpline(x, y, u)(*start)[0, 0]))
    return np.array(expected)


def linear(n_steps, dt, drift, noise):
    """Return mean and covariance of Euler-Maruyama for dx = A x dt + B dW from (1, ..., 1)."""
    step = np.eye(len(drift)) + dt * drift
    mean, covariance = np.ones(len(drift)), np.zeros_like(drift)
    for _ in range(n_steps):
        mean, covariance = step @ mean, step @ covariance @ step.T + dt * noise @ noise.T
    return mean, covariance


def gbm_milstein(n_steps, dt, mu, sigma):
    """Return E[x] and E[x²] of Milstein's scheme for dx = μ x dt + σ x dW from 1."""
    growth = 1 + mu * dt
    return np.array([growth, growth**2 + sigma**2 * dt + sigma**4 * dt**2 / 2]) ** n_steps


def agrees(samples, expected, *, sigmas=5.0):
    """Whether the averages of samples (n_paths, k) are the expected ones within a few standard errors."""
    samples = np.asarray(samples)
    error = samples.std(axis=0, ddof=1) / math.sqrt(len(samples))
    z = (samples.mean(axis=0) - np.asarray(expected)) / error
    return bool(np.all(np.abs(z) < sigmas)) or f"off by {np.abs(z).max():.1f} standard errors"
