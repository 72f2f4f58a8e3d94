"""Sphinx builds the documentation: ``sphinx-build -W docs docs/_build``. The derivations are proved anew by it."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from derivations.__main__ import main, modules  # noqa: E402
from paper_checks.registry import PAPERS  # noqa: E402
from sdetheory.claims.words import catalogue  # noqa: E402

PACKAGES = (
    *("theory", "models", "evidence", "landscapes", "equations", "simulators", "training", "studies", "symbolic"),
    *("datasets", "exchange", "plotting", "stats", "claims", "errors"),
)

project = "sdetheory"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.mathjax", "numpydoc"]
myst_enable_extensions = ["dollarmath", "amsmath"]
exclude_patterns = ["_build", "four_witnesses_table.md", "broken_formulas.md", "mutation_run.md"]
html_theme = "alabaster"
numpydoc_show_class_members = False
# A page of a derivation begins anew with a title for each of its derivations.
suppress_warnings = ["myst.header"]


def write_derivations(_app: object) -> None:
    """Write a page for each module of derivations, and the page that lists them."""
    folder = ROOT / "docs" / "derivations"
    with contextlib.redirect_stdout(io.StringIO()) as output:
        if main(["--markdown", str(folder)]):
            raise RuntimeError(output.getvalue())
    names = [module.__name__.rpartition(".")[2] for module in modules()]
    entries = "\n".join(f"{name.replace('_', ' ').capitalize()} <{name}>" for name in names)
    (folder / "index.md").write_text(f"# Derivations\n\n```{{toctree}}\n{entries}\n```\n", encoding="utf-8")


def write_reference(_app: object) -> None:
    """Write the page of each public package, so that no public name can be forgotten."""
    folder = ROOT / "docs" / "reference"
    folder.mkdir(exist_ok=True)
    for name in PACKAGES:
        package = importlib.import_module(f"sdetheory.{name}")
        values = {key: value for key, value in vars(package).items() if not key.startswith("_")}
        homes = {key: getattr(value, "__module__", None) or "" for key, value in values.items()}
        listed = getattr(package, "__all__", ())  # what a package offers of another module's
        public = [key for key in values if key.isupper() or key in listed or homes[key].startswith(package.__name__)]
        title = f"sdetheory.{name}"
        lines = [f"# {title}", "", "```{eval-rst}", f".. currentmodule:: {title}", ""]
        for key in sorted(public, key=str.lower):
            thing = getattr(package, key)
            kind = "autoclass" if inspect.isclass(thing) else "autofunction" if callable(thing) else "autodata"
            lines += [f".. {kind}:: {key}", *(["   :members:"] if kind == "autoclass" else [])]
        (folder / f"{name}.md").write_text("\n".join([*lines, "```", ""]), encoding="utf-8")


def write_claims(_app: object) -> None:
    """Write the page of the claims and their verdicts."""
    (ROOT / "docs" / "claims.md").write_text(catalogue(list(PAPERS.values())), encoding="utf-8")


def escape_bars(_app: object, _kind: str, _name: str, _object: object, _options: object, lines: list[str]) -> None:
    """Let |w| be a norm and (k, *cells) a shape: reStructuredText reads more into them. Code stays as it is."""
    for i, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            pieces = line.split("``")
            pieces[::2] = [re.sub(r"\||(?<=[ (])\*(?=\w+[,)])", r"\\\g<0>", piece) for piece in pieces[::2]]
            lines[i] = "``".join(pieces)


def setup(app: object) -> None:
    """Write the generated pages before Sphinx looks for them."""
    app.connect("builder-inited", write_derivations)
    app.connect("builder-inited", write_reference)
    app.connect("builder-inited", write_claims)
    app.connect("autodoc-process-docstring", escape_bars, priority=600)
