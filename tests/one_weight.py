"""Least squares of one weight: the exact moments of Euler and Maruyama's recursion for the equation of SGD."""

import numpy as np

import sdetheory as st


def one_weight(n=12):
    generator = np.random.default_rng(2)
    x, y = generator.standard_normal((n, 1)), generator.standard_normal(n)
    return st.models.LinearRegression(x, y + 1.0, prior_precision=0.5)


def noise_polynomial(model, ddof=1):
    """Return (a, b, c) with F(w) = a w² + b w + c."""
    (c, above, below) = (np.var(model.per_example_gradients([w]), ddof=ddof) for w in (0.0, 1.0, -1.0))
    return (above + below) / 2 - c, (above - below) / 2, c


def euler_moments(model, g, dt, n_steps, w, ddof=1):
    """Return mean and variance of Euler-Maruyama's w after n_steps, exactly."""
    h, b0 = float(model.hessian([0.0])[0, 0]), float(model.gradient([0.0])[0])
    a, b, c = noise_polynomial(model, ddof)
    mean, variance = w, 0.0
    for _ in range(n_steps):
        variance = (1 - dt * h) ** 2 * variance + dt * g * (a * (variance + mean**2) + b * mean + c)
        mean -= dt * (h * mean + b0)
    return mean, variance
