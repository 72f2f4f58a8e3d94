"""The ratio φ/Φ of the normal density and distribution function, without loss of digits anywhere."""

from __future__ import annotations

import math
from typing import Any

# (1 − Φ(a))/φ(a) = p(a)/q(a) to 5e-17 for a ≥ 0, interpolated at Chebyshev's nodes in (a − 3.5)/(a + 3.5). The leading
# coefficients are 1, and these the others: all positive, also those of q − ap, so that no difference loses digits.
_P = (
    28.85599128117289, 413.66682662462745, 3815.5160167850654, 24845.32318579227, 118721.35282651668, 420631.5625665354,
    1091539.5383450652, 1992376.9712497448, 2327796.085037637, 1342213.7859064909,
)  # fmt: skip
_Q = (
    28.85599128117289, 414.6668266246268, 3844.372008066531, 25256.99001236316, 122479.15686580456, 444659.5518125702,
    1202918.4297669553, 2367380.2725270344, 3217918.2776444433, 2711792.391801306, 1070931.6570715518,
)  # fmt: skip
_GAP = tuple(q - p for q, p in zip(_Q[2:], [*_P[2:], 0.0], strict=True))
_FAR = 1e25  # larger |z| count as this: powers overflow


def ratio_and_gap(losing: Any, f: Any) -> tuple[Any, Any]:
    """Return h = φ(t)/Φ(−t) for t = losing, and h − t."""
    size, wrong = f.abs(losing), losing > 0
    a = f.select(size < _FAR, size, _FAR)
    p, q, density = _horner(_P, a), _horner(_Q, a), f.exp(-0.5 * a * a) / math.sqrt(2 * math.pi)
    ratio = f.select(wrong, q, density * q) / f.select(wrong, p, q - density * p)
    return ratio, f.select(wrong, _horner(_GAP, a) / p, ratio + a)


def _horner(coefficients: tuple[float, ...], a: Any) -> Any:
    total = a + coefficients[0]
    for coefficient in coefficients[1:]:
        total = total * a + coefficient
    return total
