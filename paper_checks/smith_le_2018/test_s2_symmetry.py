"""Section 2: minima that have copies."""

import numpy as np
import pytest

import sdetheory as st

GRID = np.linspace(-3, 3, 20)
PRECISION = 0.3
INNER, OUTER = np.array([0.5, 2.5]), np.array([2.0, -1.5])


def log_normal(x, variance):
    """Return ln N(x; 0, variance), summed over the last axis."""
    return -0.5 * np.sum(x**2 / variance + np.log(2 * np.pi * variance), axis=-1)


class Units:
    """Minus the log of prior times likelihood of the u of Σ vₖ tanh(uₖx); the v have a Gaussian integral."""

    def __init__(self, hidden_units, variance):
        self.dimension, self.variance = hidden_units, variance
        self.targets = OUTER[:hidden_units] @ np.tanh(np.outer(INNER[:hidden_units], GRID))

    def value(self, u):
        """Return it at points (..., h)."""
        features = np.tanh(u[..., None, :] * GRID[:, None])
        curvature = np.swapaxes(features, -1, -2) @ features / self.variance + PRECISION * np.eye(self.dimension)
        slope = np.swapaxes(features, -1, -2) @ self.targets / self.variance
        gain = np.sum(slope * np.linalg.solve(curvature, slope[..., None])[..., 0], axis=-1)
        log_ratio = np.linalg.slogdet(curvature / PRECISION)[1]
        return -log_normal(self.targets, self.variance) - (gain - log_ratio) / 2 - log_normal(u, 1 / PRECISION)

    def log_evidence(self):
        """Return ln P(y), by quadrature over the u."""
        return st.theory.gibbs(self, 1.0).log_partition

    def log_laplace(self):
        """Return Laplace's value at one minimum, in all 2h weights."""
        h = self.dimension
        return st.evidence.WeightModel(
            log_likelihood=lambda w: log_normal(
                self.targets - np.sum(w[:, None, h:] * np.tanh(w[:, None, :h] * GRID[:, None]), axis=-1), self.variance
            ),
            log_prior=lambda w: log_normal(w, 1 / PRECISION),
            start=np.concatenate([INNER[:h], OUTER[:h]]),
        ).log_laplace()


@pytest.mark.claim("C25")
def test_laplace_at_one_minimum_misses_the_copies_that_symmetries_make(record):
    """Exchanging the h units and turning their signs makes h! 2^h minima of one volume, so that E is ln(h! 2^h) less.

    Measured is the log evidence less Laplace's value at one minimum. Laplace's own error is of the order of the noise
    variance: it is extrapolated away from two variances, and the change from one to the other is the error allowed.
    """
    for hidden_units in (1, 2):
        excess = [
            units.log_evidence() - units.log_laplace()
            for units in (Units(hidden_units, 1e-3), Units(hidden_units, 5e-4))
        ]
        copies = st.evidence.log_equivalent_modes(hidden_units, sign_flips=True)
        record(
            label=f"{hidden_units} hidden units",
            predicted=0.0,
            measured=2 * excess[1] - excess[0],
            found=copies,
            rtol=0,
            atol=abs(excess[1] - excess[0]),
            wrong_predictions={
                "one sign too many": copies + np.log(2),
                "exchanges alone": copies - hidden_units * np.log(2),
            },
        )
