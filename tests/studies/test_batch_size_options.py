"""Budgets, schedules, optimizers and early stopping of a study: each row is the run of SGD that it says."""

import dataclasses
import json
import math
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

import sdetheory as st
from sdetheory.errors import IncompatibleError, InvalidInputError
from sdetheory.studies import _budget
from sdetheory.training import Cosine, Milestones, WarmUp

PATIENT = st.EarlyStopping(metric="held_out", patience=3, minimize=True)
GRID = {"learning_rates": [0.1, 0.4], "batch_sizes": [2, 5], "train_sizes": 20, "seeds": [0, 1]}
STOPPED = {"n_steps": 100, "stop": PATIENT, "n_records": 25}
NAMES = ("learning_rate", "momentum", "dampening", "train_size", "batch_size")


@dataclasses.dataclass(frozen=True)
class Small:
    """A network of four units on noisy labels, which it overfits; `fail` calls in, Ctrl-C is pressed."""

    fail: float = math.inf

    def __call__(self, seed, train_size):
        CALLS.append(seed)
        if len(CALLS) > self.fail:
            raise KeyboardInterrupt
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((train_size + 60, 3))
        y = (x[:, 0] + rng.standard_normal(len(x)) > 0).astype(int)
        model = st.models.ReLUNetwork(x[:train_size], y[:train_size], hidden=4, dtype="float64")
        held, test = slice(train_size, train_size + 30), slice(train_size + 30, None)
        metrics = {
            "accuracy": lambda w: model.accuracy(w, x[test], y[test]),
            "held_out": lambda w: model.loss(w, x[held], y[held]),
        }
        return model, metrics, model.initial(rng)

    def __repr__(self):
        return "Small()"


CALLS: list[int] = []


@pytest.fixture(autouse=True)
def no_calls():
    CALLS.clear()


def same(one, other):
    names = [name for name in one.table.dtype.names if name != "seconds"]
    np.testing.assert_array_equal(one.table[names], other.table[names])


def run_of(row, **options):
    """Return what SGD makes of the row of a study, asked without it."""
    model, metrics, w0 = Small()(int(row["seed"]), int(row["train_size"]))
    hp = st.SGDHyperparameters(**{name: row[name].item() for name in NAMES})
    seed = np.random.SeedSequence(int(row["seed"]), spawn_key=(int(row["batch_size"]),))
    return st.sgd(model, hp, w0, n_steps=int(row["n_steps"]), rng=seed, **options), metrics


@pytest.mark.parametrize(
    ("budget", "steps"),
    [
        ((30, "steps"), lambda rate, batch: 30),
        ((3, "epochs"), lambda rate, batch: math.ceil(60 / batch)),
        ((0.25, "epochs"), lambda rate, batch: math.ceil(5 / batch)),
        ((1.5, "flow-time"), lambda rate, batch: {0.1: 15, 0.4: 4}[rate]),
        (1.5, lambda rate, batch: {0.1: 15, 0.4: 4}[rate]),
        (1.1, lambda rate, batch: {0.1: 11, 0.4: 3}[rate]),  # 1.1/0.1 is more than 11 in floats
    ],
)
def test_every_run_spends_the_budget(budget, steps):
    study = st.batch_size_study(Small(), **GRID, budget=budget)
    expected = [steps(row["learning_rate"], row["batch_size"]) for row in study.table]
    np.testing.assert_array_equal(study.table["n_steps"], expected)


def test_a_budget_in_steps_or_in_flow_time_is_the_study_of_the_older_arguments(tmp_path):
    for old, new in (({"n_steps": 20}, (20, "steps")), ({"budget": 1.5}, (1.5, "flow-time"))):
        path = tmp_path / f"{new[1]}.csv"
        one = st.batch_size_study(Small(), **GRID, **old, path=path)
        CALLS.clear()
        assert len(st.batch_size_study(Small(), **GRID, budget=new, path=path).table) == 8
        assert len(CALLS) == 1, "the file holds all of it"
        same(st.batch_size_study(Small(), **GRID, budget=new), one)
        settings = json.loads(path.read_text().partition("\n")[0].removeprefix("# "))["settings"]
        assert sorted(settings) == sorted(
            [
                "problem",
                "learning_rates",
                "momenta",
                "train_sizes",
                "seeds",
                "batch_sizes",
                "damped",
                "n_steps",
                "budget",
            ]
        ), "a file of an older version goes on"


@pytest.mark.parametrize("schedule", [WarmUp(length=0.3), Milestones(at=(0.3, 0.6), factor_each=0.2), Cosine()])
@pytest.mark.parametrize("amount", [0.05, 0.3, 2.0, 17.3])
def test_flow_time_under_a_schedule_is_spent_by_the_last_step(schedule, amount):
    hp = st.SGDHyperparameters(learning_rate=0.1, train_size=20, batch_size=2)
    plan = _budget.Budget(amount, "flow-time").plan(hp, schedule, None)
    np.testing.assert_array_equal(plan.rates, 0.1 * schedule.factor(np.arange(plan.n_steps) / plan.n_steps))
    assert plan.rates.sum() >= amount * (1 - 1e-9)
    shorter = plan.n_steps - 1
    if shorter:
        assert 0.1 * schedule.factor(np.arange(shorter) / shorter).sum() < amount


def test_epochs_under_a_growing_batch_end_with_the_same_examples_and_milestones():
    """Smith, Kindermans et al.: both schedules change at the same epochs, one with fewer steps."""
    hp = st.SGDHyperparameters(learning_rate=0.1, train_size=1000, batch_size=10)
    epochs = _budget.Budget(20, "epochs")
    fall = epochs.plan(hp, Milestones(at=(0.3, 0.6), factor_each=0.2), None)
    grow = epochs.plan(hp, None, Milestones(at=(0.3, 0.6), factor_each=5.0))
    assert fall.sizes is None and grow.rates is None and fall.n_steps == 2000
    np.testing.assert_array_equal(np.unique(grow.sizes), [10, 50, 250])
    assert 20_000 <= grow.sizes.sum() < 20_000 + 250
    seen = np.append(0, np.cumsum(grow.sizes)[:-1])
    for milestone, first in ((6000, 50), (12_000, 250)):
        assert milestone <= seen[np.argmax(grow.sizes == first)] < milestone + first / 5
    assert np.flatnonzero(np.diff(fall.rates)).tolist() == [599, 1199]


def test_a_row_is_the_run_under_its_schedules():
    of_rates, of_sizes = WarmUp(length=0.2) * Cosine(end=0.1), Milestones(at=(0.5,), factor_each=2.0)
    study = st.batch_size_study(
        Small(), **GRID, n_steps=30, learning_rate_schedule=of_rates, batch_size_schedule=of_sizes
    )
    plain = st.batch_size_study(Small(), **GRID, n_steps=30)
    for row, other in zip(study.table, plain.table, strict=True):
        run, metrics = run_of(row, learning_rates=of_rates, batch_sizes=of_sizes)
        assert row["held_out"] == metrics["held_out"](run.final[0]) != other["held_out"]
    assert study.settings["learning_rate_schedule"] == repr(of_rates)


def test_batches_that_outgrow_the_examples_are_left_out():
    grow = Milestones(at=(0.5,), factor_each=5.0)
    study = st.batch_size_study(Small(), **{**GRID, "batch_sizes": [2, 4, 5]}, n_steps=8, batch_size_schedule=grow)
    assert np.unique(study.table["batch_size"]).tolist() == [2, 4] and study.n_missing == 0
    with pytest.raises(InvalidInputError, match="and stays there by batch_size_schedule"):
        st.batch_size_study(Small(), **{**GRID, "batch_sizes": [5]}, n_steps=8, batch_size_schedule=grow)


@pytest.mark.parametrize("optimizer", ["nesterov", st.Adam(beta2=0.99), st.RMSprop()])
def test_a_row_is_the_run_of_its_optimizer(optimizer):
    momenta = 0.5 if optimizer == "nesterov" else 0.0
    study = st.batch_size_study(Small(), **GRID, n_steps=20, optimizer=optimizer, momenta=momenta)
    plain = st.batch_size_study(Small(), **GRID, n_steps=20, momenta=momenta)
    for row, other in zip(study.table, plain.table, strict=True):
        run, metrics = run_of(row, optimizer=optimizer)
        assert row["held_out"] == metrics["held_out"](run.final[0]) != other["held_out"]


def test_a_stopped_row_is_measured_at_its_best_record():
    study = st.batch_size_study(Small(), **{**GRID, "learning_rates": [0.01, 0.4]}, **STOPPED)
    assert set(study.table["outcome"]) == {"ended", "stopped"}, "both kinds, or nothing is tested"
    assert study.metrics == ("accuracy", "held_out")
    for row in study.table:
        _, metrics, _ = Small()(int(row["seed"]), 20)
        run, _ = run_of(row, metrics=metrics, record_every=4, save_every=4)
        values = run.metrics["held_out"][:, 0]
        ends = [k for k in range(26) if k - values[: k + 1].argmin() == 3]
        end = ends[0] if ends else 25
        best = values[: end + 1].argmin()
        assert row["stopped_at"] == (4 * end if ends else -1) and row["measured_at"] == 4 * best
        assert row["outcome"] == ("stopped" if ends else "ended") and row["held_out"] == values[best]
        assert row["accuracy"] == metrics["accuracy"](run.paths[best, 0])
    assert len(study.optima(trains_above=0.0)) == 2


def beyond(steps, metrics):
    return steps[-1] >= 40


def test_a_hook_of_ones_own_is_measured_where_it_stops():
    study = st.batch_size_study(Small(), **GRID, **{**STOPPED, "stop": beyond})
    assert (study.table["stopped_at"] == 40).all() and (study.table["measured_at"] == 40).all()
    shorter = st.batch_size_study(Small(), **GRID, n_steps=40)
    np.testing.assert_array_equal(study.table["accuracy"], shorter.table["accuracy"])
    assert study.settings["stop"] == "beyond"


def test_divergence_is_still_an_outcome():
    study = st.batch_size_study(Small(), **{**GRID, "learning_rates": 1e200}, **STOPPED)
    assert (study.table["outcome"] == "diverged").all() and np.isnan(study.table["accuracy"]).all()
    assert (study.table["stopped_at"] == -1).all()


def test_a_stopped_study_goes_on_and_is_read_again(tmp_path):
    options = {**GRID, **STOPPED, "learning_rate_schedule": WarmUp(length=0.1)}
    whole, path = st.batch_size_study(Small(), **options), tmp_path / "study.csv"
    CALLS.clear()
    with pytest.raises(KeyboardInterrupt):
        st.batch_size_study(Small(fail=4), **options, path=path)
    assert st.BatchSizeStudy.read(path).n_missing == 5
    st.batch_size_study(Small(), **options, path=path)
    read = st.BatchSizeStudy.read(path)
    for name in ("outcome", "stopped_at", "measured_at", "batch_size"):
        np.testing.assert_array_equal(read.table[name], whole.table[name])
    np.testing.assert_allclose(read.table["accuracy"], whole.table["accuracy"], rtol=1e-5)
    assert read.metrics == whole.metrics
    others = {
        "learning_rate_schedule": WarmUp(length=0.2), "batch_size_schedule": WarmUp(length=0.1),
        "stop": dataclasses.replace(PATIENT, patience=4), "n_records": 20, "optimizer": "nesterov",
    }  # fmt: skip
    for name, value in others.items():
        with pytest.raises(InvalidInputError, match=f"holds another study: {name} is"):
            st.batch_size_study(Small(), **{**options, name: value}, path=path)


def test_workers_do_not_matter():
    options = {**GRID, **STOPPED, "batch_size_schedule": Milestones(at=(0.5,), factor_each=2.0)}
    whole = st.batch_size_study(Small(), **options)
    with ThreadPoolExecutor(2) as pool:
        same(st.batch_size_study(Small(), **options, executor=pool), whole)
        with pytest.raises(InvalidInputError, match="optimizer or stop cannot be sent to workers"):
            st.batch_size_study(Small(), **{**options, "stop": lambda s, m: False}, executor=pool)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        same(st.batch_size_study(Small(), **options, executor=pool), whole)


class Named(Small):
    """A problem with a metric that is called as a column is."""

    def __call__(self, seed, train_size):
        model, metrics, w0 = super().__call__(seed, train_size)
        return model, {"seed": metrics["accuracy"], **metrics}, w0


@pytest.mark.parametrize(
    ("error", "match", "options"),
    [
        (InvalidInputError, "one of n_steps and budget must be given", {"budget": (3, "epochs")}),
        (InvalidInputError, "one of n_steps and budget must be given", {"n_steps": None}),
        (InvalidInputError, "Did you mean 'epochs'", {"n_steps": None, "budget": (3, "epoch")}),
        (InvalidInputError, "budget must be a number and its unit", {"n_steps": None, "budget": (3, 4)}),
        (InvalidInputError, "budget must be a number and its unit", {"n_steps": None, "budget": ("epochs",)}),
        (InvalidInputError, "budget must be > 0", {"n_steps": None, "budget": (0, "epochs")}),
        (InvalidInputError, "budget must be", {"n_steps": None, "budget": (2.5, "steps")}),
        (InvalidInputError, "budget must be spent in at most", {"n_steps": None, "budget": (1e300, "epochs")}),
        (InvalidInputError, "learning_rate_schedule must be of type Schedule", {"learning_rate_schedule": [0.1, 0.2]}),
        (InvalidInputError, "batch_size_schedule must be of type Schedule", {"batch_size_schedule": len}),
        (InvalidInputError, "optimizer must be one of", {"optimizer": "adam"}),
        (IncompatibleError, "momenta must be 0, got 0.9", {"optimizer": st.Adam(), "momenta": [0.0, 0.9]}),
        (IncompatibleError, "stop and n_records must be given together", {"stop": PATIENT}),
        (IncompatibleError, "stop and n_records must be given together", {"n_records": 3}),
        (InvalidInputError, "hold what stop watches", STOPPED | {"stop": dataclasses.replace(PATIENT, metric="a")}),
        (InvalidInputError, "names other than those of columns; got 'seed'", {"problem": Named()}),
    ],
)  # fmt: skip
def test_what_has_no_meaning_is_refused_before_a_run(tmp_path, error, match, options):
    given = {"problem": Small(), **GRID, "n_steps": 20, "path": tmp_path / "study.csv"} | options
    with pytest.raises(error, match=match):
        st.batch_size_study(**given)
    assert len(CALLS) <= 1 and not (tmp_path / "study.csv").exists()


def test_a_schedule_that_spends_nothing_is_refused():
    class Zero(WarmUp):
        def factor(self, progress):
            return 0.0 * np.asarray(progress)

    with pytest.raises(InvalidInputError, match="learning_rate_schedule is 0 throughout"):
        st.batch_size_study(Small(), **GRID, budget=1.0, learning_rate_schedule=Zero(length=0.5))
