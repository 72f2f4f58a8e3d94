"""Ctrl-C is heard within two seconds in every call that may take long, wherever in it the key is pressed."""

import contextlib
import math
import os
import signal
import textwrap
import time

import pressed
import pytest

from sdetheory._interrupt import Interrupt, shielded

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX does")

LIMIT = 2.0
PATIENCE = 60.0  # seconds after which a call is taken not to hear
# What makes ready (and compiles, which cannot be interrupted); then the call itself.
CALLS = {
    "simulate": """
        run = lambda n: st.simulate(sde, [0.0], dt=0.01, n_steps=n, n_paths=100_000, rng=0)
        sde = slow(); run(1)
        --
        run(10**6)
    """,
    "simulate, saving often": """
        run = lambda n: st.simulate(sde, [0.0], dt=0.01, n_steps=5 * n, n_paths=1000, save_every=n, rng=0)
        sde = slow(); run(1)
        --
        run(10**6)
    """,
    "simulate on threads": """
        from concurrent.futures import ThreadPoolExecutor
        executor = ThreadPoolExecutor(2)
        run = lambda n: st.simulate(sde, [0.0], dt=0.01, n_steps=n, n_paths=4000, rng=0, executor=executor)
        sde = well(); run(1)
        --
        run(10**6)
    """,
    "simulate, the equation of SGD": """
        run = lambda n: st.simulate(sde, np.ones(2), dt=0.001, n_steps=n, n_paths=2000, rng=0)
        sde = st.sgd_sde(slow_model(), settings(8, 2)); run(1)
        --
        run(10**6)
    """,
    "sample_stationary": """
        run = lambda n: st.sample_stationary(
            sde, dt=0.01, n_paths=20_000, burn_in=n, n_steps=n, rng=0, bins=[np.linspace(-3, 3, 50)])
        sde = slow(); warnings.simplefilter("ignore"); run(4)
        --
        run(10**6)
    """,
    "first_passage": """
        run = lambda n: st.first_passage(
            sde, [0.0], target=("above", 50.0), dt=0.01, max_steps=n, n_paths=20_000, rng=0)
        sde = slow(); warnings.simplefilter("ignore"); run(2)
        --
        run(10**6)
    """,
    "residence_times": """
        run = lambda n: st.residence_times(
            sde, [0.0], cores=[("below", -0.5), ("above", 0.5)], dt=0.01, n_steps=n, n_paths=20_000, rng=0)
        sde = slow(); warnings.simplefilter("ignore"); run(2)
        --
        run(10**6)
    """,
    "convergence_study": """
        run = lambda k: st.convergence_study(sde, [0.0], time=8.0, dts=2.0 ** -np.arange(4, k), n_paths=100_000, rng=0)
        sde = well(); run(6)
        --
        run(14)
    """,
    "sgd": """
        run = lambda n: st.sgd(model, settings(20_000, 1000), np.zeros(50), n_steps=n, n_runs=1000, rng=0)
        model = logistic(20_000, 50); run(1)
        --
        run(10**6)
    """,
    "sgd of a model in Python": """
        run = lambda n, m: st.sgd(slow_model(), settings(8, 2), np.ones(2), n_steps=n, n_runs=m, rng=0)
        run(1, 1)
        --
        run(10**6, 2000)
    """,
    "sgd with a metric in Python": """
        run = lambda n, m: st.sgd(
            logistic(100, 2), settings(100, 10), np.ones(2), n_steps=n, n_runs=m, rng=0, record_every=1,
            metrics={"slow": lambda w: (time.sleep(0.002), 0.0)[1]})
        run(1, 1)
        --
        run(1000, 3000)
    """,
    "svag": """
        run = lambda n: st.svag(model, settings(2000, 100), np.zeros(50), factor=4, n_steps=n, n_runs=1000, rng=0)
        model = logistic(2000, 50); run(4)
        --
        run(4 * 10**6)
    """,
    "svag of a model in Python": """
        run = lambda n, m: st.svag(slow_model(), settings(8, 2), np.ones(2), factor=4, n_steps=n, n_runs=m, rng=0)
        run(4, 1)
        --
        run(4 * 10**6, 2000)
    """,
    "compare": """
        run = lambda n: st.compare(model, settings(500, 10), np.zeros(10), n_steps=n, n_runs=2000, rng=0)
        model = logistic(500, 10); run(4)
        --
        run(10**5)
    """,
    "compare of a model in Python": """
        run = lambda n, m: st.compare(
            slow_model(), settings(8, 2), np.ones(2), n_steps=n, n_runs=m, orders=(1,), halvings=0, rng=0)
        run(4, 2)
        --
        run(10**4, 2000)
    """,
    "batch_size_study of a model in Python": """
        run = lambda n, m: st.batch_size_study(
            lambda seed, n: (slow_model(), {"slow": lambda w: (time.sleep(0.5), 0.0)[1]}, np.ones(2)),
            learning_rates=[0.01], train_sizes=[8], batch_sizes=[2, 4], n_steps=n, seeds=range(m))
        run(1, 1)
        --
        run(50, 1000)
    """,
    "batch_size_study": """
        run = lambda n: st.batch_size_study(
            study, learning_rates=[0.01], train_sizes=[2000], batch_sizes=[1000], n_steps=n, seeds=[0])
        run(1)
        --
        run(10**7)
    """,
    "thermodynamic": """
        fit = st.evidence.laplace(logistic(500, 10), 1.0)
        warnings.simplefilter("ignore")
        st.evidence.thermodynamic(fit, duration=0.01, burn_in=0.01, rng=0)
        --
        st.evidence.thermodynamic(fit, duration=10_000.0, rng=0)
    """,
    "annealed": """
        fit = st.evidence.laplace(logistic(500, 10), 1.0)
        warnings.simplefilter("ignore")
        st.evidence.annealed(fit, duration=0.01, rng=0)
        --
        st.evidence.annealed(fit, duration=10_000.0, rng=0)
    """,
    "sequential": """
        model = linear(20_000, 300)
        --
        st.evidence.sequential(model, 1.0, 1.0)
    """,
    "cross_validation": """
        model = linear(1000, 100)
        --
        st.evidence.cross_validation(model, 1.0, 1.0, permutations=100_000, rng=0)
    """,
    "laplace": """
        model = logistic(3000, 40)
        --
        st.evidence.laplace(model, np.geomspace(1e-4, 1e4, 20_000))
    """,
    "one big decomposition": """
        model = linear(20_000, 1200)
        --
        st.evidence.LinearModel(model.X, model.y)
    """,
    "critical_points": """
        place = landscape()
        --
        st.theory.critical_points(place, [(-3, 3), (-3, 3)], starts=2**18)
    """,
    "basin_weights": """
        place = landscape()
        --
        st.theory.basin_weights(place, 0.1, bounds=[(-3, 3), (-3, 3)], cells=900)
    """,
    "minibatch_covariance": """
        gradients = np.random.default_rng(0).standard_normal((20_000, 100))
        --
        st.minibatch_covariance(gradients, 100, n_draws=10**7, rng=0)
    """,
    "least_squares_sgd": """
        model = logistic(200, 14)
        --
        for_ever(lambda: st.theory.least_squares_sgd(model.X, model.y, settings(200, 10)).covariance)
    """,
    "a symbolic law": """
        import sympy
        x, a, b = sympy.symbols("x a b", positive=True)
        --
        for_ever(lambda: st.symbolic.stationary_density(
            st.symbolic.ItoSDE([a * x - b * x**3 + sympy.sin(x)], [[sympy.sqrt(x**2 + a)]], [x])))
    """,
}


def load():
    """Return how many times longer than its own time a process takes on this machine just now."""
    wall, own = time.perf_counter(), time.process_time()
    while time.process_time() < own + 0.1:
        pass
    return (time.perf_counter() - wall) / 0.1


def press(process, connection, after, patience=PATIENCE):
    """Send SIGINT some seconds after the process says that it has begun; return how it ended, and how long that took.

    The time of a process that does not end is infinite.
    """
    assert connection.recv() == "begun"
    time.sleep(after)
    sent = time.monotonic()
    os.kill(process.pid, signal.SIGINT)
    if not connection.poll(patience):
        return "unheard", math.inf
    word, heard = connection.recv()
    return word, heard - sent


@contextlib.contextmanager
def started(ready, call):
    process, connection = pressed.start(textwrap.dedent(ready), call.strip())
    try:
        yield process, connection
    finally:
        process.kill()
        process.join()


@pytest.mark.parametrize("name", CALLS)
def test_ctrl_c_is_heard(name, rng):
    ready, call = CALLS[name].split("--\n")
    after = rng.choice([0.02, 0.1, 0.3, 1.0, 2.0])  # it must be heard at any time
    with started(ready, call) as process:
        ended, seconds = press(*process, after)
    assert ended in ("raised", "returned"), f"{ended} {after} s after its begin"
    assert seconds < LIMIT * max(1.0, load()), f"{after} s after its begin"


def test_who_has_no_use_for_a_part_gives_up_at_once_but_lets_what_is_begun_end():
    reached = []
    with pytest.raises(KeyboardInterrupt), Interrupt(gives_up=True):
        with Interrupt() as inner:
            signal.raise_signal(signal.SIGINT)
            reached.append("noted")
        assert inner.seen
        with Interrupt() as later:
            assert later.seen  # nothing else is begun
        signal.raise_signal(signal.SIGINT)
        reached.append("not raised")
    assert reached == ["noted"]
    with pytest.raises(KeyboardInterrupt), Interrupt(gives_up=True), shielded():
        signal.raise_signal(signal.SIGINT)
        reached.append("ended")
    assert reached == ["noted", "ended"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_call_that_does_not_hear_is_found():
    """The negative control: one call of LAPACK or the like ends only by itself."""
    with started("", "sum(range(2 * 10**9))") as process:
        assert press(*process, 1.0, patience=2 * LIMIT)[1] > LIMIT
