"""Figures show the numbers that they are given."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

import sdetheory as st
from sdetheory.errors import InvalidInputError

PATH = np.geomspace(0.01, 100, 5)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def lines(ax):
    """Return what the legend names, by its name."""
    return {line.get_label(): line.get_ydata() for line in ax.get_lines() if not line.get_label().startswith("_")}


def classifier(rng, n_splits):
    splits = [(st.models.LogisticRegression(rng.standard_normal((20, 3)), np.arange(20) % 2),
               rng.standard_normal((9, 3)), rng.integers(0, 2, 9)) for _ in range(n_splits)]  # fmt: skip
    return st.evidence.evidence_curve(splits, PATH)


@pytest.mark.parametrize("n_splits", [1, 3])
def test_evidence_of_a_classifier_is_drawn_with_its_parts(rng, n_splits):
    curve = classifier(rng, n_splits)
    nats, loss, accuracy = st.plotting.plot_evidence(curve)
    drawn = lines(nats)
    np.testing.assert_allclose(drawn["fit"] + drawn["Occam factor"], drawn["evidence"], rtol=1e-12)
    np.testing.assert_allclose(drawn["null model"], -20 * np.log(2), rtol=1e-12)
    np.testing.assert_allclose(drawn["null model"][0] - drawn["evidence"], curve.log_evidence_ratio.mean(0), atol=1e-10)
    np.testing.assert_array_equal(lines(loss)["test"], curve.test_loss.mean(axis=0))
    np.testing.assert_array_equal(lines(loss)["training"], curve.train_loss.mean(axis=0))
    np.testing.assert_array_equal(lines(accuracy)["test"], curve.test_accuracy.mean(axis=0))
    marks = [line.get_xdata()[0] for line in loss.get_lines() if line.get_label().startswith("_")]
    assert marks == [curve.best_by_evidence, curve.best_by_test_loss]
    assert len(nats.collections) == (3 if n_splits > 1 else 0), "bands need two splits"


def test_bands_are_two_standard_errors(rng):
    curve = classifier(rng, 3)
    loss = st.plotting.plot_evidence(curve)[1]
    upper = loss.collections[1].get_paths()[0].vertices[:, 1].max()
    assert upper == pytest.approx(np.max(curve.test_loss.mean(0) + 2 * curve.test_loss.std(0, ddof=1) / np.sqrt(3)))


def test_a_path_of_laplace_is_drawn_as_the_evidence_that_it_is(rng):
    X = rng.standard_normal((20, 2))
    path = st.evidence.laplace(st.models.LogisticRegression(X, (X[:, 0] > 0).astype(int)), PATH[::-1])
    (ax,) = st.plotting.plot_evidence(path)
    drawn = {line.get_label(): line.get_ydata() for line in ax.lines}
    np.testing.assert_allclose(drawn["evidence"], path.log_evidence[::-1])
    np.testing.assert_allclose(drawn["fit"] + drawn["Occam factor"], drawn["evidence"], rtol=1e-12)
    with pytest.raises(InvalidInputError, match="several prior precisions"):
        st.plotting.plot_evidence(path[0])
    with pytest.raises(InvalidInputError, match="EvidenceCurve or Laplace"):
        st.plotting.plot_evidence(3.0)


def test_evidence_of_a_regression_has_two_panels(rng):
    model = st.evidence.LinearModel(rng.standard_normal((12, 2)), rng.standard_normal(12), intercept="flat")
    test = rng.standard_normal((5, 2)), rng.standard_normal(5)
    curve = st.evidence.evidence_curve([(model, *test)], PATH, noise_variance=0.5)
    panels = plt.subplots(2)[1]
    assert list(st.plotting.plot_evidence(curve, panels)) == list(panels)
    with pytest.raises(InvalidInputError, match="2 panels"):
        st.plotting.plot_evidence(curve, plt.subplots(3)[1])


@pytest.mark.parametrize("features", [None, lambda x: np.vander(np.ravel(x), 3)])
def test_predictive_bands(rng, features):
    x = np.sort(rng.uniform(-1, 1, (10, 1)), axis=0)
    grid = np.linspace(-2, 2, 21)[:, None]
    model = st.evidence.LinearModel(x, x[:, 0] ** 2, features=features, intercept="flat")
    posterior = model.posterior(1.0, 0.01)
    ax = st.plotting.plot_prediction(posterior, x, grid)
    prediction = posterior.predict(grid)
    np.testing.assert_array_equal(lines(ax)["mean"], prediction.mean)
    np.testing.assert_array_equal(lines(ax)["data"], model.y)
    for band, variance in zip(ax.collections, (prediction.variance, prediction.variance - 0.01), strict=True):
        upper = band.get_paths()[0].vertices[:, 1].max()
        assert upper == pytest.approx(np.max(prediction.mean + 2 * np.sqrt(variance)))
    with pytest.raises(InvalidInputError, match="9 inputs for 10 observations"):
        st.plotting.plot_prediction(posterior, x[:9], grid)


def test_a_comparison_shows_histogram_law_and_residuals(rng):
    from scipy import stats

    result = st.theory.compare_laws(rng.standard_normal(2000), stats.norm())
    density, residual = st.plotting.plot_law_comparison(result)
    np.testing.assert_array_equal(lines(density)["exact law"], stats.norm.pdf(density.lines[0].get_xdata()))
    np.testing.assert_array_equal(density.patches[0].get_data().values, result.density.value)
    np.testing.assert_array_equal(residual.get_lines()[1].get_ydata(), result.residuals)
    with pytest.raises(InvalidInputError, match="two panels"):
        st.plotting.plot_law_comparison(result, axes=[density])


@pytest.fixture(scope="module")
def compared():
    model = st.models.LinearRegression(np.ones((6, 1)), [1.0, 2.0, 4.0, 7.0, 11.0, 16.0])
    hp = st.SGDHyperparameters(learning_rate=0.4, train_size=6, batch_size=1)
    return st.compare(model, hp, [0.0], n_steps=4, n_runs=500, multiples=(2,), rng=0)


def test_a_comparison_has_three_panels(compared):
    along, over_rate, over_k = st.plotting.plot_comparison(compared)
    assert [text.get_text() for text in along.get_legend().get_texts()] == list(compared.processes)
    drawn = [container.lines[0].get_ydata() for container in along.containers]
    for data, moments in zip(drawn, compared.processes.values(), strict=True):
        np.testing.assert_array_equal(data, moments.observables.value[:, 0])
    assert len(over_rate.containers) == 2 and over_rate.get_yscale() == "log"
    np.testing.assert_array_equal(
        over_k.containers[0].lines[0].get_ydata(), compared.scaling.difference.value[:, 0]
    )  # fmt: skip
    with pytest.raises(InvalidInputError, match="must be one of cost"):
        st.plotting.plot_comparison(compared, "loss")


def walk(n_saved=5, n_paths=40, d=1):
    """Return a run as simulate() makes it, of a random walk."""
    paths = 0.1 * np.random.default_rng(1).standard_normal((n_saved, n_paths, d)).cumsum(axis=0)
    times = np.linspace(0, 1, n_saved)
    return st.simulators.Run(
        final=paths[-1], times=times, paths=paths, diverged=0, divergence=None, replay={}, n_steps=4
    )


def test_paths_are_drawn_with_their_mean_and_its_error():
    run = walk()
    ax = st.plotting.plot_paths(run, mean=lambda t: 0 * t, count=3)
    drawn = lines(ax)
    np.testing.assert_allclose(drawn["mean ± 2 standard errors"], run.paths[:, :, 0].mean(axis=1), atol=1e-15)
    np.testing.assert_array_equal(drawn["exact mean"], np.zeros(5))
    assert len(ax.get_lines()) == 5
    top = ax.collections[1].get_paths()[0].vertices[:, 1].max()
    assert top == pytest.approx(np.max(run.paths.mean(axis=(1, 2)) + 2 * run.paths[..., 0].std(1, ddof=1) / 40**0.5))
    np.testing.assert_array_equal(lines(st.plotting.plot_paths(run))["median"], np.median(run.paths[:, :, 0], axis=1))


def test_paths_that_diverged_are_left_out_and_counted():
    run = walk()
    run.paths[3:, 7] = np.inf
    ax = st.plotting.plot_paths(run)
    assert ax.get_legend().get_title().get_text() == "1 diverged, left out"
    kept = np.delete(run.paths[:, :, 0], 7, axis=1)
    np.testing.assert_array_equal(lines(ax)["median"], np.median(kept, axis=1))
    run.paths[0] = np.nan
    with pytest.raises(InvalidInputError, match="all diverged"):
        st.plotting.plot_paths(run)


def test_a_landscape_is_drawn_with_paths_on_it():
    well = st.landscapes.double_well()
    ax = st.plotting.plot_landscape(well, (-2, 2), walk())
    (cost,) = ax.get_lines()
    np.testing.assert_array_equal(cost.get_ydata(), well.value(cost.get_xdata()[:, None]))
    beside = ax.figure.axes[1]
    assert sum(bar.get_height() * bar.get_width() for bar in beside.patches) == pytest.approx(1.0)
    bowl = st.landscapes.quadratic([[2.0, 0.0], [0.0, 1.0]])
    run = walk(d=2)
    ax = st.plotting.plot_landscape(bowl, [(-1, 1), (-2, 2)], run, count=2)
    np.testing.assert_array_equal(ax.get_lines()[0].get_xydata(), run.paths[:, 0])
    assert ax.get_xlim() == (-1, 1) and ax.get_ylim() == (-2, 2)


def test_a_phase_portrait_shows_where_the_drift_rests():
    sde = st.SDE.from_sympy(["y", "-x - y"], ["0", "1"], variables=["x", "y"])
    run = walk(d=2)
    ax = st.plotting.plot_phase_portrait(sde, [(-1.1, 1), (-1, 1.2)], run, count=1)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("$x$", "$y$")
    np.testing.assert_array_equal(ax.get_lines()[0].get_xydata(), run.paths[:, 0])
    zero = ax.collections[-2].get_paths()[0].vertices  # of the first component, y
    np.testing.assert_allclose(zero[:, 1], 0.0, atol=1e-12)


@pytest.fixture(scope="module")
def passage():
    sde = st.langevin(st.landscapes.quadratic(1.0), 1.0)
    return st.first_passage(sde, [0.0], target=("above", 1.0), dt=0.05, max_steps=400, n_paths=400, rng=0)


@pytest.mark.parametrize("alpha", [0.05, 1e-3])
def test_the_exact_law_of_arrivals_is_drawn_through_the_band(passage, alpha):
    from scipy import stats

    ax = st.plotting.plot_first_passage(passage, mean=2.0, survival=lambda t: np.exp(-t / 3), alpha=alpha)
    drawn = {line.get_label(): line for line in ax.get_lines()}
    times, exact = drawn["exact law"].get_data()
    np.testing.assert_allclose(exact, np.exp(-times / 3))
    assert drawn["exact law"].get_color() == st.plotting.THEORY
    assert drawn[next(label for label in drawn if "τ = 2 " in label)].get_color() == st.plotting.GUIDE
    sampled = drawn[f"sampled, band at α = {alpha:g}"].get_ydata()
    width = stats.norm.isf(alpha / 2) * np.sqrt(sampled * (1 - sampled) / 400)
    assert ax.collections[0].get_paths()[0].vertices[:, 1].max() == pytest.approx(np.max(sampled + width))


def test_a_convergence_study_shows_the_interval_that_decides():
    gbm = st.SDE.from_sympy(["x"], ["x"], variables=["x"])
    study = st.convergence_study(
        gbm, [1.0], time=1.0, dts=2.0 ** -np.arange(4, 8), n_paths=500, rng=0, exact=lambda w: np.exp(0.5 + w)
    )
    ax = st.plotting.plot_convergence(study, alpha=0.01)
    low, high = study.interval("strong", alpha=0.01)
    (label,) = [text for text in ax.get_legend_handles_labels()[1] if text.startswith("strong")]
    assert label.splitlines()[1:] == [
        f"[{low:.2f}, {high:.2f}] at α = 0.01", f"with ± {study.strong_bias:.2f} for the next order",
    ]  # fmt: skip
    slopes = [
        np.polyfit(np.log(line.get_xdata()), np.log(line.get_ydata()), 1)[0]
        for line in ax.get_lines() if line.get_color() == st.plotting.THEORY
    ]  # fmt: skip
    np.testing.assert_allclose(slopes, [0.5, 1.0][: len(slopes)], rtol=1e-12)
    assert slopes


@pytest.mark.parametrize(
    ("draw", "word"),
    [
        (lambda: st.plotting.plot_paths(walk(n_saved=1)), "two saved positions"),
        (lambda: st.plotting.plot_paths(walk(), 1), "component must be one of the 1"),
        (lambda: st.plotting.plot_paths(walk(), mean=lambda t: 1.0), "the values of mean"),
        (lambda: st.plotting.plot_paths(np.ones((3, 2, 1))), "run must be of type"),
        (lambda: st.plotting.plot_convergence(walk()), "study must be of type"),
        (lambda: st.plotting.plot_landscape(st.landscapes.double_well(), (1, 0)), "bounds"),
        (lambda: st.plotting.plot_landscape(st.landscapes.double_well(), (0, 1), walk(d=2)), "run must have 1 coord"),
        (lambda: st.plotting.plot_landscape(st.landscapes.quadratic(np.eye(3)), [(0, 1)] * 3), "one or two dimensions"),
        (
            lambda: st.plotting.plot_phase_portrait(
                st.SDE.from_sympy(["-x"], ["1"], variables=["x"]), [(0, 1), (0, 1)]
            ),
            "two variables",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_name(draw, word):
    with pytest.raises(InvalidInputError, match=word):
        draw()
