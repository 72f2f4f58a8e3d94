"""Peaks, edges and exponents of curves that are known."""

import numpy as np
import pytest
from scipy import stats

import sdetheory as st
from sdetheory.errors import AccuracyWarning, InvalidInputError

SIZES = np.array([2, 3, 5, 8, 12, 20, 32, 50, 80, 128])
SETTING = ("learning_rate", "momentum", "dampening", "train_size")
TYPES = [
    *((name, float) for name in SETTING[:3]), ("train_size", int), ("batch_size", int), ("seed", int),
    ("n_steps", int), ("outcome", "U8"), ("diverged_at", int), ("seconds", float), ("accuracy", float),
    ("loss", float),
]  # fmt: skip


def study(accuracy, settings, n_seeds=4, sizes=SIZES):
    """Return a study whose metric is accuracy(setting, batch sizes) → (n_seeds, b); NaN stands for divergence."""
    rows = []
    for setting in settings:
        values = np.broadcast_to(accuracy(setting, sizes), (n_seeds, len(sizes)))
        for seed, batch in np.ndindex(values.shape):
            value = values[seed, batch]
            outcome = ("diverged", 7) if np.isnan(value) else ("ended", -1)
            rows.append((*setting, sizes[batch], seed, 100, *outcome, 0.0, value, -value))
    return st.BatchSizeStudy(
        table=np.array(rows, dtype=TYPES), metrics=("accuracy", "loss"), settings={}, versions={}, n_missing=0
    )


def rates(*values):
    return [(value, 0.9, 0.9, 1000) for value in values]


def peaked(best):
    """Return A − s ln B − c/B² with its peak, 0.9, where `best` says."""

    def accuracy(setting, sizes):
        u = np.log(sizes) - np.log(best(setting))
        return 0.9 - 0.01 * u - 0.005 * (np.exp(-2 * u) - 1)

    return accuracy


def test_the_peak_of_a_known_curve_is_found():
    for best in (4.0, 9.3, 40.0):
        (optimum,) = study(peaked(lambda _, b=best: b), rates(0.1)).optima()
        assert optimum.batch_size.value == pytest.approx(best, rel=1e-6)
        assert optimum.height == pytest.approx(0.9, rel=1e-9)
        # Without noise there is nothing to be unsure of.
        assert optimum.batch_size.high - optimum.batch_size.low < 1e-6
        assert optimum.bounded


def test_another_power_and_the_cliff_beside_it_move_the_peak_little():
    """The power 5.7 is not among those tried, and the smallest batch that trains lies far below the peak."""

    def accuracy(setting, sizes):
        u = np.log(sizes) - np.log(12.0)
        return 0.9 - 0.01 * u - 0.01 / 5.7 * (np.exp(-5.7 * u) - 1)

    (optimum,) = study(accuracy, rates(0.1)).optima()
    assert optimum.curve.values[0, optimum.curve.reliable].min() < 0.75
    assert optimum.batch_size.value == pytest.approx(12.0, rel=0.02)


def test_the_exponents_of_power_laws_are_found():
    settings = [
        (rate, m, 0.0, n) for rate in (0.1, 0.2, 0.4) for m in (0.0, 0.5) for n in (1000, 2000)
    ]  # fmt: skip
    best = lambda s: 40 * s[0] ** 0.8 * (s[3] / 1000) ** 0.3 / (1 - s[1]) ** 0.6  # noqa: E731
    found = study(peaked(best), settings).exponents()
    for name, expected in (("learning_rate", 0.8), ("train_size", 0.3), ("1/(1 - momentum)", 0.6)):
        assert found[name].value == pytest.approx(expected, rel=1e-5)
        assert 1.0 not in found[name]


def test_only_what_varies_has_an_exponent():
    assert list(study(peaked(lambda s: 40 * s[0]), rates(0.1, 0.3)).exponents()) == ["learning_rate"]
    with pytest.raises(InvalidInputError, match="needs bounded optima at two values or more"):
        study(peaked(lambda s: 10), rates(0.1)).exponents()


def test_failed_and_diverged_runs_are_counted_and_not_averaged():
    def accuracy(setting, sizes):
        values = np.tile(peaked(lambda _: 12)(setting, sizes), (4, 1))
        values[:, 0] = np.nan  # B = 2: all diverge
        values[:3, 1] = 0.1  # B = 3: most fail
        values[0, 2] = np.nan  # B = 5: one diverges
        return values

    (curve,) = study(accuracy, rates(0.1)).curves()
    assert curve.diverged[:3].tolist() == [4, 0, 1]
    assert curve.failed[:3].tolist() == [0, 3, 0]
    assert curve.trained[:4].tolist() == [0, 1, 3, 4]
    assert not curve.reliable[:3].any() and curve.reliable[3:].all()
    assert curve.edge == 5 and curve.edge_is_seen
    (optimum,) = study(accuracy, rates(0.1)).optima()
    assert optimum.batch_size.value == pytest.approx(12, rel=1e-6)
    assert optimum.distance_to_edge == pytest.approx(np.log(12 / 5), rel=1e-5)
    assert np.nanmin(curve.values) > 0.5


def test_a_metric_is_masked_by_the_first_one():
    (curve,) = study(lambda s, b: np.where(b < 5, 0.1, 0.8), rates(0.1)).curves("loss")
    assert np.isnan(curve.values[:, :2]).all() and (curve.values[:, 2:] == -0.8).all()


def test_a_peak_at_the_end_of_the_batch_sizes_is_a_bound():
    for best, bounded in ((500.0, False), (0.5, False), (10.0, True)):
        (optimum,) = study(peaked(lambda _, b=best: b), rates(0.1)).optima()
        assert optimum.bounded == bounded
        assert SIZES[0] <= optimum.batch_size.value <= SIZES[-1]

    def cliff(setting, sizes):
        return np.where(sizes < 8, np.nan, 0.9 - 0.01 * np.log(sizes))

    # The smallest that trains is the best, and smaller ones were tried: an optimum, at the edge of failure.
    (optimum,) = study(cliff, rates(0.1)).optima()
    assert optimum.bounded
    assert optimum.distance_to_edge == pytest.approx(0, abs=1e-9)


def test_what_never_trains_has_no_optimum():
    lost = study(lambda s, b: np.full(len(b), np.nan), rates(0.1))
    with pytest.warns(
        AccuracyWarning, match=r"no setting has an optimum.*learning_rate = 0.1.*B = 2: 0 failed .*, 4 div"
    ):
        assert lost.optima() == []
    with pytest.raises(InvalidInputError, match="no setting has an optimum"):
        lost.exponents()
    # Half is no level for every metric: what has failed to train is said, or seen from the start.
    (curve,) = study(lambda s, b: np.full(len(b), 0.1), rates(0.1)).curves(trains_above=0.5)
    assert np.isnan(curve.edge) and not curve.edge_is_seen


def test_one_seed_knows_no_interval():
    (optimum,) = study(peaked(lambda _: 10), rates(0.1), n_seeds=1).optima()
    assert (optimum.batch_size.low, optimum.batch_size.high) == (0.0, np.inf)


ALPHA = 1e-4


def test_intervals_hold_the_exponent_as_often_as_they_say(rng):
    """95 % intervals of 120 noisy studies; a coverage of 0.75 would be seen with probability 0.99."""
    hits = {"truth": 0, "half": 0}
    n_studies, level = 120, 0.95
    for _ in range(n_studies):

        def noisy(setting, sizes):
            # Seeds differ in what they can reach, and each run has noise of its own.
            offset = 0.01 * rng.standard_normal((4, 1))
            return peaked(lambda s: 40 * s[0])(setting, sizes) + offset + 0.001 * rng.standard_normal((4, len(sizes)))

        found = study(noisy, rates(0.2, 0.4, 0.8)).exponents(confidence=level, n_bootstrap=100)["learning_rate"]
        hits["truth"] += 1.0 in found
        hits["half"] += 0.5 in found
    least = stats.binom.ppf(ALPHA, n_studies, level)
    assert hits["truth"] >= least
    assert hits["half"] < least  # half the exponent, the square-root rule, is rejected


def test_scatter_about_the_power_law_widens_the_interval():
    """Without noise of the seeds it is the interval of a straight line through the logarithms."""
    epsilon, off = np.array([0.1, 0.2, 0.4, 0.8, 1.6]), np.array([0.1, -0.1, 0.05, 0.1, -0.05])
    best = dict(zip(epsilon, 9.3 * np.sqrt(epsilon / 0.4) * np.exp(off), strict=True))
    found = study(peaked(lambda setting: best[setting[0]]), rates(*epsilon)).exponents()["learning_rate"]
    line = stats.linregress(np.log(epsilon), np.log(list(best.values())))
    assert found.value == pytest.approx(line.slope, rel=1e-5)
    assert found.high - found.value == pytest.approx(stats.t.ppf(0.975, 3) * line.stderr, rel=1e-4)
    # Two optima lie on any power law.
    two = study(peaked(lambda setting: best[setting[0]]), rates(*epsilon[:2])).exponents()["learning_rate"]
    assert two.high - two.value < 1e-6


def test_refusals():
    done = study(peaked(lambda s: 40 * s[0]), rates(0.1, 0.3))
    with pytest.raises(InvalidInputError, match="metric must be one of 'accuracy', 'loss'; got 'acuracy'"):
        done.curves("acuracy")
    with pytest.raises(InvalidInputError, match="confidence must be > 0 and < 1"):
        done.optima(confidence=95)
    with pytest.raises(InvalidInputError, match="no point of the study has"):
        done.select(learning_rate=0.2)
    assert set(done.select(learning_rate=0.3).table["learning_rate"]) == {0.3}


def test_the_optimum_of_a_loss_is_its_minimum():
    """The same curve upside down, under a name that says so, or with `minimize`."""
    of = study(peaked(lambda _: 9.3), rates(0.1))
    for found in (of.optima("loss"), of.optima("loss", minimize=True)):
        assert found[0].batch_size.value == pytest.approx(9.3, rel=1e-6)
        assert found[0].height == pytest.approx(-0.9, rel=1e-9)
    # The negative control: a loss taken for an accuracy has its maximum at an end.
    (wrong,) = of.optima("loss", minimize=False)
    assert wrong.batch_size.value in (2.0, 128.0)
    two = study(peaked(lambda s: 40 * s[0]), rates(0.2, 0.4))
    assert two.exponents("loss")["learning_rate"].value == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("name, best", [("loss", "least"), ("accuracy", "greatest")])
def test_a_study_knows_by_its_start_what_has_trained(tmp_path, name, best):
    """Ten classes, say: what ends in the half of the way towards the start has failed, whatever its units."""
    sign, size = (-1, 1000.0) if name == "loss" else (1, 0.01)

    def metric(w):
        # 0 at the start; by the number of the batch size elsewhere: the smallest fails, the third is the best.
        return sign * size * float(np.interp(abs(w[0]), [0.0, 2.0, 4.0, 8.0, 16.0], [0.0, 0.2, 0.8, 1.0, 0.9]))

    class Still:
        train_size, dimension = 40, 1

        def minibatch_gradient(self, w, indices):
            return np.array([-40.0 * len(indices)])

    def problem(seed, train_size):
        return Still(), {name: metric}, np.zeros(1)

    path = tmp_path / "study.csv"
    found = st.batch_size_study(
        problem, learning_rates=1.0, train_sizes=40, batch_sizes=[2, 4, 8, 16], n_steps=1, seeds=[0, 1], path=path
    )
    for study in (found, st.BatchSizeStudy.read(path)):
        assert study.start == {name: 0.0}
        (optimum,) = study.optima()
        assert optimum.batch_size.value == pytest.approx(8.0)
        assert optimum.curve.failed.tolist() == [2, 0, 0, 0] and optimum.bounded
