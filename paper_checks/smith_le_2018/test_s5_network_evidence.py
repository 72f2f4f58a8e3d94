"""The title's claim: whether the noise of small batches finds minima of larger evidence, and what that is worth."""

import math

import numpy as np
import pytest
from scipy import optimize, special, stats

import sdetheory as st
from sdetheory.claims import ROOT_SEED, Above, Below

from . import network_evidence as study

ALPHA = 0.05
TWO_OF_THEM = 0.025
"""Of the intervals that the study's protocol names, and of two that hold together; no seed changes stored numbers."""


def cells(**settings):
    """Return the stored cells of Fashion-MNIST with 16 units at ε = 0.05, by (seed, batch size, λ)."""
    usual = {"images": "fashion", "hidden": 16, "learning_rate": 0.05} | settings
    rows = [row for row in study.read() if all(row[name] == value for name, value in usual.items())]
    return {(row["seed"], row["batch_size"], row["prior_precision"]): row for row in rows}


@pytest.fixture(scope="module")
def again():
    """Return a stored cell of MNIST, and what the code makes of it now; whatever rests on stored numbers asks for it.

    The whole batch draws nothing, yet another machine's rounding may move ln P by a part in a hundred. Two cells with
    batches, drawn by the seed, are therefore computed again for their first steps only, to a part in a thousand.
    """
    settings = {"images": "mnist", "labels": "true", "batch_size": study.TRAIN_SIZE, "seed": 1}
    cell = next(c for c in study.CELLS if all(c[name] == value for name, value in settings.items()))
    stored = next(row for row in study.read() if all(row[name] == value for name, value in cell.items()))
    now = study.measure(cell)
    assert math.isclose(now["log_evidence"], stored["log_evidence"], rel_tol=0.03), now
    early = np.loadtxt(study.SPOTS, delimiter=",", skiprows=1)
    early = early[early[:, 1] < study.TRAIN_SIZE]
    for seed, size, loss in early[np.random.default_rng(ROOT_SEED).choice(len(early), 2, replace=False)]:
        assert math.isclose(study.early_loss(study.spots()[int(seed), int(size)]), loss, rel_tol=1e-3), (seed, size)
    return stored, now


def sharper(estimate):
    """Return what a hundred times as many seeds would say, if they said the same."""
    return st.Estimate(value=estimate.value, stderr=estimate.stderr / 10, n_eff=estimate.n_eff)


@pytest.mark.claim("C120")
def test_small_batches_find_minima_of_larger_evidence(record, picture, again):
    """Paired over the twenty seeds of the second stage, ln P at g = 4.5 (B = 50) minus ln P at g = 0, true labels."""
    picture(_draw, size=(8.0, 6.0))
    gain = gain_of(50)
    record(
        label="gain of ln P at g = 4.5",
        predicted=Above(0.0),
        measured=gain,
        alpha=TWO_OF_THEM / 2,  # of the lower end
        stored=True,
        wrong_measurements={"the batches exchanged": gain_of(50, sign=-1), "no gain": gain_of(50, sign=0)},
    )


@pytest.mark.claim("C125")
def test_whether_the_largest_noise_finds_larger_evidence_is_open(record, again):
    """The same at g = 16 (B = 15), of the sixty seeds of the third stage: a nat more and none are both allowed."""
    gain = gain_of(15, seeds=study.LAST)
    record(
        label="gain of ln P at g = 16, of which a nat would matter",
        predicted=1.0,
        rival=0.0,
        measured=gain,
        alpha=ALPHA,
        stored=True,
        wrong_measurements={"a hundred times as many seeds": sharper(gain)},
    )


def gain_of(batch_size, sign=1, seeds=study.LATER):
    """Return the gain of ln P over the whole batch, of the seeds that decide."""
    table = cells(labels="true")
    pairs = [(table[s, batch_size, 1.0], table[s, study.TRAIN_SIZE, 1.0]) for s in seeds]
    assert max(row["decrement"] for pair in pairs for row in pair) < 2  # as the protocol asks
    gains = np.array([one["log_evidence"] - whole["log_evidence"] for one, whole in pairs])
    return st.stats.mean_estimate(sign * gains if sign else gains - gains.mean())


@pytest.mark.claim("C121")
def test_the_evidence_ranks_minima_by_their_test_loss(record, again):
    """Spearman's ρ of ln P with minus the test loss over the four batches of a seed, true labels, twenty new seeds."""
    table = cells(labels="true")
    batches = sorted({b for _, b, precision in table if precision == 1.0})
    orders = []
    for seed in study.LATER:
        rows = [table[seed, b, 1.0] for b in batches]
        evidence, loss = ([row[name] for row in rows] for name in ("log_evidence", "test_loss"))
        orders.append(-stats.spearmanr(evidence, loss).statistic)
    order = st.stats.mean_estimate(np.array(orders))
    record(
        label="ρ over four batches",
        predicted=Above(0.0),
        measured=order,
        alpha=ALPHA / 2,
        stored=True,
        wrong_measurements={"the other way round": st.stats.mean_estimate(-np.array(orders))},
    )


@pytest.mark.claim("C122")
def test_the_evidence_tells_networks_with_true_labels_from_those_with_random_ones(record, again):
    """The ratio E for the null model, with true and with random labels, of every batch and seed. Control: each other's.

    Fit alone does not tell them: both have training losses far below ln 10. A cell that is computed again ties the
    stored numbers to the code: another machine's rounding may move it as far as another batch size does.
    """
    stored, now = again
    record(
        label="ln P of a cell, computed again",
        predicted=stored["log_evidence"],
        measured=now["log_evidence"],
        rtol=0.03,
        wrong_predictions={"without the gradient's term and the curvature": now["log_likelihood"]},
    )
    ratios = {}
    for labels in ("true", "random"):
        rows = [row for (_, _, precision), row in cells(labels=labels).items() if precision == 1.0]
        ratios[labels] = [-row["log_evidence"] - study.TRAIN_SIZE * math.log(study.CLASSES) for row in rows]
    losses = [row["train_loss"] for row in cells(labels="random", prior_precision=1.0).values()]
    record(
        label="training loss with random labels",
        predicted=Below(0.1),
        measured=losses,
        wrong_measurements={"of the null model": math.log(study.CLASSES)},
    )
    record(
        label="E with random labels",
        predicted=Above(0.0),
        measured=ratios["random"],
        wrong_measurements={"true labels": ratios["true"]},
    )
    record(
        label="E with true labels",
        predicted=Below(0.0),
        measured=ratios["true"],
        wrong_measurements={"random labels": ratios["random"]},
    )


@pytest.mark.claim("C123")
def test_the_largest_evidence_and_the_least_test_loss_are_not_at_the_same_prior(record, again):
    """log10 λ of the largest ln P minus that of the least test loss, paired over seeds, on a grid from 0.1 to 300."""
    table = cells(labels="true")
    grid = np.array(sorted({precision for _, b, precision in table if b == 50}))
    shifts = []
    for seed in study.SEEDS:
        rows = [table[seed, 50, precision] for precision in grid]
        best = grid[np.argmax([row["log_evidence"] for row in rows])]
        shifts.append(math.log10(best / grid[np.argmin([row["test_loss"] for row in rows])]))

    record(
        label="decades from the λ of the least test loss to that of the largest evidence",
        predicted=Above(-0.5),
        measured=shifts,
        found=Below(-0.2),
        wrong_predictions={"the evidence prefers the stronger prior": Above(0.0)},
    )


@pytest.mark.claim("C126")
def test_with_random_labels_the_evidence_prefers_guessing_at_every_prior_that_lets_a_bottom_be_reached(record, again):
    """E for the null model, of the cells with random labels at B = 50 that have reached a bottom, λ = 0.1 to 100.

    Control: the cells with true labels at λ from 0.3 to 30, by the same rule.
    """
    kept = {labels: study.bottoms(cells(labels=labels)) for labels in ("random", "true")}
    record(
        label=f"E at λ = {sorted({precision for precision, _ in kept['random']})}",
        predicted=Above(0.0),
        measured=[ratio for _, ratio in kept["random"]],
        wrong_measurements={"true labels": [ratio for precision, ratio in kept["true"] if 0.3 <= precision <= 30]},
    )


@pytest.mark.claim("C124")
def test_laplaces_evidence_of_small_networks_is_off_by_more_than_a_nat_and_a_half(record):
    """Three networks of 22 weights against averages of the likelihood over 400,000 draws from the prior.

    The bound was written down after networks of two and three units, on other data, were off by up to 1.1. It failed at
    the first data drawn for it, by 0.02, and fails clearly at these. Control: one minimum without its 4! copies.
    """
    precision, errors, alone = 0.3, [], []
    for seed in (300, 301, 302):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((20, 2))
        labels = (x @ [1.0, -1.0] + 0.5 * rng.standard_normal(20) > 0).astype(int)
        model = st.models.ReLUNetwork(x, labels, hidden=4, n_classes=2, prior_precision=precision, dtype="float64")
        w = min((_minimum(model, rng) for _ in range(8)), key=model.cost)
        found = st.evidence.laplace(model, precision, about=w).log_evidence
        exact = _from_the_prior(model, rng)
        alone.append(found - exact.value)
        errors.append(alone[-1] + st.evidence.log_equivalent_modes(4, sign_flips=False))
        assert exact.stderr < 0.1
    record(
        label="error of one minimum and its copies, in nats",
        predicted=Below(1.5),
        measured=np.abs(errors),
        found=Below(2.5),
        wrong_measurements={"without copies": np.abs(alone)},
    )


def _minimum(model, rng):
    w = model.initial(rng)
    for _ in range(3):  # kinks stop the search
        w = optimize.minimize(model.cost, w, jac=model.gradient, method="BFGS").x
    return w


def _from_the_prior(model, rng, rounds=40, draws=10_000):
    """Return ln of the mean likelihood over weights drawn from the prior."""
    shapes = [part.shape for part in model.layers(np.zeros(model.dimension))]
    logs = []
    for _ in range(rounds):
        w1, b1, w2, b2 = (
            rng.standard_normal((draws, *(shape if len(shape) == 2 else (1, *shape))))
            / math.sqrt(model.prior_precision)
            for shape in shapes
        )
        outputs = np.maximum(model.X @ w1 + b1, 0) @ w2 + b2
        logs.append(special.log_softmax(outputs, axis=2)[:, np.arange(len(model.y)), model.y].sum(axis=1))
    logs = np.concatenate(logs)
    weights = np.exp(logs - logs.max())
    mean = st.stats.mean_estimate(weights)
    return st.Estimate(value=math.log(mean.value) + logs.max(), stderr=mean.stderr / mean.value, n_eff=float(logs.size))


def _draw(figure):
    """Log evidence and test loss over the noise scale, seed by seed less those of g = 0, and over λ."""
    table = cells(labels="true")
    titles = {"log_evidence": "log evidence", "test_loss": "test loss"}
    light, *_, dark = st.plotting.shades(st.plotting.SAMPLE, 3)
    for row, name in enumerate(("log_evidence", "test_loss")):
        over_g, over_prior = figure.add_subplot(2, 2, 2 * row + 1), figure.add_subplot(2, 2, 2 * row + 2)
        differences = []
        for seed in study.LATER:
            one = sorted(
                (r for (s, _, p), r in table.items() if s == seed and p == 1.0), key=lambda r: r["noise_scale"]
            )
            scales = [r["noise_scale"] for r in one]
            differences.append([r[name] - one[0][name] for r in one])
            over_g.plot(scales, differences[-1], color=light, linewidth=0.8)
        mean = st.stats.mean_estimate(np.array(differences))
        over_g.errorbar(scales, mean.value, 2 * mean.stderr, color=dark, marker="o", capsize=3)
        over_g.axhline(0.0, color=st.plotting.GUIDE, ls=":")
        over_g.set(xlabel="noise scale g", ylabel=f"{titles[name]} less that of g = 0 (nats)")
        for seed, color in zip(study.SEEDS, st.plotting.shades(st.plotting.SAMPLE, len(study.SEEDS)), strict=True):
            path = sorted(p for s, b, p in table if s == seed and b == 50)
            over_prior.semilogx(path, [table[seed, 50, p][name] for p in path], color=color, marker="o", ms=3)
        over_prior.set(xlabel="prior precision λ", ylabel=f"{titles[name]} (nats)")
