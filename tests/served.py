"""Equations for every scheme of the registry: what is tested is what a scheme declares, without a list of names."""

import sdetheory as st
from sdetheory.errors import IncompatibleError
from sdetheory.simulators.schemes import SCHEMES, prepare

BROWNIAN = [name for name, scheme in SCHEMES.items() if scheme.brownian]
MULTIPLICATIVE = [name for name, scheme in SCHEMES.items() if "scalar" in scheme.strong_order]


def serves(method, sde):
    """Whether a scheme takes an equation."""
    try:
        SCHEMES[method].check(sde, "gaussian")
        prepare(sde, SCHEMES[method], "gaussian", 0.01, 1)
    except IncompatibleError:
        return False
    return True


def first_served(method, *equations):
    """Return the first of some equations that a scheme takes."""
    return next(sde for sde in equations if serves(method, sde))


def solver(problem, method):
    """Return the equation of a problem in the scheme's calculus."""
    sde = problem.sde()
    return sde.to_stratonovich() if SCHEMES[method].calculus == "stratonovich" else sde


def wells(method):
    """Return an equation with additive noise that the scheme takes, not linear if it can be helped."""
    return first_served(
        method,
        st.langevin(st.landscapes.double_well(), 0.5),
        st.langevin(st.landscapes.quadratic([[2.0, 0.6], [0.6, 1.0]]), 0.5),
        st.underdamped_langevin(st.landscapes.double_well(), 0.5, friction=1.0),
    )
