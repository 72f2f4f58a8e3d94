"""Sphinx builds the documentation: ``sphinx-build -W docs docs/_build``. The derivations are proved anew by it."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from derivations.__main__ import main, modules  # noqa: E402

project = "sdetheory"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.mathjax", "numpydoc"]
myst_enable_extensions = ["dollarmath", "amsmath"]
exclude_patterns = ["_build"]
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


def setup(app: object) -> None:
    """Write the generated pages before Sphinx looks for them."""
    app.connect("builder-inited", write_derivations)
