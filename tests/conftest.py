"""Seeds of the tests: one per test, from one root that SDETHEORY_SEED replaces."""

import os
import zlib

import numpy as np
import pytest

ROOT_SEED = int(os.environ.get("SDETHEORY_SEED", "1710"))


def pytest_report_header() -> str:
    return f"root seed: {ROOT_SEED} (SDETHEORY_SEED)"


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """Return a generator of its own for each test."""
    return np.random.default_rng([ROOT_SEED, zlib.crc32(request.node.nodeid.encode())])
