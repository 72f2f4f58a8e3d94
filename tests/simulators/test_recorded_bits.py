"""What every simulator, scheme and sampling computes, recorded: a change of the engine changes no bit.

``python tests/simulators/test_recorded_bits.py`` writes the table anew; whoever does so says in the changelog why.
Processors with fused multiply-add compute the same bits; on others the table says nothing.
"""

import hashlib
import json
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from llvmlite import binding

import sdetheory as st
from sdetheory.simulators.schemes import SCHEMES

TABLE = Path(__file__).with_name("recorded_bits.json")
N = 64
X = np.round(np.sin(np.outer(np.arange(1, N + 1), np.arange(1, 6))), 3)


def fused():
    """Return whether the processor that code is compiled for has fused multiply-add."""
    return os.environ.get("NUMBA_CPU_NAME") is None and binding.get_host_cpu_features().get("fma", False)


def well():
    return st.langevin(st.landscapes.double_well(), 0.5)


def plane():
    return st.langevin(st.Landscape.from_sympy("(x**2 - 1)**2/4 + y**2 + x*y/4", variables=["x", "y"]), 0.3)


def growing():
    return st.SDE.from_sympy(["-x + x**2/8"], [["sqrt(1 + x**2)/2"]], variables=["x"])


def written():
    return st.SDE(
        drift=lambda x: np.array([x[1] - x[0] ** 3, -x[0]]), diffusion=lambda x: 0.3 * x, dimension=2, noise="diagonal"
    )


def equation(method):
    if method == "baoab":
        return st.underdamped_langevin(st.landscapes.double_well(), 0.5, friction=1.0)
    if method == "exact":
        return st.langevin(st.landscapes.quadratic([[2.0, 0.6], [0.6, 1.0]]), 0.5)
    return plane()


def paths(sde, method="euler-maruyama", **changes):
    given = {"dt": 0.03, "n_steps": 48, "n_paths": 300, "rng": 7, "save_every": 12, "method": method, **changes}
    run = st.simulate(sde, np.full(sde.dimension, 0.4), **given)
    return run.final, run.paths


def stationary(sde, method="euler-maruyama", **changes):
    given = {"dt": 0.03, "n_paths": 256, "burn_in": 20, "n_steps": 90, "every": 3, "rng": 7, "method": method}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", st.errors.AccuracyWarning)
        sample = st.sample_stationary(sde, np.full(sde.dimension, 0.4), **given, **changes)
    found = [sample.mean.value, sample.mean.stderr, sample.covariance.value]
    return [*found, *([sample.histogram.counts] if sample.histogram else []), *(
        estimate.value for estimate in sample.expectations.values())]  # fmt: skip


def passages(sde, target, **changes):
    found = st.first_passage(sde, np.full(sde.dimension, -0.9), target=target, dt=0.02, max_steps=400, n_paths=300,
                             rng=7, **changes)  # fmt: skip
    return (found.times,)


def stays(sde, cores, **changes):
    found = st.residence_times(sde, np.full(sde.dimension, -0.9), cores=cores, dt=0.02, n_steps=900, n_paths=200,
                               rng=7, **changes)  # fmt: skip
    return found.moves, found.mean_times.value, found.occupancy.value


def models():
    y = (X.sum(axis=1) > 0).astype(int)
    return {
        "linear": st.models.LinearRegression(X, X @ np.ones(5) + 0.1 * y, prior_precision=0.5),
        "logistic": st.models.LogisticRegression(X, y, prior_precision=0.5),
        "softmax": st.models.SoftmaxRegression(X, np.arange(N) % 3, prior_precision=0.5),
    }


def descent(name="logistic", simulator=st.sgd, **changes):
    model = models()[name]
    hp = st.SGDHyperparameters(learning_rate=0.05, train_size=N, batch_size=8, **changes.pop("settings", {}))
    given = {"n_steps": 40, "n_runs": 50, "rng": 7, "save_every": 20, **changes}
    run = simulator(model, hp, np.full(model.dimension, 0.1), **given)
    return run.final, run.paths


def scaled(factor=4, **changes):
    return descent(simulator=st.svag, factor=factor, **changes)


def equation_of_sgd(name, **options):
    hp = st.SGDHyperparameters(learning_rate=0.05, train_size=N, batch_size=8)
    return paths(st.sgd_sde(models()[name], hp, **options), dt=0.05)


GRID = [np.linspace(-3, 3, 30)]
CORES = [("below", -0.5), ("above", 0.5)]
CASES = {
    **{f"simulate, {method}": lambda method=method: paths(equation(method), method) for method in SCHEMES},
    **{
        f"simulate, {method}, {kind}": lambda method=method, kind=kind: paths(well(), method, increments=kind)
        for method in ("euler-maruyama", "milstein", "heun")
        for kind in ("two-point", "three-point")
    },
    "simulate, platen, three-point": lambda: paths(well(), "platen", increments="three-point"),
    "simulate, multiplicative noise": lambda: paths(growing()),
    "simulate, milstein, multiplicative noise": lambda: paths(growing(), "milstein"),
    "simulate, platen, multiplicative noise": lambda: paths(growing(), "platen"),
    "simulate, heun, multiplicative noise": lambda: paths(growing().to_stratonovich(), "heun"),
    "simulate, functions of Python": lambda: paths(written()),
    "simulate, on a finer path": lambda: paths(plane(), brownian_dt=0.01),
    **{f"sample_stationary, {name}": lambda name=name: stationary(equation(name), name) for name in SCHEMES},
    "sample_stationary, histogram": lambda: stationary(well(), bins=GRID),
    "sample_stationary, observables": lambda: stationary(plane(), observables={"product": "x*y", "square": "x**2"}),
    "first_passage": lambda: passages(well(), ("above", 0.5)),
    "first_passage, no bridge": lambda: passages(well(), ("above", 0.5), bridge=False),
    "first_passage, curved": lambda: passages(plane(), "x**2 + y**2 - 2"),
    "first_passage, multiplicative noise": lambda: passages(growing(), ("above", 0.5)),
    "residence_times": lambda: stays(well(), CORES),
    "residence_times, no bridge": lambda: stays(well(), CORES, bridge=False),
    **{f"sgd, {name}": lambda name=name: descent(name) for name in ("linear", "logistic", "softmax")},
    "sgd, momentum": lambda: descent(settings={"momentum": 0.9}),
    "sgd, with replacement": lambda: descent(settings={"sampling": "with-replacement"}),
    "sgd, reshuffled": lambda: descent(reshuffle=True),
    "sgd, adam": lambda: descent(optimizer=st.Adam()),
    "sgd, rmsprop": lambda: descent(optimizer=st.RMSprop()),
    "sgd, schedule": lambda: descent(learning_rates=np.linspace(0.05, 0.01, 40)),
    "svag": scaled,
    "svag, with replacement": lambda: scaled(settings={"sampling": "with-replacement"}),
    **{f"sgd_sde, {name}": lambda name=name: equation_of_sgd(name) for name in ("linear", "logistic")},
}  # fmt: skip


def digest(arrays):
    found = hashlib.sha256()
    for array in arrays:
        if array is not None:
            found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()[:16]


@pytest.mark.skipif(not fused(), reason="without fused multiply-add other bits are right")
@pytest.mark.parametrize("name", CASES)
def test_the_bits_are_those_recorded(name):
    assert digest(CASES[name]()) == json.loads(TABLE.read_text())[name]


if __name__ == "__main__":
    table = {name: digest(case()) for name, case in CASES.items()}
    TABLE.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")
