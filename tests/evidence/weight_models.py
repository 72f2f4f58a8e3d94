"""Models and maps that the tests of reparameterization share."""

import numpy as np

from sdetheory.evidence import CUBIC, EXP, SINH, LinearMap, SmoothMap, WeightModel
from sdetheory.models import LogisticRegression


def log_normal(x, variance):
    """Return ln N(x; 0, variance), summed over the last axis."""
    return -0.5 * np.sum(x**2 / variance + np.log(2 * np.pi * variance), axis=-1)


def logistic(rng, n=30, d=2, prior_precision=0.3):
    X = rng.standard_normal((n, d))
    y = X @ np.resize([1.5, -1.0], d) + rng.logistic(size=n) > 0
    return LogisticRegression(X, y.astype(int), prior_precision=prior_precision)


def gaussian(X, y, prior_precision, noise_variance):
    """Return a linear model as likelihood and prior."""
    return WeightModel(
        log_likelihood=lambda w: log_normal(y - w @ X.T, noise_variance),
        log_prior=lambda w: log_normal(w, 1 / prior_precision),
        start=np.zeros(X.shape[1]),
    )


def shear(strength=0.3):
    """Return (w₁, w₂) = (v₁, v₂ + s v₁²)."""

    def bend(v, s):
        return np.stack([v[..., 0], v[..., 1] + s * v[..., 0] ** 2], axis=-1)

    def slopes(v):
        rows = np.tile(np.eye(2), (*v.shape[:-1], 1, 1))
        rows[..., 1, 0] = 2 * strength * v[..., 0]
        return rows

    return SmoothMap(lambda v: bend(v, strength), lambda w: bend(w, -strength), slopes)


def swirl():
    """Return a map that is neither linear nor elementwise nor of constant determinant."""
    turn = np.array([[0.8, -0.6], [0.6, 0.8]])

    def slopes(v):
        return turn.T @ (np.cosh(v @ turn.T)[..., :, None] * turn)

    return SmoothMap(lambda v: np.sinh(v @ turn.T) @ turn, lambda w: np.arcsinh(w @ turn.T) @ turn, slopes)


AFFINE = LinearMap([[2.0, 1.0], [-0.3, 0.5]], [1.0, -3.0])
CONSTANT_DETERMINANT = {"affine": AFFINE, "shear": shear()}
OTHERS = {"sinh": SINH, "cubic": CUBIC, "swirl": swirl()}
MAPS = CONSTANT_DETERMINANT | OTHERS | {"exp": EXP}
