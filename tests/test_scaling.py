"""The scaling advisor: the noise scale is kept, the approximations are what they say, and it warns."""

import dataclasses

import numpy as np
import pytest

from sdetheory import Adam, RMSprop, SGDHyperparameters, scaling_advice
from sdetheory.errors import InvalidInputError
from sdetheory.models import LinearRegression, LogisticRegression
from sdetheory.theory import least_squares_stability_limit


def tuned(**changes):
    return SGDHyperparameters(**{"learning_rate": 0.1, "train_size": 50_000, "batch_size": 128, **changes})


def advice(hp, **given):
    return {setting.adapted: setting for setting in scaling_advice(hp, **given)}


CHANGES = [
    {"train_size": 200_000}, {"batch_size": 512}, {"momentum": 0.8}, {"learning_rate": 0.3},
    {"train_size": 100_000, "momentum": 0.5}, {"batch_size": 1000, "train_size": 60_000},
]  # fmt: skip


@pytest.mark.parametrize("sampling", ["without-replacement", "with-replacement"])
@pytest.mark.parametrize("momentum", [(0.0, 0.0), (0.5, 0.0), (0.5, 0.5)], ids=["plain", "undamped", "damped"])
@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_the_noise_scale_is_kept(changes, momentum, sampling):
    start = tuned(momentum=momentum[0], dampening=momentum[1], sampling=sampling)
    for name, setting in advice(start, **changes).items():
        hp = setting.hyperparameters
        assert hp.target_noise_scale == pytest.approx(start.noise_scale, rel=1e-12)
        assert name not in changes
        for given, value in changes.items():
            assert getattr(hp, given) == value
        if momentum[1]:
            assert hp.dampening == hp.momentum
        # One part in B/N, of either setting, is what the shortcut neglects.
        share = max(hp.batch_size / hp.train_size, start.batch_size / start.train_size)
        one = 1 if name == "momentum" else 0
        assert one - setting.approximate == pytest.approx(one - setting.exact, rel=1.5 * share)


def test_one_batch_at_a_time_agrees_with_the_methods_of_the_hyperparameters():
    start = tuned(momentum=0.5)
    for name, value in (("train_size", 70_000), ("momentum", 0.9), ("learning_rate", 0.2)):
        method = getattr(start, f"with_{name}")(value)
        found = advice(start, **{name: value})["batch_size"]
        assert found.hyperparameters.batch_size == method.batch_size
        assert found.exact == pytest.approx(method.exact_batch_size, rel=1e-12)


def test_the_approximation_is_the_linear_rule():
    settings = advice(tuned(), batch_size=512)
    assert settings["learning_rate"].approximate == pytest.approx(0.4, rel=1e-12)
    assert settings["momentum"].approximate == pytest.approx(0.75, rel=1e-12)
    assert advice(tuned(), momentum=0.9)["batch_size"].approximate == pytest.approx(1280, rel=1e-12)
    assert advice(tuned(), train_size=10**5)["batch_size"].approximate == pytest.approx(256, rel=1e-12)


def test_steps_keep_the_time_of_the_gradient_flow():
    start = tuned(momentum=0.5)
    for changes in CHANGES:
        for setting in scaling_advice(start, **changes, n_steps=10**6):
            hp = setting.hyperparameters
            rate = hp.step_time * hp.train_size
            assert setting.n_steps * rate == pytest.approx(10**6 * start.step_time * start.train_size, rel=1e-5)


def warned(setting, words):
    return any(words in text for text in setting.warnings)


def test_no_warning_where_everything_is_small():
    for setting in scaling_advice(tuned(), batch_size=256, n_steps=10_000, curvature=0.05, largest_learning_rate=1.0):
        assert setting.warnings == ()


def test_warnings_outside():
    assert warned(advice(tuned(train_size=1000), batch_size=300)["learning_rate"], "B/N = 0.3 of this one")
    assert warned(advice(tuned(batch_size=2), learning_rate=0.06)["batch_size"], "rounding the batch to 1")
    steep = {"batch_size": 1280, "curvature": 1.0}
    assert warned(advice(tuned(), **steep)["learning_rate"], "% of the stability limit")
    steep["curvature"] = 3.0
    assert warned(advice(tuned(), **steep)["learning_rate"], "beyond the stability limit")
    assert warned(advice(tuned(), **steep)["momentum"], "momentum oscillates")
    assert warned(advice(tuned(), momentum=0.99, n_steps=3000)["batch_size"], "memories")
    edge = advice(tuned(), batch_size=512, largest_learning_rate=0.2)["learning_rate"]
    assert warned(edge, "above the largest known to train, 0.2")
    assert warned(advice(tuned(), train_size=10**5)["batch_size"], "not seen at small N")


def test_the_variance_of_the_warning_is_that_of_the_recursion():
    """The heavy ball on a parabola, iterated: its variance over that of the SDE."""
    rate, m, slope = 0.4, 0.5, 1.0
    start = tuned(learning_rate=rate, momentum=m)
    (text,) = [t for t in advice(start, batch_size=129, curvature=slope)["learning_rate"].warnings if "variance" in t]
    rate = advice(start, batch_size=129)["learning_rate"].hyperparameters.learning_rate
    step = np.array([[1 - rate * slope, m], [-rate * slope, m]])  # of (w, v), with noise −rate ξ in both
    covariance, noise = np.zeros((2, 2)), rate**2 * np.ones((2, 2))
    for _ in range(3000):
        covariance = step @ covariance @ step.T + noise
    sde = rate / (2 * slope * (1 - m))
    assert f"{covariance[0, 0] / sde:.2f} times" in text


def test_a_setting_reads_as_text():
    text = str(advice(tuned(), batch_size=512, n_steps=8000, curvature=2.0)["learning_rate"])
    assert "learning_rate 0.4031 (for B ≪ N: 0.4)" in text
    assert "1985 steps" in text and "rule for B ≪ N: ε' = " in text and "warning: " in text


def test_refusals():
    with pytest.raises(InvalidInputError, match="at least one of learning_rate, train_size, batch_size, momentum"):
        scaling_advice(tuned())
    with pytest.raises(InvalidInputError, match="batch_size is an array"):
        scaling_advice(tuned(batch_size=[10, 20]), momentum=0.5)
    with pytest.raises(InvalidInputError, match="a full batch has no noise to keep"):
        scaling_advice(tuned(batch_size=50_000), momentum=0.5)
    with pytest.raises(InvalidInputError, match=r"no setting has the noise scale.*all 50000 examples has no noise"):
        scaling_advice(tuned(), batch_size=50_000)
    with pytest.raises(InvalidInputError, match="batch_size"):
        scaling_advice(tuned(), batch_size=50_001)
    with pytest.raises(InvalidInputError, match="hp must be SGDHyperparameters; got float"):
        scaling_advice(0.1, batch_size=3)
    # Less noise than plain SGD has cannot come from a momentum.
    assert "momentum" not in advice(tuned(), batch_size=64)
    assert "momentum" not in advice(dataclasses.replace(tuned(), momentum=0.5, dampening=0.5), batch_size=256)


INPUTS = np.random.default_rng(8).standard_normal((60, 4)) * [1.0, 2.0, 0.5, 1.0]


def noisy(**changes):
    return SGDHyperparameters(**{"learning_rate": 0.1, "train_size": 60, "batch_size": 2} | changes)


def test_the_mean_square_limit_of_a_model_is_named():
    """That of theory, on either side of it."""
    for setting in scaling_advice(noisy(), batch_size=3, inputs=INPUTS):
        hp = setting.hyperparameters
        limit = least_squares_stability_limit(INPUTS, hp)
        assert warned(setting, f"mean-square limit {limit.mean_square:.3g} (that of the mean: {limit.mean:.3g})")
    model = LinearRegression(INPUTS, INPUTS[:, 0])
    given = [scaling_advice(noisy(), batch_size=3, **how) for how in ({"model": model}, {"inputs": INPUTS})]
    assert [s.warnings for s in given[0]] == [s.warnings for s in given[1]]
    limit = least_squares_stability_limit(INPUTS, noisy(batch_size=4)).mean_square
    for factor, words in ((0.9, "90 % of the mean-square limit"), (1.1, "beyond the mean-square limit")):
        # At N/B − 1 = 29 and 14 these have one noise scale.
        hp = noisy(learning_rate=factor * limit * 14 / 29)
        setting = advice(hp, batch_size=4, inputs=INPUTS)["learning_rate"]
        assert setting.exact == pytest.approx(factor * limit)
        assert warned(setting, words)


def test_a_logistic_regression_is_taken_for_the_least_squares_it_is_at_w():
    model = LogisticRegression(INPUTS, INPUTS[:, 0] > 0, prior_precision=0.7)
    w = np.array([1.0, -0.5, 0.2, 0.0])
    p = 1 / (1 + np.exp(-INPUTS @ w))
    scaled = np.sqrt(p * (1 - p))[:, None] * INPUTS
    np.testing.assert_allclose(scaled.T @ scaled + 0.7 * np.eye(4), model.hessian(w))
    found = advice(noisy(learning_rate=0.5), batch_size=3, model=model, w=w)["learning_rate"]
    limit = least_squares_stability_limit(scaled, found.hyperparameters, prior_precision=0.7)
    assert warned(found, f"{limit.mean_square:.3g} (that of the mean: {limit.mean:.3g})")


def test_figures_for_additive_noise_say_so():
    (text,) = [t for t in advice(tuned(), batch_size=1280, curvature=1.0)["learning_rate"].warnings if "variance" in t]
    assert "additive" in text and "lower bound" in text
    # Small batches are warned of whatever the curvature, unless the limit is known.
    assert warned(advice(noisy(), batch_size=3, curvature=0.01)["learning_rate"], "lose stability in mean square")
    known = advice(noisy(learning_rate=1e-4), batch_size=3, inputs=INPUTS)["learning_rate"]
    assert not any("mean" in text for text in known.warnings)


def test_models_that_have_no_such_limit():
    class Bent(LinearRegression):
        def _slopes(self, products, y):
            return np.tanh(products - y)

    with pytest.raises(InvalidInputError, match=r"model must be a LinearRegression or a LogisticRegression.*got Bent"):
        scaling_advice(noisy(), batch_size=3, model=Bent(INPUTS, INPUTS[:, 0]))
    with pytest.raises(InvalidInputError, match="w must say where training ends"):
        scaling_advice(noisy(), batch_size=3, model=LogisticRegression(INPUTS, INPUTS[:, 0] > 0))
    with pytest.raises(InvalidInputError, match="give the model too"):
        scaling_advice(noisy(), batch_size=3, w=np.zeros(4))
    with pytest.raises(InvalidInputError, match="give the inputs alone, or the model"):
        scaling_advice(noisy(), batch_size=3, inputs=INPUTS, model=LinearRegression(INPUTS, INPUTS[:, 0]))
    with pytest.raises(InvalidInputError, match="inputs must be from 2 examples to 8589"):
        scaling_advice(noisy(), batch_size=3, inputs=np.ones((8600, 500)))


@pytest.mark.parametrize("sampling", ["without-replacement", "with-replacement", "poisson"])
@pytest.mark.parametrize("changes", [{"batch_size": 512}, {"batch_size": 40}, {"learning_rate": 0.002}], ids=str)
@pytest.mark.parametrize("optimizer", [Adam(beta1=0.95, floor=1e-6), RMSprop()], ids=["adam", "rmsprop"])
def test_the_square_root_rule_keeps_the_equation(optimizer, changes, sampling):
    """In a time in which the noise is √κ less, drift, noise, memory and floor are the same, exactly.

    With q the variance of a batch's gradient for each unit of F and ε the rate: ε√q, (1 − β)/ε/√q and δ/√q.
    """
    start = tuned(learning_rate=0.001, train_size=5000, sampling=sampling)
    (found,) = scaling_advice(start, optimizer=optimizer, n_steps=1000, **changes)
    hp = found.hyperparameters

    def invariants(hp, optimizer):
        q = hp.target_noise_scale / (hp.learning_rate * hp.train_size)
        decays = [getattr(optimizer, name) for name in ("beta", "beta1", "beta2") if hasattr(optimizer, name)]
        root = np.sqrt(q)
        return np.array([
            hp.learning_rate * root, optimizer.floor / root, *[(1 - b) / hp.learning_rate * root for b in decays]
        ])  # fmt: skip

    expected = invariants(start, optimizer)
    np.testing.assert_allclose(invariants(hp, found.optimizer), expected, rtol=1e-12)
    # The linear rule of SGD, and one that leaves the memory as it is, keep other things.
    (linear, *_) = scaling_advice(start, **changes)
    assert np.abs(invariants(linear.hyperparameters, optimizer) / expected - 1).max() > 0.3
    assert np.abs(invariants(hp, optimizer) / expected - 1).max() > 0.3
    name, value = next(iter(changes.items()))
    assert getattr(hp, name) == value and found.adapted != name
    kappa = (hp.learning_rate / start.learning_rate) ** 2
    assert found.n_steps == round(1000 / kappa)
    assert found.approximate == pytest.approx(found.exact, rel=1.5 * max(hp.batch_size, 128) / 5000)
    assert type(optimizer).__name__ in str(found) and "mostly noise" in found.warnings[0]


def test_the_square_root_rule_is_the_papers_for_small_batches():
    """B → 4B: the rate doubles, 1 − β becomes four times and the floor half of what it was."""
    start = tuned(train_size=10**9, batch_size=64)
    (found,) = scaling_advice(start, batch_size=256, optimizer=Adam(beta1=0.9, beta2=0.999, floor=1e-8))
    assert found.hyperparameters.learning_rate == pytest.approx(0.2, rel=1e-6)
    assert (found.optimizer.beta1, found.optimizer.beta2) == pytest.approx((0.6, 0.996), rel=1e-6)
    assert found.optimizer.floor == pytest.approx(5e-9, rel=1e-6)


def test_what_the_square_root_rule_refuses():
    adam = Adam()
    with pytest.raises(InvalidInputError, match=r"has no beta1 for κ"):
        scaling_advice(tuned(), batch_size=12_800, optimizer=adam)
    with pytest.raises(InvalidInputError, match="either batch_size or learning_rate"):
        scaling_advice(tuned(), train_size=60_000, optimizer=adam)
    with pytest.raises(InvalidInputError, match="got learning_rate, batch_size"):
        scaling_advice(tuned(), batch_size=256, learning_rate=0.2, optimizer=adam)
    with pytest.raises(InvalidInputError, match="no momentum"):
        scaling_advice(tuned(momentum=0.5), batch_size=256, optimizer=adam)
    with pytest.raises(InvalidInputError, match="speak of SGD"):
        scaling_advice(tuned(), batch_size=256, curvature=1.0, optimizer=adam)
    with pytest.raises(InvalidInputError, match="all examples have no noise"):
        scaling_advice(tuned(), batch_size=50_000, optimizer=adam)
    with pytest.raises(InvalidInputError, match="needs a batch size from 1"):
        scaling_advice(tuned(), learning_rate=0.001, optimizer=adam)
    for rate in (1e300, 1e160, 5e-324):
        with pytest.raises(InvalidInputError, match=r"learning_rate must be nearer to 0\.1"):
            scaling_advice(tuned(), learning_rate=rate, optimizer=adam)
    with pytest.raises(InvalidInputError, match="learning_rate must be nearer to 1e-300"):
        scaling_advice(tuned(learning_rate=1e-300), learning_rate=1e100, optimizer=adam)
    for rate in (1e4, 1e19):  # N − B' is below half an example, and below what a double tells from 0
        with pytest.raises(InvalidInputError, match="a batch of all 50000 examples, which have no noise"):
            scaling_advice(tuned(), learning_rate=rate, optimizer=adam)
    with pytest.raises(InvalidInputError, match="optimizer must be one of 'sgd'"):
        scaling_advice(tuned(), batch_size=256, optimizer="adam")
