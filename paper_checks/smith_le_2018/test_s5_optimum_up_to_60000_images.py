"""Figure 6 to its end: the optimum batch size for N up to 60,000 images of Fashion-MNIST, from the stored study.

What a claim is decided by was written down before the seeds that decide it were run, in `optimum_collapse`.
"""

import itertools

import numpy as np
import pytest
from scipy import special

import sdetheory as st
from sdetheory.claims import ROOT_SEED, Above, Below

from . import optimum_study
from .optimum_collapse import collapse, explained

HALF_WAY = (3001, 4000)
SIX, FOUR = range(2, 8), range(4, 8)
WRONG = {"none": 0.0, "a half": 0.5}  # what the protocol wants outside, where one is inside


@pytest.fixture(scope="module")
def study():
    """Return the rows of the study, which has all seeds that decide, and of which two are computed again."""
    optimum_study.recompute(np.random.default_rng(ROOT_SEED))
    rows = optimum_study.rows()
    assert optimum_study.complete(rows, SIX) == list(SIX)
    return rows


@pytest.mark.claim("C103")
def test_optimum_of_the_test_loss_is_proportional_to_the_number_of_images(record, picture, study):
    """Exponent of N in the optimum after 8,000 steps, from one curve for all N."""
    record(**of("train_size", picture, optimum_study.over_sizes(study, SIX), "test_loss"), found=0.2)


@pytest.mark.claim("C104")
def test_optimum_of_the_accuracy_is_proportional_to_the_number_of_images(record, picture, study):
    """Exponent of N as for the test loss, of the error rate."""
    settings = optimum_study.over_sizes(study, FOUR, quantity="test_error")
    record(**of("train_size", picture, settings, "test_error"), found=0.57)


@pytest.mark.claim("C108")
def test_optimum_of_the_accuracy_from_16000_images_on_is_proportional_to_their_number(record, picture, study):
    """Exponent of N, of the error rate, from one curve for N = 16,000 to 60,000 and both kinds of labels."""
    record(**of("train_size", picture, large(study, FOUR, "test_error"), "test_error"), wrong_predictions=WRONG)


@pytest.mark.claim("C117")
def test_optimum_of_the_test_loss_from_16000_images_on_is_proportional_to_their_number(record, picture, study):
    """Exponent of N, of the test loss, as for the error rate."""
    record(**of("train_size", picture, large(study, SIX, "test_loss"), "test_loss"), found=1.36)


@pytest.mark.claim("C112")
def test_optimum_is_proportional_to_the_learning_rate(record, picture, study):
    """Exponent of ε after one ε/(1 − m) × steps, from one curve for nine pairs of ε and m."""
    record(**of("learning_rate", picture, optimum_study.over_rates(study, SIX), "test_loss"), rival=0.5)


@pytest.mark.claim("C113")
def test_optimum_is_proportional_to_what_momentum_multiplies_the_noise_by(record, picture, study):
    """Exponent of 1/(1 − m) after one ε/(1 − m) × steps, from one curve for nine pairs of ε and m."""
    record(**of("1/(1 - momentum)", picture, optimum_study.over_rates(study, SIX), "test_loss"), rival=0.5)


@pytest.mark.claim("C114")
def test_optimum_after_equal_steps_is_proportional_to_the_learning_rate(record, picture, study):
    """Exponent of ε after 4,000 steps, from one curve for four ε at m = 0.9."""
    settings = optimum_study.over_rates(study, SIX, steps=HALF_WAY)
    settings = [s for s in settings if s.values["1/(1 - momentum)"] == pytest.approx(10.0)]
    settings = [s for s in settings if len(s.batch_sizes) > 3]
    record(**of("learning_rate", picture, settings, "test_loss"), rival=0.5)


def large(study, seeds, quantity):
    """Return the settings of N = 16,000 and more, labels as they are and 20 % of them random."""
    settings = [
        s for q in (0.0, 0.2) for s in optimum_study.over_sizes(study, seeds, quantity=quantity, random_labels=q)
    ]
    return [s for s in settings if s.values["train_size"] >= 16_000]


def of(name, picture, settings, quantity):
    """Return the comparison of an exponent with one, within its interval.

    Control: the exponent of a study that is sure of two.
    """
    found = collapse(settings)
    picture(lambda figure: draw(figure, settings, found, quantity), size=(9.0, 5.0))
    interval = found.exponents[name]
    half = interval.high - interval.value
    return {
        "label": f"exponent {interval}, χ² per degree of freedom {found.misfit:.1f}",
        "predicted": 1.0,
        "measured": interval.value,
        "rtol": 0.0,
        "atol": half,
        "wrong_measurements": {"two": 1.0 + 1.5 * half},
    }


@pytest.mark.claim("C115")
def test_losses_at_all_rates_and_momenta_are_those_of_one_noise_scale(record, study):
    """Share of the variance of the mean losses that εN/(B(1 − m)) explains at N = 4,000. Controls: B, and ε/B."""
    settings = optimum_study.over_rates(study, SIX)

    def rate(values):
        return values["learning_rate"]

    record(
        label="share of the variance explained by g",
        predicted=Above(0.9),
        measured=explained(settings, lambda v, b: rate(v) * v["1/(1 - momentum)"] / b),
        rtol=0.01,
        found=0.787,
        wrong_measurements={
            "B": explained(settings, lambda _, b: b),
            "ε/B": explained(settings, lambda v, b: rate(v) / b),
        },
    )


@pytest.mark.claim("C105")
def test_optimum_of_the_test_loss_grows_in_proportion_from_each_number_of_images_to_the_next(record, study):
    """The exponents from N to the next, of the best tried batches: how far they are from one, in half intervals.

    Control: no growth anywhere.
    """
    exponents, halves = [], []
    for small, large in itertools.pairwise(optimum_study.over_sizes(study, FOUR)):
        factor = np.log(large.values["train_size"] / small.values["train_size"])
        change = (best(large) - best(small)) / factor
        exponents.append(np.mean(change))
        halves.append(upper(change) - np.mean(change) + np.log(2) / 2 / factor)
    record(
        label=f"exponents {np.round(exponents, 2)} ± {np.round(halves, 2)}",
        predicted=0.0,
        measured=(np.array(exponents) - 1) / halves,
        rtol=0.0,
        atol=1.0,
        found=np.array([-8.0, -2.0, 0.0, 0.2, 0.0]),
        wrong_measurements={"no growth": -1 / np.array(halves)},
    )


@pytest.mark.claim("C106")
def test_the_longer_the_training_the_smaller_the_optimum(record, study):
    """Change of ln B of the optimum from half of the 8,000 steps to the end, at N = 60,000: upper end of its interval.

    The optimum of a seed is the best of the tried batches. Control: the two the other way round.
    """
    late, early = (optimum_study.over_sizes(study, SIX, steps=steps)[-1] for steps in (None, HALF_WAY))
    change = best(late) - best(early)
    record(
        label=f"change of ln B, seeds {np.round(change, 1)}",
        predicted=Below(-np.log(1.5)),
        measured=upper(change),
        wrong_measurements={"other way round": upper(-change)},
    )


@pytest.mark.claim("C107")
def test_the_optimum_is_far_from_the_edge_of_stability_of_the_full_batch(record, study):
    """Largest curvature at the end over the limit 2(1 + m)/ε, mean over seeds, at the best batch of each N.

    Control: the largest batch of N = 60,000, which goes towards the edge.
    """
    shares, settings = optimum_study.edge(study, SIX), optimum_study.over_sizes(study, SIX)
    found = [shares[s.values["train_size"], s.batch_sizes[np.argmin(s.losses.mean(axis=1))]] for s in settings]
    record(
        label=f"share of the limit {np.round(found, 3)}",
        predicted=Below(0.25),
        measured=np.array(found),
        wrong_measurements={"largest batch": shares[60_000, settings[-1].batch_sizes[-1]]},
    )


def best(setting):
    """Return ln of the best tried batch of each seed."""
    return np.log(setting.batch_sizes[np.argmin(setting.losses, axis=0)])


def upper(values):
    """Return the upper end of the 95 % interval of a mean over seeds."""
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    return float(np.mean(values) + error * special.stdtrit(len(values) - 1, 0.975))


def draw(figure, settings, found, quantity):
    """Draw the means over the batch sizes, and over their share of the place of each setting on the shared curve."""
    left, right = figure.subplots(1, 2, sharey=True)
    names = [name(setting.values, settings) for setting in settings]
    mains = list(dict.fromkeys(main for main, _ in names))
    colors = dict(zip(mains, st.plotting.shades(st.plotting.SAMPLE, len(mains)), strict=True))
    markers = dict(zip(mains, "osDv^P<>p", strict=False))
    for setting, place, (main, more) in zip(settings, found.places, names, strict=True):
        mean = setting.losses.mean(axis=1)
        height = (mean - mean.min()) / (mean[-1] - mean.min())
        look = {"color": colors[main], "marker": markers[main], "ms": 4}
        look |= {"ls": "--", "mfc": "none"} if more else {}
        left.semilogx(setting.batch_sizes, height, label=main + more, **look)
        right.semilogx(setting.batch_sizes / np.exp(place), height, **look)
    for axes, label in ((left, "batch size (examples)"), (right, "batch size over its place on the curve")):
        axes.set_xlabel(label)
    left.set_ylabel(f"{quantity.replace('_', ' ')}: 0 the least, 1 that of the largest")
    left.set_ylim(top=2.0)  # what fails to train is far above
    figure.legend(loc="outside lower center", ncols=3)


def name(values, settings):
    """Return what tells a setting from the others, and whether its labels are partly random."""
    if len({s.values["train_size"] for s in settings}) > 1:
        main = f"N = {values['train_size']:,.0f}"
    else:
        main = f"ε = {values['learning_rate']:g}, m = {1 - 1 / values['1/(1 - momentum)']:.2g}"
    return main, f", {values['random_labels']:.0%} random labels" if values["random_labels"] else ""
