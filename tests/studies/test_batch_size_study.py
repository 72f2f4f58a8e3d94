"""A study does every point once, also when it is killed half-way, and refuses to mix with another."""

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import sdetheory as st
from sdetheory.errors import InvalidInputError
from sdetheory.studies import _study_file


@dataclass(frozen=True)
class Small:
    """A network of three units; `stop` calls in, it behaves as if the user pressed Ctrl-C."""

    stop: float = np.inf

    def __call__(self, seed, train_size):
        CALLS.append((seed, train_size))
        if len(CALLS) > self.stop:
            raise KeyboardInterrupt
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((train_size, 2))
        model = st.models.ReLUNetwork(x, (x[:, 0] > 0).astype(int), hidden=3, dtype="float64")
        return model, {"accuracy": model.accuracy, "loss": model.loss}, model.initial(rng)

    def __repr__(self):
        return "Small()"


CALLS: list[tuple[int, int]] = []
GRID = {
    "learning_rates": [0.1, 0.2], "batch_sizes": [1, 4, 30], "train_sizes": [20, 30], "momenta": [0.0, 0.5],
    "n_steps": 20, "seeds": [0, 1],
}  # fmt: skip
N_POINTS = 2 * 2 * (2 + 3) * 2  # B = 30 is left out where N = 20


@pytest.fixture(autouse=True)
def no_calls():
    CALLS.clear()


def same(one, other):
    names = [name for name in one.table.dtype.names if name != "seconds"]
    assert one.table.dtype == other.table.dtype
    np.testing.assert_array_equal(one.table[names], other.table[names])


@pytest.fixture(scope="module")
def whole():
    return st.batch_size_study(Small(), **GRID)


class Pressed(Small):
    """Ctrl-C is pressed in a gradient of the fourth point."""

    def __call__(self, seed, train_size):
        model, metrics, w0 = super().__call__(seed, train_size)
        # The first call is that of a study which looks at the model.
        if len(CALLS) != 5:
            return model, metrics, w0

        class Stopping:
            train_size, dimension, minibatch_gradient = model.train_size, model.dimension, staticmethod(press)

        return Stopping(), metrics, w0


def press(w, indices):
    signal.raise_signal(signal.SIGINT)
    return 0 * w


def test_what_was_half_trained_is_no_row(tmp_path):
    path = tmp_path / "study.csv"
    with pytest.raises(KeyboardInterrupt):
        st.batch_size_study(Pressed(), **GRID, path=path)
    assert len(CALLS) == 5 and len(_study_file.read(path)[2]) == 3
    CALLS.clear()
    st.batch_size_study(Small(), **GRID, path=path)
    assert len(CALLS) == 1 + N_POINTS - 3


def test_every_point_is_there_once(whole):
    names = ["learning_rate", "momentum", "train_size", "batch_size", "seed"]
    assert len(np.unique(whole.table[names])) == len(whole.table) == N_POINTS
    assert whole.n_missing == 0
    assert (whole.table["batch_size"] <= whole.table["train_size"]).all()
    assert not whole.table["dampening"].any() and (whole.table["n_steps"] == 20).all()
    assert whole.metrics == ("accuracy", "loss")


def test_a_row_is_the_run_that_it_says(whole):
    row = whole.table[17]
    model, metrics, w0 = Small()(int(row["seed"]), int(row["train_size"]))
    hp = st.SGDHyperparameters(
        **{name: row[name].item() for name in ("learning_rate", "momentum", "dampening", "train_size", "batch_size")}
    )
    seed = np.random.SeedSequence(int(row["seed"]), spawn_key=(int(row["batch_size"]),))
    final = st.sgd(model, hp, w0, n_steps=20, rng=seed).final[0]
    assert row["loss"] == metrics["loss"](final)


def test_workers_and_order_do_not_matter(whole):
    with ThreadPoolExecutor(3) as pool:
        same(st.batch_size_study(Small(), **GRID, executor=pool), whole)


def test_damping_and_budget():
    study = st.batch_size_study(Small(), **{**GRID, "n_steps": None, "budget": 1.5, "damped": True})
    np.testing.assert_array_equal(study.table["dampening"], study.table["momentum"])
    np.testing.assert_array_equal(study.table["n_steps"], np.where(study.table["learning_rate"] == 0.1, 15, 8))


def test_batch_sizes_may_depend_on_the_setting():
    sizes = lambda hp: [round(20 * hp.learning_rate), round(40 * hp.learning_rate)]  # noqa: E731
    study = st.batch_size_study(Small(), **{**GRID, "batch_sizes": sizes})
    found = [curve.batch_sizes.tolist() for curve in study.curves(trains_above=0.0)]
    assert found == [[2, 4]] * 4 + [[4, 8]] * 4


def test_divergence_is_an_outcome(tmp_path):
    study = st.batch_size_study(
        Small(), learning_rates=1e12, batch_sizes=[1, 20], train_sizes=20, momenta=0.9, n_steps=300, seeds=range(3),
        path=tmp_path / "study.csv",
    )  # fmt: skip
    lost = study.table["outcome"] == "diverged"
    assert lost.any()
    assert np.isnan(study.table["accuracy"][lost]).all() and (study.table["diverged_at"][lost] > 0).all()
    assert sum(curve.diverged.sum() for curve in study.curves(trains_above=0.0)) == lost.sum()
    same_to_six_digits(st.BatchSizeStudy.read(tmp_path / "study.csv"), study)


def test_an_interrupted_study_goes_on(tmp_path, whole):
    path = tmp_path / "study.csv"
    with pytest.raises(KeyboardInterrupt):
        st.batch_size_study(Small(stop=8), **GRID, path=path)
    part = st.BatchSizeStudy.read(path)
    assert len(part.table) == 7  # the first call only asks what the metrics are
    assert part.n_missing == N_POINTS - 7
    CALLS.clear()
    rest = st.batch_size_study(Small(), **GRID, path=path)
    assert len(CALLS) == 1 + N_POINTS - 7
    CALLS.clear()
    again = st.batch_size_study(Small(), **GRID, path=path)
    assert len(CALLS) == 1
    for study in (rest, again, st.BatchSizeStudy.read(path)):
        same_to_six_digits(study, whole)


def same_to_six_digits(one, other):
    for name in one.table.dtype.names:
        if name == "outcome":
            np.testing.assert_array_equal(one.table[name], other.table[name])
        elif name != "seconds":
            np.testing.assert_allclose(one.table[name], other.table[name], rtol=1e-5)


def test_a_row_that_a_kill_cut_is_done_again(tmp_path, whole):
    path = tmp_path / "study.csv"
    st.batch_size_study(Small(), **GRID, path=path)
    text = path.read_text()
    for cut in (1, 9, 40):
        path.write_text(text[:-cut])
        same_to_six_digits(st.batch_size_study(Small(), **GRID, path=path), whole)
        assert path.read_text().count("\n") == text.count("\n")


def test_a_killed_process_leaves_a_study_that_goes_on(tmp_path, whole):
    path, here = tmp_path / "study.csv", Path(__file__)
    script = (
        f"import sys; sys.path.insert(0, {str(here.parent)!r})\n"
        "import time, sdetheory as st, test_batch_size_study as t\n"
        "class Slow(t.Small):\n"
        "    def __call__(self, *given):\n"
        "        time.sleep(0.05)\n"
        "        return super().__call__(*given)\n"
        f"st.batch_size_study(Slow(), **t.GRID, path={str(path)!r})\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script])
    try:
        deadline = time.monotonic() + 60
        while not (path.exists() and path.read_text().count("\n") > 5):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()
    done = path.read_text().count("\n") - 2
    assert 3 <= done < N_POINTS
    same_to_six_digits(st.batch_size_study(Small(), **GRID, path=path), whole)
    assert len(CALLS) <= 1 + N_POINTS - done


def test_another_study_is_refused(tmp_path):
    path = tmp_path / "study.csv"
    st.batch_size_study(Small(), **GRID, path=path)
    before = path.read_text()
    for name, value in (("seeds", [0, 1, 2]), ("n_steps", 21), ("batch_sizes", [1, 4]), ("damped", True)):
        with pytest.raises(InvalidInputError, match=f"holds another study: {name} is .* in the file and .* now"):
            st.batch_size_study(Small(), **{**GRID, name: value}, path=path)

    def other(seed, train_size):
        return Small()(seed, train_size)

    with pytest.raises(InvalidInputError, match="holds another study: problem is 'Small"):
        st.batch_size_study(other, **GRID, path=path)
    assert path.read_text() == before
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InvalidInputError, match="is not the file of a batch size study"):
        st.batch_size_study(Small(), **GRID, path=path)


def test_written_and_read(tmp_path, whole):
    whole.write(tmp_path / "copy.csv")
    copy = st.BatchSizeStudy.read(tmp_path / "copy.csv")
    same_to_six_digits(copy, whole)
    assert copy.settings["batch_sizes"] == whole.settings["batch_sizes"]
    assert copy.versions == whole.versions and "numpy" in copy.versions


def test_refusals():
    with pytest.raises(InvalidInputError, match="one of n_steps and budget"):
        st.batch_size_study(Small(), **GRID, budget=2.0)
    with pytest.raises(InvalidInputError, match="problem must be callable; got int"):
        st.batch_size_study(3, **GRID)
    with pytest.raises(InvalidInputError, match="must name at least one B from 1 to N"):
        st.batch_size_study(Small(), **{**GRID, "batch_sizes": [100]})
    with pytest.raises(InvalidInputError, match=r"momenta must be >= 0 and < 1; got 1"):
        st.batch_size_study(Small(), **{**GRID, "momenta": [0.5, 1.0]})
    with pytest.raises(InvalidInputError, match=r"executor must be a concurrent\.futures\.Executor"):
        st.batch_size_study(Small(), **GRID, executor=2)
    with pytest.raises(InvalidInputError, match="must return a model of train_size examples; got 19 for 20"):
        st.batch_size_study(lambda seed, n: Small()(seed, n - 1), **GRID)
    with ThreadPoolExecutor(1) as pool, pytest.raises(InvalidInputError, match="problem cannot be sent to workers"):
        st.batch_size_study(lambda seed, n: Small()(seed, n), **GRID, executor=pool)
