"""What tests of Ctrl-C call, in processes forked from one that has imported all: what is interrupted is the call."""

import contextlib
import multiprocessing
import os
import signal
import sys
import time
import warnings
from multiprocessing import forkserver

import numpy as np
import pytest

import sdetheory as st

for name in st.__all__:
    getattr(st, name)


def well():
    return st.langevin(st.landscapes.double_well(), temperature=0.1)


def slow_drift(x):
    total = -x[0]
    for k in range(300):
        total += 1e-9 * np.sin(k * x[0])
    return np.array([total])


def slow():
    return st.SDE(drift=slow_drift, diffusion=[[0.5]], dimension=1, noise="additive")


def logistic(n, p):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, p))
    return st.models.LogisticRegression(X, (X @ np.ones(p) + rng.standard_normal(n) > 0).astype(int))


def linear(n, p):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, p))
    return st.evidence.LinearModel(X, X @ np.ones(p) + rng.standard_normal(n))


def gradient(w, indices):
    time.sleep(0.002)
    return np.tile(w, (len(indices), 1))


def slow_model():
    return st.models.FunctionModel(
        lambda w: 4.0 * float(w @ w), gradient, lambda w, v: 8.0 * v, train_size=8, dimension=2
    )


def settings(n, batch):
    return st.SGDHyperparameters(learning_rate=0.05, train_size=n, batch_size=batch)


def landscape():
    return st.Landscape.from_sympy("(x**2 - 1)**2 + y**2 + sin(9*x)/9 + sin(9*y)/9", variables=["x", "y"])


def study(seed, train_size):
    return logistic(train_size, 20), {}, np.zeros(20)


def for_ever(function):
    while True:
        with contextlib.suppress(st.errors.SdeTheoryError):
            function()


def run(ready, call, connection):
    """Make ready, say so, make the call, and say how and when it ended."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Of the simulators' warning; what is tested here is the time.
    warnings.filterwarnings("ignore", "interrupted after", RuntimeWarning)
    names = dict(globals())
    exec(ready, names)
    connection.send("begun")
    try:
        result = eval(call, names)
        word = "returned" if getattr(result, "interrupted", False) else "finished"
    except KeyboardInterrupt:
        word = "raised"
    connection.send((word, time.monotonic()))
    os._exit(0)


def start(ready, call):
    """Return a process that runs this, and where it says how far it is."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        patch.setenv("OPENBLAS_NUM_THREADS", "1")
        forkserver.ensure_running()
    ours, its = context.Pipe(duplex=False)
    process = context.Process(target=run, args=(ready, call, its))
    process.start()
    its.close()
    return process, ours
