"""The bar that shows how far a run is: a widget in a notebook that has them, else text, and no word about which."""

from __future__ import annotations

import warnings

from tqdm import TqdmWarning

with warnings.catch_warnings():
    # Without ipywidgets, tqdm says at its import in a notebook that text will have to do.
    warnings.simplefilter("ignore", TqdmWarning)
    from tqdm.auto import tqdm

__all__ = ["tqdm"]
