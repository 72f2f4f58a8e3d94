"""Section 4: with the learning rate held fixed, one batch size generalizes best."""

import numpy as np
import pytest

import sdetheory as st
from sdetheory.claims import Above, Below, Tolerance

from . import studies

ALPHA = 1e-6
PAIRED = 1e-3  # of pairs of stored runs: the false-alarm rate of a comparison


@pytest.fixture(scope="module")
def swept(full, workers):
    """Return accuracies over B at five learning rates: 800 units, 1,000 images, damped momentum 0.9, three seeds."""
    return studies.stored("learning_rate", full, workers)


@pytest.fixture(scope="module")
def fresh(full, workers):
    """Return the study whose seeds no other has, of batches and learning rates that were chosen by the others."""
    return studies.stored("fresh", full, workers)


@pytest.fixture(scope="module")
def watched(full, workers):
    """Return steps, and test accuracy and loss on the way of B = 30 and of the full batch, at ε = 1."""
    return studies.watched(full, workers)


@pytest.mark.claim("C55")
def test_test_accuracy_falls_as_the_batch_grows_at_a_fixed_learning_rate(record, fresh):
    """Accuracy at B = 120 minus that at 40, in twelve pairs. Controls: from 10 to 20, where it grows, and noise."""
    record(
        label="accuracy from B = 40 to 120",
        predicted=Below(0.0),
        measured=gain(fresh, 120, 40),
        alpha=PAIRED,
        stored=True,
        wrong_measurements={"below the optimum": gain(fresh, 20, 10), "B = 20 twice": noise(fresh)},
    )


@pytest.mark.claim("C56")
def test_small_batch_is_slower_and_ends_with_the_higher_test_accuracy(record, picture, watched):
    """B = 30 minus full batch: behind at step 50, ahead from step 1,000 on, for every seed. Control: the other way."""
    steps, runs = watched
    (small, full_batch), seeds = sorted(runs), min(map(len, runs.values()))
    gap = (runs[small][:seeds] - runs[full_batch][:seeds])[:, :, 0]
    picture(lambda figure: _draw_training(figure, steps, runs))
    start, late = gap[:, steps == 50], gap[:, steps >= 1000]
    record(label="step 50", predicted=Below(0.0), measured=start, wrong_measurements={"late": late})
    record(
        label="gap from step 1,000 on",
        predicted=Above(0.0),
        measured=late,
        wrong_measurements={"step 50": start},
    )


@pytest.mark.claim("C57")
def test_test_loss_rises_late_for_both_batches_and_is_lower_for_the_small_one(record, watched):
    """Rise of the test loss from its least value on, for every seed; and full batch minus small one at the end."""
    _, runs = watched
    small, full_batch = (runs[size][:, :, 1] for size in sorted(runs))
    rise = np.concatenate([loss[:, -1] - loss.min(axis=1) for loss in (small, full_batch)])
    early = np.concatenate([loss[:, 1] - loss[:, 0] for loss in (small, full_batch)])
    record(
        label="rise after the minimum",
        predicted=Above(0.02),
        measured=rise,
        wrong_measurements={"first 50 steps": early},
    )
    seeds = min(len(small), len(full_batch))
    last, first = (full_batch[:seeds, step] - small[:seeds, step] for step in (-1, 1))
    record(label="full − small", predicted=Above(0.02), measured=last, wrong_measurements={"step 50": first})


@pytest.mark.claim("C58")
def test_test_accuracy_peaks_at_a_batch_size_in_between(record, picture, swept, fresh, rng):
    """Accuracy at B = 20, the best of other seeds, minus that at 10 and 120, in twelve pairs by Student's law.

    Controls: noise, which is B = 20 against itself; and draws of a normal law, which pass at the rate that is stated.
    """
    picture(lambda figure: _draw_peak(figure, swept.select(learning_rate=1.0)))
    draws = st.stats.required_samples(deviation=0.1, effect=0.03, alpha=ALPHA, power=1 - 1e-6)
    passing = [
        Tolerance(alpha=0.01).accepts(st.stats.mean_estimate(rng.standard_normal(12)), Above(0.0)) for _ in range(draws)
    ]
    record(
        label="share of noise that passes at 1 %", predicted=0.01, measured=st.stats.mean_estimate(passing),
        alpha=ALPHA, wrong_predictions={"three signs": 0.125},
    )  # fmt: skip
    for other in (10, 120):
        record(
            label=f"accuracy at B = 20 minus that at {other}",
            predicted=Above(0.0),
            measured=gain(fresh, 20, other),
            alpha=PAIRED,
            stored=True,
            wrong_measurements={"B = 20 twice": noise(fresh), "the other way round": gain(fresh, other, 20)},
        )


@pytest.mark.claim("C59")
def test_batches_below_about_ten_do_not_train_at_learning_rate_one(record, swept, workers, rng):
    """The smallest B of which most runs train, at ε = 1 and m = 0.9: about ten if momentum is damped.

    Control, run here with 100 units: the undamped heavy ball, whose effective learning rate is 10, does not train even
    with B = 60.
    """
    (curve,) = swept.select(learning_rate=1.0).curves(trains_above=studies.TRAINS_ABOVE)
    failing = curve.batch_sizes[curve.batch_sizes < curve.edge].max()
    undamped = studies.train(
        workers, studies.Digits(1000, hidden=100), rng.integers(2**31, size=4), batch_size=60, learning_rate=1.0,
        damped=False, n_steps=300,
    )[:, -1, 0]  # fmt: skip
    assert (undamped < studies.TRAINS_ABOVE).all()
    record(label="largest that fails", predicted=Below(10.5), measured=failing, wrong_measurements={"undamped": 60.0})
    record(
        label="smallest that trains",
        predicted=10.0,
        measured=curve.edge,
        rtol=0.5,
        wrong_predictions={"undamped": 60.0},
    )


@pytest.mark.claim("C60")
def test_the_optimum_lies_at_a_fixed_multiple_of_the_smallest_batch_that_trains(record, swept):
    """ln(B_opt/edge) over a factor of 20 in ε: between 1.5 and 5 everywhere, while B_opt itself grows twentyfold.

    Control: an edge that stays where it is at the smallest learning rate.
    """
    optima = swept.optima(trains_above=studies.TRAINS_ABOVE)
    ratios = np.exp([best.distance_to_edge for best in optima])
    fixed_edge = np.array([best.batch_size.value for best in optima]) / optima[0].curve.edge
    at_edge = {"at the edge": ratios / ratios}
    record(label="B_opt / edge", predicted=Above(1.5), measured=ratios, wrong_measurements=at_edge)
    record(label="B_opt / edge", predicted=Below(5.0), measured=ratios, wrong_measurements={"fixed edge": fixed_edge})


@pytest.mark.claim("C61")
def test_convex_models_show_no_gap_between_small_and_full_batch(record, watched, rng):
    """Test accuracy of logistic regression on the digits 4 and 9, B = 20 minus full batch, over twenty splits.

    200 images to train, 600 to test, ε = 0.1, 800 steps. Control: the gap of the network with 800 units.
    """
    gaps = []
    for seed in rng.integers(2**31, size=20):
        data = st.datasets.mnist((4, 9), train_size=200, test_size=600, rng=int(seed))
        model = st.models.LogisticRegression(data.x_train, data.y_train)
        ends = [
            st.sgd(
                model, st.SGDHyperparameters(learning_rate=0.1, train_size=200, batch_size=b), np.zeros(784),
                n_steps=800, rng=int(seed),
            ).final[0]
            for b in (20, 200)
        ]  # fmt: skip
        small, full_batch = (model.accuracy(w, data.x_test, data.y_test) for w in ends)
        gaps.append(small - full_batch)
    _, runs = watched
    network = np.subtract(*(runs[size][:, -1, 0].mean() for size in sorted(runs)))
    record(
        label="gap", predicted=Below(network / 2), measured=st.stats.mean_estimate(gaps), alpha=ALPHA,
        wrong_measurements={"network": network},
    )  # fmt: skip


def gain(study, size, other):
    """Return the mean over pairs by how much the accuracy at one batch size exceeds that at another, at ε = 1."""
    one, two = (studies.by_seed(study, learning_rate=1.0, batch_size=b) for b in (size, other))
    return st.stats.mean_estimate(one - two)


def noise(study):
    """Return the same for runs at B = 20 and ε = 1 of two seeds each: no difference but chance."""
    values = studies.by_seed(study, learning_rate=1.0, batch_size=20)
    return st.stats.mean_estimate(values[::2] - values[1::2])


def _draw_training(figure, steps, runs):
    for axis, column, name in zip(figure.subplots(1, 2), (0, 1), ("test accuracy", "test loss (nats)"), strict=True):
        for size, color in zip(sorted(runs), st.plotting.shades(st.plotting.SAMPLE, 3)[1:], strict=True):
            axis.plot(steps, runs[size][:, :, column].T, color=color, lw=0.5, alpha=0.5)
            axis.plot(steps, runs[size][:, :, column].mean(axis=0), color=color, label=f"B = {size}")
        axis.set(xlabel="step", ylabel=name)
    axis.legend(frameon=False)
    figure.axes[0].set_ylim(0.8, None)
    figure.axes[1].set_ylim(None, 0.8)


def _draw_peak(figure, study):
    left, right = figure.subplots(1, 2)
    st.plotting.plot_batch_sizes(study, ax=left)
    st.plotting.plot_batch_sizes(study, "test_loss", ax=right)
