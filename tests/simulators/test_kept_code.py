"""The machine code of functions is kept, and never taken for that of another function."""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from numba import njit

from sdetheory.equations._identity import identity

PROGRAM = """
import sys
import numpy as np
from numba import njit
from numba.core import event
from sdetheory import SDE

FACTOR = {factor}
TABLE = np.array([1.0, {entry}])

@njit(error_model={model!r})
def helper(v):
    return {body} / (v - v + 1.0)

def make(shift):
    def drift(x, t, p):
        return np.array([FACTOR * helper(v) + TABLE[1] + shift + p[0] for v in x])
    return drift

with event.install_recorder("numba:compile") as recorder:
    sde = SDE(drift=make({shift}), diffusion=lambda x: x * x, dimension=3, noise="diagonal", parameters=[0.25])
    x = np.array([1.0, 2.0, 3.0])
    print(sde.drift(x).tolist(), np.diag(sde.diffusion(x)).tolist(), len(recorder.buffer))
"""
SAME = {"factor": 2.0, "entry": 3.0, "model": "numpy", "body": "v * v", "shift": 0.5}
EDITS = [{"factor": 4.0}, {"entry": 5.0}, {"body": "v + v"}, {"shift": 0.75}]


def run(folder, **changes):
    """Return the drift and the diffusion that a process of its own computes, and the compilations that it saw."""
    values = {**SAME, **changes}
    script = folder / "program.py"
    script.write_text(PROGRAM.format(**values))
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder), "NUMBA_CACHE_DIR": str(folder / "numba")}
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, check=True)
    drift, diffusion, compilations = done.stdout.strip().replace("] ", "]\n").split("\n")
    x = np.array([1.0, 2.0, 3.0])
    inside = x * x if values["body"] == "v * v" else x + x
    np.testing.assert_allclose(eval(drift), values["factor"] * inside + values["entry"] + values["shift"] + 0.25)
    np.testing.assert_allclose(eval(diffusion), x * x)
    return int(compilations)


def test_a_second_process_compiles_nothing_and_an_edit_is_noticed(tmp_path):
    assert run(tmp_path) > 0
    assert run(tmp_path) == 0
    for change in EDITS:
        assert run(tmp_path, **change) > 0
    assert run(tmp_path) == 0


def test_functions_of_one_name_are_not_linked_to_one_another(tmp_path):
    """Numba numbers functions of one name alike in each process: the old helper must not serve the new function."""
    body = """
        import sys
        import numpy as np
        from numba import njit
        from sdetheory import SDE

        def build(factor):
            @njit
            def helper(v, n):
                total = 0.0
                for i in range(n):
                    total += factor * np.sin(v * i) if i % 3 else v
                return total

            def drift(x):
                return np.array([helper(x[0], 5) + helper(x[1], 6), helper(x[0] * x[1], 7)])

            return drift

        for factor in map(float, sys.argv[1:]):
            f = build(factor)
            sde = SDE(drift=f, diffusion=[1.0, 1.0], dimension=2, noise="additive")
            x = np.array([0.3, 0.7])
            np.testing.assert_allclose(sde.drift(x), f(x), rtol=1e-12)
    """
    script = tmp_path / "program.py"
    script.write_text(textwrap.dedent(body))
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "numba")}
    for factors in (["2"], ["2", "3"], ["3", "2", "4"]):
        subprocess.run([sys.executable, script, *factors], env=environment, check=True)


def of_array(values):
    array = np.array(values)
    return lambda x: array[0] * x


def of_function(function):
    return lambda x: function(x)


def with_default(k):
    return lambda x, k=k: k * x


DIFFERENT = [
    (of_array([1.0, 2.0]), of_array([1.0, 3.0])),
    (of_array([1.0, 2.0]), of_array([1, 2])),
    (with_default(1.0), with_default(2.0)),
    (with_default(1), with_default(True)),
    (of_function(with_default(1.0)), of_function(with_default(2.0))),
    (of_function(of_function(with_default(1.0))), of_function(of_function(with_default(2.0)))),
    (of_function(njit(with_default(1.0))), of_function(njit(fastmath=True)(with_default(1.0)))),
    (of_function(np.sin), of_function(np.cos)),
    (lambda x: x + 1, lambda x: x - 1),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_differs_has_another_text(one, other):
    assert identity(one)[0] != identity(other)[0]
    assert identity(one)[1] and identity(other)[1]


def test_an_object_that_cannot_be_told_apart_is_known_as_such():
    class Thing:
        pass

    for value in (Thing(), pytest, lambda x, y=Thing: x):
        assert not identity(of_function(value))[1]
