"""What depends on the machine and its settings: forks, folders that stay, a compiler that is turned off."""

import os
import subprocess
import sys
import textwrap

import pytest

NAMES = ("simulate", "sgd", "landscapes", "Landscape", "langevin", "sample_stationary")


def run(code, *options, **environment):
    """Run a script in a process of its own; return how it ended, and what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", *options, "-c", textwrap.dedent(code)],
        env=os.environ | environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout.strip(), done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_without_a_compiler_simulators_say_so(name):
    code, _, error = run(f"import sdetheory as st; st.{name}", NUMBA_DISABLE_JIT="1")
    assert code == 1
    assert error.splitlines()[-1].startswith("ImportError: the simulators and landscapes of sdetheory are machine code")
    assert "Unset it" in error


def test_without_a_compiler_theory_evidence_and_symbols_work():
    code, output, error = run(
        """
        import numpy as np, sdetheory as st
        print(st.theory.ornstein_uhlenbeck([[2.0]], [[1.0]]).covariance[0, 0])
        print(st.evidence.LinearModel(np.eye(2), [1.0, 2.0]).log_evidence(1.0, 1.0) < 0)
        print(st.symbolic.as_expression("x + x", ["x"]))
        print(st.noise_scale(0.1, 100, 10), st.models.LinearRegression(np.eye(2), [1.0, 2.0]).cost([0.0, 0.0]))
        """,
        NUMBA_DISABLE_JIT="1",
    )
    assert (code, output.split()) == (0, ["0.5", "True", "2*x", "0.9", "2.5"]), error


FORK = """
import os, warnings
import numpy as np, sdetheory as st

warnings.filterwarnings("ignore", category=DeprecationWarning)  # of os.fork in a process with threads
sde = st.langevin(st.landscapes.double_well(), temperature=0.1)
model = st.models.LinearRegression(np.eye(4), np.ones(4))
hp = st.SGDHyperparameters(learning_rate=0.1, train_size=4, batch_size=2)
CALLS = {
    "simulate": lambda: st.simulate(sde, [0.0], dt=0.01, n_steps=3, n_paths=99, rng=0).final,
    "sgd": lambda: st.sgd(model, hp, np.zeros(4), n_steps=3, n_runs=9, rng=0).final,
}

def in_child(name):
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            text = CALLS[name]().tobytes().hex()
        except st.errors.SdeTheoryError as error:
            text = f"refused: {error}"
        os.write(writer, text.encode())
        os._exit(0)
    os.close(writer)
    status = os.waitpid(child, 0)[1]
    return status, open(reader).read()
"""
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


@forks
@pytest.mark.parametrize("name", ["simulate", "sgd"])
def test_a_forked_child_is_told_or_works(name):
    """After the parent has run kernels: refused in words on OpenMP's threads, the parent's bits on others."""
    code, output, error = run(
        FORK
        + f"""
import numba
result = CALLS["{name}"]()
status, text = in_child("{name}")
assert status == 0, status
layer = numba.threading_layer()
print(layer, text.startswith("refused: this process was forked") if layer == "omp" else text == result.tobytes().hex())
again = CALLS["{name}"]()
print(np.array_equal(again, result))
"""
    )
    assert code == 0, error
    assert output.split()[1:] == ["True", "True"]


@forks
@pytest.mark.parametrize("name", ["simulate", "sgd"])
def test_a_child_forked_before_the_first_kernel_works(name):
    code, output, error = run(
        FORK
        + f"""
status, text = in_child("{name}")
print(status, text == CALLS["{name}"]().tobytes().hex())
"""
    )
    assert (code, output.split()) == (0, ["0", "True"]), error


@forks
def test_threads_that_survive_a_fork_are_used():
    code, output, error = run(
        FORK
        + """
result = CALLS["simulate"]()
status, text = in_child("simulate")
print(status, text == result.tobytes().hex())
""",
        NUMBA_THREADING_LAYER="workqueue",
    )
    assert (code, output.split()) == (0, ["0", "True"]), error


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="XDG_CACHE_HOME is Linux's")
@pytest.mark.parametrize("ending", ["pass", "raise SystemExit(3)", "worker()"])
def test_temporary_folders_are_removed(tmp_path, ending):
    """Where the cache directory cannot be used, kernels go to a temporary one, for as long as the process lives."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    home = tmp_path / "home"
    home.mkdir()
    (home / "sdetheory").write_text("a file where the folder would be")
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(f"""
        import multiprocessing, os, tempfile
        import numpy as np

        def compute():
            from sdetheory._kernels.block import BlockFunction
            from sdetheory.symbolic.formulas.codegen import block_source
            import sympy
            x = sympy.Symbol("x0", real=True)
            BlockFunction(block_source("a square", [x**2], [x]), np.zeros(0), 1)(np.ones((1, 1)))
            assert [n for n in os.listdir(tempfile.gettempdir()) if n.startswith("sdetheory-")]

        def worker():
            process = multiprocessing.get_context("spawn").Process(target=compute)
            process.start()
            process.join()
            assert process.exitcode == 0

        if __name__ == "__main__":
            compute()
            {ending}
        """)
    )
    done = subprocess.run(
        [sys.executable, script], env=os.environ | {"TMPDIR": str(temporary), "XDG_CACHE_HOME": str(home)}, check=False
    )
    assert done.returncode == (3 if "SystemExit" in ending else 0)
    assert os.listdir(temporary) == []
