"""Studies made of many runs: the best batch size, orders of convergence, SGD beside its equation."""

from .. import _display
from ._comparison import LinearScaling as LinearScaling
from ._comparison import Moments as Moments
from ._comparison import WeakOrder as WeakOrder
from .batch_size_fit import BatchSizeCurve as BatchSizeCurve
from .batch_size_fit import Interval as Interval
from .batch_size_fit import OptimumBatchSize as OptimumBatchSize
from .batch_size_result import BatchSizeStudy as BatchSizeStudy
from .batch_size_study import batch_size_study as batch_size_study
from .compare import Comparison as Comparison
from .compare import compare as compare
from .convergence import ConvergenceStudy as ConvergenceStudy
from .convergence import convergence_study as convergence_study

__all__ = [
    "BatchSizeCurve",
    "BatchSizeStudy",
    "Comparison",
    "ConvergenceStudy",
    "Interval",
    "LinearScaling",
    "Moments",
    "OptimumBatchSize",
    "WeakOrder",
    "batch_size_study",
    "compare",
    "convergence_study",
]

# help() prints headings in overstruck letters, which no search finds: the names stand here in plain ones.
__doc__ = f"{__doc__}\nPublic names: {', '.join(__all__)}.\n"
_display.equip(vars())
