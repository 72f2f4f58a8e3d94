"""Schemes are refused where they do not apply, with a message that says what to do, and serve what they declare."""

import contextlib

import numpy as np
import problems
import pytest
import served

import sdetheory as st
from sdetheory.errors import IncompatibleError, InvalidInputError
from sdetheory.simulators.schemes import INCREMENTS, SCHEMES


def gbm(calculus="ito"):
    return problems.GEOMETRIC.sde(calculus)


def well():
    return st.langevin(st.landscapes.double_well(), 1.0)


REFUSED = [
    (gbm, "heun", "gaussian", r"heun solves stratonovich equations; .* is a ito equation.*to_stratonovich\(\)"),
    (lambda: gbm("stratonovich"), "euler-maruyama", "gaussian", r"solves ito equations.*to_ito\(\)"),
    (gbm, "leimkuhler-matthews", "gaussian", "serves additive noise; .* Use euler-maruyama or milstein or platen"),
    (problems.GROWING.sde, "exact", "gaussian", r"has diagonal noise \(it changes with time, .* Use euler-maruyama or"),
    (problems.GROWING.sde, "leimkuhler-matthews", "gaussian", r"has diagonal noise \(it changes with time"),
    (well, "exact", "gaussian", "exact steps need a linear drift and additive noise; Langevin equation.* not like"),
    (well, "baoab", "gaussian", "baoab needs positions and momenta; .*is not from underdamped_langevin"),
]


@pytest.mark.parametrize(("make", "method", "increments", "message"), REFUSED)
def test_schemes_are_refused_where_they_do_not_apply(make, method, increments, message):
    sde = make()
    with pytest.raises(IncompatibleError, match=message):
        st.simulate(
            sde, np.ones(sde.dimension), dt=0.1, n_steps=1, n_paths=2, rng=0, method=method, increments=increments
        )


OTHERS = (problems.GEOMETRIC, problems.DIAGONAL, problems.SPIRAL, problems.NON_COMMUTING)


@pytest.mark.parametrize("method", SCHEMES)
def test_what_a_scheme_does_not_declare_is_refused(method):
    """Each with its reason: noise, calculus, increments, a shared path, a first passage."""
    scheme, sde = SCHEMES[method], served.wells(method)
    start, given = np.ones(sde.dimension), {"dt": 0.01, "n_paths": 2, "method": method}
    served_noise = [p for p in OTHERS if p.noise in scheme.strong_order]
    for problem in OTHERS:
        if problem not in served_noise:
            with pytest.raises(IncompatibleError, match=f"{method} serves additive.* has {problem.noise} noise"):
                st.simulate(problem.sde(), problem.x0, n_steps=1, **given)
    for problem in served_noise[:1]:
        other = problem.sde("ito" if scheme.calculus == "stratonovich" else "stratonovich")
        with pytest.raises(IncompatibleError, match=rf"{method} solves {scheme.calculus} .*to_{scheme.calculus}\(\)"):
            st.simulate(other, problem.x0, n_steps=1, **given)
    for increments in INCREMENTS:
        with refused(increments not in scheme.increments, f"{increments} increments would spoil {method}"):
            st.simulate(sde, start, n_steps=1, increments=increments, **given)
        with refused(not scheme.brownian or increments != "gaussian", r"use euler-maruyama, heun"):
            st.simulate(sde, start, n_steps=1, brownian_dt=0.005, increments=increments, **given)
    with refused(not scheme.bridged, "first passages need points on a path"):
        st.first_passage(sde, start, target=st.Crossing(direction=start, level=9.0), max_steps=1, **given)


def refused(whether, message):
    return pytest.raises(IncompatibleError, match=message) if whether else contextlib.nullcontext()


def test_an_unknown_scheme_is_refused_with_a_brownian_path_too():
    with pytest.raises(InvalidInputError, match="Did you mean 'milstein'"):
        st.simulate(gbm(), [1.0], dt=0.1, brownian_dt=0.05, n_steps=1, n_paths=2, method="millstein")


@pytest.mark.parametrize(
    ("noise", "function", "formulas"),
    [
        ("additive", [0.3, 0.5], ["0.3", "0.5"]),
        ("additive", [[0.3, 0.5], [0.1, 0.7]], [["0.3", "0.5"], ["0.1", "0.7"]]),
        ("diagonal", lambda x: 0.3 * x, ["0.3*x", "0.3*y"]),
        ("diagonal", lambda x, t: (0.3 + t, x[1]), ["0.3 + t", "y"]),
        ("general", lambda x: ((x[1], 0.1), (0.2, x[0])), [["y", "0.1"], ["0.2", "x"]]),
    ],
)
def test_platen_takes_functions_as_it_takes_formulas(noise, function, formulas):
    own = st.SDE(drift=lambda x: -(x**3), diffusion=function, dimension=2, noise=noise)
    same = st.SDE.from_sympy(["-x**3", "-y**3"], formulas, variables=["x", "y"])
    shared = {"dt": 0.1, "n_steps": 5, "n_paths": 50, "rng": 1, "method": "platen"}
    a, b = (st.simulate(sde, [1.0, 2.0], **shared).final for sde in (own, same))
    np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12)
    other = st.simulate(same, [1.0, 2.0], **{**shared, "method": "euler-maruyama"}).final
    assert np.abs(other - a).max() > 1e-3


def test_unknown_names_are_refused():
    with pytest.raises(InvalidInputError, match="Did you mean 'milstein'"):
        st.simulate(gbm(), [1.0], dt=0.1, n_steps=1, n_paths=2, method="millstein")
    with pytest.raises(InvalidInputError, match="increments must be one of"):
        st.simulate(gbm(), [1.0], dt=0.1, n_steps=1, n_paths=2, increments="three")


def test_every_scheme_is_declared():
    for name, scheme in SCHEMES.items():
        assert scheme.name == name
        assert (
            scheme.source
            and min(scheme.weak_order, scheme.stationary_order) > 0
            and scheme.calculus in ("ito", "stratonovich")
        )
        assert set(scheme.strong_order) <= {"additive", "scalar", "diagonal", "commutative", "general"}
