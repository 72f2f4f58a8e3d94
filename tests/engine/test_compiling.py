"""A reader who asked for progress is told what is compiled; nobody else is."""

import inspect
import time

import numba
import numpy as np
import pytest

import sdetheory as st


def equation():
    """Return an equation with a drift that no cache holds: its rate is another each time."""
    rate = 1.0 + time.time_ns() % 2**30 / 2**40

    @numba.njit
    def restoring(x):
        return -rate * x

    return st.SDE(drift=restoring, diffusion=[0.5], dimension=1, noise="additive")


def run(**options):
    return st.simulate(equation(), [1.0], n_paths=2, dt=0.1, n_steps=3, rng=0, **options)


def test_what_is_compiled_is_named(capsys):
    run(progress=True)
    said = capsys.readouterr().err
    assert "compiling" in said and "restoring" in said
    assert "3.00/3.00" in said  # the run has its own bar, afterwards


def test_nothing_is_said_unasked(capsys):
    run()
    assert capsys.readouterr().err == ""


def test_nothing_is_said_of_what_was_compiled(capsys):
    model, hp = (
        st.models.LinearRegression(np.eye(3), np.ones(3)),
        st.SGDHyperparameters(learning_rate=0.1, train_size=3, batch_size=1),
    )
    st.sgd(model, hp, np.zeros(3), n_steps=2, rng=0)
    st.sgd(model, hp, np.zeros(3), n_steps=2, rng=0, progress=True)
    said = capsys.readouterr().err
    assert "2.00/2.00" in said and "compiling" not in said


@pytest.mark.parametrize("function", [st.simulate, st.sample_stationary, st.first_passage, st.residence_times, st.sgd])
def test_functions_keep_their_signatures(function):
    assert "progress" in inspect.signature(function).parameters and function.__doc__
