"""The Fokker–Planck equation on a grid: stationary density, current, evolution and slow modes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from ... import _validate
from ...errors import IncompatibleError, InvalidInputError
from ..laws._fields import Field, Fields
from ..laws.marginal import MarginalLaw
from . import _chain
from ._adequate import STEEP, check_resolution, check_sides
from ._generator import Region, generator
from .grid import Grid
from .modes import Modes
from .refinement import GridEstimate, grid_estimate

Array = NDArray[np.float64]

_LARGE = 50_000  # cells in three dimensions, whose factors fill some GB beyond
_MOST_PRODUCTS = 5e10  # nonzero entries times products: some minutes


def fokker_planck(drift: Field, diffusion: Field | ArrayLike, grid: Grid, *, first_order: bool = False) -> FokkerPlanck:
    r"""Return the Fokker–Planck equation of an Itô equation, discretized on a grid.

    .. math::

        dx = f(x) \, dt + B(x) \, dW, \quad D = \tfrac12 B B^T: \qquad
        \partial_t p = -\nabla \cdot J, \quad J_i = f_i p - \sum_j \partial_j (D_{ij} p)

    Parameters
    ----------
    drift : callable
        f: maps points (..., d) to (..., d).
    diffusion : float, ndarray or callable
        D: a number (isotropic), d numbers (diagonal) or a (d, d) matrix, or a function that gives one of them at points
        (..., d). Langevin noise of temperature T is D = T; the noise of SGD with scale g is D = gF/2.
    grid : Grid
        The box, its cells and its sides.
    first_order : bool, optional
        Allow drift in directions without noise (position, in the equation of a particle with momentum). It is taken
        upstream, which keeps the density positive and makes an error of first order in the spacing: for a particle in a
        double well, escape times need some hundred cells per axis and extrapolation from three grids to be right to a
        few per cent, and at weak friction (γ < 0.3 or so) are not.

    Returns
    -------
    FokkerPlanck
        Everything is computed on first use.

    Raises
    ------
    InvalidInputError
        Fields of a wrong shape, a D that is not symmetric positive semidefinite, one too oblique for jumps between near
        cells, or a drift without noise.

    Notes
    -----
    The grid carries a Markov chain: D is a sum of cₖ vₖvₖᵀ with cₖ ≥ 0 and integer vectors vₖ (Selling's algorithm; the
    coordinate axes if D is diagonal), and jumps along ±vₖ have Scharfetter–Gummel weights, which for d = 1 is the
    scheme of Chang and Cooper. So probability is conserved and no density is ever negative, for any drift and any D
    that is not nearly singular in an oblique direction. The error is of second order in the spacing; of fourth order in
    the stationary density if D is constant and D⁻¹f a gradient. Chains in three dimensions of more than 50,000 cells,
    whose factors would fill the memory, are solved by iterations that start from half as many cells per axis; the
    density keeps its precision in the tails, modes take minutes. A Stratonovich equation must be given its Itô drift.
    Where B is at hand, as in an SDE object, D is ``b @ np.swapaxes(b, -1, -2) / 2``.

    References
    ----------
    J. Chang and G. Cooper (1970), A practical difference scheme for Fokker–Planck equations, J. Comput. Phys. 6, 1.
    D. Scharfetter and H. Gummel (1969), IEEE Trans. Electron Devices 16, 64.
    H. Kushner and P. Dupuis (2001), Numerical Methods for Stochastic Control Problems, chapter 5 (Markov chains).
    J. Fehrenbach and J.-M. Mirebeau (2014), Sparse non-negative stencils for anisotropic diffusion, J. Math. Imaging
    Vis. 49, 123 (Selling's algorithm).

    Examples
    --------
    >>> law = fokker_planck(lambda x: -2 * x, 0.5, Grid((-4, 4), 200))      # N(0, 1/4)
    >>> print(f"{law.expectation(lambda x: x[..., 0] ** 2):.6f} {law.spectral_gap:.2f}")
    0.250000 2.00
    """
    _validate.instance("grid", grid, Grid, hint="Grid((-1, 1), 100), say.")
    first_order = _validate.flag("first_order", first_order)
    fields = Fields(drift, diffusion, grid.dimension)
    problem = FokkerPlanck(fields, grid, tolerant=first_order)
    if np.isinf(problem.steepness).any() and not first_order:
        worst = grid.centers.reshape(-1, grid.dimension)[np.argmax(problem.steepness)]
        raise InvalidInputError(
            f"diffusion must act wherever drift does; at x = {worst.tolist()} the drift has a component without noise "
            "(infinite Péclet number). Pass first_order=True to take it upstream, with an error of first order."
        )
    return problem


class FokkerPlanck:
    """A Fokker–Planck equation on a grid; made by :func:`fokker_planck`.

    Attributes
    ----------
    grid : Grid
    generator : sparse array, shape (n, n)
        L of dp/dt = Lp; columns sum to minus the rate of absorption, entries off the diagonal are not negative.
    exits : ndarray, shape cells
        Rate of absorption from each cell.
    steepness : ndarray, shape cells
        Largest Péclet number |h f/D| of the links of each cell; infinite where drift acts without noise.
    """

    _shown = ("grid",)

    def __init__(self, fields: Fields, grid: Grid, *, tolerant: bool, coarser: bool = False) -> None:
        self.grid, self._fields, self._tolerant, self._is_coarser = grid, fields, tolerant, coarser
        chain = generator(fields, grid)
        self.generator = chain.matrix
        self.exits, self.steepness = chain.exits.reshape(grid.cells), chain.steepness.reshape(grid.cells)

    @cached_property
    def _inverse(self) -> _chain.Inverse:
        return _chain.Inverse(self.generator, self.exits.ravel(), self._scale(guess=not self.exits.any()))

    def _scale(self, *, guess: bool) -> Array | None:
        """Return a guess of the law (or ones) for a chain that is too large to factor, or nothing for others."""
        if self.grid.dimension < 3 or self.grid.size <= _LARGE:
            return None
        return self._coarser[0].pdf(self.grid.centers).ravel() if guess else np.ones(self.grid.size)

    @cached_property
    def density(self) -> Array:
        """Stationary density at the centres, shape cells; never negative, ∑ p·volume = 1.

        Raises
        ------
        IncompatibleError
            A side absorbs, so that nothing stays.
        InvalidInputError
            More than one stationary law; natural sides that hold density; a grid too coarse for the Péclet number.
        """
        if self.exits.any():
            raise IncompatibleError(
                "a stationary density needs sides that keep the probability in; got an absorbing side. "
                "Use modes(1), whose first is the law of the survivors."
            )
        # Where no cell is resolved the chain may not even be solvable.
        if not self._tolerant:
            check_resolution(self.grid, float(self.steepness.min() > STEEP))
        density = (_chain.stationary(self._inverse) / self.grid.volume).reshape(self.grid.cells)
        # A coarser grid, which smears the law, is a witness of errors only; the given one answers for the box.
        if not self._is_coarser:
            check_sides(self.grid, self._at_sides(density))
        if not self._tolerant:
            check_resolution(self.grid, float(density[self.steepness > STEEP].sum() * self.grid.volume))
        return density

    @cached_property
    def boundary_density(self) -> Array:
        """Largest stationary density in the cells at each side, relative to the largest of all; shape (d, 2)."""
        return self._at_sides(self.density)

    @cached_property
    def current(self) -> Array:
        """Stationary probability current J at the centres, shape (*cells, d)."""
        flows = sparse.coo_array(self.generator * self.density.ravel()[None])
        cells = np.array(self.grid.cells)[:, None]
        steps = np.subtract(*(np.array(np.unravel_index(index, self.grid.cells)) for index in flows.coords))
        periodic = np.array(self.grid.periodic)[:, None]
        steps = np.where(periodic, (steps + cells // 2) % cells - cells // 2, steps)
        # Each flow counts half where it starts and half where it ends.
        weights = flows.data * steps * self.grid.spacing[:, None] / 2
        size = self.grid.size
        current = [np.bincount(index, w, size) for w in weights for index in flows.coords]
        return np.sum(np.reshape(current, (-1, 2, *self.grid.cells)), axis=1).transpose(*range(1, cells.size + 1), 0)

    def pdf(self, x: ArrayLike) -> Array:
        """Return the stationary density at points (..., d), by cubic splines through its logarithm."""
        return np.exp(self.grid.interpolate(np.log(np.maximum(self.density, 1e-300)), x))

    def expectation(self, f: Callable[[Array], Any]) -> Any:
        """Return the stationary mean of f, which maps points (m, d) to values (m, ...)."""
        _validate.function("f", f, "of points (m, d)")
        points = self.grid.centers.reshape(-1, self.grid.dimension)
        values = _validate.reals("the values of f", _validate.called("f", f, points))
        if values.shape[:1] != (len(points),):
            raise InvalidInputError(
                f"f must map points {points.shape} to ({len(points)}, ...); got shape {values.shape}"
            )
        return np.tensordot(self.density.ravel() * self.grid.volume, values, axes=(0, 0))[()]

    def marginal(self, axis: int) -> MarginalLaw:
        """Return the stationary law of one coordinate, with density and distribution function."""
        axis = _validate.integer("axis", axis, at_least=0, at_most=self.grid.dimension - 1)
        others = tuple(other for other in range(self.grid.dimension) if other != axis)
        low, high = self.grid.bounds[axis]
        edges = np.linspace(low, high, self.grid.cells[axis] + 1)
        return MarginalLaw(edges, self.density.sum(axis=others) * self.grid.volume)

    def evolve(self, density: ArrayLike, times: ArrayLike, *, n_steps: int | None = None) -> Array:
        """Return the density at later times.

        Parameters
        ----------
        density : ndarray, shape cells
            At time 0, not negative; it need not be normalized.
        times : ndarray, shape (k,)
            Not negative, in increasing order.
        n_steps : int, optional
            Implicit Euler steps for the whole time: positive and stable at any step, with an error of first order in
            it. If not given, there is no error in time (uniformization: a Poisson mixture of powers of a stochastic
            matrix), at a cost proportional to t/h².

        Returns
        -------
        ndarray, shape (k, *cells)
            Never negative; the mass changes by absorption only.

        Raises
        ------
        InvalidInputError
            A negative density, times out of order, or a run of the exact kind that would take many minutes.
        """
        start = _validate.reals("density", density, at_least=0.0, shape=self.grid.cells).ravel()
        times = _validate.reals("times", times, at_least=0.0, shape=(None,))
        if not len(times) or np.any(np.diff(times) < 0):
            raise InvalidInputError(f"times must be one or more, in increasing order; got {_validate.shown(times)}")
        if n_steps is None:
            rate = -float(self.generator.diagonal().min())
            work = rate * times[-1] * self.generator.nnz
            if work > _MOST_PRODUCTS:
                raise InvalidInputError(
                    f"times must be short for a run without error in time; up to {times[-1]:g} it takes "
                    f"{rate * times[-1]:.2g} products with the generator. Pass n_steps for implicit steps, or use "
                    "fewer cells."
                )
            path = _chain.uniformize(self.generator, start, times)
        else:
            path = _chain.implicit(self.generator, start, times, _validate.integer("n_steps", n_steps, at_least=1))
        return path.reshape(len(times), *self.grid.cells)

    def modes(self, count: int = 1) -> Modes:
        """Return the eigenvalues of smallest modulus other than the stationary zero, and their densities.

        Parameters
        ----------
        count : int
            How many; complex ones come in pairs, of which the last may be cut.

        Returns
        -------
        Modes
            Sorted by the real part, slowest first. With absorbing sides the first is the law of the survivors.
        """
        count = _validate.integer("count", count, at_least=1, at_most=self.grid.size - 3)
        values, vectors = _chain.slowest(self._inverse, count)
        vectors = vectors / (np.abs(vectors).sum(axis=0) * self.grid.volume)
        return Modes(eigenvalues=values, densities=vectors.T.reshape(count, *self.grid.cells))

    @cached_property
    def spectral_gap(self) -> float:
        """Rate of the slowest relaxation, -Re λ₁; with absorbing sides the rate at which the survivors are lost.

        Of second order in the spacing; a relative 1e-4 takes 400 to 600 cells in a double well, and 64 with
        ``refined(lambda law: law.spectral_gap, extrapolate=True)``.
        """
        return -float(self.modes(min(4, self.grid.size - 3)).eigenvalues[0].real)

    @cached_property
    def extrapolated_density(self) -> GridEstimate:
        """Stationary density at the centres, extrapolated to cells of no width; never negative, ∑ p·volume = 1.

        The logarithm is extrapolated as :meth:`refined` does, and the density normalized again.

        Raises
        ------
        InvalidInputError
            As for `density`, on a grid or on the coarser ones; cells that cannot be halved twice.
        """
        coarser, centers = self._halved(), self.grid.centers
        densities = [self.density, *(law.pdf(centers) for law in coarser)]
        estimate = grid_estimate(*densities, order=self._order, extrapolate=True)
        mass = float(estimate.value.sum() * self.grid.volume)
        return replace(estimate, value=estimate.value / mass, error=estimate.error / mass)

    def refined(self, quantity: Callable[[FokkerPlanck], Any], *, extrapolate: bool = False) -> GridEstimate:
        """Return a quantity with its error, estimated from grids with a half and a quarter of the cells per axis.

        Parameters
        ----------
        quantity : callable
            Maps a Fokker–Planck equation to a number or an array of a fixed shape, ``lambda law: law.spectral_gap`` or
            ``lambda law: law.pdf(points)``.
        extrapolate : bool, optional
            Remove the first term of the error (Richardson): with q on this grid and q' on half as many cells the value
            is (4q - q')/3, or 2q - q' where drift is taken upstream. Entries that are positive on all grids are
            extrapolated in their logarithms, so that rates and densities stay positive; others may change sign.

        Returns
        -------
        GridEstimate
            Of second order when the cells are small enough; another observed order is a warning. Extrapolated it is of
            fourth order (second, where drift is taken upstream); if the observed order falls short, the error is the
            last change of the extrapolated value, with no gain counted on. If it exceeds 3, there is no term of second
            order, and the value is left as it is.

        Raises
        ------
        InvalidInputError
            Numbers of cells to extrapolate from that are not multiples of 4, and of 16 or more.

        References
        ----------
        L. F. Richardson (1911), Phil. Trans. R. Soc. A 210, 307.

        Examples
        --------
        The rate at which a particle leaves one of two wells, 0.0335452873, from 128 cells:

        >>> law = fokker_planck(lambda x: x - x**3, 0.1, Grid((-2.5, 2.5), 128))
        >>> for extrapolate in (False, True):
        ...     gap = law.refined(lambda law: law.spectral_gap, extrapolate=extrapolate)
        ...     print(f"{gap.value:.8f} ± {gap.error:.0e}, order {gap.order:.2f}")
        0.03357224 ± 3e-05, order 1.99
        0.03354538 ± 9e-08, order 1.99
        """
        _validate.function("quantity", quantity, "of a Fokker–Planck equation")
        coarser = self._halved() if _validate.flag("extrapolate", extrapolate) else self._coarser
        values = [
            _validate.reals("the values of quantity", _validate.called("quantity", quantity, problem))
            for problem in (self, *coarser)
        ]
        if len({value.shape for value in values}) > 1:
            raise InvalidInputError(
                f"quantity must have one shape on all grids; got {[value.shape for value in values]}. Take values at "
                "points of your own: law.pdf(points)."
            )
        return grid_estimate(*values, order=self._order, extrapolate=extrapolate)

    @cached_property
    def _coarser(self) -> list[FokkerPlanck]:
        grids = [self.grid.coarser(factor) for factor in (2, 4)]
        return [FokkerPlanck(self._fields, grid, tolerant=True, coarser=True) for grid in grids]

    @property
    def _order(self) -> int:
        return 1 if np.isinf(self.steepness).any() else 2

    def _halved(self) -> list[FokkerPlanck]:
        """Return the coarser grids, refusing those whose cells are not two and four times as wide."""
        if any(n % 4 or n < 16 for n in self.grid.cells):
            raise InvalidInputError(
                f"cells must be multiples of 4, and at least 16, to extrapolate from half and a quarter of them; got "
                f"{self.grid.cells}"
            )
        return self._coarser

    def mean_first_passage_time(self, region: Region | None = None) -> Array:
        """Return the mean time to reach a region or an absorbing side, from every cell.

        Parameters
        ----------
        region : callable, optional
            Maps points (m, d) to truth values, or better to numbers that are negative inside and vary smoothly across
            the boundary, such as a distance: the links of the grid are then cut where the boundary is, and the time is
            of second order in the spacing, while truth values place the boundary to half a cell.

        Returns
        -------
        ndarray, shape cells
            0 inside the region.

        Raises
        ------
        InvalidInputError
            The region holds no cell or all, or cannot be reached from some cell.
        """
        if region is None and not self.exits.any():
            raise IncompatibleError("region must be given where no side of the grid absorbs: there is nothing to reach")
        chain = generator(self._fields, self.grid, region)
        times = _chain.hitting_time(chain.matrix, chain.inside, chain.exits, self._scale(guess=False))
        return times.reshape(self.grid.cells)

    def _at_sides(self, density: Array) -> Array:
        ends = [[density.take(end, axis=axis).max() for end in (0, -1)] for axis in range(self.grid.dimension)]
        return np.array(ends) / density.max()
