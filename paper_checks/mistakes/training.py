"""Mistakes in how models are trained, each of which must turn red every claim that rests on it."""

from sdetheory.claims import Break

_STORED = (
    "C55", "C58", "C59", "C60", "C62", "C63", "C65", "C68", "C70", "C110", "C130", "C131",
    "C132", "C103", "C104", "C105", "C106", "C107", "C108", "C112", "C113", "C114", "C115", "C117",
    "C120", "C121", "C122", "C123", "C125", "C126",
)  # fmt: skip
"""Claims that read a stored study of networks, of which their checks compute some cells again."""

_SIGN = (
    "C56", "C57", "C61", "C64", "C69", "C73", "C74", "CS05", "D01", "MK09", "MK10", "MK11",
    "IBF01", "IBF02", "C124",
)  # fmt: skip

BREAKS = (
    Break(
        mistake="the network's gradient with the wrong sign",
        file="sdetheory/models/relu/_passes.py",
        right="residuals *= scale",
        wrong="residuals *= -scale",
        claims=(*_STORED, *_SIGN),
    ),
    Break(
        mistake="the loss of a network without its mean",
        file="sdetheory/models/_cross_entropy.py",
        right="return float(np.mean(",
        wrong="return float(np.sum(",
        claims=(*_STORED, "C56", "C57", "C61", "MK09", "MK10", "MK11", "IBF02"),
    ),
    Break(
        mistake="each batch drawn twice",
        file="sdetheory/_kernels/noise.py",
        right="low, high = np.uint64(step) & _LOW, np.uint64(step) >> _32",
        wrong="low, high = np.uint64(step // 2) & _LOW, np.uint64(step // 2) >> _32",
        claims=(*_STORED, "C56", "C57", "C61", "C82", "LZU01", "Y01", "Y04", "C81", "MK09", "MK10", "MK11"),
    ),
    Break(
        mistake="momentum left out of the steps",
        file="sdetheory/training/_arguments.py",
        right="constants = [hp.momentum, 1 - hp.dampening, 0.0, 0.0, 0.0]",
        wrong="constants = [0.0, 1 - hp.dampening, 0.0, 0.0, 0.0]",
        claims=(*_STORED, "C56", "C57", "C61", "C69", "C74", "C94", "LZU03"),
    ),
)
