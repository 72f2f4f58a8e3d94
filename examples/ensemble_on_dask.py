# %% [markdown]
# # An ensemble on a cluster
#
# Two worker processes of a Dask cluster, which talk over TCP, share the paths of one ensemble that waits for its escape
# from a well. The random numbers of a path are a function of the seed and of its number alone, so that the cluster
# gives the bits of the local run, whoever does which part. Needs `pip install sdetheory[distributed]`.

# %%
import time
from concurrent.futures import Executor, Future
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from distributed import Client, LocalCluster, get_worker
from scipy import integrate

import sdetheory as st
from sdetheory.plotting import SAMPLE, THEORY, shades

ALPHA = 1e-3  # false-alarm rate of the statistical verdict
TEMPERATURE, N_PATHS = 0.1, 12_800


# %% [markdown]
# ## Who does what
# Any `concurrent.futures.Executor` will do. This one passes everything on to Dask's, and has the worker note when it
# did which part: parts are ranges of paths, of about the same size, in order.


# %%
def noted(part, task, *arguments):
    """Run a task in a worker, and log an event that says so."""
    begun, worker = time.time(), get_worker()
    result = task(*arguments)
    worker.log_event("parts", {"part": part, "worker": worker.name, "begun": begun, "ended": time.time()})
    return result


class Noting(Executor):
    """An executor that numbers its tasks."""

    def __init__(self, executor: Executor) -> None:
        self.executor, self.count = executor, 0

    def submit(self, task, /, *arguments) -> Future:
        """Submit the task together with its number."""
        self.count += 1
        return self.executor.submit(noted, self.count - 1, task, *arguments)


def exact_mean(temperature: float) -> float:
    """Return the mean first-passage time from −1 to 1: 1/T ∫ e^{C(y)/T} ∫_{−∞}^y e^{−C(z)/T} dz dy."""
    y = np.linspace(-3.5, 1.0, 40_001)
    c = st.landscapes.double_well(barrier=0.25).value(y[:, None]) / temperature
    inner = integrate.cumulative_simpson(np.exp(-c), x=y, initial=0)
    start = np.searchsorted(y, -1.0)
    return float(integrate.simpson((np.exp(c) * inner)[start:], x=y[start:])) / temperature


def exact_survival(temperature: float):
    """Return the function of times that says how likely a path from −1 has not come to 1, by its equation on a grid."""
    grid = st.theory.Grid((-3.0, 1.0), 161, boundaries=[("natural", "absorbing")])
    well = st.landscapes.double_well(barrier=0.25)
    equation = st.theory.fokker_planck(lambda x: -well.gradient(x), temperature, grid)
    start = np.zeros(161)
    start[80] = 1 / grid.volume  # the cell whose centre is −1
    return lambda times: equation.evolve(start, times).sum(axis=1) * grid.volume


def escape(executor: Executor | None = None):
    """Return first-passage times from the left well to the bottom of the right one."""
    sde = st.langevin(st.landscapes.double_well(barrier=0.25), TEMPERATURE)
    return st.first_passage(
        sde, [-1.0], target=("above", 1.0), dt=0.01, max_steps=100_000, n_paths=N_PATHS, rng=2018, executor=executor
    )


# %% [markdown]
# ## The run
# Workers of one thread each: the parts are the parallelism. Worker processes import this file, so that what starts them
# stands in a function.


# %%
def main() -> None:
    """Run on the cluster and here, compare, and draw."""
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, protocol="tcp", host="127.0.0.1", dashboard_address=":0"
        ) as cluster,
        Client(cluster) as client,
    ):
        print(f"{len(cluster.workers)} workers behind {cluster.scheduler_address.split(':')[0]}")
        result = escape(Noting(client.get_executor()))
        events = sorted((event for _, event in client.get_events("parts")), key=lambda event: event["part"])
    here = escape()
    assert np.array_equal(result.times, here.times, equal_nan=True)
    print(f"{N_PATHS} times from {len(events)} tasks: the same bits as here")
    exact = exact_mean(TEMPERATURE)
    (low, high), z = result.mean.interval(1 - ALPHA), result.mean.z_score(exact)
    said = "holds" if st.stats.agrees(result.mean, exact, alpha=ALPHA) else "FAILS"
    print(f"mean first-passage time {result.mean}, exact {exact:.3f}, z = {z:+.2f}")
    print(f"interval at α = {ALPHA:g}: [{low:.3f}, {high:.3f}], with no allowance for the step: {said}")

    figure, axes = plt.subplots(1, 3, figsize=(15, 4.6), layout="constrained")
    colour = dict(zip(sorted({e["worker"] for e in events}), shades(SAMPLE, 3)[1:], strict=False))
    edges = np.linspace(0, N_PATHS, len(events) + 1)
    first = min(event["begun"] for event in events)
    for event, begin, end in zip(events, edges[:-1], edges[1:], strict=True):
        begun, ended = event["begun"] - first, event["ended"] - first
        axes[0].broken_barh([(begun, ended - begun)], (begin, end - begin), color=colour[event["worker"]], lw=0)
        times = result.times[round(begin) : round(end)]
        axes[1].errorbar(
            (begin + end) / 2, times.mean(), yerr=2 * times.std(ddof=1) / np.sqrt(len(times)), fmt="o", ms=3, lw=0.8,
            color=colour[event["worker"]],
        )  # fmt: skip
    axes[0].set(title="(a) Who did which paths, and when", xlabel="wall time (seconds)", ylabel="number of the path")
    axes[0].legend(
        [plt.Rectangle((0, 0), 1, 1, color=c) for c in colour.values()], ["one worker", "the other"],
        frameon=False, loc="upper left",
    )  # fmt: skip
    decided = f"all paths, z = {z:+.2f}, interval at α = {ALPHA:g}"
    axes[1].axhspan(low, high, color=SAMPLE, alpha=0.2, lw=0, label=decided)
    axes[1].axhline(exact, color=THEORY, lw=1.4, label="exact, double integral")
    axes[1].set(title="(b) Mean time of each task's paths, ± 2 s.e.", xlabel="number of the path")
    axes[1].set_ylabel("mean first-passage time")
    axes[1].legend(frameon=False)
    panel = st.plotting.plot_first_passage(
        result, mean=exact, ax=axes[2], survival=exact_survival(TEMPERATURE), alpha=ALPHA
    )
    panel.set_title("(c) All together: who still waits")
    output = Path("figures")
    output.mkdir(exist_ok=True)
    figure.savefig(output / "ensemble_on_dask.png", dpi=130)
    print(f"\nThe figure is in {output / 'ensemble_on_dask.png'}")


if __name__ == "__main__":
    main()
