"""Tamed Euler: the step that its authors give, and paths that stay finite where those of Euler-Maruyama do not."""

import chains
import numpy as np
import pytest

import sdetheory as st

H = 0.1


def cubic(d=1, noise=0.5):
    """Return dx = -|x|² x dt + noise dW: one-sided Lipschitz, and steeper than any linear drift."""
    names = [f"x{i}" for i in range(d)]
    square = " + ".join(f"{x}**2" for x in names)
    return st.SDE.from_sympy([f"-({square})*{x}" for x in names], [noise] * d, variables=names)


def test_a_step_is_the_one_in_the_paper(rng):
    x, xi = 3 * rng.standard_normal((2, 50)), rng.standard_normal((2, 50))
    drift = -(x**2).sum(axis=0) * x
    expected = x + H * drift / (1 + H * np.linalg.norm(drift, axis=0)) + 0.5 * np.sqrt(H) * xi
    np.testing.assert_allclose(chains.Step(cubic(2), "tamed-euler", H)(x, xi), expected, rtol=1e-13, atol=1e-14)
    # Negative control: each component tamed by itself.
    apart = x + H * drift / (1 + H * np.abs(drift)) + 0.5 * np.sqrt(H) * xi
    assert np.abs(apart - expected).max() > 0.01


def test_the_drift_of_a_step_is_never_longer_than_one():
    """Also where the square of the drift overflows, at 1e80, where a step of 1 is below rounding."""
    moved = chains.Step(st.SDE.from_sympy(["-3*a", "4*a"], [0.5, 0.5], variables=["x", "y"], parameters={"a": 1e200}),
                        "tamed-euler", H)(np.zeros((2, 1)), np.zeros((2, 1)))  # fmt: skip
    np.testing.assert_allclose(moved[:, 0], [-0.6, 0.8], rtol=1e-14)


@pytest.mark.filterwarnings("ignore::sdetheory.errors.AccuracyWarning")
@pytest.mark.parametrize("d", [1, 2])
def test_paths_come_back_from_where_those_of_euler_maruyama_are_thrown_out(d):
    shared = {"dt": H, "n_steps": 400, "n_paths": 100, "rng": 1}
    start = np.full(d, 30.0)
    run = st.simulate(cubic(d), start, method="tamed-euler", **shared)
    assert run.diverged == 0
    assert np.abs(run.final).max() < 3
    with pytest.warns(RuntimeWarning, match="100 of 100 paths overflowed"):
        assert st.simulate(cubic(d), start, method="euler-maruyama", **shared).diverged == 100


def test_what_overflows_by_itself_is_reported():
    """A drift that is infinite is tamed by nothing."""
    with pytest.raises(st.errors.InvalidInputError, match="must be finite where the paths start"):
        st.simulate(cubic(), [1e150], dt=H, n_steps=3, n_paths=2, rng=1, method="tamed-euler")
