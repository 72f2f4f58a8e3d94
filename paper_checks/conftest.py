"""The checks report as claims, by the plugin of the package."""

from collections.abc import Iterable

from sdetheory.claims import Paper

from .registry import PAPERS

pytest_plugins = ["sdetheory.claims.plugin"]


def pytest_claims() -> Iterable[Paper]:
    """Return all papers."""
    return PAPERS.values()
