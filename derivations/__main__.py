"""List and run every derivation: ``python -m derivations``; exits non-zero if any step or comparison fails.

    python -m derivations                     # prove all, compare all, one line for each result
    python -m derivations --latex notes.tex   # and write them as lecture notes, one document for pdflatex
    python -m derivations --markdown pages    # and write a page with dollar mathematics for each module

The notes need no more than Debian's own TeX:
``apt-get install --no-install-recommends texlive-latex-recommended lmodern``, then ``pdflatex notes.tex`` twice.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import derivations
from sdetheory.errors import SdeTheoryError
from sdetheory.symbolic import Derivation, lecture_notes

TITLE = "Stochastic gradient descent as a stochastic differential equation, and the evidence of what it finds"

# The order of reading; a page that is not named here comes at the end.
READING = (
    *("noise_scale", "momentum", "optimum_batch_size", "modified_equations", "svag", "random_reshuffling"),
    *("implicit_regularization", "gibbs_law", "ornstein_uhlenbeck", "fluctuation_dissipation", "kramers"),
    *("eyring_kramers", "anisotropic_escape", "evidence_laplace", "reparameterization", "basins_and_evidence"),
    "gradient_noise_scale",
)


def modules() -> list[ModuleType]:
    """Return the modules of the folder that have a ``derive()``, in the order of reading."""
    names = [module.name for module in pkgutil.iter_modules(derivations.__path__) if module.name != "__main__"]
    names.sort(key=lambda name: (READING.index(name) if name in READING else len(READING), name))
    found = [importlib.import_module(f"derivations.{name}") for name in names]
    return [module for module in found if hasattr(module, "derive")]


def main(argv: Sequence[str] | None = None) -> int:
    """Run each module, and write what is asked for; return the exit code."""
    parser = argparse.ArgumentParser(prog="derivations", description="Prove every derivation.")
    parser.add_argument("--latex", metavar="FILE", type=Path, help="write all as one LaTeX document")
    parser.add_argument("--markdown", metavar="DIR", type=Path, help="write a Markdown page for each module")
    arguments = parser.parse_args(argv)
    failures = 0
    proved: dict[str, Sequence[Derivation]] = {}
    for module in modules():
        name = module.__name__.rpartition(".")[2]
        start = time.perf_counter()
        try:
            derived = module.derive()
            comparisons = module.meet_numerics(derived)
        except SdeTheoryError as error:
            failures += 1
            print(f"{name}: FAILED\n  {error}")
            continue
        proved[name] = derived
        steps = sum(len(derivation.equations) for derivation in derived)
        print(f"{name}: {steps} equations, {len(comparisons)} comparisons, {time.perf_counter() - start:.1f} s")
        for derivation in derived:
            print(f"  {derivation.title}: {derivation.result}")
    if arguments.latex:
        notes = lecture_notes(TITLE, [derivation for derived in proved.values() for derivation in derived])
        arguments.latex.write_text(notes, encoding="utf-8")
    if arguments.markdown:
        arguments.markdown.mkdir(parents=True, exist_ok=True)
        for name, derived in proved.items():
            page = "\n".join(derivation.to_markdown() for derivation in derived)
            (arguments.markdown / f"{name}.md").write_text(page, encoding="utf-8")
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        status = main()
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, such as `head`, has gone: what is left to print goes nowhere, also at the interpreter's exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    sys.exit(status)
