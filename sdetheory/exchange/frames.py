"""Results as tables with a row for each entry."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _validate
from ..errors import InvalidInputError
from ..results import Estimate
from ..studies import BatchSizeStudy
from . import _extras
from .labelled import labelled


def to_dataframe(result: Any, quantity: str | None = None, *, level: float = 0.95) -> Any:
    """Return a quantity of a result as a pandas.DataFrame, a row for each entry.

    Parameters
    ----------
    result : object
        An :class:`sdetheory.Estimate`, or a result that holds arrays or estimates; of a
        :class:`sdetheory.BatchSizeStudy` the table of its runs.
    quantity : str, optional
        Which field, such as "paths" of a run; needed where there are several of different shapes.
    level : float, optional
        Of the confidence intervals of estimates.

    Returns
    -------
    pandas.DataFrame
        A column for each axis (its places, such as times, where they are known, else numbers from 0), then the value;
        for an estimate also stderr and the ends ``low`` and ``high`` of its interval.

    Raises
    ------
    InvalidInputError
        `result` is none of this package, or `quantity` none of its own.
    ImportError
        pandas is not installed.

    Examples
    --------
    >>> import sdetheory as st
    >>> estimates = st.Estimate(value=[1.0, 2.0], stderr=[0.1, 0.2], n_eff=50)
    >>> table = st.exchange.to_dataframe(estimates)
    >>> table.columns.tolist(), len(table)
    (['estimate_0', 'value', 'stderr', 'low', 'high'], 2)
    """
    level = _validate.real("level", level, above=0.0, below=1.0)
    if isinstance(result, BatchSizeStudy):
        pandas = _extras.needed("pandas", "pandas", "to_dataframe")
        table = result.table
        return pandas.DataFrame({name: np.asarray(table[name]) for name in table.dtype.names or ()})
    found = labelled(result)
    names = [name for name in found.quantities if f"{name.removesuffix('_stderr')}_stderr" != name]
    if quantity is None and len(names) != 1:
        raise InvalidInputError(f"quantity must say which of {', '.join(names)} the table is to hold")
    chosen = names[0] if quantity is None else _validate.choice("quantity", quantity, names)
    pandas = _extras.needed("pandas", "pandas", "to_dataframe")
    axes, values = found.quantities[chosen]
    places = [found.places.get(axis, np.arange(size)) for axis, size in zip(axes, values.shape, strict=True)]
    grid = np.meshgrid(*places, indexing="ij") if places else []
    columns = {axis: each.ravel() for axis, each in zip(axes, grid, strict=True)} | {"value": values.ravel()}
    estimate = _at(result, chosen)
    if isinstance(estimate, Estimate):
        columns["stderr"] = np.ravel(estimate.stderr)
        if estimate.n_eff > 1:
            low, high = estimate.interval(level)
            columns |= {"low": np.ravel(low), "high": np.ravel(high)}
    return pandas.DataFrame(columns)


def _at(result: Any, name: str) -> Any:
    """Return what stands under a name with points in it."""
    if isinstance(result, Estimate):
        return result
    for part in name.split("."):
        result = result[part] if isinstance(result, dict) else getattr(result, part)
    return result
