"""Warnings that point at the line which called the package, however deep in it they arise."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

_PACKAGE = str(Path(__file__).parent.parent) + os.sep


def warn(message: str, category: type[Warning]) -> None:
    """Warn the caller of the package."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, level)
