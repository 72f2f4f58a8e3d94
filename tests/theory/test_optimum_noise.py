"""Noise at which the test cost is lowest: a closed form, a search by other means, and the batch size it asks for."""

import numpy as np
import pytest
from scipy import integrate, optimize

from sdetheory import SGDHyperparameters, noise_scale
from sdetheory.errors import InvalidInputError
from sdetheory.theory import optimum_noise, sgd_covariance


class Cost:
    def __init__(self, function, dimension=1):
        self.value, self.dimension = function, dimension


def bowl(k=2.0):
    return Cost(lambda x: k * np.sum(x**2, axis=-1) / 2)


def ring(c=1.5):
    """E (w² - c)² = 3 s² - 2 c s + c² over N(0, s): lowest, at 2c²/3, for s = c/3."""
    return Cost(lambda x: (x[..., 0] ** 2 - c) ** 2)


def basins(shift):
    return Cost(lambda x: -np.logaddexp(-50 * (x[..., 0] + 2 - shift) ** 2, -1 - 2 * (x[..., 0] - 2 - shift) ** 2))


def test_closed_form():
    """T* = k c/3 for a quadratic train cost with curvature k, and g* = 2 T*/f."""
    best = optimum_noise(bowl(2.0), ring(1.5), temperatures=(0.01, 100.0), gradient_variance=4.0)
    assert best.interior
    assert best.temperature == pytest.approx(1.0, rel=1e-9)
    assert best.noise_scale == pytest.approx(0.5, rel=1e-9)
    assert best.test_cost == pytest.approx(2 * 1.5**2 / 3, rel=1e-11)
    s = best.temperatures / 2
    np.testing.assert_allclose(best.test_costs, 3 * s**2 - 3 * s + 2.25, rtol=1e-10)


def test_two_basins_by_another_quadrature_and_a_search():
    train, test = basins(0.0), basins(0.3)

    def mean_cost(log_temperature):
        def part(f):
            points = [-2.0, -1.7, 0.0, 2.0, 2.3]
            return integrate.quad(f, -25, 25, points=points, limit=500, epsabs=0, epsrel=1e-12)[0]

        t = np.exp(log_temperature)
        weight = lambda x: np.exp(-train.value(np.array([x])) / t)  # noqa: E731
        return part(lambda x: test.value(np.array([x])) * weight(x)) / part(weight)

    best = optimum_noise(train, test, temperatures=(0.05, 5.0))
    found = optimize.minimize_scalar(mean_cost, bounds=(-0.5, 0.7), options={"xatol": 1e-6})
    assert np.exp(found.x) == pytest.approx(best.temperature, rel=1e-5)
    assert found.fun == pytest.approx(best.test_cost, rel=1e-9)
    assert best.interior
    # Evidence alone, T = 1, is not the optimum.
    assert abs(best.temperature - 1) > 0.1


def test_of_several_minima_the_lowest_counts():
    """Without a shift the least noise is best; with a small one a second minimum is not yet the lowest."""
    least = optimum_noise(basins(0.0), basins(0.1), temperatures=(0.05, 5.0))
    assert (least.interior, least.temperature) == (False, 0.05)
    most = optimum_noise(bowl(), Cost(lambda x: -np.log1p(x[..., 0] ** 2)), temperatures=(0.1, 2.0))
    assert most.interior is False
    assert most.temperature == pytest.approx(2.0)


def test_two_dimensions():
    best = optimum_noise(
        Cost(bowl().value, 2), Cost(lambda x: np.sum((x**2 - 1.5) ** 2, axis=-1), 2), temperatures=(0.5, 2.0)
    )
    assert best.temperature == pytest.approx(1.0, rel=1e-6)


@pytest.mark.parametrize("sampling", ["without-replacement", "with-replacement"])
@pytest.mark.parametrize(("momentum", "dampening"), [(0.0, 0.0), (0.9, 0.0), (0.9, 0.9)])
def test_batch_size_makes_the_noise(momentum, dampening, sampling):
    """Between the whole numbers beside B* the noise scale of SGD passes g*."""
    best = optimum_noise(bowl(2.0), ring(1.5), temperatures=(0.1, 10.0))
    assert best.noise_scale == pytest.approx(2.0, rel=1e-9)
    kinds = {"momentum": momentum, "dampening": dampening, "sampling": sampling}
    batch = best.batch_size(0.1, 10_000, **kinds)
    below = noise_scale(0.1, 10_000, int(np.floor(batch)), **kinds)
    above = noise_scale(0.1, 10_000, int(np.ceil(batch)), **kinds)
    assert above < best.noise_scale < below
    exact = {"without-replacement": 10_000 / (1 + 20 * (1 - momentum) / (1 - dampening)),
             "with-replacement": 9_999 * (1 - dampening) / (20 * (1 - momentum))}  # fmt: skip
    assert batch == pytest.approx(exact[sampling], rel=1e-9)


def test_batch_size_is_proportional_to_rate_and_size():
    """For N ≫ B: at fixed g*, B*/(εN) = 1/(g* + ε), which tends to 1/g*; not so where ε is not small against g*."""
    best = optimum_noise(bowl(2.0), ring(1.5), temperatures=(0.1, 10.0))
    rates, sizes = np.array([1e-1, 1e-2, 1e-3])[:, None], np.array([10**4, 10**5, 10**6])
    scaled = best.batch_size(rates, sizes) / (rates * sizes)
    assert scaled.shape == (3, 3)
    np.testing.assert_allclose(scaled, scaled[:, :1] * np.ones(3), rtol=1e-14)  # proportional to N
    misses = 1 - scaled[:, 0] * best.noise_scale
    np.testing.assert_allclose(misses[:-1] / misses[1:], 10, rtol=0.05)  # to ε up to a relative ε/g*
    assert best.batch_size(2.0, 1000) == pytest.approx(500.0, rel=1e-8)  # ε = g*: half of what is proportional
    assert best.batch_size(0.1, 1000, momentum=0.9) == pytest.approx(1000 / 3, rel=1e-8)


def test_sgd_with_this_batch_has_the_best_spread():
    """The stationary variance of SGD on the quadratic is c/3, the one at which the test cost is lowest."""
    best = optimum_noise(bowl(2.0), ring(1.5), temperatures=(0.1, 10.0))
    n = 10**6
    batch = best.batch_size(0.1, n)
    hp = SGDHyperparameters(learning_rate=0.1, train_size=n, batch_size=round(batch))
    spread = sgd_covariance([[2.0]], [[1.0]], hp).covariance[0, 0]
    assert spread == pytest.approx(0.5, rel=1 / batch)  # the rounding of B
    shortcut = SGDHyperparameters(learning_rate=0.1, train_size=n, batch_size=round(0.1 * n / best.noise_scale))
    assert sgd_covariance([[2.0]], [[1.0]], shortcut).covariance[0, 0] != pytest.approx(0.5, rel=0.01)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: optimum_noise(bowl(), ring(), temperatures=(1.0, 0.5)), "lower < upper"),
        (lambda: optimum_noise(bowl(), ring(), temperatures=(0.0, 0.5)), r"temperatures\[0\] must be > 0"),
        (lambda: optimum_noise(bowl(), Cost(ring().value, 2), temperatures=(0.1, 0.5)), "dimension of train, 1; got 2"),
        (lambda: optimum_noise(bowl(), ring(), temperatures=(0.1, 1.0), gradient_variance=0.0), "gradient_variance"),
        (
            lambda: optimum_noise(Cost(lambda x: 0 * x[..., 0]), ring(), temperatures=(0.1, 1.0)),
            "must rise fast enough",
        ),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call()


def test_bad_hyperparameters_are_refused():
    best = optimum_noise(bowl(2.0), ring(1.5), temperatures=(0.5, 2.0))
    with pytest.raises(InvalidInputError, match="learning_rate must be > 0"):
        best.batch_size(-0.1, 100)
    with pytest.raises(InvalidInputError, match="dampening must be >= 0 and < 1"):
        best.batch_size(0.1, 100, momentum=0.5, dampening=1.5)
    with pytest.raises(InvalidInputError, match="momentum must be >= 0 and < 1"):
        best.batch_size(0.1, 100, momentum=1.0)
