"""Comparisons of SGD with its equations: every moment against exact recursions, orders, and where scaling breaks."""

import signal
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from one_weight import euler_moments, one_weight
from scipy import special

import sdetheory as st
from sdetheory.errors import IncompatibleError, InvalidInputError
from sdetheory.results import Estimate
from sdetheory.stats import agrees
from sdetheory.studies import _comparison

ALPHA = 1e-6
START, STEPS, RUNS = 2.0, 8, 40_000
MODEL = one_weight()
HP = st.SGDHyperparameters(learning_rate=0.4, train_size=12, batch_size=2)
SQUARES = {"w": lambda w: w[:, 0], "square": lambda w: w[:, 0] ** 2}


def exact(learning_rate=0.4, batch_size=2, share=1, stretch=1.0):
    """Return mean and mean square at the time of STEPS steps, of steps that are `share` times shorter."""
    g = learning_rate * (12 / batch_size - 1)
    n_steps = round(STEPS * share * 0.4 / learning_rate)
    mean, variance = euler_moments(MODEL, stretch * g, learning_rate / 12 / share, n_steps, START)
    return np.array([mean, variance + mean**2])


@pytest.fixture(scope="module")
def found():
    return st.compare(
        MODEL, HP, [START], n_steps=STEPS, n_runs=RUNS, observables=SQUARES, svag=(2,), orders=(1,), multiples=(2, 4),
        halvings=1, substeps=4, rng=20,
    )  # fmt: skip


def test_moments_are_those_of_exact_recursions(found):
    """SGD has those of Euler-Maruyama in steps of ε/N, SVAG and the equation those in shorter steps."""
    for name, share in (("SGD", 1), ("SVAG 2", 2), ("SDE 1", 4)):
        moments, (mean, square) = found.processes[name], exact(share=share)
        measured = _comparison.last(moments.observables)
        assert agrees(measured, [mean, square], alpha=ALPHA)
        assert agrees(_comparison.last(moments.mean), [mean], alpha=ALPHA)
        assert agrees(_comparison.last(moments.covariance), [[square - mean**2]], alpha=ALPHA)
        assert not agrees(measured, exact(share=share, stretch=6 / 5), alpha=ALPHA)  # g without its −1
        assert moments.observables.value.shape == (4, 2) and moments.covariance.value.shape == (4, 1, 1)
    np.testing.assert_allclose(found.times, HP.step_time * np.array([2, 4, 6, 8]))
    gap = _comparison.last(found.difference("SDE 1"))
    assert agrees(gap, exact(share=4) - exact(), alpha=ALPHA)
    assert not agrees(gap, [0.0, 0.0], alpha=ALPHA)


def test_differences_at_half_the_learning_rate_and_at_multiples(found):
    study = found.weak_orders["SDE 1"]
    np.testing.assert_allclose(study.learning_rates, [0.4, 0.2])
    # The steps of the equation are shorter by another half.
    expected = [exact(share=4) - exact(), exact(0.2, share=8) - exact(0.2)]
    assert agrees(study.difference, expected, alpha=ALPHA)
    scaled = [exact(0.4 * k, 2 * k) - exact() for k in (2, 4)]
    assert agrees(found.scaling.difference, scaled, alpha=ALPHA)
    assert not agrees(found.scaling.difference, scaled[::-1], alpha=ALPHA)
    assert found.scaling.breaks_at == 2
    for words in ("SDE 1 differs from SGD", "weak order of SDE 1", "breaks at k = 2"):
        assert words in found.verdict


def test_replay_gives_the_same_numbers():
    given = {"n_steps": 4, "n_runs": 50, "halvings": 1, "multiples": (2,)}
    first = st.compare(MODEL, HP, [START], rng=3, **given)
    again = st.compare(**first.replay)
    assert first.verdict == again.verdict == st.compare(MODEL, HP, [START], rng=3, **given).verdict
    assert first.verdict != st.compare(MODEL, HP, [START], rng=4, **given).verdict


def test_svag_of_one_is_not_told_from_sgd(rng):
    found = st.compare(
        MODEL, HP, [START], n_steps=STEPS, n_runs=4000, orders=(), svag=(1,), halvings=0, multiples=(), alpha=ALPHA,
        rng=rng,
    )  # fmt: skip
    assert "SVAG 1 cannot be told from SGD" in found.verdict
    assert found.scaling is None and found.weak_orders == {}


def test_multiples_that_are_out_of_range_are_left_out_and_small_ones_hold(rng):
    """At a tiny learning rate k = 2 is within error; 8 × 2 examples are more than there are."""
    small = st.SGDHyperparameters(learning_rate=0.002, train_size=12, batch_size=2)
    found = st.compare(
        MODEL, small, [START], n_steps=STEPS, n_runs=100, orders=(), svag=(), halvings=0, multiples=(2, 8),
        alpha=ALPHA, rng=rng,
    )  # fmt: skip
    assert list(found.scaling.multiples) == [2] and found.scaling.breaks_at is None
    assert "holds within error up to k = 2" in found.verdict


def test_runs_that_diverge_are_counted_and_break_the_rule():
    curvature = MODEL.hessian([0.0])[0, 0]
    edge = st.SGDHyperparameters(learning_rate=1.5 * 12 / curvature, train_size=12, batch_size=2)
    found = st.compare(
        MODEL, edge, [START], n_steps=4000, n_runs=20, orders=(), svag=(), halvings=0, multiples=(4,), rng=0
    )  # fmt: skip
    assert found.scaling.diverged[0] == 20 or found.processes["SGD"].diverged == 20
    assert "diverged" in found.verdict


def test_momentum_goes_with_order_one_alone():
    heavy = HP.with_momentum(0.5)
    with pytest.raises(IncompatibleError, match=r"orders=\(1,\), svag=\(\)"):
        st.compare(MODEL, heavy, [START], n_steps=4, n_runs=10)
    found = st.compare(
        MODEL, heavy, [START], n_steps=4, n_runs=10, orders=(1,), svag=(), halvings=0, multiples=(), rng=1
    )  # fmt: skip
    assert found.times[-1] == pytest.approx(4 * 0.4 / 0.5 / 12)


@pytest.mark.parametrize("true", [1.0, 2.0])
def test_order_of_a_power_law_and_its_interval(true, rng):
    rates = np.array([0.4, 0.2, 0.1])
    error = np.array([[0.01], [0.004], [0.002]])
    rows = [Estimate(value=3 * r**true, stderr=e, n_eff=100.0) for r, e in zip(rates[:, None], error, strict=True)]
    np.testing.assert_allclose(_comparison.order(rates, rows).order.value, true, rtol=1e-12)
    z = []
    for _ in range(500):
        noisy = [
            Estimate(value=row.value + row.stderr * rng.standard_normal(1), stderr=row.stderr, n_eff=100.0)
            for row in rows
        ]
        fit = _comparison.order(rates, noisy).order
        z.append(float(fit.z_score(true)[0]))
    # Chi-squared of 500 normal numbers; an interval twice too short or too long is far outside.
    assert special.chdtri(500, 1 - ALPHA) < np.sum(np.square(z)) < 1.2 * special.chdtri(500, ALPHA)
    assert not special.chdtri(500, 1 - ALPHA) < np.sum(np.square(z)) / 4


def test_order_of_what_is_not_resolved_is_not_given():
    rows = [Estimate(value=np.array([0.1]), stderr=np.array([0.1]), n_eff=100.0)] * 3
    assert np.isnan(_comparison.order(np.array([0.4, 0.2, 0.1]), rows).order.value).all()


def test_bad_input():
    with pytest.raises(InvalidInputError, match="n_records must divide n_steps"):
        st.compare(MODEL, HP, [START], n_steps=7, n_runs=10, n_records=4)
    with pytest.raises(InvalidInputError, match="observable 'half' must give 10 numbers"):
        st.compare(MODEL, HP, [START], n_steps=4, n_runs=10, observables={"half": lambda w: w[:5, 0]})
    with pytest.raises(InvalidInputError, match="w0 must have shape"):
        st.compare(MODEL, HP, [START, 1.0], n_steps=4, n_runs=10)
    with pytest.raises(InvalidInputError, match="process must be one of"):
        st.compare(MODEL, HP, [START], n_steps=4, n_runs=10, halvings=0, multiples=()).difference("SDE 3")


def short(**options):
    given = {"n_steps": 4, "n_runs": 70, "svag": (2,), "orders": (1,), "halvings": 1, "multiples": (2,), "rng": 3}
    return st.compare(MODEL, HP, [START], **given | options)


def assert_same(a, b):
    assert a.verdict == b.verdict and a.processes.keys() == b.processes.keys()
    for name in a.processes:
        for part in ("mean", "covariance", "observables"):
            one, two = (getattr(x.processes[name], part) for x in (a, b))
            np.testing.assert_array_equal(one.value, two.value)
            np.testing.assert_array_equal(one.stderr, two.stderr)
    np.testing.assert_array_equal(a.scaling.difference.value, b.scaling.difference.value)
    np.testing.assert_array_equal(a.weak_orders["SDE 1"].difference.value, b.weak_orders["SDE 1"].difference.value)


def test_an_executor_gives_the_same_bits_and_progress_counts_ensembles(capsys):
    with ThreadPoolExecutor(2) as executor:
        assert_same(short(executor=executor, progress=True), short())
    assert "6/6" in capsys.readouterr().err


class Stopped:
    """The model as one of the user's own, of which a given gradient stops the run."""

    train_size, dimension, left = MODEL.train_size, MODEL.dimension, 0

    def stop(self):
        Stopped.left -= 1
        if Stopped.left == 0:
            signal.raise_signal(signal.SIGINT)

    def minibatch_gradient(self, w, indices):
        self.stop()
        return MODEL.minibatch_gradient(w, indices)

    def weighted_gradient(self, w, weights):
        self.stop()
        return MODEL.weighted_gradient(w, weights)

    def gradient(self, w):
        return MODEL.gradient(w)

    def per_example_gradients(self, w):
        return MODEL.per_example_gradients(w)

    def cost(self, w):
        return MODEL.cost(w)


# SGD takes 4 · 30 gradients, the equation 32 · 30, SVAG 8 · 2 · 30.
@pytest.mark.parametrize("gradients", [50, 119, 700, 1300])
def test_a_comparison_that_is_stopped_goes_on_to_the_same_bits(tmp_path, monkeypatch, gradients):
    """In the midst of an ensemble, whose own file goes when it is done, and in its last chunk of steps."""
    path, model = tmp_path / "comparison.npz", Stopped()

    def compared(**options):
        given = {"n_steps": 4, "n_runs": 30, "multiples": (2,), "halvings": 1, "orders": (1,), "svag": (2,)}
        return st.compare(model, HP, [START], **given | options)

    # What is looked at before the start is not counted.
    monkeypatch.setattr("sdetheory.models._consistency.check", lambda *_: None)
    monkeypatch.setattr(Stopped, "left", gradients)
    with pytest.raises(KeyboardInterrupt), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "interrupted after", RuntimeWarning)
        compared(rng=3, checkpoint=path)
    assert Stopped.left <= 0
    with pytest.raises(InvalidInputError, match="halvings differs: 1 in the file, 2 now"):
        compared(halvings=2, checkpoint=path)
    whole = compared(rng=3)
    monkeypatch.setattr(Stopped, "left", 0)
    assert_same(compared(checkpoint=path), whole)
    used = -Stopped.left
    assert [file.name for file in tmp_path.iterdir()] == ["comparison.npz"]
    # All is in the file: no gradient of a minibatch is computed again.
    assert_same(compared(checkpoint=path), whole)
    assert -Stopped.left == used


@pytest.mark.parametrize("n_steps, records", [(10, 2), (7, 1), (9, 3), (8, 4), (1, 1)])
def test_any_number_of_steps_goes_by_default(n_steps, records):
    found = st.compare(MODEL, HP, [START], n_steps=n_steps, n_runs=4, halvings=0, orders=(), svag=(), rng=0)
    assert len(found.times) == records and found.replay["n_records"] == records
    assert found.times[-1] == pytest.approx(n_steps * HP.step_time)
