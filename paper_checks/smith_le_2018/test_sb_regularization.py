"""Appendix B: what L2 regularization does to the gap between small and full batch."""

import pytest

import sdetheory as st

from ..comparison import Above, Below
from . import studies

ALPHA = 1e-6
SEEDS = 40


@pytest.mark.claim("C73")
def test_regularization_closes_the_gap_and_stops_the_rise_of_the_test_loss(record, workers, rng):
    """Accuracy with B = 12 minus that with all of 300 made-up examples, and the rise of the full batch's test loss.

    800 steps at ε = 0.6 and damped momentum 0.9, with λ = 3 and without; the rise is that after step 200. Of one seed
    the gap scatters by about 0.025, for a difference of 0.05. Controls: each without regularization.
    """
    seeds = rng.integers(2**31, size=SEEDS)
    gaps, rises = [], []
    for precision in (0.0, 3.0):
        small, full_batch = (
            studies.train(
                workers, studies.Ring(precision), seeds, batch_size=b, train_size=300, learning_rate=0.6, n_steps=800,
                record_every=200,
            )
            for b in (12, 300)
        )  # fmt: skip
        gaps.append(st.stats.mean_estimate(small[:, -1, 0] - full_batch[:, -1, 0]))
        rises.append(st.stats.mean_estimate(full_batch[:, -1, 1] - full_batch[:, 1, 1]))
    (gap, gap_left), (rise, rise_left) = gaps, rises
    record(
        label="rise of the loss, λ = 0",
        predicted=Above(0.1),
        measured=rise,
        alpha=ALPHA,
        wrong_measurements={"λ = 3": rise_left},
    )
    record(
        label="rise of the loss, λ = 3",
        predicted=Below(0.05),
        measured=rise_left,
        alpha=ALPHA,
        wrong_measurements={"λ = 0": rise},
    )
    record(
        label="gap, λ = 3", predicted=Below(0.0125), measured=gap_left, alpha=ALPHA, wrong_measurements={"λ = 0": gap}
    )
