"""Stationary laws in two dimensions that are known exactly, and tools that solve for them on a grid.

Each tool gets a problem and a number of cells per axis and returns (density, x, y, weights): values at points of its
own, with the weights of its own quadrature. Peers that may be missing are imported inside.
"""

from collections.abc import Callable
from dataclasses import dataclass
from unittest import mock

import numpy as np
from scipy import constants, linalg
from scipy.sparse.linalg import splu

from sdetheory.theory import Grid, fokker_planck


@dataclass(frozen=True)
class Problem:
    """dx = f(x) dt + √(2D) dW in a box around 0; its law is known up to a constant. Functions take x and y."""

    drift: Callable
    diffusion: np.ndarray
    log_density: Callable
    half: np.ndarray

    @property
    def bounds(self):
        return np.stack([-self.half, self.half], axis=1)

    def error(self, density, x, y, weights) -> float:
        """Return the total variation distance from the exact law, ½∫|p - q|."""
        exact = np.exp(self.log_density(x, y))
        return float(np.sum(np.abs(density - exact / np.sum(exact * weights)) * weights) / 2)


def ornstein_uhlenbeck(hessian, diffusion) -> Problem:
    """Return dx = -Hx dt + √(2D) dW, whose law is a correlated Gaussian, in a box of six standard deviations."""
    (a, b), (c, d) = hessian
    covariance = linalg.solve_continuous_lyapunov(np.array(hessian), 2 * np.array(diffusion))
    (p, q), (_, r) = np.linalg.inv(covariance)
    return Problem(
        drift=lambda x, y: np.stack([-a * x - b * y, -c * x - d * y]),
        diffusion=np.array(diffusion),
        log_density=lambda x, y: -(p * x * x + 2 * q * x * y + r * y * y) / 2,
        half=6 * np.sqrt(np.diag(covariance)),
    )


def turning_wells(temperature, turn) -> Problem:
    """Return two wells with the force -∇U and a drift across it, which leaves the law exp(-U/T) as it is."""

    def drift(x, y):
        u, v = x * x * x - x + 0.4 * y, y + 0.4 * x
        return np.stack([-u - turn * v, -v + turn * u])

    return Problem(
        drift=drift,
        diffusion=temperature * np.eye(2),
        log_density=lambda x, y: -((x * x - 1) ** 2 / 4 + y * y / 2 + 0.4 * x * y) / temperature,
        half=np.array([2.6, 3.6]),
    )


def chain(problem, n):
    """Return our equation on n × n cells."""

    def drift(points):
        return np.moveaxis(problem.drift(points[..., 0], points[..., 1]), 0, -1)

    return fokker_planck(drift, problem.diffusion, Grid(problem.bounds, n))


def ours(problem, n):
    law = chain(problem, n)
    return law.density, *np.moveaxis(law.grid.centers, -1, 0), law.grid.volume


def ours_extrapolated(problem, n):
    """Return our extrapolated density, which comes with an estimate of its error from a third grid."""
    law = chain(problem, n)
    return law.extrapolated_density.value, *np.moveaxis(law.grid.centers, -1, 0), law.grid.volume


def extrapolated(solve):
    """Return the same for another tool with cells, without an estimate: from log p of n and of n/2 cells per axis."""

    def both(problem, n):
        fine, x, y, volume = solve(problem, n)
        # Far out fplanck's values may be zero or below it.
        logs = [np.log(np.maximum(p, 1e-300)) for p in (fine, solve(problem, n // 2)[0])]
        coarse = Grid(problem.bounds, n // 2).interpolate(logs[1], np.stack([x, y], axis=-1))
        density = np.exp((4 * logs[0] - coarse) / 3)
        return density / np.sum(density * volume), x, y, volume

    return both


def fplanck_chain(problem, n, *, drag=1.0, **fields):
    """Return fplanck's equation: force drag × f, temperature drag × D / k_B along each axis (D must be diagonal).

    `potential` instead of the force may be given as a field.
    """
    import fplanck as package

    spacing = 2 * problem.half / n
    fields = fields or {"force": lambda x, y: drag * problem.drift(x, y)}
    # fplanck 0.2.2 calls np.product, which NumPy 2 no longer has.
    with mock.patch.object(np, "product", np.prod, create=True):
        return package.fokker_planck(
            temperature=drag * np.diag(problem.diffusion) / constants.k, drag=drag, resolution=spacing,
            extent=2 * problem.half - spacing / 2, **fields,  # it rounds up to n cells
        )  # fmt: skip


def fplanck(problem, n, **options):
    solver = fplanck_chain(problem, n, **options)
    volume = np.prod(solver.resolution)
    return solver.steady_state() / volume, *solver.grid, volume


def scikit_fem(degree):
    """Return Galerkin's method with n × n elements of a degree, in the form that was found fastest.

    The drift is evaluated once, not in each pair of shape functions; one vertex is pinned at the mode.
    """

    def solve(problem, n):
        import skfem

        mesh = skfem.MeshQuad.init_tensor(*(np.linspace(low, high, n + 1) for low, high in problem.bounds))
        basis = skfem.Basis(mesh, skfem.ElementQuad2() if degree == 2 else skfem.ElementQuadP(degree))
        (dxx, dxy), (_, dyy) = problem.diffusion

        def flow(u, v, w):
            along = dxx * u.grad[0] + dxy * u.grad[1] - w["fx"] * u
            across = dxy * u.grad[0] + dyy * u.grad[1] - w["fy"] * u
            return along * v.grad[0] + across * v.grad[1]

        x, y = np.asarray(basis.global_coordinates())
        fx, fy = problem.drift(x, y)
        matrix = skfem.BilinearForm(flow).assemble(basis, fx=fx, fy=fy).tocsr()
        pinned = basis.nodal_dofs[0][np.argmax(problem.log_density(*mesh.p))]
        kept = np.delete(np.arange(basis.N), pinned)
        factors = splu(matrix[kept][:, kept].tocsc(), permc_spec="MMD_AT_PLUS_A")
        solution = np.ones(basis.N)
        solution[kept] = factors.solve(-matrix[kept][:, [pinned]].toarray().ravel())
        density = np.asarray(basis.interpolate(solution))
        return density / np.sum(density * basis.dx), x, y, basis.dx

    return solve
