"""Section 4, the figures of section 5, and appendices B and E: the optimum batch size."""

from __future__ import annotations

from ..claims import Claim, Figure

CLAIMS: tuple[Claim, ...] = ()

FIGURES: tuple[Figure, ...] = ()
