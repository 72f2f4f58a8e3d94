"""Runs as chains, for the diagnostics and plots of ArviZ."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .. import _validate
from ..errors import InvalidInputError
from ..simulators import Run
from ..training import SGDRun, SVAGRun
from . import _extras

_FEWEST = 4
"""Draws of a chain, fewer of which ArviZ has no diagnostics for."""


def to_inference_data(run: Any, *, burn_in: int = 0, name: str = "w") -> Any:
    """Return the saved positions of a run as the posterior of an InferenceData of ArviZ, a chain for each path.

    Parameters
    ----------
    run : Run, SVAGRun or SGDRun
        Made with ``save_every``, so that there are draws.
    burn_in : int, optional
        How many of the saved positions to leave out at the start: what ArviZ gets, it takes for stationary.
    name : str, optional
        What to call the variable.

    Returns
    -------
    xarray.DataTree
        As ArviZ 1 calls its InferenceData; the group ``posterior`` holds the variable with the axes chain, draw and
        component.

    Raises
    ------
    InvalidInputError
        `run` is no run, fewer than 4 positions are left, or a path diverged: its chain has no law.
    ImportError
        arviz-base is not installed.

    Notes
    -----
    These draws are correlated; ArviZ finds by how much. The mean and its error that :func:`sdetheory.sample_stationary`
    gives use every step and are the better numbers; this is for the pictures and the second opinion.
    """
    _validate.instance("run", run, (Run, SVAGRun, SGDRun), hint="simulate, svag and sgd return one.")
    burn_in = _validate.integer("burn_in", burn_in, at_least=0)
    name = _validate.text("name", name)
    draws = np.moveaxis(run.paths[burn_in:], 0, 1)
    if draws.shape[1] < _FEWEST:
        raise InvalidInputError(
            f"run must have {_FEWEST} saved positions or more after burn_in; got {draws.shape[1]}. Run with save_every="
        )
    lost = ~np.isfinite(draws).all(axis=(1, 2))
    if lost.any():
        raise InvalidInputError(
            f"run must have no path that diverged; {lost.sum()} of {len(lost)} did. Take a smaller dt."
        )
    arviz = _extras.needed("arviz_base", "arviz-base", "to_inference_data")
    with warnings.catch_warnings():
        # More paths than saved positions are no mistake here, as they are for chains of a sampler.
        warnings.filterwarnings("ignore", "Found chain dimension to be longer", UserWarning)
        return arviz.from_dict({"posterior": {name: draws}}, dims={name: ["component"]})
