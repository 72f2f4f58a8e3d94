"""Paths of the equation of SGD on a model: an ensemble whose step is one randomly weighted gradient."""

from __future__ import annotations

import hashlib
import pickle
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate
from .._kernels import adaptive, noise, records, weighted
from .._kernels.block import compiled_source
from .._kernels.signatures import ADAPTIVE, FIELD, NOISE, WEIGHTED, compiled
from ..engine.fork import check_threads
from ..engine.run import PARTS, Cost
from ..equations.adaptive import AdaptiveEquation
from ..equations.sde import check_methods
from ..equations.sgd_equation import SGDEquation, check_consistency
from ..errors import IncompatibleError, InvalidInputError
from ..models._formula import likelihood_of
from ._ensemble import Ensemble, blocks, starting_points
from ._slopes import derivatives_source
from .schemes import INCREMENTS, SCHEMES, Scheme

_WORK = 2**27
"""Multiplications between two looks at the progress bar and the keyboard: a tenth of a second."""
_FIRST = 2**19
"""Multiplications before the first look."""


@dataclass(kw_only=True)
class WeightedPlan:
    """The equation and its normals, in the place of the Plan of schemes that call a drift and a diffusion."""

    sde: SGDEquation
    scheme: Scheme
    increments: str = "gaussian"
    fields: tuple[None, ...] = (None,) * 3

    @cached_property
    def functions(self) -> tuple[Any, ...]:
        """The generators of normals for blocks and for a single path, as machine code."""
        return compiled(NOISE, noise.gaussian), compiled(NOISE, noise.gaussian_of_one)

    @cached_property
    def form(self) -> tuple[Any, ...] | None:
        """The examples with machine code for the derivatives, and their transposed inputs; None of other models."""
        model, likelihood = self.sde.model, likelihood_of(self.sde.model)
        if likelihood is None or likelihood.outputs != 1:
            return None
        derivatives = compiled_source(FIELD, derivatives_source(likelihood, self.sde.order))
        examples = records.Examples(model.X, model.y.astype(np.float64), derivatives, model.prior_precision)
        return examples, np.ascontiguousarray(model.X.T)

    @cached_property
    def step(self) -> str:
        """What tells this equation from others: a digest of the model."""
        try:
            data = pickle.dumps(self.sde.model)
        except Exception as error:
            raise InvalidInputError(f"the model cannot be told from others in a checkpoint: {error}") from error
        return hashlib.sha256(data).hexdigest()

    @property
    def parameters(self) -> NDArray[np.float64]:
        """What the equation is made of besides the model."""
        return np.array(self.sde.numbers)

    @property
    def matrix(self) -> NDArray[np.float64]:
        """No constant noise."""
        return np.zeros((0, 0))

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key not in ("functions", "form")}


class WeightedEnsemble(Ensemble):
    """The state of n_paths copies of the equation of SGD on a model."""

    @classmethod
    def prepare(
        cls,
        sde: Any,
        x0: ArrayLike,
        *,
        dt: float,
        n_paths: int | None,
        rng: Any,
        method: str,
        increments: str,
        start: float = 0.0,
        refine: int = 1,
    ) -> WeightedEnsemble:
        """Check the arguments, and lay out the state."""
        check_threads()
        _validate.choice("method", method, SCHEMES)
        _validate.choice("increments", increments, INCREMENTS)
        if (method, increments, refine) != ("euler-maruyama", "gaussian", 1):
            raise IncompatibleError(
                f"the equation of SGD on a model is advanced by euler-maruyama with gaussian increments of its own; "
                f"got {method} with {increments} increments" + ("" if refine == 1 else " and a shared Brownian path")
            )
        dt = _validate.real("dt", dt, above=0.0)
        start = _validate.real("start", start)
        points = starting_points(x0, sde.dimension, n_paths)
        cls._check(sde, points, start, dt)
        plan = WeightedPlan(sde=sde, scheme=SCHEMES[method])
        # Few paths: loops over examples instead of lanes are as fast, and each path is work for another thread.
        lanes = 1 if len(points) < 16 else (16 if len(points) < 64 else 32)
        return cls(
            state=blocks(points, lanes), n_paths=len(points), dt=dt, start=start,
            plan=plan,  # pyright: ignore[reportArgumentType]
            seed=_validate.seed_sequence(rng),
        )  # fmt: skip

    @staticmethod
    def _check(sde: Any, points: NDArray[np.float64], start: float, dt: float) -> None:
        """Refuse an equation whose methods paths would not follow, or steps that are too long for it."""
        check_methods(sde, SGDEquation, ("drift", "diffusion", "step_gradient"))
        check_consistency(sde.model, points[0], sde.order, whole=not sde.n_examples)
        likelihood = likelihood_of(sde.model)
        if likelihood is not None and likelihood.quadratic:
            steepest = np.linalg.norm(sde.model.X, 2) ** 2 + sde.model.prior_precision
            rate = steepest * (1 + sde.half_step * steepest)
            if dt * rate >= 2:
                raise InvalidInputError(
                    f"dt must be below 2/k = {2 / rate:.4g}, k = {rate:.4g} being the largest rate of the linear "
                    f"drift; got {dt:g}, with which every path diverges"
                )

    def check_fields(self) -> NDArray[np.float64]:
        """Return where the paths start; refuse an equation that is not finite there."""
        points = self.positions()
        probe = replace(self, state=self.state.copy())
        probe.advance(1)
        bad = np.flatnonzero(~np.isfinite(probe.positions()).all(axis=1))
        if len(bad):
            raise InvalidInputError(
                f"the gradients must be finite where the paths start; they are not at {points[bad[0]]}, where path "
                f"{bad[0]} starts. Move x0, or mend the model."
            )
        return points

    @property
    def threads(self) -> int:
        """On how many threads steps can be made; a model's own functions know that themselves."""
        return PARTS

    @property
    def cost(self) -> Cost:
        """Work in multiplications."""
        return Cost(2 * max(self.plan.sde.n_noises, self._examples) * self.state.size, _FIRST, _WORK)

    @property
    def _examples(self) -> int:
        """How many examples a gradient sums, as far as the model says."""
        return getattr(self.plan.sde.model, "train_size", 1)

    def advance(self, n_steps: int, frames: NDArray[np.float64] | None = None) -> None:
        """Make n_steps steps; or for each of frames (n_frames, n_paths, p), which takes the positions after them."""
        n_frames = 1 if frames is None else len(frames)
        if frames is None:
            frames = np.empty((0, *self.state.shape[:2]))
        normals = self.plan.functions[self.state.shape[2] == 1]
        key = self.seed.generate_state(2, np.uint32).astype(np.uint64)
        sde = self.plan.sde
        amplitude = np.sqrt(self.dt * sde.noise_scale / max(1, sde.n_examples - 1))
        heat = np.sqrt(2 * sde.temperature * self.dt)
        first = -(-sde.n_examples // 4) * 4
        rows = first + (-(-sde.dimension // 4) * 4 if sde.n_noises > sde.n_examples else 0)
        if self.plan.form is not None:
            weighting = records.Weighting(amplitude, int(sde.centered), heat, sde.half_step)
            numbers = records.Numbers(normals, rows, rows, 1, 1, self.first_path, key)
            self._compiled(weighting, numbers, n_frames, n_steps, frames)
            self.step += n_frames * n_steps
            return
        z, words = np.empty((rows, self.state.shape[2])), np.empty((2, max(rows // 4, 32)), np.uint64)
        begun = self.step
        for step in range(begun, begun + n_frames * n_steps):
            before = self.state.copy()
            for block, path in enumerate(range(self.first_path, self.first_path + self.n_paths, self.state.shape[2])):
                weighted.normals(z, words, normals, step * rows, path, key)
                normal = z[: sde.n_examples]
                normal = normal - normal.mean(axis=0) if sde.centered and sde.n_examples else normal
                weights = np.ascontiguousarray((amplitude * normal - self.dt).T)
                thermal = heat * z[first : first + sde.dimension].T if heat else None
                self._step(self.state[block], weights, thermal, first=step == 0)
                if self.interrupted:
                    # Gradients in Python may take seconds for a step of all paths; a step is made whole or not at all.
                    self.state = before
                    return
            self.step += 1
            if len(frames) and (self.step - begun) % n_steps == 0:
                frames[(self.step - begun) // n_steps - 1] = self.positions()

    def _compiled(self, weighting: Any, numbers: Any, n_frames: int, every: int, frames: Any) -> None:
        """Make the steps of frames by a kernel."""
        clock = records.Clock(self.dt, self.start, self.step)
        kernel = weighted.advance if len(self.state) > 1 else weighted.advance_one
        block = compiled(WEIGHTED, weighted.advance_block)
        kernel(block, self.state, *self.plan.form, weighting, numbers, clock, n_frames, every, frames)  # pyright: ignore[reportOptionalIterable]

    def _step(
        self, block: NDArray[np.float64], weights: NDArray[np.float64], thermal: NDArray[np.float64] | None, first: bool
    ) -> None:
        """Move the paths of a block (p, L) by their weighted gradients; what overflowed stays as it is."""
        for lane, w in enumerate(np.ascontiguousarray(block.T)):
            if np.isfinite(w).all() and not self.interrupted:
                try:
                    with np.errstate(over="ignore", invalid="ignore"):
                        moved = w + self._move(w, weights[lane])
                        block[:, lane] = moved if thermal is None else moved + thermal[lane]
                except InvalidInputError:
                    # A model that works in the first step and then refuses its own gradients: they overflowed.
                    if first:
                        raise
                    block[:, lane] = np.nan

    def _move(self, x: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how far a path at x goes in one step, for the weights of the examples."""
        return self.plan.sde.step_gradient(x, weights, self.dt)


class AdaptiveEnsemble(WeightedEnsemble):
    """The state of n_paths copies of the equation of Adam or RMSprop on a model."""

    @staticmethod
    def _check(sde: Any, points: NDArray[np.float64], start: float, dt: float) -> None:
        check_methods(sde, AdaptiveEquation, ("drift", "diffusion", "_scale", "_move", "_expected"))
        check_consistency(sde.model, points[0, : sde.n_weights], 1)
        sde._check_start(points, start, dt)

    def _compiled(self, weighting: Any, numbers: Any, n_frames: int, every: int, frames: Any) -> None:
        block, lengths = compiled(ADAPTIVE, adaptive.advance_block), (n_frames, every)
        sde, clock = self.plan.sde, records.Clock(self.dt, self.start, self.step)
        examples, transposed = self.plan.form  # pyright: ignore[reportGeneralTypeIssues]
        rule = np.array([sde.share, *sde.forgets, sde.optimizer.floor])
        designs = (transposed, examples.inputs**2)
        adaptive.advance(block, self.state, examples, designs, weighting, rule, numbers, clock, lengths, frames)  # pyright: ignore[reportCallIssue]

    def _move(self, x: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.plan.sde._move(x, weights, self.dt, self.start + self.step * self.dt)
