"""SGD and SVAG on the workers of an executor, and SVAG stopped and resumed: the same bits as in one go."""

import multiprocessing
import signal
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
from interrupted import Model, N, regression
from killing import Killing

import sdetheory as st
from sdetheory.errors import InvalidInputError, WorkerError
from sdetheory.models import ReLUNetwork


def settings(learning_rate=0.2, **changes):
    return st.SGDHyperparameters(learning_rate=learning_rate, train_size=N, batch_size=4, **changes)


def descend(model, n_runs=150, **options):
    metrics = {"first": np.max} | ({"loss": model.loss} if hasattr(model, "loss") else {})
    given = {"n_steps": 60, "n_runs": n_runs, "rng": 3, "average_from": 20, "metrics": metrics, "record_every": 25}
    w0 = model.initial(0) if hasattr(model, "initial") else np.array([1.0, -1.0, 0.5])
    return st.sgd(model, settings(momentum=0.5), w0, **given | options)


def amplify(model, n_runs=150, **options):
    given = {"factor": 3, "n_steps": 60, "n_runs": n_runs, "rng": 3, "save_every": 15, **options}
    return st.svag(model, settings(), [1.0, -1.0, 0.5], **given)


def assert_same(a, b):
    assert type(a) is type(b)
    for name in ("final", "average", "steps", "diverged_at", "times", "paths"):
        np.testing.assert_array_equal(getattr(a, name, 0), getattr(b, name, 0))
    for name, values in getattr(a, "metrics", {}).items():
        np.testing.assert_array_equal(values, b.metrics[name])
    if hasattr(a, "covariance"):
        np.testing.assert_array_equal(a.covariance.value, b.covariance.value)


@pytest.mark.parametrize("n_runs", [2, 70, 150])
@pytest.mark.parametrize("function", [descend, amplify])
def test_threads_give_the_same_bits(function, n_runs):
    """Of the compiled engine and of the loop."""
    with ThreadPoolExecutor(2) as executor:
        for model in (regression(), Model()):
            assert_same(function(model, n_runs, executor=executor), function(model, n_runs))


def test_processes_train_a_network_to_the_same_bits():
    network = ReLUNetwork(regression().X, np.arange(N) % 3, hidden=8)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        assert_same(descend(network, 3, executor=executor), descend(network, 3))
        assert_same(amplify(regression(), executor=executor), amplify(regression()))


@pytest.mark.parametrize("model", [regression(), Model()])
def test_batches_of_svag_do_not_depend_on_the_number_of_runs_and_for_one_are_those_of_sgd(model):
    many, few = amplify(model, 150), amplify(model, 3)
    np.testing.assert_array_equal(many.paths[:, :3], few.paths)
    assert len(np.unique(many.final[:, 0])) == 150
    plain = st.sgd(model, settings(), [1.0, -1.0, 0.5], n_steps=60, n_runs=150, rng=3)
    np.testing.assert_array_equal(amplify(model, factor=1).final, plain.final)
    assert not np.array_equal(amplify(model, factor=2).final, plain.final)


def test_both_engines_make_the_steps_of_svag_written_out():
    """Which see Ĝ₁ and Ĝ₂ of the same batches, in this order."""
    seen = []

    class Watched(Model):
        def minibatch_gradient(self, w, indices):
            seen.append(np.array(indices))
            return super().minibatch_gradient(w, indices)

    looped = amplify(Watched(), 1, n_steps=15)
    np.testing.assert_allclose(amplify(regression(), 1, n_steps=15).final, looped.final, rtol=1e-12)
    w, model, spread = np.array([1.0, -1.0, 0.5]), regression(), np.sqrt(5.0)
    for one, two in zip(seen[::2], seen[1::2], strict=True):
        first, second = (model.minibatch_gradient(w, batch) for batch in (one, two))
        w = w - 0.2 / (3 * N) * ((1 + spread) / 2 * first + (1 - spread) / 2 * second)
    np.testing.assert_allclose(looped.final[0], w, rtol=1e-12)


def test_an_interrupted_svag_returns_what_it_has_and_goes_on(tmp_path):
    path = tmp_path / "run.npz"
    with pytest.warns(RuntimeWarning, match="interrupted after 30 of 60 steps"):
        part = amplify(Model(ctrl_c=70), 1, checkpoint=path)
    assert part.interrupted and part.n_steps == 30 and len(part.paths) == 3
    whole = amplify(Model(), 1)
    np.testing.assert_array_equal(part.paths, whole.paths[:3])
    assert_same(amplify(Model(), 1, checkpoint=path, rng=None), whole)
    with pytest.raises(InvalidInputError, match="schedules differs"):
        amplify(Model(), 1, checkpoint=path, factor=2)


@pytest.mark.parametrize("place", ["gradient", "metric"])
def test_a_step_or_a_record_cut_in_the_middle_of_the_runs_is_made_again(tmp_path, place):
    """Of 7 runs, after 5 the key is pressed: nothing of that step, or that record, is kept."""
    path, calls = tmp_path / "run.npz", []

    def metric(w):
        calls.append(1)
        if place == "metric" and len(calls) == 2 * 7 + 5:  # at the step 50
            signal.raise_signal(signal.SIGINT)
        return w.max()

    cut = Model(ctrl_c=3 * 7 + 5 if place == "gradient" else 0)
    with pytest.warns(RuntimeWarning, match="interrupted after"):
        part = descend(cut, 7, metrics={"first": metric}, checkpoint=path)
    assert part.interrupted and part.n_steps == (50 if place == "metric" else part.n_steps) < 60
    assert np.isnan(part.metrics["first"][part.steps == 50]).all()
    whole = descend(Model(), 7, metrics={"first": np.max})
    resumed = descend(Model(), 7, metrics={"first": np.max}, checkpoint=path, rng=None)
    assert_same(resumed, whole)
    assert np.isfinite(resumed.metrics["first"]).all()


def test_a_killed_process_is_an_error_and_the_checkpoint_goes_on(tmp_path):
    path = tmp_path / "run.npz"
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        killing = Killing(pool, lambda: next(iter(pool._processes)))
        with pytest.raises(WorkerError, match="with the same checkpoint"):
            descend(Model(), 90, n_steps=800, checkpoint=path, executor=killing)
    with pytest.raises(InvalidInputError, match="executor differs: True in the file, False now"):
        descend(Model(), 90, n_steps=800, checkpoint=path)
    with ThreadPoolExecutor(1) as executor:
        counting = Killing(executor, lambda: None)
        counting.killed = "nobody"
        resumed = descend(Model(), 90, n_steps=800, checkpoint=path, executor=counting)
        assert 0 < len(counting.futures) < 90
    assert_same(resumed, descend(Model(), 90, n_steps=800))


def test_progress_counts_steps_or_parts(capsys):
    amplify(regression(), progress=True)
    assert "svag: 100%" in capsys.readouterr().err
    with ThreadPoolExecutor(1) as executor:
        amplify(regression(), progress=True, executor=executor)
        assert "3/3" in capsys.readouterr().err
        with pytest.raises(InvalidInputError, match="a metric cannot be sent to workers"):
            descend(regression(), executor=executor, metrics={"own": lambda w: 0.0})
    with pytest.raises(InvalidInputError, match="get_executor"):
        descend(regression(), executor="dask")
