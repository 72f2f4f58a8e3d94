"""A stop hook ends runs one by one: the same bits until then, and the same steps however the run was made."""

import dataclasses
import multiprocessing
import signal
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest
from interrupted import Model, N, regression

import sdetheory as st
from sdetheory.errors import IncompatibleError, InvalidInputError

RUNS, STEPS, EVERY = 150, 300, 10


def first(w):
    return float(w[0])


@dataclass(frozen=True)
class Beyond:
    """Stop where the first weight has passed a level."""

    level: float

    def __call__(self, steps, metrics):
        return metrics["first"][-1] < self.level


BEYOND = Beyond(0.15)
PATIENT = st.EarlyStopping(metric="first", patience=3, minimize=True)
MISSPELT = dataclasses.replace(PATIENT, metric="frist")


def descend(model, n_runs=RUNS, **options):
    hp = st.SGDHyperparameters(learning_rate=0.5, train_size=N, batch_size=4, momentum=0.5)
    given = {"n_steps": STEPS, "n_runs": n_runs, "rng": 3, "metrics": {"first": first}, "record_every": EVERY}
    return st.sgd(model, hp, [1.0, -1.0, 0.5], **given | options)


def assert_same(a, b):
    for name in ("final", "steps", "diverged_at", "stopped_at", "saved_steps", "paths", "best", "best_at", "n_steps"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
    np.testing.assert_array_equal(a.metrics["first"], b.metrics["first"])


@pytest.mark.parametrize("stop", [BEYOND, PATIENT])
@pytest.mark.parametrize("make", [regression, Model])
def test_until_it_stops_a_run_has_the_bits_that_it_has_without_the_hook(make, stop):
    n_runs = RUNS if make is regression else 7
    plain = descend(make(), n_runs, save_every=EVERY)
    run = descend(make(), n_runs, save_every=EVERY, stop=stop)
    assert len(np.unique(run.stopped_at)) > 2, "the runs end at different steps, or nothing is tested"
    for i, end in enumerate(np.where(run.stopped_at < 0, STEPS, run.stopped_at)):
        last = end // EVERY
        whole = plain.paths[: len(run.paths), i]
        np.testing.assert_array_equal(run.paths[: last + 1, i], whole[: last + 1])
        np.testing.assert_array_equal(run.final[i], plain.paths[last, i])
        assert (run.paths[last:, i] == run.final[i]).all(), "it rests"
        found = run.metrics["first"][:, i]
        np.testing.assert_array_equal(found[: last + 1], plain.metrics["first"][: last + 1, i])
        assert np.isnan(found[last + 1 :]).all()


def test_each_run_stops_where_its_own_records_say_so():
    """The rule again, written out over the records of runs that nobody stopped."""
    plain = descend(regression(), save_every=EVERY)
    for stop in (BEYOND, PATIENT):
        run = descend(regression(), stop=stop)
        for i, values in enumerate(plain.metrics["first"].T):
            best, when, end = np.inf, 0, -1
            for k, value in enumerate(values):
                if value < best:
                    best, when = value, k
                if value < BEYOND.level if stop is BEYOND else k - when == 3:
                    end = k * EVERY
                    break
            assert run.stopped_at[i] == end
            if stop is PATIENT:
                assert run.best_at[i] == when * EVERY
                np.testing.assert_array_equal(run.best[i], plain.paths[when, i])
            else:
                assert run.best is None and run.best_at is None


def test_a_run_does_not_feel_who_else_stops():
    """The negative control: with another level the steps at which runs stop are others."""
    many, few = descend(regression(), stop=BEYOND), descend(regression(), 3, stop=BEYOND)
    np.testing.assert_array_equal(many.stopped_at[:3], few.stopped_at)
    np.testing.assert_array_equal(many.final[:3], few.final)
    assert not np.array_equal(many.stopped_at, descend(regression(), stop=Beyond(0.3)).stopped_at)


def test_the_run_ends_with_its_last_run():
    calls = []

    def watched(w):
        calls.append(1)
        return 0.0

    run = descend(regression(), 5, metrics={"first": watched}, stop=lambda steps, metrics: steps[-1] == 4 * EVERY)
    assert run.n_steps == 4 * EVERY and not run.interrupted and (run.stopped_at == 4 * EVERY).all()
    assert run.steps.tolist() == [0, 10, 20, 30, 40] and len(calls) == 5 * 5
    now = descend(regression(), 5, stop=lambda steps, metrics: True)
    assert now.n_steps == 0 and (now.final == [1.0, -1.0, 0.5]).all()
    never = descend(regression(), 5, stop=lambda steps, metrics: np.bool_(False))
    assert_same_run = descend(regression(), 5)
    np.testing.assert_array_equal(never.final, assert_same_run.final)
    assert never.n_steps == STEPS and (never.stopped_at == -1).all()


def test_a_run_that_diverged_is_not_asked_again():
    hp = st.SGDHyperparameters(learning_rate=1e200, train_size=N, batch_size=4)
    model = st.models.LinearRegression(regression().X, np.ones(N))
    run = st.sgd(
        model, hp, np.ones(3), n_steps=100, n_runs=3, rng=0, metrics={"first": first}, record_every=10, stop=PATIENT
    )
    assert (run.diverged_at > 0).all() and (run.stopped_at == -1).all() and run.n_steps == run.diverged_at.max() < 100
    assert (run.best_at == 0).all() and np.isfinite(run.best).all()


@pytest.mark.parametrize("stop", [BEYOND, PATIENT])
def test_threads_and_processes_stop_at_the_same_steps(stop):
    with ThreadPoolExecutor(2) as executor:
        assert_same(descend(regression(), stop=stop, executor=executor), descend(regression(), stop=stop))
        assert_same(descend(Model(), 5, stop=stop, executor=executor), descend(Model(), 5, stop=stop))


def test_processes_are_sent_the_rule_and_refuse_what_cannot_be_sent():
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
        assert_same(descend(regression(), 70, stop=PATIENT, executor=executor), descend(regression(), 70, stop=PATIENT))
        with pytest.raises(InvalidInputError, match="the stop hook or a metric cannot be sent"):
            descend(regression(), stop=lambda steps, metrics: False, executor=executor)


@pytest.mark.parametrize("stop", [BEYOND, PATIENT])
def test_an_interrupted_run_goes_on_to_the_same_bits(tmp_path, stop):
    whole, path = descend(Model(), 7, stop=stop), tmp_path / "run.npz"
    with pytest.warns(RuntimeWarning, match="interrupted after"):
        part = descend(Model(ctrl_c=7 * 30 + 3), 7, stop=stop, checkpoint=path)
    assert part.interrupted and part.n_steps < whole.n_steps
    assert_same(descend(Model(), 7, stop=stop, checkpoint=path, rng=None), whole)
    # And of a file of a run that is over, which is the case of a second start.
    assert_same(descend(Model(), 7, stop=stop, checkpoint=path, rng=None), whole)
    with pytest.raises(InvalidInputError, match="belongs to another run; stop differs"):
        descend(Model(), 7, stop=Beyond(0.3), checkpoint=path)
    with pytest.raises(InvalidInputError, match="belongs to another run; stop differs"):
        descend(Model(), 7, checkpoint=path)


@pytest.mark.parametrize("place", ["metric", "hook"])
def test_a_key_pressed_while_runs_are_asked_changes_no_answer(tmp_path, place):
    path, calls = tmp_path / "run.npz", []

    def pressed(where):
        calls.append(where)
        if where == place and calls.count(where) == 7 * 12 + 4:
            signal.raise_signal(signal.SIGINT)

    def metric(w):
        pressed("metric")
        return first(w)

    def stop(steps, metrics):
        pressed("hook")
        return BEYOND(steps, metrics)

    with pytest.warns(RuntimeWarning, match="interrupted after"):
        part = descend(regression(), 7, metrics={"first": metric}, stop=stop, checkpoint=path)
    assert part.interrupted
    place = ""
    resumed = descend(regression(), 7, metrics={"first": metric}, stop=stop, checkpoint=path, rng=None)
    assert_same(resumed, descend(regression(), 7, stop=BEYOND))


def test_it_is_replayed():
    run = descend(regression(), stop=PATIENT)
    assert_same(st.sgd(**run.replay), run)


@pytest.mark.parametrize("answer", [None, 1, 0.0, "no", np.ones(1, bool), []])
def test_what_is_no_yes_or_no_is_refused(answer):
    with pytest.raises(InvalidInputError, match="stop must return True or False; got"):
        descend(regression(), stop=lambda steps, metrics: answer)


@pytest.mark.parametrize(
    ("error", "match", "options"),
    [
        (InvalidInputError, "stop must be a function of the steps", {"stop": 3}),
        (InvalidInputError, "got the class EarlyStopping", {"stop": st.EarlyStopping}),
        (InvalidInputError, "a function that takes .*; it failed with TypeError", {"stop": lambda w: True}),
        (InvalidInputError, "it failed with ValueError.*read-only", {"stop": lambda s, m: m["first"].fill(0)}),
        (InvalidInputError, "'frist'; they are 'first'", {"stop": MISSPELT}),
        (IncompatibleError, "give record_every", {"stop": PATIENT, "record_every": None}),
        (IncompatibleError, "average_from and stop", {"stop": PATIENT, "average_from": 0}),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(error, match, options):
    with pytest.raises(error, match=match):
        descend(regression(), **options)


@pytest.mark.parametrize(
    ("name", "value"), [("metric", 3), ("patience", 0), ("patience", 1.5), ("minimize", None), ("minimize", 1)]
)
def test_a_rule_without_meaning_is_refused(name, value):
    with pytest.raises(InvalidInputError, match=name):
        st.EarlyStopping(**{"metric": "loss", "patience": 2, "minimize": True} | {name: value})


def test_nan_is_never_better_and_equal_is_not_either():
    rule = st.EarlyStopping(metric="a", patience=2, minimize=False)
    asked = [rule(None, {"a": np.array(values)}) for values in ([1, 1], [1, 1, 1], [1, np.nan, 1], [np.nan, 1, 2, 2])]
    assert asked == [False, True, True, False]
