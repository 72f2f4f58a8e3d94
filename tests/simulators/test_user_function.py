"""A user's own functions: the same results as formulas, and errors that point at the line."""

import inspect
import math

import numpy as np
import pytest
from numba import njit

import sdetheory as st
from sdetheory.errors import InvalidInputError

RUN = {"dt": 0.01, "n_steps": 40, "n_paths": 50, "rng": 3}


def of_x(x):
    return -x


def of_x_and_t(x, t):
    return t - x


def of_all(x, t, p):
    return p[0] * t - p[1] * x


def as_tuple(x):
    return x[1] - x[0], -x[1]


def as_list_of_scalars(x):
    return np.array([x[1] - x[0], -x[1]])


def in_a_loop(x):
    out = np.empty_like(x)
    for i in range(x.size):
        out[i] = -x[i]
    out[0] += x[1]
    return out


FORMS = [
    (of_x, ["-x", "-y"], ()),
    (of_x_and_t, ["t - x", "t - y"], ()),
    (of_all, ["2*t - 3*x", "2*t - 3*y"], (2.0, 3.0)),
    (as_tuple, ["y - x", "-y"], ()),
    (as_list_of_scalars, ["y - x", "-y"], ()),
    (in_a_loop, ["y - x", "-y"], ()),
]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(("function", "formulas", "parameters"), FORMS)
def test_drifts_agree_with_formulas(function, formulas, parameters, compiled):
    drift = njit(function) if compiled else function
    own = st.SDE(drift=drift, diffusion=[0.5, 0.25], dimension=2, noise="additive", parameters=parameters)
    same = st.SDE.from_sympy(formulas, [0.5, 0.25], variables=["x", "y"])
    x = np.array([[1.0, -2.0], [0.3, 0.4]])
    np.testing.assert_allclose(own.drift(x, 0.7), same.drift(x, 0.7), rtol=1e-14)
    a, b = (st.simulate(sde, [1.0, 2.0], **RUN).final for sde in (own, same))
    np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12)
    shifted = st.SDE(drift=drift, diffusion=[0.5, 0.26], dimension=2, noise="additive", parameters=parameters)
    assert np.abs(st.simulate(shifted, [1.0, 2.0], **RUN).final - b).max() > 1e-4


@pytest.mark.parametrize(
    ("noise", "function", "formulas", "m"),
    [
        ("diagonal", lambda x: 0.3 * x, ["0.3*x", "0.3*y"], None),
        ("scalar", lambda x: (0.3 * x[0], x[1]), [["0.3*x"], ["y"]], None),
        ("commutative", lambda x: np.array([[x[0], -x[1]], [x[1], x[0]]]), [["x", "-y"], ["y", "x"]], 2),
        ("general", lambda x: ((x[1], 0.1), (0.2, x[0])), [["y", "0.1"], ["0.2", "x"]], 2),
        ("general", lambda x: np.array([[x[1], 0.1, 1], [0.2, x[0], 2]]), [["y", "0.1", "1"], ["0.2", "x", "2"]], 3),
    ],
)
@pytest.mark.parametrize("calculus", ["ito", "stratonovich"])
def test_diffusions_agree_with_formulas(noise, function, formulas, m, calculus):
    own = st.SDE(drift=of_x, diffusion=function, dimension=2, noise=noise, n_noises=m, calculus=calculus)
    same = st.SDE.from_sympy(["-x", "-y"], formulas, variables=["x", "y"], calculus=calculus)
    assert own.noise == same.noise and own.n_noises == same.n_noises
    x = np.array([[1.0, -2.0], [0.3, 0.4]])
    np.testing.assert_allclose(own.diffusion(x), same.diffusion(x), rtol=1e-14)
    method = "heun" if calculus == "stratonovich" else "euler-maruyama"
    a, b = (st.simulate(sde, [1.0, 2.0], method=method, **RUN).final for sde in (own, same))
    np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12)


def test_numbers_for_one_dimension():
    own = st.SDE(drift=lambda x: -math.sin(x[0]), diffusion=lambda x, t: 1.0 + t, dimension=1, noise="scalar")
    same = st.SDE.from_sympy(["-sin(x)"], ["1 + t"], variables=["x"])
    a, b = (st.simulate(sde, [1.0], **RUN).final for sde in (own, same))
    np.testing.assert_allclose(a, b, rtol=1e-11)


def test_division_by_zero_is_infinite_as_in_numpy():
    sde = st.SDE(drift=lambda x: 1.0 / x[0], diffusion=[0.0], dimension=1, noise="additive")
    assert sde.drift([2.0]).tolist() == [0.5]
    assert sde.drift([0.0]) == np.inf
    with pytest.raises(InvalidInputError, match=r"component 0 of its drift is inf at \[0.\], where path 1 starts"):
        st.simulate(sde, [[2.0], [0.0]], dt=0.1, n_steps=1, rng=0)
    singular = st.SDE(drift=lambda x, t: 1.0 / (t - 0.5), diffusion=[0.0], dimension=1, noise="additive")
    with pytest.warns(RuntimeWarning, match="2 of 2 paths overflowed; the first is path 0, at step 2"):
        run = st.simulate(singular, [[-1.0], [3.0]], dt=0.5, n_steps=3, rng=0)
    assert run.divergence == st.simulators.Divergence(path=0, step=2)


def uncompilable(x):
    y = -x
    names = {"a": [], 1: x}  # Numba takes no such dictionary
    return y + len(names)


def unknown_name(x):
    y = x + 1
    return y * nowhere  # noqa: F821


@pytest.mark.parametrize(("function", "offset"), [(uncompilable, 2)])
def test_the_error_names_the_line(function, offset):
    line = inspect.getsourcelines(function)[1] + offset
    sde = st.SDE(drift=function, diffusion=[1.0], dimension=1, noise="additive")
    with pytest.raises(InvalidInputError, match=f"drift '{function.__name__}' cannot be compiled.*") as caught:
        sde.drift([1.0])
    assert f"line {line} of {__file__}" in str(caught.value)


def test_the_error_names_an_unknown_name():
    sde = st.SDE(drift=unknown_name, diffusion=[1.0], dimension=1, noise="additive")
    with pytest.raises(InvalidInputError, match=r"'unknown_name' cannot be compiled .*name 'nowhere' is not defined"):
        sde.drift([1.0])


@pytest.mark.parametrize(
    ("noise", "drift", "diffusion", "message"),
    [
        ("diagonal", lambda x: x[0], lambda x: x, "drift '<lambda>' must return 2 numbers"),
        ("diagonal", lambda x: (x[0], x[0], x[0]), lambda x: x, r"must return 2 numbers .*shape \(3,\)"),
        ("general", of_x, lambda x: x, "diffusion '<lambda>' must return 4 numbers"),
        ("diagonal", of_x, lambda x: np.outer(x, x), "must return 2 numbers"),
        ("diagonal", lambda x: (x[0], x[2]), lambda x: x, r"reads beyond x of shape \(2,\)"),
        ("diagonal", lambda x, t, p: x * p[0], lambda x: x, r"reads beyond .*parameters of shape \(0,\)"),
    ],
)
def test_wrong_shapes_are_errors_and_not_reads_out_of_bounds(noise, drift, diffusion, message):
    sde = st.SDE(drift=drift, diffusion=diffusion, dimension=2, noise=noise)
    with pytest.raises(InvalidInputError, match=message):
        st.simulate(sde, [1.0, 1.0], dt=0.1, n_steps=1, n_paths=4, rng=0)


GOOD = {"drift": of_x, "diffusion": of_x, "dimension": 2, "noise": "diagonal"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"drift": "-x"}, "drift must be a function of x; got str"),
        ({"drift": lambda: 0.0}, "drift must take x, x and t, or x, t and parameters; it takes 0"),
        ({"drift": lambda x, t, p, q: x}, "it takes 4"),
        ({"diffusion": [1.0, 1.0]}, "diffusion must be a function of x; got list with diagonal noise"),
        ({"noise": "additive"}, "diffusion must be numbers, since additive noise is constant"),
        ({"noise": "additive", "diffusion": [1.0]}, r"diffusion must have shape \(2,\) or \(2, m\); got \(1,\)"),
        ({"noise": "additive", "diffusion": [np.nan, 1]}, "diffusion must be finite"),
        ({"noise": "white"}, "noise must be one of"),
        ({"calculus": "malliavin"}, "calculus must be one of"),
        ({"dimension": 0}, "dimension must be >= 1"),
        ({"dimension": 1.5}, "dimension must be a whole number"),
        ({"parameters": [np.inf]}, "parameters must be finite"),
        ({"noise": "general", "n_noises": 0}, "n_noises must be >= 1"),
    ],
)
def test_wrong_arguments_are_refused(change, message):
    with pytest.raises(InvalidInputError, match=message):
        st.SDE(**{**GOOD, **change})


def hand_written(v):
    return math.exp(-v) + np.exp(v / 3) + math.log(1 + v * v) + np.log(2 + v * v)


@pytest.mark.parametrize("x", [-700.0, -1.0, -1e-9, 0.0, 0.3, 20.0, 600.0])
def test_exponentials_and_logarithms_of_our_own_are_as_good(x):
    """They replace those of math and numpy in the user's function, so that LLVM can compute several lanes at once."""
    imported = math.exp

    def drift(x):
        v = x[0]
        return imported(-v) + np.exp(v / 3) + math.log(1 + v * v) + np.log(2 + v * v)

    sde = st.SDE(drift=drift, diffusion=[1.0], dimension=1, noise="additive")
    np.testing.assert_allclose(sde.drift([[x]])[0, 0], hand_written(x), rtol=4e-16)


def test_functions_of_whole_arrays_still_work():
    def drift(x):
        return np.exp(x) + np.log(np.abs(x)).sum() + np.linalg.norm(x)

    sde = st.SDE(drift=drift, diffusion=np.ones(3), dimension=3, noise="additive")
    points = np.array([[1.0, 2.0, -3.0], [0.5, -0.25, 4.0]])
    np.testing.assert_allclose(sde.drift(points), [drift(x) for x in points], rtol=1e-15)
