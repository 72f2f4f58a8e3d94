"""Appendix B: what L2 regularization does to the gap between small and full batch."""

import numpy as np
import pytest

import sdetheory as st
from sdetheory.claims import ROOT_SEED, Above, Below

from . import figure_runs, studies

ALPHA = 1e-6
SEEDS = 40


@pytest.mark.claim("C73")
def test_regularization_closes_the_gap_and_stops_the_rise_of_the_test_loss(record, workers, rng):
    """Accuracy with B = 12 minus that with all of 300 made-up examples, and the rise of the full batch's test loss.

    800 steps at ε = 0.6 and damped momentum 0.9, with λ = 3 and without; the rise is that after step 200, and has
    stopped if a tenth of it is not left. Of one seed the gap scatters by about 0.025. Seeds are compared with
    themselves. Controls: each without regularization, or the other way round.
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
        gaps.append(small[:, -1, 0] - full_batch[:, -1, 0])
        rises.append(full_batch[:, -1, 1] - full_batch[:, 1, 1])
    (gap, gap_left), (rise, rise_left) = gaps, rises
    left, reverse = (st.stats.mean_estimate(one - other / 10) for one, other in ((rise_left, rise), (rise, rise_left)))
    record(
        label="rise of the loss, λ = 3, less a tenth of that without",
        predicted=Below(0.0),
        measured=left,
        alpha=ALPHA,
        wrong_measurements={"other way round": reverse},
    )
    shrinks = st.stats.mean_estimate(gap - gap_left)
    record(label="gap without, less that with λ = 3", predicted=Above(0.0), measured=shrinks, alpha=ALPHA,
           wrong_measurements={"other way round": -shrinks.value})  # fmt: skip


@pytest.fixture(scope="module")
def path(full):
    """Return the file of figure 8, of which two runs that the root seed draws are begun again, one of each batch size.

    The full batch draws nothing, so that by itself it would not show how batches are drawn.
    """
    file = (studies.DATA if full is None else full) / "mnist_figure8.csv"
    if full is not None:
        figure_runs.figure8(file)
        return file
    rng = np.random.default_rng(ROOT_SEED)
    rows = figure_runs.read(file)
    begun = rows[(rows[:, 0] == figure_runs.EVERY) & (rows[:, 5] > 0)]
    for batch_size in figure_runs.SIZES:
        _, size, seed, *stored, precision = rng.choice(begun[begun[:, 1] == batch_size])
        again = figure_runs.regularized(precision, int(size), int(seed), figure_runs.EVERY)[1, 1:]
        assert np.allclose(again, stored, rtol=1e-3, atol=1e-3), (precision, size, seed, again, stored)
    return file


def gap_and_rise(curves, precision):
    """Return by how much the small batch is more accurate at the end, and the full batch's loss above its least."""
    small, full_batch = (curves[precision, size] for size in figure_runs.SIZES)
    gap = (small - full_batch)[:, -5:, 0].mean(axis=1)
    return gap, full_batch[:, -1, 1] - full_batch[:, :, 1].min(axis=1)


@pytest.mark.claim("C132")
def test_regularization_of_the_papers_strength_leaves_the_gap_and_most_of_the_rise(record, picture, path):
    """λ = 0.1 less λ = 0 after 1,000 steps, in pairs of the five seeds that decide, by Student's law at 95 %.

    Controls: a gap that closes, and a rise that is as without.
    """
    found = figure_runs.curves(path, figure_runs.LATER)
    picture(lambda figure: _draw(figure, figure_runs.curves(path, figure_runs.FIRST) | found), size=(9.0, 4.0))
    (gap, rise), (gap_left, rise_left) = (gap_and_rise(found, precision) for precision in (0.0, 0.1))
    record(
        label="change of the gap",
        predicted=Below(0.0),
        measured=st.stats.mean_estimate(gap_left - gap),
        alpha=0.05,
        stored=True,
        found=0.0,
        wrong_predictions={"it closes": -gap.mean()},
    )
    record(
        label="rise of the full batch's test loss, less a tenth of that without",
        predicted=Below(0.0),
        measured=st.stats.mean_estimate(rise_left - rise / 10),
        alpha=0.025,
        stored=True,
        found=Above(0.0),
        wrong_predictions={"as without": Above(0.9 * rise.mean())},
    )


def _draw(figure, curves):
    for axis, column, name in zip(figure.subplots(1, 2), (0, 1), ("test accuracy", "test loss (nats)"), strict=True):
        small, large = st.plotting.shades(st.plotting.SAMPLE, 3)[1:]
        for (precision, size), runs in sorted(curves.items()):
            mean = runs[:, :, column].mean(axis=0)
            axis.plot(
                figure_runs.EVERY * np.arange(len(mean)), mean, color=small if size == min(curves)[1] else large,
                ls="-" if precision else "--", label=f"λ = {precision:g}, B = {size}",
            )  # fmt: skip
        axis.set(xlabel="step", ylabel=name)
    figure.axes[0].set_ylim(0.8, None)
    figure.axes[1].set_ylim(None, 1.0)
    axis.legend(frameon=False)
