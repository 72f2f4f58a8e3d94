"""Claims of a paper as tests: what a paper states, what became of it, and the report that says so.

A claim is an entry of a registry and a test with its marker. The pytest plugin ``sdetheory.claims.plugin`` gives the
test the fixture ``record``, which compares a measurement with the prediction, and turns red unless the comparison bears
out the verdict and rejects what is wrong.
"""

from .. import _display
from .broken import Break as Break
from .claim import Claim as Claim
from .claim import Detail as Detail
from .claim import Figure as Figure
from .claim import Paper as Paper
from .comparison import Above as Above
from .comparison import Below as Below
from .comparison import Tolerance as Tolerance
from .registry import Registry as Registry
from .root_seed import ROOT_SEED as ROOT_SEED

__all__ = [
    "ROOT_SEED",
    "Above",
    "Below",
    "Break",
    "Claim",
    "Detail",
    "Figure",
    "Paper",
    "Registry",
    "Tolerance",
]

# help() prints headings in overstruck letters, which no search finds: the names stand here in plain ones.
__doc__ = f"{__doc__}\nPublic names: {', '.join(__all__)}.\n"
_display.equip(vars())
