"""Results as arrays whose axes have names, and their values places along them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _validate
from ..errors import InvalidInputError
from ..evidence import EvidenceCurve
from ..results import Estimate
from ..simulators import FirstPassage, ResidenceTimes, Run, StationarySample
from ..studies import ConvergenceStudy
from ..studies._study_file import versions
from ..theory import SGDMoments
from ..training import SGDRun, SVAGRun
from . import _extras

_AXES: dict[type, Mapping[str, tuple[str, ...]]] = {
    Run: {"final": ("path", "component"), "times": ("time",), "paths": ("time", "path", "component")},
    SVAGRun: {"final": ("run", "component"), "times": ("time",), "paths": ("time", "run", "component")},
    SGDRun: {
        "final": ("run", "component"), "average": ("run", "component"), "mean": ("component",),
        "covariance": ("component", "component_2"), "steps": ("step",), "saved_steps": ("saved_step",),
        "paths": ("saved_step", "run", "component"), "diverged_at": ("run",), "metrics": ("step", "run"),
    },
    StationarySample: {
        "mean": ("component",), "covariance": ("component", "component_2"), "autocorrelation_time": ("component",),
        "effective_sample_size": ("component",), "r_hat": ("component",),
    },
    FirstPassage: {"times": ("path",)},
    ResidenceTimes: {
        "mean_times": ("core",), "rates": ("core", "core_2"), "occupancy": ("core",), "moves": ("core", "core_2"),
    },
    EvidenceCurve: {"prior_precision": ("prior_precision",)}
    | dict.fromkeys(
        ("log_evidence_ratio", "train_loss", "test_loss", "train_accuracy", "test_accuracy", "occam"),
        ("split", "prior_precision"),
    ),
    ConvergenceStudy: dict.fromkeys(("dts", "strong_error", "weak_error"), ("dt",)),
    SGDMoments: {"steps": ("step",), "mean": ("step", "component"), "covariance": ("step", "component", "component_2")},
}  # fmt: skip
"""Names of axes, by the fields of a result; all other axes are called after their field."""

_PLACES = {
    "times": "time",
    "steps": "step",
    "saved_steps": "saved_step",
    "dts": "dt",
    "prior_precision": "prior_precision",
}
"""Fields that say where the entries of an axis stand, rather than being a quantity."""


class Quantity(NamedTuple):
    """An array with a name for each of its axes."""

    axes: tuple[str, ...]
    values: NDArray[Any]


class Labelled(NamedTuple):
    """The quantities of a result, the places along its axes, and what it says in single words and numbers."""

    quantities: dict[str, Quantity]
    places: dict[str, NDArray[Any]]
    words: dict[str, Any]


def labelled(result: Any) -> Labelled:
    """Return what a result holds in numbers, with names."""
    if isinstance(result, Estimate):
        return Labelled(dict(_of_estimate("estimate", result, {})), {}, {"n_eff": result.n_eff})
    if not dataclasses.is_dataclass(result) or isinstance(result, type) or not _ours(result):
        raise InvalidInputError(
            f"result must be an Estimate or what a function of this package returned, such as a run; got "
            f"{_validate.shown(result)}"
        )
    axes = _AXES.get(type(result), {})
    found = Labelled({}, {}, {"result": type(result).__name__})
    for field in dataclasses.fields(result):
        if not field.name.startswith("_") and field.name != "replay":
            _take(found, field.name, getattr(result, field.name), axes)
    if not found.quantities and not found.places:
        raise InvalidInputError(f"result holds no arrays or estimates to convert; got {_validate.shown(result)}")
    return found


def _ours(result: Any) -> bool:
    return type(result).__module__.partition(".")[0] == __name__.partition(".")[0]


def _take(found: Labelled, name: str, value: Any, axes: Mapping[str, tuple[str, ...]]) -> None:
    base = name.partition(".")[0]
    if isinstance(value, Estimate):
        found.quantities.update(_of_estimate(name, value, axes))
    elif isinstance(value, np.ndarray) and base in axes and axes[base] == (_PLACES.get(base),):
        found.places[axes[base][0]] = value
    elif isinstance(value, np.ndarray) and value.dtype.kind in "biufcU":
        found.quantities[name] = Quantity(_names(name, value, axes), value)
    elif isinstance(value, np.ndarray) and value.dtype.names is not None:
        for column in value.dtype.names:
            _take(found, f"{name}.{column}", np.asarray(value[column]), {f"{name}.{column}": (name,)})
    elif isinstance(value, tuple) and any(isinstance(item, np.ndarray) for item in value):
        for i, item in enumerate(value):
            _take(found, f"{name}.{i}", item, axes)
    elif isinstance(value, dict):
        for key, item in value.items():
            _take(found, f"{name}.{key}", item, axes)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type) and _ours(value):
        for field in dataclasses.fields(value):
            if not field.name.startswith("_"):
                _take(found, f"{name}.{field.name}", getattr(value, field.name), axes)
    elif isinstance(value, (bool, int, float, str)):
        found.words[name] = value


def _of_estimate(name: str, estimate: Estimate, axes: Mapping[str, tuple[str, ...]]) -> dict[str, Quantity]:
    value, stderr = np.asarray(estimate.value), np.asarray(estimate.stderr)
    names = _names(name, value, axes)
    return {name: Quantity(names, value), f"{name}_stderr": Quantity(names, stderr)}


def _names(name: str, values: NDArray[Any], axes: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    known = axes.get(name, axes.get(name.partition(".")[0], ()))
    return known if len(known) == values.ndim else tuple(f"{name}_{i}" for i in range(values.ndim))


def to_xarray(result: Any) -> Any:
    """Return a result as an xarray.Dataset, whose axes have names.

    Parameters
    ----------
    result : object
        An :class:`sdetheory.Estimate`, or a result that holds arrays or estimates: a run, a sample, a study.

    Returns
    -------
    xarray.Dataset
        A variable for each array; for an estimate two, ``name`` and ``name_stderr``. Axes are called path, run, time,
        step, component and so on where the package knows them, else after their variable; saved times, steps and the
        like are coordinates. Numbers, words and versions are attributes.

    Raises
    ------
    InvalidInputError
        `result` is none of this package, or holds no arrays.
    ImportError
        xarray is not installed.

    Examples
    --------
    >>> import sdetheory as st
    >>> moments = st.Estimate(value=[1.0, 2.0], stderr=[0.1, 0.2], n_eff=50)
    >>> st.exchange.to_xarray(moments)["estimate_stderr"].values.tolist()       # doctest: +SKIP
    [0.1, 0.2]
    """
    found = labelled(result)
    xarray = _extras.needed("xarray", "xarray", "to_xarray")
    attributes = found.words | {"versions": json.dumps(versions())}
    return xarray.Dataset(
        {name: (quantity.axes, quantity.values) for name, quantity in found.quantities.items()},
        coords=found.places,
        # netCDF knows no truth values.
        attrs={key: int(value) if isinstance(value, bool) else value for key, value in attributes.items()},
    )
