"""Seeds of the tests, one per test, from a root that SDETHEORY_SEED replaces; and their order, from SDETHEORY_ORDER."""

import importlib.util
import os
import random
import signal
import sys
import zlib

if "PYTEST_XDIST_WORKER" in os.environ:
    # Each core has its own tests: threads of BLAS and OpenMP that wait for work, going round and round, would take time
    # from others'. Said before NumPy and Numba are imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import pytest

ROOT_SEED = int(os.environ.get("SDETHEORY_SEED", "1710"))
EXAMPLES_OF = {"from_torch.py": "torch", "from_jax.py": "jax"}
"""Docstrings whose examples need what may not be installed."""

# Hundreds of processes are started, each of which would read and compile the package's sources again where writing
# bytecode is turned off.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def pytest_configure() -> None:
    """Let Ctrl-C be heard where it is ignored, as in a shell's background: tests press it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> str:
    order = os.environ.get("SDETHEORY_ORDER", "as written")
    return f"root seed: {ROOT_SEED} (SDETHEORY_SEED); order: {order} (SDETHEORY_ORDER)"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Shuffle files, and the tests of each, if asked to: none may lean on those before it."""
    for item in items:
        library = EXAMPLES_OF.get(item.path.name) if isinstance(item, pytest.DoctestItem) else None
        if library and importlib.util.find_spec(library) is None:
            item.add_marker(pytest.mark.skip(reason=f"{library} is not installed"))
    if order := os.environ.get("SDETHEORY_ORDER"):
        shuffle = random.Random(order)
        files = sorted({item.path for item in items})
        places = dict(zip(files, shuffle.sample(range(len(files)), len(files)), strict=True))
        shuffle.shuffle(items)
        items.sort(key=lambda item: places[item.path])


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """Return a generator of its own for each test."""
    return np.random.default_rng([ROOT_SEED, zlib.crc32(request.node.nodeid.encode())])
