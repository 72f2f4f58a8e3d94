"""The figures of a study show what the study says."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest
from test_batch_size_fit import peaked, rates, study

import sdetheory as st
from sdetheory.errors import InvalidInputError


@pytest.fixture
def axes():
    yield plt.subplots()[1]
    plt.close("all")


def shaky(setting, sizes):
    """Return curves that peak at 40 ε; the smallest batch diverges, and seeds differ by a constant."""
    values = peaked(lambda s: 40 * s[0])(setting, sizes) + 0.01 * np.arange(4)[:, None]
    return np.where(sizes == 2, np.nan, values)


def test_curves_with_their_optima_and_failures(axes):
    done = study(shaky, rates(0.2, 0.4))
    assert st.plotting.plot_batch_sizes(done, ax=axes) is axes
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["ε = 0.2", "ε = 0.4"]
    drawn = [line.get_xdata() for line in axes.lines]
    assert sum(np.array_equal(x, [2]) for x in drawn) == 2  # the crosses
    for best in (8.0, 16.0):
        assert any(len(x) == 1 and x[0] == pytest.approx(best) for x in drawn)
    assert axes.get_xscale() == "log" and axes.get_ylabel() == "accuracy"


def test_another_metric_has_no_optimum(axes):
    st.plotting.plot_batch_sizes(study(shaky, rates(0.2)), "loss", ax=axes)
    assert axes.get_ylabel() == "loss" and axes.get_legend() is None
    assert not any(len(line.get_xdata()) == 1 and line.get_xdata()[0] == pytest.approx(8.0) for line in axes.lines)


def test_scaling_with_the_fit_and_the_rule(axes):
    done = study(shaky, rates(0.1, 0.2, 0.4))
    st.plotting.plot_batch_size_scaling(done, "learning_rate", ax=axes)
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["fitted power 1 [1, 1]", "rule: power 1", "smallest $B$ that trains"]
    (edge,) = [line for line in axes.lines if line.get_label() == labels[-1]]
    np.testing.assert_array_equal(edge.get_ydata(), [3, 3, 3])
    with pytest.raises(InvalidInputError, match="quantity must be one that varies: learning_rate; got 'train_size'"):
        st.plotting.plot_batch_size_scaling(done, "train_size")


def test_errors_are_free_of_what_a_seed_adds(rng):
    """Offsets leave the error bars alone; noise of the runs has its own standard error, σ/√s."""
    noise = 0.1 * rng.standard_normal((40, 500))
    for offset in (0.0, 7.0):
        _, error = st.plotting.descent._mean_of_seeds(noise + offset * np.arange(40)[:, None])
        # 500 variances of 39 degrees of freedom each: 4.9 standard errors of their mean, a false alarm of 1e-6.
        assert np.mean(error**2) * 40 / 0.1**2 == pytest.approx(1, abs=4.9 * np.sqrt(2 / 39 / 500))
    plain = (noise + 7.0 * np.arange(40)[:, None]).var(axis=0, ddof=1).mean()
    assert plain / 0.1**2 > 100
