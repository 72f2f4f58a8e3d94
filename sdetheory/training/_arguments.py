"""What :func:`sgd` checks before it starts, and what of it a checkpoint must agree with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from .._kernels import descent as kernels
from ..errors import IncompatibleError, InvalidInputError
from ..hyperparameters import SGDHyperparameters
from ..optimizers import Adam, RMSprop, check_optimizer
from . import _engine as _sgd_engine
from . import schedules

Array = NDArray[Any]

_KINDS = {
    "without-replacement": kernels.WITHOUT_REPLACEMENT,
    "with-replacement": kernels.WITH_REPLACEMENT,
    "poisson": kernels.POISSON,
}
_STEPS = {
    ("sgd", "steps"): kernels.HEAVY_BALL,
    ("nesterov", "steps"): kernels.NESTEROV,
    ("sgd", "gradients"): kernels.HEAVY_BALL_OF_GRADIENTS,
    ("nesterov", "gradients"): kernels.NESTEROV_OF_GRADIENTS,
}


def check_model(model: Any, hp: Any) -> None:
    """Refuse what cannot be trained, and hyperparameters that are not those of one run on it."""
    missing = [name for name in ("train_size", "dimension", "minibatch_gradient") if not hasattr(model, name)]
    if missing:
        raise InvalidInputError(
            f"model must have {', '.join(missing)}; {type(model).__name__} has not. "
            "Take one of sdetheory.models, or FunctionModel for functions of your own."
        )
    if model.dimension < 1:
        raise InvalidInputError("model must have at least one weight; got dimension 0. Give it inputs X with columns.")
    if not isinstance(hp, SGDHyperparameters) or any(
        np.ndim(getattr(hp, name)) for name in ("learning_rate", "train_size", "batch_size", "momentum", "dampening")
    ):
        raise InvalidInputError("hp must be SGDHyperparameters of numbers, not arrays; make one run for each setting")
    if hp.train_size != model.train_size:
        raise IncompatibleError(
            f"hp.train_size must be the model's number of examples, {model.train_size}; got {hp.train_size}"
        )


def starts(w0: ArrayLike, dimension: int, n_runs: int | None, compiled: bool) -> Array:
    """Return the weights to start from, a row for each run."""
    dtype = np.float32 if getattr(w0, "dtype", None) == np.float32 and not compiled else np.float64
    points = np.ascontiguousarray(_validate.vectors("w0", w0, dimension).astype(dtype))
    if n_runs is not None:
        n_runs = _validate.integer("n_runs", n_runs, at_least=1, at_most=2**32)
    if points.ndim == 1:
        return np.repeat(points[None], n_runs or 1, axis=0)
    if points.ndim == 2 and len(points) and n_runs in (None, len(points)):
        return points
    raise InvalidInputError(
        f"w0 must have shape ({dimension},), or ({n_runs or 'n_runs'}, {dimension}) with one row a run; "
        f"got shape {points.shape}"
    )


def problem(
    model: Any,
    hp: SGDHyperparameters,
    n_steps: int,
    optimizer: Any,
    reshuffle: bool,
    learning_rates: Any,
    batch_sizes: Any,
    average_from: int | None,
    seed: np.random.SeedSequence,
    momentum_of: str = "steps",
    temperature: float = 0.0,
) -> _sgd_engine.Problem:
    """Return what the steps are made of."""
    # A rate of zero is a step of a warm-up that only fills the velocity.
    rates = _schedule("learning_rates", learning_rates, hp.learning_rate, n_steps, at_least=0.0)
    sizes = _schedule("batch_sizes", batch_sizes, hp.batch_size, n_steps, at_least=1.0, at_most=float(hp.train_size))
    sizes = _validate.integers("batch_sizes", sizes)
    kind = _KINDS[hp.sampling]
    if reshuffle:
        if kind != kernels.WITHOUT_REPLACEMENT:
            raise IncompatibleError('reshuffle draws without replacement; give hp sampling="without-replacement"')
        if len(np.unique(sizes)) > 1:
            raise IncompatibleError("reshuffle needs one batch size, so that epochs have equal lengths; got a schedule")
        kind = kernels.RESHUFFLING
    constants = [hp.momentum, 1 - hp.dampening, 0.0, 0.0, 0.0]
    momentum_of = _validate.choice("momentum_of", momentum_of, ("steps", "gradients"))
    if isinstance(optimizer, (Adam, RMSprop)):
        check_optimizer(optimizer)
        if momentum_of != "steps":
            raise IncompatibleError(f'{type(optimizer).__name__} has averages of its own; give momentum_of="steps"')
        if hp.momentum or hp.dampening:
            raise IncompatibleError(f"{type(optimizer).__name__} has averages of its own; give hp no momentum")
        if isinstance(optimizer, Adam):
            constants = [optimizer.beta1, 1.0, optimizer.beta2, optimizer.floor, 1.0]
        else:
            constants = [0.0, 1.0, optimizer.beta, optimizer.floor, 0.0]
        step = kernels.ADAPTIVE
    else:
        name = _validate.choice("optimizer", optimizer, ("sgd", "nesterov"))
        step = _STEPS[name, momentum_of]
        if step == kernels.NESTEROV_OF_GRADIENTS and hp.dampening:
            raise IncompatibleError(
                f"Nesterov's momentum of gradients has no dampening, as in PyTorch; got dampening={hp.dampening:g}. "
                'Use dampening=0, or momentum_of="steps".'
            )
    temperature = _validate.real("temperature", temperature, at_least=0.0)
    if temperature and step != kernels.HEAVY_BALL:
        called = repr(optimizer) + ("" if momentum_of == "steps" else f" with momentum_of={momentum_of!r}")
        raise IncompatibleError(
            'temperature goes with optimizer="sgd" and momentum_of="steps", whose stationary law is known; got '
            f"{called}"
        )
    if average_from is not None:
        average_from = _validate.integer("average_from", average_from, at_least=0, at_most=max(0, n_steps - 1))
    return _sgd_engine.Problem(
        model=model,
        kind=kind,
        sizes=sizes,
        rates=rates,
        # Momentum adds up 1/(1 − m) of these: over a step's time h = κ/(1 − m) the weights get the variance 2Th.
        kicks=np.sqrt(2 * temperature * (1 - hp.momentum) * (1 - hp.dampening) * rates / hp.train_size),
        optimizer=step,
        constants=np.array(constants),
        average_from=n_steps if average_from is None else average_from,
        key=seed.generate_state(2, np.uint32).astype(np.uint64),
    )


def _schedule(name: str, schedule: Any, constant: float, n_steps: int, **bounds: float) -> NDArray[np.float64]:
    if schedule is None:
        return np.full(n_steps, float(constant))
    values: Any = schedule
    if isinstance(schedule, schedules.Schedule):
        made = schedules.rates if name == "learning_rates" else schedules.sizes
        values = made(schedule, constant, np.arange(n_steps) / max(1, n_steps))
    elif callable(schedule):
        values = [_validate.called(name, schedule, step) for step in range(n_steps)]
    return _validate.reals(name, values, shape=(n_steps,), **bounds)


def measures(metrics: Mapping[str, Callable[[Array], float]] | None) -> dict[str, Callable[[Array], float]]:
    """Return the metrics as a dict of functions."""
    found = {} if metrics is None else _validate.mapping("metrics", metrics, "functions")
    for name, measure in found.items():
        if not callable(measure):
            raise InvalidInputError(f"metrics must map names to functions; {name!r} is a {type(measure).__name__}")
    return found


def saved_steps(n_steps: int, save_every: int | None) -> NDArray[np.int64]:
    """Return after which steps weights are saved; none without `save_every`."""
    if save_every is None:
        return np.zeros(0, np.int64)
    every = _validate.integer("save_every", save_every, at_least=1)
    if n_steps % every:
        raise InvalidInputError(f"save_every must divide n_steps; got {every} and {n_steps}")
    return np.arange(0, n_steps + 1, every)
