"""Runs on the workers of an executor: the same bits as here, also when a worker is killed half-way."""

import multiprocessing
import os
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numba
import pytest
from killing import Killing
from test_checkpoint import BINS, assert_same

import sdetheory as st
from sdetheory.engine import checkpoint as _checkpoint
from sdetheory.engine import parallel as _parallel
from sdetheory.engine import run as _run
from sdetheory.errors import InvalidInputError, WorkerError
from sdetheory.simulators._ensemble import Ensemble

# What is tested is how the run is made, not whether it has settled, which it is too short for.
SHORT = pytest.mark.filterwarnings("ignore::sdetheory.errors.AccuracyWarning")

SDES = {
    "double well": lambda: st.langevin(st.landscapes.double_well(), 0.5),
    "milstein": lambda: st.SDE.from_sympy(["-x"], ["s*x"], variables=["x"], parameters={"s": 0.5}),
    "lambda": lambda: st.SDE(drift=lambda x: -(x**3), diffusion=[0.5], dimension=1, noise="additive"),
}


def simulate(sde, **changes):
    method = {"method": "milstein"} if sde.noise == "scalar" else {"method": "euler-maruyama"}
    given = {"n_paths": 2085, "dt": 0.01, "rng": 3, "n_steps": 300, "save_every": 100, **method, **changes}
    return st.simulate(sde, [0.4], **given)


def sample(sde, **changes):
    given = {"n_paths": 2085, "dt": 0.01, "burn_in": 50, "n_steps": 200, "every": 10, "bins": BINS, "rng": 3, **changes}
    return st.sample_stationary(sde, [0.4], **given)


def passage(sde, **changes):
    given = {"n_paths": 2085, "dt": 0.01, "max_steps": 2000, "rng": 3, "target": ("above", 1.5), **changes}
    return st.first_passage(sde, [0.4], **given)


def spawned():
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))


@pytest.fixture(scope="module")
def processes():
    with spawned() as executor:
        yield executor


@pytest.mark.parametrize("name", SDES)
@SHORT
def test_processes_give_the_same_bits(processes, name):
    sde = SDES[name]()
    assert_same(simulate(sde, executor=processes), simulate(sde))
    assert_same(sample(sde, executor=processes), sample(sde))
    assert_same(passage(sde, executor=processes), passage(sde))


@SHORT
def test_observables_are_sent_to_processes(processes):
    """Formulas and functions, compiled once in each process."""
    sde = SDES["double well"]()
    asked = {"observables": {"own": lambda x: x[0] ** 4, "x²": "x**2"}, "basins": {"right": lambda x: x[0] > 0}}
    assert_same(sample(sde, **asked, executor=processes), sample(sde, **asked))


@pytest.mark.parametrize("n_paths", [2, 37, 5000, 40_000])
@SHORT
def test_any_number_of_paths_and_threads_do_too(n_paths):
    """The last has parts of one and of two blocks."""
    sde = SDES["double well"]()
    with ThreadPoolExecutor(2) as executor:
        for function in (simulate, sample, passage):
            assert_same(function(sde, n_paths=n_paths, executor=executor), function(sde, n_paths=n_paths))
        lead = {"method": "leimkuhler-matthews", "n_paths": n_paths}
        assert_same(simulate(sde, **lead, executor=executor), simulate(sde, **lead))


def test_a_killed_process_is_an_error_and_the_checkpoint_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(_run, "PARTS", 20)
    sde, path, long = SDES["double well"](), tmp_path / "run.npz", {"n_steps": 60_000, "save_every": None}
    with spawned() as pool:
        killing = Killing(pool, lambda: next(iter(pool._processes)))
        with pytest.raises(WorkerError, match="with the same checkpoint"):
            simulate(sde, **long, checkpoint=path, executor=killing)
    assert killing.done < 20
    done = _checkpoint._read(path)[0]["step"]
    assert 0 < done < 20
    with pytest.raises(InvalidInputError, match="executor differs: True in the file, False now"):
        simulate(sde, **long, checkpoint=path)
    with ThreadPoolExecutor(1) as executor:
        counting = Killing(executor, lambda: None)
        counting.killed = "nobody"
        resumed = simulate(sde, **long, checkpoint=path, executor=counting)
        assert len(counting.futures) == 20 - done
        assert_same(resumed, simulate(sde, **long))
        again = Killing(executor, lambda: None)
        assert_same(simulate(sde, **long, checkpoint=path, executor=again), resumed)
        assert not again.futures


def test_an_error_in_a_worker_arrives():
    def drift(x):
        return "text"

    sde = st.SDE(drift=drift, diffusion=[0.5], dimension=1, noise="additive")
    with ThreadPoolExecutor(1) as executor, pytest.raises(InvalidInputError, match="drift"):
        simulate(sde, executor=executor)


def test_what_is_not_an_executor_is_refused():
    with pytest.raises(InvalidInputError, match="get_executor"):
        simulate(SDES["double well"](), executor="dask")


def test_progress_counts_parts(capsys, monkeypatch):
    monkeypatch.setattr(_run, "PARTS", 20)
    with ThreadPoolExecutor(1) as executor:
        simulate(SDES["double well"](), executor=executor, progress=True)
    assert "20/20" in capsys.readouterr().err


@pytest.fixture(scope="module")
def client():
    """Start a Dask cluster of two worker processes that talk over TCP."""
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, protocol="tcp", host="127.0.0.1", dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        assert cluster.scheduler_address.startswith("tcp://") and len(client.run(os.getpid)) == 2
        yield client


@pytest.mark.parametrize("name", SDES)
@SHORT
def test_a_dask_cluster_gives_the_same_bits(client, name):
    sde, executor = SDES[name](), client.get_executor()
    assert_same(simulate(sde, executor=executor), simulate(sde))
    assert_same(sample(sde, executor=executor), sample(sde))
    assert_same(passage(sde, executor=executor), passage(sde))


def test_a_dask_cluster_that_loses_a_worker_gives_the_same_bits(client, tmp_path):
    sde = SDES["double well"]()
    for function, long in (
        (simulate, {"n_steps": 60_000, "save_every": 20_000}),
        (sample, {"n_steps": 50_000}),
    ):
        client.wait_for_workers(2, timeout=60)
        pids = list(client.run(os.getpid).values())
        killing = Killing(client.get_executor(), lambda pids=pids: pids[0])
        result = function(sde, **long, executor=killing, checkpoint=tmp_path / f"{function.__name__}.npz")
        assert killing.killed == pids[0] and killing.done < len(killing.futures) // 2
        assert killing.killed not in client.run(os.getpid).values()
        assert_same(result, function(sde, **long))


def test_a_task_runs_on_one_thread_and_leaves_the_worker_as_it_was():
    ensemble = Ensemble.prepare(
        SDES["double well"](), [0.4], dt=0.1, n_paths=9, rng=0, method="euler-maruyama", increments="gaussian"
    )
    payload, before = pickle.dumps((ensemble.plan, None)), numba.get_num_threads()
    inside = _parallel._work(lambda *_: {"threads": numba.get_num_threads()}, payload, ensemble)
    assert inside == {"threads": 1}
    assert numba.get_num_threads() == before
    with pytest.raises(ZeroDivisionError):
        _parallel._work(lambda *_: {"threads": 1 // 0}, payload, ensemble)
    assert numba.get_num_threads() == before


def test_each_part_is_offered_to_the_checkpoint_as_soon_as_it_is_done(tmp_path, monkeypatch):
    monkeypatch.setattr(_run, "PARTS", 20)
    offered = []

    def offer(self, step, arrays):
        if self.path is not None:  # the tasks have none
            offered.append((step, len(arrays)))

    monkeypatch.setattr(_checkpoint.Checkpoint, "offer", offer)
    with ThreadPoolExecutor(1) as executor:
        simulate(SDES["double well"](), executor=executor, checkpoint=tmp_path / "run.npz")
    assert offered == [(n, 2 * n) for n in range(1, 21)]
