"""What tests of several simulators share."""

import pytest

from sdetheory._kernels.block import BlockFunction


@pytest.fixture
def idle(monkeypatch):
    """Neither a kernel nor a compiler may run."""

    def forbidden(*_, **__):
        raise AssertionError("work before the check")

    monkeypatch.setattr("sdetheory._kernels.drivers.ensemble.advance", forbidden)
    monkeypatch.setattr("sdetheory.simulators._ensemble.advance_and_record", forbidden)
    monkeypatch.setattr(BlockFunction, "compiled", property(forbidden))
