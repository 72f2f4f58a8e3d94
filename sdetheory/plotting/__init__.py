"""Figures of what was measured, with the theory beside it, and the colours that all figures have."""

from .bayes import plot_evidence as plot_evidence
from .bayes import plot_prediction as plot_prediction
from .descent import plot_batch_size_scaling as plot_batch_size_scaling
from .descent import plot_batch_sizes as plot_batch_sizes
from .descent import plot_comparison as plot_comparison
from .palette import COST_MAP as COST_MAP
from .palette import DENSITY_MAP as DENSITY_MAP
from .palette import GUIDE as GUIDE
from .palette import PARTS as PARTS
from .palette import SAMPLE as SAMPLE
from .palette import THEORY as THEORY
from .palette import shades as shades
from .paths import plot_landscape as plot_landscape
from .paths import plot_paths as plot_paths
from .paths import plot_phase_portrait as plot_phase_portrait
from .samples import plot_convergence as plot_convergence
from .samples import plot_first_passage as plot_first_passage
from .samples import plot_histogram as plot_histogram
from .samples import plot_law_comparison as plot_law_comparison

__all__ = [
    "COST_MAP",
    "DENSITY_MAP",
    "GUIDE",
    "PARTS",
    "SAMPLE",
    "THEORY",
    "plot_batch_size_scaling",
    "plot_batch_sizes",
    "plot_comparison",
    "plot_convergence",
    "plot_evidence",
    "plot_first_passage",
    "plot_histogram",
    "plot_landscape",
    "plot_law_comparison",
    "plot_paths",
    "plot_phase_portrait",
    "plot_prediction",
    "shades",
]

# help() prints headings in overstruck letters, which no search finds: the names stand here in plain ones.
__doc__ = f"{__doc__}\nPublic names: {', '.join(__all__)}.\n"
