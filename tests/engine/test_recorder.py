"""A new thing to record is one class: the loop gives it chunks, Ctrl-C, checkpoints and workers."""

import functools
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import sdetheory as st
from sdetheory.engine import run as loop
from sdetheory.engine.checkpoint import Checkpoint
from sdetheory.engine.run import Recorder, run
from sdetheory.errors import InvalidInputError
from sdetheory.simulators import _ensemble
from sdetheory.simulators._ensemble import Ensemble
from sdetheory.training import _arguments as _sgd_arguments
from sdetheory.training._descent import Descent

N_STEPS, N_PATHS = 500, 700


@dataclass(frozen=True, kw_only=True, eq=False)
class Maximum(Recorder):
    """Keeps the greatest value of each component along each path."""

    axes: ClassVar[dict[str, int]] = {"maximum": 0}

    def start(self, process):
        return {"maximum": process.positions()}

    def stretch(self, process, arrays):
        return "maximum", 1, min(process.step + 64, self.n_steps)  # so many positions are in memory at once

    def add(self, process, arrays, n_steps):
        frames = np.empty((n_steps, *arrays["maximum"].shape))
        process.advance(1, frames)
        np.maximum(arrays["maximum"], frames.max(axis=0), out=arrays["maximum"])

    def result(self, process, arrays):
        return arrays


def recorded(process, file=None, executor=None):
    recorder = Maximum(function="maximum", n_steps=N_STEPS)
    return run(process, recorder, file=file or Checkpoint(None), executor=executor, progress=False)["maximum"]


def greatest(checkpoint=None, executor=None, rng=3, **changes):
    sde = st.langevin(st.landscapes.double_well(), 0.5)
    given = {"dt": 0.01, "n_paths": N_PATHS, "method": "euler-maruyama", "increments": "gaussian", **changes}
    file = Checkpoint(checkpoint)
    return recorded(Ensemble.prepare(sde, [0.4], rng=file.rng(rng), **given), file, executor)


@functools.cache
def written_out():
    sde = st.langevin(st.landscapes.double_well(), 0.5)
    paths = st.simulate(sde, [0.4], dt=0.01, n_paths=N_PATHS, n_steps=N_STEPS, save_every=1, rng=3).paths
    return paths.max(axis=0)


def test_it_records_what_it_says():
    np.testing.assert_array_equal(greatest(), written_out())
    assert not np.array_equal(greatest(rng=4), written_out())


def interrupt(monkeypatch, at):
    """Press Ctrl-C during a chunk of few steps."""
    monkeypatch.setattr(_ensemble, "_CHUNK", 2**14)
    monkeypatch.setattr(loop, "_LONGEST", 1e9)
    advance, count = Ensemble.advance, iter(range(10**9))

    def interrupted(self, *arguments):
        if next(count) == at:
            signal.raise_signal(signal.SIGINT)
        advance(self, *arguments)

    monkeypatch.setattr(Ensemble, "advance", interrupted)


def test_an_interrupted_run_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    path = tmp_path / "run.npz"
    with monkeypatch.context() as patch, pytest.warns(RuntimeWarning, match=r"interrupted after \d+ of 500 steps"):
        interrupt(patch, 7)
        part = greatest(path)
    assert (part <= written_out()).all() and not np.array_equal(part, written_out())
    np.testing.assert_array_equal(greatest(path, rng=None), written_out())
    monkeypatch.setattr(Ensemble, "advance", None)  # what is finished is not made again
    np.testing.assert_array_equal(greatest(path), written_out())


def test_the_checkpoint_of_another_run_is_refused(tmp_path):
    greatest(tmp_path / "run.npz")
    with pytest.raises(InvalidInputError, match="belongs to another run; dt differs"):
        greatest(tmp_path / "run.npz", dt=0.02)


def test_workers_give_the_same_bits(tmp_path):
    with ThreadPoolExecutor(2) as executor:
        np.testing.assert_array_equal(greatest(tmp_path / "run.npz", executor), written_out())
        np.testing.assert_array_equal(greatest(tmp_path / "run.npz", executor), written_out())


def test_it_records_sgd_too():
    X = np.cos(np.arange(36.0)).reshape(12, 3)
    model, w0 = st.models.LogisticRegression(X, np.arange(12) % 2, prior_precision=0.3), np.ones((40, 3))
    hp = st.SGDHyperparameters(learning_rate=0.2, train_size=12, batch_size=4)
    seed = np.random.SeedSequence(3)
    problem = _sgd_arguments.problem(model, hp, N_STEPS, "sgd", False, None, None, None, seed)
    paths = st.sgd(model, hp, w0, n_steps=N_STEPS, save_every=1, rng=seed).paths
    np.testing.assert_array_equal(recorded(Descent.start(problem, w0, seed)), paths.max(axis=0))
    with ThreadPoolExecutor(2) as executor:
        parts = recorded(Descent.start(problem, w0, seed), executor=executor)
    np.testing.assert_array_equal(parts, paths.max(axis=0))


def test_warnings_point_at_who_called_the_package():
    with pytest.warns(RuntimeWarning, match="overflowed") as caught:
        st.simulate(st.SDE.from_sympy(["x**3"], ["1"], variables=["x"]), [3.0], dt=0.1, n_steps=50, n_paths=4, rng=0)
    assert [w.filename for w in caught if "overflowed" in str(w.message)] == [__file__]
