"""The checks report as claims, by the plugin of the package."""

import os
from collections.abc import Iterable

if "PYTEST_XDIST_WORKER" in os.environ:
    # Each core has its own checks: threads of BLAS and OpenMP that wait for work, going round and round, would take
    # time from others'. Said before NumPy and Numba are imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from sdetheory.claims import Paper

from .registry import PAPERS

pytest_plugins = ["sdetheory.claims.plugin"]


def pytest_claims() -> Iterable[Paper]:
    """Return all papers."""
    return PAPERS.values()
