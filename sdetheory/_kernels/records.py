"""What kernels are given together, by name; Numba takes named tuples apart when it compiles: they cost nothing."""

from typing import Any, NamedTuple


class Equation(NamedTuple):
    """The functions of an equation and its noise, as the step of a scheme calls them."""

    drift: Any
    diffusion: Any
    derivative: Any
    parameters: Any  # (n + 1,), of which the last is the time
    matrix: Any  # additive noise, or what the scheme puts there
    layout: Any  # of the noise, see terms


class Step(NamedTuple):
    """The step of a scheme, and what it needs."""

    kernel: Any
    scratch: Any  # rows
    most: Any  # steps that it makes in one call, at most
    lead: Any  # 1 if step n uses the numbers of step n + 1, and scratch starts with those of step n


class Numbers(NamedTuple):
    """The random numbers of paths: the generator, how it is asked, and whose they are."""

    generate: Any
    each: Any  # numbers that a step needs
    rows: Any  # rows of the numbers that the generator makes at once: those of some whole steps
    pack: Any  # numbers that the generator puts into one entry: 1, or 32 two-point ones
    refine: Any  # increments of the finest path that a step sums
    path: Any  # number of the first path of the state
    key: Any  # (2,), or more for generators of listed paths


class Clock(NamedTuple):
    """The length of a step, the time at which paths start, and how many steps have been made."""

    dt: Any
    start: Any
    step: Any


class Observed(NamedTuple):
    """A block function of K observables, and its parameters."""

    function: Any
    parameters: Any


class Moments(NamedTuple):
    """Sums by block and lane: of values minus origin in first, of their products, or squares, in second."""

    origin: Any
    first: Any
    second: Any


class Grid(NamedTuple):
    """A histogram's cells, and their counts: a row for each group of blocks."""

    lower: Any
    scale: Any
    shape: Any
    counts: Any
    used: Any  # real paths; lanes beyond them pad the last block


class Target(NamedTuple):
    """The functions of k targets, each followed by its derivatives, (k (1 + d), L): negative outside."""

    function: Any
    parameters: Any
    count: Any  # k
    curved: Any  # 1 if any function is not linear


class Bridge(NamedTuple):
    """The noise between the ends of a step, as a function or a matrix; a negative layout turns bridges off."""

    function: Any
    rows: Any  # of the function
    matrix: Any
    layout: Any
    uniform: Any  # generator of the numbers that decide


class Noise(NamedTuple):
    """The noise at the points of a block: values of the bridge's function, or its matrix."""

    values: Any
    matrix: Any
    layout: Any


class Visits(NamedTuple):
    """By block and lane: the core visited last, or -1, and since when; stays (k), moves (k k), and what is lost."""

    last: Any
    since: Any
    stayed: Any  # time from the entry of each core to that of the next one, summed
    moves: Any
    lost: Any  # 0, or the number of steps after which the lane is not finite


class Examples(NamedTuple):
    """The data of a generalized linear model, and how its cost depends on the products x·w."""

    inputs: Any  # (N, d)
    targets: Any  # (N,)
    derivatives: Any  # block function of rows of products and targets: the first, or the first and the second
    precision: Any  # of the prior


class Weighting(NamedTuple):
    """How a step weighs the gradients of the examples."""

    amplitude: Any  # of the noise of the examples
    centered: Any  # 1 if it is of gradients less their mean
    heat: Any  # amplitude of the noise of the weights
    half: Any  # half the time of the SGD step whose drift is to be modified, or 0


class Runs(NamedTuple):
    """Weights, velocities and second moments of runs (n_runs, d), which of them diverged, and the first's number."""

    w: Any
    v: Any
    second: Any  # of no columns where they are not needed
    diverged: Any  # (n_runs,) first step after which a run is not finite, or -1
    first: Any


class Batches(NamedTuple):
    """How the batches of a step are drawn: the sampling, their size at each step, their weights, and random bits."""

    kind: Any
    sizes: Any  # (n_steps,)
    mix: Any  # weights, of sum 1, of the batches of one step
    draw: Any
    key: Any


class Optimizer(NamedTuple):
    """How weights are moved by a gradient."""

    kind: Any
    rates: Any  # (n_steps,)
    constants: Any  # momentum, scale of a gradient, decay and floor of second moments, 1 if their start is corrected
    kicks: Any  # (n_steps,) standard deviations of the noise of a temperature, which velocities get
    normals: Any  # generator of that noise


class Averages(NamedTuple):
    """Sums over the steps from number `begin` on, of weights (n_runs, d) and of their products (n_runs, d, d)."""

    begin: Any
    sums: Any
    squares: Any
