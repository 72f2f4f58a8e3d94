"""List and run every derivation: ``python -m derivations``; exits non-zero if any step or comparison fails."""

from __future__ import annotations

import importlib
import pkgutil
import sys
import time

import derivations
from sdetheory.errors import SdeTheoryError


def main() -> int:
    """Run each module of the folder that has a ``derive()``; return the exit code."""
    failures = 0
    for name in sorted(
        module.name for module in pkgutil.iter_modules(derivations.__path__) if module.name != "__main__"
    ):
        module = importlib.import_module(f"derivations.{name}")
        if not hasattr(module, "derive"):
            continue
        start = time.perf_counter()
        try:
            derived = module.derive()
            comparisons = module.meet_numerics(derived)
        except SdeTheoryError as error:
            failures += 1
            print(f"{name}: FAILED\n  {error}")
            continue
        steps = sum(len(derivation.equations) for derivation in derived)
        print(f"{name}: {steps} equations, {len(comparisons)} comparisons, {time.perf_counter() - start:.1f} s")
        for derivation in derived:
            print(f"  {derivation.title}: {derivation.result}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
