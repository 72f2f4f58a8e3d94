"""Processes that train networks for the checks of the optimum batch size."""

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor

import pytest


@pytest.fixture(scope="session")
def workers() -> Iterator[Executor]:
    """Give processes with one thread each: products of matrices this small lose time to more."""
    spawn = multiprocessing.get_context("spawn")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENBLAS_NUM_THREADS", "1")
        with ProcessPoolExecutor(os.cpu_count(), mp_context=spawn) as pool:
            yield pool
