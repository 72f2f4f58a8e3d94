"""Sphinx builds the documentation: ``sphinx-build -W docs docs/_build``.

What other files know already is written from them: derivations, which are proved anew, the reference, the gallery of
examples, the story of the paper and its claims. Each is a module of ``_pages``. Formulas need no network.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import zlib
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS), str(DOCS.parent)]

from _pages import derivations, gallery, paper, reference  # noqa: E402

project = "sdetheory"
author = "The sdetheory developers"
project_copyright = author
extensions = [
    *("myst_nb", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.mathjax", "sphinx.ext.intersphinx"),
    *("numpydoc", "sphinx_copybutton"),
]
# Tables and runs that other pages include.
exclude_patterns = [
    *("_build", ".cache", "jupyter_execute"),
    *(f"paper/{name}.md" for name in ("broken_formulas", "four_witnesses_table", "mutation_run", "nist_table")),
]
# A page of a derivation begins anew with a title for each of its derivations.
suppress_warnings = ["myst.header"]

myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist", "attrs_block", "attrs_inline"]
myst_heading_anchors = 3

# The tutorial is executed at every build, and an error in it is an error of the build. Its figures need the backend
# that a notebook chooses by itself.
os.environ.pop("MPLBACKEND", None)
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True

numpydoc_show_class_members = False
autodoc_typehints = "none"  # the lists of parameters say it, in words
autodoc_member_order = "bysource"
toc_object_entries_show_parents = "hide"
add_module_names = False

html_theme = "pydata_sphinx_theme"
html_title = "sdetheory"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_show_sourcelink = False
html_theme_options = {
    "show_nav_level": 1,
    "show_toc_level": 2,
    "header_links_before_dropdown": 4,
    "secondary_sidebar_items": {"**": ["page-toc"], "index": []},
    "navbar_persistent": ["search-button"],
    "back_to_top_button": False,
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_sidebars = {"index": []}

# MathJax comes with the site: one script, and the fonts that it asks for.
MATHJAX = Path(importlib.util.find_spec("sphinx-mathjax-offline").origin).parent / "static" / "mathjax"
mathjax_path = "mathjax/tex-chtml-full.js"
mathjax3_config = {"options": {"enableMenu": False}}

# Links into other projects are made where their inventories can be fetched; without a network there are none.
(DOCS / ".cache").mkdir(exist_ok=True)
EMPTY = b"# Sphinx inventory version 2\n# Project: none\n# Version: 0\n# The rest is compressed using zlib.\n"
(DOCS / ".cache" / "empty.inv").write_bytes(EMPTY + zlib.compress(b""))
intersphinx_timeout = 5
intersphinx_mapping = {
    name: (url, (None, ".cache/empty.inv"))
    for name, url in {
        "python": "https://docs.python.org/3",
        "numpy": "https://numpy.org/doc/stable",
        "scipy": "https://docs.scipy.org/doc/scipy",
        "sympy": "https://docs.sympy.org/latest",
        "matplotlib": "https://matplotlib.org/stable",
    }.items()
}


def write_pages(_app: object) -> None:
    """Write what other files know already, before Sphinx looks for pages."""
    for module in (derivations, reference, gallery, paper):
        module.write(DOCS)


def bundle_mathjax(app: object, error: Exception | None) -> None:
    """Copy MathJax into the site."""
    if error is None and app.builder.format == "html":
        target = Path(app.outdir) / "_static" / "mathjax"
        shutil.copytree(MATHJAX / "output/chtml/fonts", target / "output/chtml/fonts", dirs_exist_ok=True)
        shutil.copy(MATHJAX / "tex-chtml-full.js", target)


def setup(app: object) -> None:
    """Connect the steps above to those of Sphinx."""
    app.connect("builder-inited", write_pages)
    app.connect("autodoc-process-docstring", reference.escape, priority=600)
    app.connect("build-finished", bundle_mathjax)
