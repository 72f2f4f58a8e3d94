"""The noise scale against hand calculation, and the scaling rules against their inverse."""

import dataclasses
from fractions import Fraction

import numpy as np
import pytest

import sdetheory as st
from sdetheory.errors import InvalidInputError

BASE = {"learning_rate": 0.1, "train_size": 1000, "batch_size": 32}
SAMPLINGS = ("without-replacement", "with-replacement", "poisson")


def exact_noise_scale(rate, n, b, m=0, tau=0, sampling="without-replacement"):
    """Evaluate the definition in rational arithmetic: g = ε (1 − τ)/(1 − m) Var Ĝ/(N F)."""
    per_f = {
        "without-replacement": n * (Fraction(n, b) - 1),
        "with-replacement": Fraction(n * (n - 1), b),
        "poisson": (n - 1) * (Fraction(n, b) - 1),  # where the gradients add up to zero
    }[sampling]
    return Fraction(rate) * (1 - Fraction(tau)) / (1 - Fraction(m)) * per_f / n


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize(("m", "tau"), [(0.0, 0.0), (0.875, 0.0), (0.875, 0.875), (0.5, 0.25)])
@pytest.mark.parametrize("b", [1, 3, 999, 1000])
def test_noise_scale_is_its_definition(b, m, tau, sampling):
    value = st.noise_scale(0.1, 1000, b, momentum=m, dampening=tau, sampling=sampling)
    assert isinstance(value, float)
    assert value == pytest.approx(float(exact_noise_scale(0.1, 1000, b, m, tau, sampling)), rel=1e-15)


def test_full_batch_has_noise_only_with_replacement():
    assert st.noise_scale(0.1, 50, 50) == st.noise_scale(0.1, 50, 50, sampling="poisson") == 0.0
    assert st.noise_scale(0.1, 50, 50, sampling="with-replacement") == pytest.approx(0.1 * 49 / 50, rel=1e-15)


def test_large_n_shortcut_overshoots_by_the_learning_rate():
    """εN/B − g = ε: at N = 5B the shortcut is 25 % too large."""
    exact, shortcut = st.noise_scale(0.1, 1000, 200), 0.1 * 1000 / 200
    assert shortcut - exact == pytest.approx(0.1, rel=1e-12)
    assert shortcut / exact == pytest.approx(1.25, rel=1e-12)


def test_noise_scale_broadcasts():
    rates, batches = np.array([[0.1], [1.0]]), np.array([1, 10, 100])
    grid = st.noise_scale(rates, 100, batches, momentum=0.5)
    assert grid.shape == (2, 3)
    one_by_one = [[st.noise_scale(r, 100, b, momentum=0.5) for b in batches] for r in rates[:, 0]]
    np.testing.assert_array_equal(grid, one_by_one)


def test_scalars_come_back_as_python_numbers():
    hp = st.SGDHyperparameters(
        learning_rate=np.float64(0.1), train_size=np.int64(1000), batch_size=np.array(32.0), momentum=0
    )
    changed = hp.with_learning_rate(np.float64(0.2))
    for h in (hp, changed):
        assert type(h.batch_size) is int and type(h.train_size) is int
        assert type(h.learning_rate) is float and type(h.momentum) is float and type(h.exact_batch_size) is float
        assert type(h.noise_scale) is float and type(h.step_time) is float
    assert hp.exact_batch_size == 32.0


def test_stored_arrays_are_their_own_and_read_only():
    rates = np.array([0.1, 0.2])
    hp = st.SGDHyperparameters(learning_rate=rates, train_size=1000, batch_size=32)
    rates[0] = -1.0
    assert hp.learning_rate[0] == 0.1
    with pytest.raises(ValueError, match="read-only"):
        hp.learning_rate[0] = -1.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        hp.batch_size = 2


def test_step_time_is_the_displacement_of_a_step_under_a_constant_gradient():
    m, tau, rate, n = 0.9, 0.3, 0.1, 50
    hp = st.SGDHyperparameters(learning_rate=rate, train_size=n, batch_size=1, momentum=m, dampening=tau)
    v = 0.0
    for _ in range(1000):
        v = m * v - (1 - tau) * rate / n
    assert hp.step_time == pytest.approx(-v, rel=1e-12)
    assert st.SGDHyperparameters(learning_rate=rate, train_size=n, batch_size=1).step_time == rate / n


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize(
    "change",
    [
        lambda hp: hp.with_learning_rate(0.25),
        lambda hp: hp.with_train_size(3000),
        lambda hp: hp.with_momentum(0.8),
        lambda hp: hp.with_momentum(0.8, dampening=0.1),
    ],
)
def test_exact_batch_size_keeps_the_noise_scale_and_the_rounded_one_nearly(change, sampling):
    hp = st.SGDHyperparameters(**BASE, momentum=0.2, sampling=sampling)
    new = change(hp)
    assert new.target_noise_scale == pytest.approx(hp.noise_scale, rel=1e-13)
    assert new.batch_size == round(new.exact_batch_size) and new.sampling == sampling
    neighbours = [
        dataclasses.replace(new, batch_size=new.batch_size + shift).noise_scale - hp.noise_scale for shift in (-1, 1)
    ]
    assert neighbours[0] > 0 > neighbours[1]
    assert new.noise_scale == dataclasses.replace(new, batch_size=new.batch_size).noise_scale


def test_rule_is_exact_where_the_shortcut_is_not():
    """ε → 4ε at B = N/2: B' = 4N/5, and not the 2N of B ∝ ε."""
    hp = st.SGDHyperparameters(learning_rate=0.1, train_size=1000, batch_size=500)
    assert hp.with_learning_rate(0.4).batch_size == 800
    assert hp.with_learning_rate(0.4).noise_scale == pytest.approx(hp.noise_scale, rel=1e-12)


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("batch_size", [7, 32, 100, 311])
def test_round_trips_give_back_the_batch(batch_size, sampling):
    hp = st.SGDHyperparameters(learning_rate=0.1, train_size=1000, batch_size=batch_size, sampling=sampling)
    back = [
        hp.with_learning_rate(0.3).with_learning_rate(0.1),
        hp.with_train_size(1777).with_train_size(1000),
        hp.with_momentum(0.6).with_momentum(0.0),
        hp.with_learning_rate(0.017).with_momentum(0.5).with_train_size(1234).with_momentum(0.0)
        .with_learning_rate(0.1).with_train_size(1000),
    ]  # fmt: skip
    for h in back:
        assert h.batch_size == batch_size
        assert h.exact_batch_size == pytest.approx(batch_size, rel=1e-12)


def test_roundings_do_not_add_up_along_a_chain():
    hp = st.SGDHyperparameters(learning_rate=0.1, train_size=1000, batch_size=5)
    walked, rerounded = hp, hp
    for rate in [0.05, 0.03, 0.05, 0.1] * 20:
        walked = walked.with_learning_rate(rate)
        fresh = dataclasses.replace(rerounded, batch_size=rerounded.batch_size)
        rerounded = fresh.with_learning_rate(rate)
    assert walked.batch_size == 5
    assert walked.target_noise_scale == pytest.approx(hp.noise_scale, rel=1e-11)
    # Negative control: starting each step from the rounded batch ends elsewhere.
    assert rerounded.batch_size != 5


def test_full_batch_stays_full():
    hp = st.SGDHyperparameters(learning_rate=0.1, train_size=1000, batch_size=1000)
    assert hp.with_learning_rate(5.0).batch_size == 1000
    assert hp.with_train_size(77).batch_size == 77


def test_momentum_conventions():
    plain = st.SGDHyperparameters(**BASE)
    assert plain.with_momentum(0.9).dampening == 0.0
    assert plain.with_momentum(0.9).exact_batch_size == pytest.approx(1000 / (1 + 3.025 / 1.0), rel=1e-12)
    damped = st.SGDHyperparameters(**BASE, momentum=0.5, dampening=0.5)
    assert damped.noise_scale == plain.noise_scale and damped.step_time == plain.step_time
    still = damped.with_momentum(0.9)
    assert (still.dampening, still.batch_size) == (0.9, 32)
    assert damped.with_momentum(0.9, dampening=0.0).dampening == 0.0
    partly = st.SGDHyperparameters(**BASE, momentum=0.5, dampening=0.2)
    assert partly.with_momentum(0.9).dampening == 0.2


def test_scaling_rules_are_vectorized():
    hp = st.SGDHyperparameters(learning_rate=0.1, train_size=1000, batch_size=[16, 32], momentum=[0.0, 0.5])
    rates = np.array([[0.1], [0.2], [0.3]])
    new = hp.with_learning_rate(rates)
    assert new.batch_size.shape == new.exact_batch_size.shape == (3, 2)
    for i, rate in enumerate(rates[:, 0]):
        for j, (b, m) in enumerate([(16, 0.0), (32, 0.5)]):
            one = st.SGDHyperparameters(learning_rate=0.1, train_size=1000, batch_size=b, momentum=m)
            assert new.batch_size[i, j] == one.with_learning_rate(rate).batch_size
    np.testing.assert_array_equal(new.batch_size[0], hp.batch_size)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learning_rate": 0.0}, "learning_rate must be > 0"),
        ({"learning_rate": np.inf}, "learning_rate must be finite"),
        ({"learning_rate": "fast"}, "learning_rate must be real"),
        ({"train_size": 1, "batch_size": 1}, "train_size must be >= 2"),
        ({"train_size": 10.5}, "train_size must be a whole number"),
        ({"batch_size": 0}, "batch_size must be >= 1"),
        ({"batch_size": 2.5}, "batch_size must be a whole number"),
        ({"batch_size": 1001}, "at most train_size; got 1001 of 1000 examples. Use a smaller batch"),
        ({"batch_size": 1001, "sampling": "with-replacement"}, "at most train_size"),
        ({"batch_size": [1, 2000], "train_size": [[1500], [3000]]}, "got 2000 of 1500 examples"),
        ({"momentum": 1.0}, "momentum must be >= 0 and < 1"),
        ({"momentum": -0.1}, "momentum must be >= 0 and < 1"),
        ({"dampening": 1.0}, "dampening must be >= 0 and < 1"),
        ({"sampling": "with replacement"}, "Did you mean 'with-replacement'"),
        ({"learning_rate": [0.1, 0.2], "batch_size": [1, 2, 3]}, "learning_rate .2,., .*batch_size .3,."),
    ],
)
def test_refusals(change, message):
    with pytest.raises(InvalidInputError, match=message):
        st.SGDHyperparameters(**(BASE | change))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda hp: hp.with_learning_rate(1e-4), "got 0.0331 from the scaling rule. Change learning_rate by less"),
        (lambda hp: hp.with_train_size(5), "from 1 to 5; got 0.16"),
        (lambda hp: dataclasses.replace(hp, sampling="with-replacement").with_learning_rate(10.0), "got 3.2e.03"),
        (lambda hp: hp.with_learning_rate([0.1, 1e-5]), "got 0.00331"),
        (lambda hp: hp.with_learning_rate(-1.0), "learning_rate must be > 0"),
        (lambda hp: hp.with_train_size(1), "train_size must be >= 2"),
        (lambda hp: hp.with_momentum(1.0), "momentum must be >= 0 and < 1"),
        (lambda hp: hp.with_momentum(0.5, dampening=1.0), "dampening must be >= 0 and < 1"),
        (lambda hp: dataclasses.replace(hp, batch_size=[1, 2, 3]).with_learning_rate([0.1, 0.2]), "must broadcast"),
    ],
)
def test_refusals_of_scaling(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call(st.SGDHyperparameters(**BASE))


def test_several_changes_at_once_keep_the_noise_scale():
    start = st.SGDHyperparameters(**BASE)
    both = start.keeping_noise_scale(learning_rate=0.2, train_size=3000)
    assert both.target_noise_scale == pytest.approx(start.noise_scale, rel=1e-12)
    one_by_one = start.with_learning_rate(0.2).with_train_size(3000)
    assert both.batch_size == one_by_one.batch_size
    assert both.exact_batch_size == pytest.approx(one_by_one.exact_batch_size, rel=1e-12)
    for wrong in ({"batch_size": 3}, {"sampling": "with-replacement"}, {"rate": 1.0}):
        with pytest.raises(InvalidInputError, match="name of a change"):
            start.keeping_noise_scale(**wrong)
