"""How long a user waits: for the import, and for the first result of a process with a warm and with a cold cache."""

import os
import subprocess
import sys

FIRST_RESULT = (
    "import sdetheory as st; "
    "st.simulate(st.langevin(st.landscapes.double_well(), 0.25), [0.0], dt=0.01, n_steps=100, n_paths=100, rng=0)"
)


def test_import(benchmark):
    benchmark.pedantic(lambda: subprocess.run([sys.executable, "-c", "import sdetheory"], check=True), rounds=5)


def test_first_result_of_a_second_process(benchmark):
    subprocess.run([sys.executable, "-c", FIRST_RESULT], check=True)
    benchmark.pedantic(lambda: subprocess.run([sys.executable, "-c", FIRST_RESULT], check=True), rounds=5)


def test_first_result_ever(benchmark, tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "numba"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    benchmark.pedantic(
        lambda: subprocess.run([sys.executable, "-c", FIRST_RESULT], check=True, env=environment), rounds=1
    )
