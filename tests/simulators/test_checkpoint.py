"""Long runs: killed, interrupted, on a full disk, and with the wrong file."""

import errno
import os
import pickle
import signal
import threading
import time
import warnings

import numpy as np
import pytest
from killing import killed

import sdetheory as st
from sdetheory._interrupt import Interrupt
from sdetheory.engine import checkpoint as _checkpoint
from sdetheory.engine import run as _run
from sdetheory.engine.recorders.moments import Moments
from sdetheory.engine.recorders.passages import Passages
from sdetheory.engine.recorders.paths import Paths
from sdetheory.engine.recorders.stays import Stays
from sdetheory.errors import AccuracyWarning, InvalidInputError
from sdetheory.simulators import _ensemble

# What is tested is how the run is made, not whether it has settled, which it is too short for.
SHORT = pytest.mark.filterwarnings("ignore::sdetheory.errors.AccuracyWarning")

BINS = np.linspace(-3, 3, 61)
FUNCTIONS = {
    "simulate": {"x0": [0.4], "n_steps": 120_000, "save_every": 20_000},
    "sample_stationary": {
        "burn_in": 2_000, "n_steps": 118_000, "every": 10, "bins": BINS, "observables": {"square": "x**2"},
        "basins": {"right": "x > 0"},
    },
    # So far away that half of the paths arrive in the first quarter, but not all until the end.
    "first_passage": {"x0": [0.4], "target": ("above", 2.2), "max_steps": 120_000},
}  # fmt: skip
RECORDERS = (Paths, Moments, Passages, Stays)
each_function = pytest.mark.parametrize("function", FUNCTIONS)


def equation(k=1.0, temperature=0.5):
    return st.langevin(st.Landscape.from_sympy("k*x**4/4 - x**2/2", variables=["x"], parameters={"k": k}), temperature)


def run(function, sde=None, **changes):
    """Return a run of a thousand paths; small ones for tests that need no time."""
    short = {
        "simulate": {"n_steps": 600, "save_every": 100},
        "sample_stationary": {"burn_in": 100, "n_steps": 500},
        "first_passage": {"max_steps": 600},
    }
    given = {"n_paths": 1000, "dt": 0.01, "rng": 3, **FUNCTIONS[function], **short[function], **changes}
    return getattr(st, function)(sde or equation(), **given)


def assert_same(a, b):
    """To the last bit."""
    if hasattr(a, "window"):
        np.testing.assert_array_equal(a.times, b.times)
        assert (a.window, a.rate) == (b.window, b.rate)
    elif hasattr(a, "paths"):
        for name in ("final", "times", "paths"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    else:
        measures = ["autocorrelation_time", "effective_sample_size"]
        # What was interrupted has halves of its own.
        measures += ["r_hat"] if a.interrupted == b.interrupted else []
        assert a.mixing.keys() == b.mixing.keys() and a.occupancy.keys() == b.occupancy.keys()
        pairs = [(getattr(a, name), getattr(b, name)) for name in ("mean", "covariance", *measures)]
        pairs += [(getattr(a.mixing[key], name), getattr(b.mixing[key], name)) for key in a.mixing for name in measures]
        pairs += [(a.expectations[key], b.expectations[key]) for key in a.expectations]
        pairs += [(a.occupancy[key], b.occupancy[key]) for key in a.occupancy]
        for one, other in pairs:
            np.testing.assert_array_equal(one.value, other.value)
            np.testing.assert_array_equal(one.stderr, other.stderr)
        np.testing.assert_array_equal(a.histogram.counts, b.histogram.counts)
        np.testing.assert_array_equal(a.histogram.totals, b.histogram.totals)
        assert a.n_samples == b.n_samples


SCRIPT = """
import sys
import test_checkpoint as t
t._checkpoint._INTERVAL, t._ensemble._CHUNK = 0.0, 1
t.run(sys.argv[1], **t.FUNCTIONS[sys.argv[1]], checkpoint=sys.argv[2])
"""


@pytest.mark.parametrize(
    ("function", "beyond"),
    [("simulate", 0), *[(name, beyond) for name in ("sample_stationary", "first_passage") for beyond in (0, 2e3)]],
)
def test_a_killed_run_goes_on_to_the_same_bits(tmp_path, function, beyond):
    """SIGKILL while it writes checkpoints all the time; the rest is made by this process."""
    path = tmp_path / "run.npz"
    step = killed(SCRIPT, os.path.dirname(__file__), path, function, beyond=beyond)
    assert beyond < step < 120_000
    resumed = run(function, **FUNCTIONS[function], checkpoint=path)
    assert_same(resumed, run(function, **FUNCTIONS[function]))
    assert _checkpoint._read(path)[0]["step"] == 120_000


def make_no_steps(monkeypatch):
    """Let a step be an error, but for those of scouts."""
    for recorder in RECORDERS:
        monkeypatch.setattr(recorder, "add", None)


@each_function
@SHORT
def test_a_finished_run_returns_at_once(tmp_path, monkeypatch, function):
    first = run(function, checkpoint=tmp_path / "run.npz")
    assert_same(first, run(function))
    assert os.listdir(tmp_path) == ["run.npz"]
    make_no_steps(monkeypatch)
    assert_same(run(function, checkpoint=str(tmp_path / "run.npz")), first)


def stop_after(monkeypatch, chunks):
    """Press Ctrl-C during a chunk: the signal arrives while the kernel runs."""
    monkeypatch.setattr(_ensemble, "_CHUNK", 20_000)
    monkeypatch.setattr(_run, "_LONGEST", 1e9)  # on a loaded machine too, all chunks are of this size
    count = iter(range(10**9))

    def interrupted(make):
        def add(self, *arguments):
            if next(count) == chunks:
                signal.raise_signal(signal.SIGINT)
            make(self, *arguments)

        return add

    for recorder in RECORDERS:
        monkeypatch.setattr(recorder, "add", interrupted(recorder.add))


@pytest.mark.parametrize("seed", [3, None])
@each_function
@SHORT
def test_interrupt_returns_what_is_done_and_the_checkpoint_goes_on(tmp_path, monkeypatch, function, seed):
    handler = signal.getsignal(signal.SIGINT)
    path = tmp_path / "run.npz"
    with monkeypatch.context() as patch, pytest.warns(RuntimeWarning, match="interrupted after"):
        stop_after(patch, 12)
        partial = run(function, rng=seed, checkpoint=path)
    assert signal.getsignal(signal.SIGINT) is handler
    assert partial.interrupted
    if function == "simulate":
        steps = partial.n_steps
        assert 200 < steps < 300 and partial.times.tolist() == [0.0, 1.0, 2.0] and len(partial.paths) == 3
        shorter = run(function, rng=partial.replay["rng"], n_steps=steps, save_every=None)
        np.testing.assert_array_equal(partial.final, shorter.final)
    elif function == "first_passage":
        steps = round(partial.window / 0.01)
        assert 0 < steps < 20 and partial.censored > 900
        assert_same(partial, run(function, rng=partial.replay["rng"], max_steps=steps))
    else:
        steps = _checkpoint._read(path)[0]["step"] - 100
        assert partial.n_samples == 1000 * steps // 10
        assert_same(partial, run(function, rng=partial.replay["rng"], n_steps=steps))
    whole = run(function, rng=seed, checkpoint=path)
    assert not whole.interrupted
    assert_same(whole, run(function, rng=partial.replay["rng"]))
    assert_same(whole, getattr(st, function)(**partial.replay))


def test_interrupt_before_the_first_step_to_a_target_is_raised(tmp_path, monkeypatch):
    monkeypatch.setattr(_checkpoint.Checkpoint, "begin", lambda *a: signal.raise_signal(signal.SIGINT) or (0, a[2]))
    with pytest.raises(KeyboardInterrupt):
        run("first_passage")


def test_interrupt_before_the_first_sample_is_raised(tmp_path, monkeypatch):
    stop_after(monkeypatch, 0)
    with pytest.raises(KeyboardInterrupt):
        run("sample_stationary", checkpoint=tmp_path / "run.npz")
    assert _checkpoint._read(tmp_path / "run.npz")[0]["step"] == 24  # 20,000 path-steps, in whole buffers of numbers


def test_in_another_thread_signals_are_left_alone():
    results = []
    thread = threading.Thread(target=lambda: results.append(run("simulate")))
    thread.start()
    thread.join()
    assert_same(results[0], run("simulate"))


def test_a_handler_of_somebody_else_is_left_alone():
    mine = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        with Interrupt() as interrupt:
            signal.raise_signal(signal.SIGINT)
        assert not interrupt.seen
    finally:
        signal.signal(signal.SIGINT, mine)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("dt", {"dt": 0.02}),
        ("rng", {"rng": 4}),
        ("rng", {"rng": np.random.SeedSequence(3).spawn(1)[0]}),
        ("n_paths", {"n_paths": 999}),
        ("n_steps", {"n_steps": 700}),
        ("save_every", {"save_every": 300}),
        ("method", {"method": "leimkuhler-matthews"}),
        ("increments", {"increments": "two-point"}),
        ("start", {"start": 1.0}),
        ("x0", {"x0": [0.5]}),
        ("brownian_dt", {"brownian_dt": 0.01}),
        ("sde", {"sde": st.langevin(st.landscapes.quadratic(1.0), 0.5)}),
        ("parameters of the sde", {"sde": equation(k=1.5)}),
        ("noise of the sde", {"sde": equation(temperature=0.6)}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_checkpoint_of_another_run_is_refused(tmp_path, name, changes):
    path = tmp_path / "run.npz"
    run("simulate", checkpoint=path)
    before = path.read_bytes()
    with pytest.raises(InvalidInputError, match=f"belongs to another run; {name} differs"):
        run("simulate", **changes, checkpoint=path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "changes"),
    [("burn_in", {"burn_in": 90}), ("every", {"every": 5}), ("bins", {"bins": BINS * 2}), ("bins", {"bins": None})],
)
@SHORT
def test_the_checkpoint_of_another_sample_is_refused(tmp_path, name, changes):
    run("sample_stationary", checkpoint=tmp_path / "run.npz")
    with pytest.raises(InvalidInputError, match=f"{name} differs"):
        run("sample_stationary", **changes, checkpoint=tmp_path / "run.npz")
    with pytest.raises(InvalidInputError, match="function differs: 'sample_stationary' in the file, 'simulate' now"):
        run("simulate", checkpoint=tmp_path / "run.npz")


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("max_steps", {"max_steps": 700}),
        ("bridge", {"bridge": False}),
        ("target", {"target": "x**2 - 9"}),
        ("parameters of the target", {"target": ("above", 2.3)}),
    ],
)
def test_the_checkpoint_of_another_passage_is_refused(tmp_path, name, changes):
    run("first_passage", checkpoint=tmp_path / "run.npz")
    with pytest.raises(InvalidInputError, match=f"another run; {name} differs"):
        run("first_passage", **changes, checkpoint=tmp_path / "run.npz")


def test_the_checkpoint_of_another_version_is_refused(tmp_path, monkeypatch):
    run("simulate", checkpoint=tmp_path / "run.npz")
    with monkeypatch.context() as patch, pytest.raises(InvalidInputError, match="version of sdetheory differs"):
        patch.setattr(st, "__version__", "9.9.0")
        run("simulate", checkpoint=tmp_path / "run.npz")


def test_the_checkpoint_of_the_layout_before_is_refused(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(_checkpoint, "_FORMAT", 1)
        run("simulate", checkpoint=tmp_path / "run.npz")
    with pytest.raises(InvalidInputError, match="another run; format differs: 1 in the file, 2 now"):
        run("simulate", checkpoint=tmp_path / "run.npz")


def test_user_functions_are_told_apart_by_what_they_compute(tmp_path):
    def sde(factor, power=3):
        return st.SDE(drift=lambda x: -factor * x**power, diffusion=[0.5], dimension=1, noise="additive")

    first = run("simulate", sde(1.0), checkpoint=tmp_path / "run.npz")
    assert_same(run("simulate", sde(1.0), checkpoint=tmp_path / "run.npz"), first)
    for other in (sde(2.0), sde(1.0, power=5), equation()):
        with pytest.raises(InvalidInputError, match="sde differs"):
            run("simulate", other, checkpoint=tmp_path / "run.npz")


def test_damaged_files_are_refused(tmp_path):
    path = tmp_path / "run.npz"
    run("simulate", checkpoint=path)
    whole = path.read_bytes()
    with np.load(path) as file:
        arrays = dict(file)
    damaged = [whole[:n] for n in (0, 10, len(whole) // 2, len(whole) - 1)]
    damaged += [whole[:n] + bytes([whole[n] ^ 1]) + whole[n + 1 :] for n in (2000, len(whole) // 2, len(whole) - 300)]
    for changes in ({"state": arrays["state"] + 1e-9}, {"header": arrays["header"] + (arrays["header"] == ord("6"))}):
        np.savez(tmp_path / "altered.npz", **{**arrays, **changes})
        damaged.append((tmp_path / "altered.npz").read_bytes())
    damaged += [pickle.dumps({"state": 1}), b"not a checkpoint"]
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(InvalidInputError, match="not a whole checkpoint"):
            run("simulate", checkpoint=path)
        assert path.read_bytes() == content


def test_places_that_cannot_be_written_are_refused_before_any_work(tmp_path, monkeypatch):
    make_no_steps(monkeypatch)
    (tmp_path / "file").touch()
    for path in (tmp_path / "nowhere" / "run.npz", tmp_path / "file" / "run.npz", "/proc/run.npz"):
        with pytest.raises(InvalidInputError, match="cannot be written"):
            run("simulate", checkpoint=path)
    with pytest.raises(InvalidInputError, match="not a whole checkpoint"):
        run("simulate", checkpoint=tmp_path)
    with pytest.raises(InvalidInputError, match="must be a path"):
        run("simulate", checkpoint=3)


@each_function
@SHORT
def test_a_full_disk_leaves_the_last_checkpoint(tmp_path, monkeypatch, function):
    """The disk fills half-way through a later writing; one warning, and the run goes on."""
    path, kept = tmp_path / "run.npz", []
    monkeypatch.setattr(_checkpoint.Checkpoint, "offer", _checkpoint.Checkpoint.save)
    # First passages look at their chunks more often.
    monkeypatch.setattr(_ensemble, "_CHUNK", 10_000 * (32 if function == "first_passage" else 1))
    save, count = np.savez, iter(range(10**9))

    def savez(file, **arrays):
        if next(count) < 3:
            save(file, **arrays)
        else:
            kept.append(path.read_bytes())
            file.write(b"half of it")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", AccuracyWarning)  # so short a run has not mixed
        patch.setattr(np, "savez", savez)
        result = run(function, checkpoint=path)
    assert ["No space left" in str(warning.message) for warning in caught] == [True]
    assert len(kept) > 1 and set(kept) == {path.read_bytes()}
    assert os.listdir(tmp_path) == ["run.npz"]
    assert 0 < _checkpoint._read(path)[0]["step"] < 600
    assert_same(result, run(function))
    assert_same(run(function, checkpoint=path), result)
    monkeypatch.setattr(np, "savez", savez)
    with pytest.raises(InvalidInputError, match="No space left"):
        run(function, checkpoint=path)


def test_the_progress_bar_of_a_resumed_run_starts_where_it_was(tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch, pytest.warns(RuntimeWarning, match="interrupted"):
        stop_after(patch, 17)
        done = run("simulate", checkpoint=tmp_path / "run.npz").n_steps
    run("simulate", checkpoint=tmp_path / "run.npz", progress=True)
    text = capsys.readouterr().err
    assert 200 < done < 400 and f"{done}/600" in text and "600/600" in text


def test_the_file_is_on_the_disk_before_it_takes_its_place_and_then_the_folder(tmp_path, monkeypatch):
    calls = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: calls.append("fsync") or sync(handle))
    monkeypatch.setattr(os, "replace", lambda *paths: calls.append("replace") or replace(*paths))
    run("simulate", n_steps=0, save_every=None, checkpoint=tmp_path / "run.npz")
    assert calls == ["fsync", "replace", "fsync"]


def test_slow_writing_is_rare_and_each_new_trouble_warns(tmp_path, monkeypatch):
    """A writing of 3 seconds every 30 at most; a disk that is full, then not, then full again is worth two words."""
    now, full = [0.0], [False]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    save, written = np.savez, []

    def savez(file, **arrays):
        now[0] += 3.0
        if full[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(now[0])
        save(file, **arrays)

    monkeypatch.setattr(np, "savez", savez)
    file = _checkpoint.Checkpoint(tmp_path / "run.npz")
    file.begin({}, {"x": np.zeros(1)})
    for _ in range(100):
        now[0] += 1.0
        file.offer(1, {"x": np.ones(1)})
    assert np.diff(written).min() >= 30
    for full[0], expected in ((True, 1), (True, 0), (False, 0), (True, 1)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            file.save(2, {"x": np.ones(1)})
        assert len(caught) == expected
