"""Seeds of the tests: one per test, from one root that SDETHEORY_SEED replaces."""

import os
import signal
import zlib

import numpy as np
import pytest

ROOT_SEED = int(os.environ.get("SDETHEORY_SEED", "1710"))


def pytest_configure() -> None:
    """Let Ctrl-C be heard where it is ignored, as in a shell's background: tests press it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> str:
    return f"root seed: {ROOT_SEED} (SDETHEORY_SEED)"


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """Return a generator of its own for each test."""
    return np.random.default_rng([ROOT_SEED, zlib.crc32(request.node.nodeid.encode())])
