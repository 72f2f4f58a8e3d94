"""Does a wrong formula turn a claim red? ``python -m paper_checks.broken_formulas`` breaks one at a time, and looks."""

from __future__ import annotations

from pathlib import Path

from sdetheory.claims.broken import main

from .mistakes import checks, evidence, laws, models, noise, training

TRAINING = training.BREAKS
BREAKS = (*noise.BREAKS, *models.BREAKS, *evidence.BREAKS, *laws.BREAKS, *checks.BREAKS, *TRAINING)

STAY_GREEN = (
    "C21", "C24", "C42", "C85", "C98", "CS04", "D01", "GSZ01", "LMA05", "LTE01", "LZU02", "MAC02",
    "MLPA04", "MZLU03", "SDBD02", "SKYL03", "WWS01", "WWS02", "WWS03", "XSS04", "Y03",
)  # fmt: skip
"""Claims that no mistake that was made turns red."""
NOT_MADE = (
    "C16", "C18", "C76", "C81", "C92", "CS01", "CS02", "HHS01", "IBF01", "IBF02", "JKA04", "LTE04",
    "MHB03", "MHB06", "MHB07", "MZLU04", "SHA02", "SHA03", "SED02", "SED03", "SED04", "XSS02", "Y04", "ZLN01",
    "ZLN02", "ZLN03", "ZLN04", "ZWYWM03",
)  # fmt: skip
"""Claims whose mistakes stand in `BREAKS`, and have not been made yet."""
UNNOTICED = (*STAY_GREEN, *NOT_MADE)


if __name__ == "__main__":
    main(BREAKS, root=Path(__file__).resolve().parents[1], folder="paper_checks")
