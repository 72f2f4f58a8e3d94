"""The same work as other people's tools do it: each function makes Euler-Maruyama or Milstein steps, and returns paths.

Every peer runs in the form that was found fastest for it, in float64, on two threads where it can use them. What needs
compiling is compiled in the first call, which no clock sees. Peers that may be missing are imported inside.
"""

import math
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numba
import numpy as np

THREADS = 2
T = 0.25
NOISE = math.sqrt(2 * T)
# Müller and Brown (1979), divided by 100.
AMPLITUDE = np.array([-2.0, -1.0, -1.7, 0.15])
XX = np.array([-1.0, -1.0, -6.5, 0.7])
XY = np.array([0.0, 0.0, 11.0, 0.6])
YY = np.array([-10.0, -10.0, -6.5, 0.7])
X0 = np.array([1.0, 0.0, -0.5, -1.0])
Y0 = np.array([0.0, 0.5, 1.5, 1.0])


# Plain Numba: the loop that one writes first.


@numba.njit(parallel=True)
def numba_double_well(x, dt, n_steps):
    scale = NOISE * math.sqrt(dt)
    for i in numba.prange(x.size):
        w = x[i]
        for _ in range(n_steps):
            w += (w - w**3) * dt + scale * np.random.standard_normal()
        x[i] = w
    return x


@numba.njit(parallel=True)
def numba_double_well_stored(paths, dt, every):
    """Fill paths (n_paths, n_saved); the first column holds the start."""
    scale = NOISE * math.sqrt(dt)
    for i in numba.prange(paths.shape[0]):
        w = paths[i, 0]
        for n in range(1, paths.shape[1]):
            for _ in range(every):
                w += (w - w**3) * dt + scale * np.random.standard_normal()
            paths[i, n] = w
    return paths


@numba.njit
def mueller_brown_force(x):
    fx = 0.0
    fy = 0.0
    for k in range(4):
        u = x[0] - X0[k]
        v = x[1] - Y0[k]
        e = AMPLITUDE[k] * math.exp(XX[k] * u * u + XY[k] * u * v + YY[k] * v * v)
        fx -= e * (2 * XX[k] * u + XY[k] * v)
        fy -= e * (XY[k] * u + 2 * YY[k] * v)
    return fx, fy


@numba.njit(parallel=True)
def numba_mueller_brown(x, dt, n_steps, temperature):
    scale = math.sqrt(2 * temperature * dt)
    for i in numba.prange(x.shape[0]):
        w = x[i].copy()
        for _ in range(n_steps):
            fx, fy = mueller_brown_force(w)
            w[0] += fx * dt + scale * np.random.standard_normal()
            w[1] += fy * dt + scale * np.random.standard_normal()
        x[i] = w
    return x


# NumPy: blocks that fit the cache, one generator of the fastest kind a thread, no temporaries.


def _in_threads(task, n_paths, block):
    """Call task(generator, slice) for all blocks of paths; the generators' own loops release the lock."""
    generators = [np.random.Generator(np.random.SFC64(s)) for s in np.random.SeedSequence(1).spawn(THREADS)]

    def run(thread):
        for start in range(thread * block, n_paths, THREADS * block):
            task(generators[thread], slice(start, min(start + block, n_paths)))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(run, range(THREADS)))


def numpy_double_well(n_paths, n_steps, dt, every=None):
    scale = NOISE * math.sqrt(dt)
    rows = 1 if every is None else n_steps // every + 1
    out = np.zeros((rows, n_paths))

    def task(generator, part):
        x = np.zeros(part.stop - part.start)
        z, f = np.empty_like(x), np.empty_like(x)
        for n in range(1, n_steps + 1):
            generator.standard_normal(out=z)
            np.multiply(x, x, out=f)
            np.multiply(f, -dt, out=f)
            f += 1 + dt
            x *= f
            z *= scale
            x += z
            if every is not None and n % every == 0:
                out[n // every, part] = x
        out[-1, part] = x

    _in_threads(task, n_paths, 8192)
    return out[0] if every is None else out


def numpy_linear(n_paths, n_steps, dt, drift, noise):
    """Return paths (n_paths, d) of dx = A x dt + B dW from 1; the matrix products are BLAS's."""
    from threadpoolctl import threadpool_limits

    d = len(drift)
    step = np.hstack([np.eye(d) + dt * drift, math.sqrt(dt) * noise])
    out = np.empty((n_paths, d))

    def task(generator, part):
        x_and_z, moved = np.ones((2 * d, part.stop - part.start)), np.empty((d, part.stop - part.start))
        for _ in range(n_steps):
            generator.standard_normal(out=x_and_z[d:])
            np.matmul(step, x_and_z, out=moved)
            x_and_z[:d] = moved
        out[part] = moved.T

    with threadpool_limits(1):
        _in_threads(task, n_paths, 2500)
    return out


# JAX by hand: one loop compiled whole, on two devices of one processor.


@cache
def _jax():
    """Return jax in double precision, with as many devices as there are threads."""
    os.environ.setdefault("XLA_FLAGS", f"--xla_force_host_platform_device_count={THREADS}")
    import jax

    jax.config.update("jax_enable_x64", True)
    return jax


@cache
def _jax_loop(step, n_steps, shape, start, every):
    """Return a compiled function of keys, one a device: n_steps steps of x -> step(x, normals) from a constant."""
    jax = _jax()

    def one(n, carry):
        key, x = carry
        return key, step(x, jax.random.normal(jax.random.fold_in(key, n), x.shape))

    def run(key):
        x = jax.numpy.full(shape, start)
        key = jax.random.wrap_key_data(key, impl=JAX_GENERATOR)
        if every is None:
            return jax.lax.fori_loop(0, n_steps, one, (key, x))[1]

        def save(carry, row):
            carry = jax.lax.fori_loop(row * every, (row + 1) * every, one, carry)
            return carry, carry[1]

        return jax.lax.scan(save, (key, x), jax.numpy.arange(n_steps // every))[1]

    return jax.pmap(run)


JAX_GENERATOR = "threefry2x32"  # "rbg" was four times slower


def _jax_run(step, n_paths, n_steps, start, *, dimension=None, every=None):
    jax = _jax()
    devices = min(THREADS, jax.device_count())
    shape = (*(() if dimension is None else (dimension,)), n_paths // devices)
    keys = jax.random.key_data(jax.random.split(jax.random.key(1, impl=JAX_GENERATOR), devices))
    return jax.block_until_ready(_jax_loop(step, n_steps, shape, start, every)(keys))


@cache
def _double_well_step(dt):
    scale = NOISE * math.sqrt(dt)
    return lambda x, z: x + (x - x * x * x) * dt + scale * z


def jax_double_well(n_paths, n_steps, dt, every=None):
    """Return paths (n_paths,), or all saved ones (devices, n_saved, n_paths / devices)."""
    x = _jax_run(_double_well_step(dt), n_paths, n_steps, 0.0, every=every)
    return np.asarray(x).ravel() if every is None else x


@cache
def _milstein_step(dt, mu, sigma):
    return lambda x, z: x * (1 + mu * dt + sigma * math.sqrt(dt) * z + 0.5 * sigma**2 * dt * (z * z - 1))


def jax_gbm_milstein(n_paths, n_steps, dt, mu, sigma):
    return np.asarray(_jax_run(_milstein_step(dt, mu, sigma), n_paths, n_steps, 1.0)).ravel()


@cache
def _linear_step(dt, drift, noise):
    a, b = np.array(drift), np.array(noise)
    step, kick = np.eye(len(a)) + dt * a, math.sqrt(dt) * b
    return lambda x, z: step @ x + kick @ z


def jax_linear(n_paths, n_steps, dt, drift, noise):
    step = _linear_step(dt, tuple(map(tuple, drift)), tuple(map(tuple, noise)))
    x = np.asarray(_jax_run(step, n_paths, n_steps, 1.0, dimension=len(drift)))
    return x.transpose(0, 2, 1).reshape(n_paths, -1)


# diffrax: one solve for a vector of paths, with the Brownian path that its documentation names for this.


@cache
def _diffrax_double_well(n_paths, n_steps, dt, vmapped):
    jax = _jax()
    import diffrax
    import lineax

    def solve(shape, brownian):
        diffusion = (
            (lambda t, x, args: lineax.DiagonalLinearOperator(jax.numpy.full(shape, NOISE)))
            if shape
            else (lambda t, x, args: NOISE)
        )
        terms = diffrax.MultiTerm(
            diffrax.ODETerm(lambda t, x, args: x - x * x * x), diffrax.ControlTerm(diffusion, brownian)
        )
        solution = diffrax.diffeqsolve(
            terms, diffrax.Euler(), 0.0, n_steps * dt, dt, jax.numpy.zeros(shape), max_steps=n_steps + 2,
            saveat=diffrax.SaveAt(t1=True), adjoint=diffrax.ForwardMode(),
        )  # fmt: skip
        return solution.ys[0]

    unsafe = diffrax.UnsafeBrownianPath
    if vmapped:
        each = jax.jit(jax.vmap(lambda key: solve((), unsafe((), key))))
        return lambda: each(jax.random.split(jax.random.key(1), n_paths))
    share = (n_paths // min(THREADS, jax.device_count()),)
    together = jax.pmap(lambda key: solve(share, unsafe(share, key)))
    return lambda: together(jax.random.split(jax.random.key(1), n_paths // share[0]))


def diffrax_double_well(n_paths, n_steps, dt, *, vmapped=False):
    return np.asarray(_diffrax_double_well(n_paths, n_steps, dt, vmapped)()).ravel()


# torchsde and sdeint, as documented.


@cache
def _torchsde_equation():
    import torch

    torch.set_num_threads(THREADS)

    class DoubleWell(torch.nn.Module):
        noise_type, sde_type = "diagonal", "ito"

        def f(self, t, x):
            return x - x**3

        def g(self, t, x):
            return torch.full_like(x, NOISE)

    return DoubleWell()


def torchsde_double_well(n_paths, n_steps, dt):
    equation = _torchsde_equation()
    import torch
    import torchsde

    start = torch.zeros((n_paths, 1), dtype=torch.float64)
    times = torch.tensor([0.0, n_steps * dt], dtype=torch.float64)
    with torch.no_grad():
        return torchsde.sdeint(equation, start, times, dt=dt, method="euler")[-1, :, 0].numpy()


def sdeint_double_well(n_paths, n_steps, dt):
    import sdeint

    times = np.arange(n_steps + 1) * dt
    amplitude = np.array([[NOISE]])
    generator = np.random.default_rng(1)
    paths = (
        sdeint.itoEuler(lambda x, t: x - x**3, lambda x, t: amplitude, np.zeros(1), times, generator=generator)[-1, 0]
        for _ in range(n_paths)
    )
    return np.fromiter(paths, float, n_paths)
