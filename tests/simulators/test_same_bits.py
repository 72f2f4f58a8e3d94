"""Every scheme and every kind of increments: the same bits for any threads, chunks, lanes, and after a stop."""

import numba
import numpy as np
import problems
import pytest
import served
from test_checkpoint import stop_after

import sdetheory as st
from sdetheory.simulators.schemes import SCHEMES

CASES = {
    f"{method}, {kind}": {"method": method, "increments": kind}
    for method, scheme in SCHEMES.items()
    for kind in scheme.increments
}
for name in served.MULTIPLICATIVE:
    noises = SCHEMES[name].strong_order
    CASES[f"{name}, multiplicative noise"] = {
        "method": name, "sde": problems.NON_COMMUTING if "general" in noises else problems.SPIRAL
    }  # fmt: skip
    if SCHEMES[name].drift_evaluations > 1:
        CASES[f"{name}, noise that changes with time"] = {"method": name, "sde": problems.GROWING}
for name in served.BROWNIAN:
    CASES[f"{name}, on a finer path"] = {"method": name, "brownian_dt": 0.01}


def run(method, sde=None, n_paths=300, **changes):
    sde = served.wells(method) if sde is None else served.solver(sde, method)
    given = {"dt": 0.03, "n_steps": 36, "n_paths": n_paths, "rng": 7, "method": method, **changes}
    return st.simulate(sde, np.full(sde.dimension, 0.4), **given)


each = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


@each
@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one thread only")
def test_one_thread_or_two(case):
    try:
        numba.set_num_threads(1)
        one = run(**case).final
    finally:
        numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    np.testing.assert_array_equal(run(**case).final, one)
    assert not np.array_equal(run(**case, rng=8).final, one)


@each
def test_any_number_of_paths_and_so_any_number_of_lanes(case):
    finals = [run(**case, n_paths=n).final for n in (1, 17, 2000)]
    for final in finals:
        np.testing.assert_array_equal(final, finals[-1][: len(final)])


@each
def test_any_chunks_and_a_resumed_run(case, monkeypatch, tmp_path):
    case = case | {"n_steps": 400}
    whole, path = run(**case).final, tmp_path / "run.npz"
    with monkeypatch.context() as patch, pytest.warns(RuntimeWarning, match="interrupted after"):
        stop_after(patch, 0)
        patch.setattr("sdetheory.simulators._ensemble._CHUNK", 2000)
        partial = run(**case, checkpoint=path)
    assert 0 < partial.n_steps < 400
    np.testing.assert_array_equal(run(**case, checkpoint=path).final, whole)
    monkeypatch.setattr("sdetheory.simulators._ensemble._CHUNK", 2000)
    np.testing.assert_array_equal(run(**case, save_every=4).final, whole)
