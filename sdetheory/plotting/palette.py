"""The colours of all figures: theory is a line in one, samples are in another, everywhere.

Curves of one kind are told apart by their shade, and by dashes or markers too. All of them can be told apart by eyes
that lack a pigment for green or red (``tests/test_palette.py``).
"""

from __future__ import annotations

import numpy as np
from matplotlib.colors import to_hex, to_rgb

from .. import _validate
from ..errors import InvalidInputError

THEORY = "#2166ac"
"""What a theory says: exact laws, predictions, costs."""
SAMPLE = "#b2182b"
"""What was drawn at random or measured."""
GUIDE = "#808080"
"""What is beside the point: shortcuts, wrong laws, edges, zero."""
PARTS = ("#4a0e4e", "#e08214")
"""Two parts that make up a whole, or what is neither theory nor sample."""
COST_MAP, DENSITY_MAP = "Blues_r", "Reds"
"""Costs in the plane, which are theory, and densities of samples."""


def shades(color: str, count: int) -> list[str]:
    """Return shades of a colour, from light to dark, for curves of one kind.

    Parameters
    ----------
    color : str
        Of the palette, or any that matplotlib knows.
    count : int
        How many, at least one, which is the colour itself.

    Returns
    -------
    list of str
        In the form "#rrggbb".

    Raises
    ------
    InvalidInputError
        There is no such colour, or `count` is below 1.

    Examples
    --------
    >>> shades(SAMPLE, 3)
    ['#e0a3aa', '#b2182b', '#3e080f']
    """
    count = _validate.integer("count", count, at_least=1)
    try:
        pure = np.array(to_rgb(color))
    except (TypeError, ValueError):
        raise InvalidInputError(
            f"color must be one that matplotlib knows; got {_validate.shown(color)}. The palette has THEORY and SAMPLE."
        ) from None
    if count == 1:
        return [to_hex(pure)]
    lightest, darkest = 0.4 * pure + 0.6, 0.35 * pure
    ends = zip(lightest, pure, darkest, strict=True)  # of each of red, green and blue
    mixed = [np.interp(np.linspace(0, 2, count), range(3), three) for three in ends]
    return [to_hex(shade) for shade in np.transpose(mixed)]
