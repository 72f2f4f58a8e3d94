"""What a reader finds without the documentation: help(), dir() and the Tab key show every public name."""

import ast
import inspect
import pydoc
import rlcompleter
import subprocess
import sys
from pathlib import Path

import pytest

import sdetheory as st

MODULES = sorted(name for name in st.__all__ if inspect.ismodule(getattr(st, name)))
PACKAGES = [name for name in MODULES if hasattr(getattr(st, name), "__path__")]


def brought_in(source: str) -> set[str]:
    """Return the names that a package's ``from .x import y as y`` make its own."""
    nodes = [node for node in ast.parse(source).body if isinstance(node, ast.ImportFrom)]
    return {alias.asname for node in nodes for alias in node.names if alias.asname}


@pytest.mark.parametrize("name", PACKAGES)
def test_a_subpackage_lists_what_it_brings_in(name):
    module = getattr(st, name)
    public = brought_in(Path(module.__file__).read_text(encoding="utf-8"))
    assert public and set(module.__all__) == public, f"__all__ of {name}: {sorted(public ^ set(module.__all__))}"
    assert len(module.__all__) == len(set(module.__all__))


@pytest.mark.parametrize("name", PACKAGES)
def test_help_describes_every_public_name(name):
    module = getattr(st, name)
    text = pydoc.plain(pydoc.render_doc(module))
    entries = {line.strip().partition("(")[0].partition(" = ")[0] for line in text.splitlines()}
    entries |= {line.split()[1].partition("(")[0] for line in text.splitlines() if line.startswith("    class ")}
    assert set(module.__all__) <= entries
    # As it stands, with the overstruck letters of a terminal, where headings cannot be searched.
    assert [name for name in module.__all__ if name not in pydoc.render_doc(module)] == []


def test_help_on_the_whole_package_describes_every_public_name():
    text = pydoc.plain(pydoc.render_doc(st))
    assert [name for name in st.__all__ if name not in text] == []


def test_help_names_what_a_module_has_and_nothing_else():
    """The negative control."""
    assert "plot_histogram" not in pydoc.plain(pydoc.render_doc(st.theory))


@pytest.mark.parametrize("name", ["", *MODULES])
def test_the_tab_key_offers_every_public_name(name):
    module = getattr(st, name) if name else st
    prefix = f"st.{name}." if name else "st."
    completer = rlcompleter.Completer({"st": st})
    offered = set(completer.attr_matches(prefix))
    for public in getattr(module, "__all__", []):
        assert any(match.rstrip("()") == prefix + public for match in offered), public


@pytest.mark.parametrize("name", PACKAGES)
def test_each_subpackage_serves_as_the_first_use_of_the_package(name):
    """A name that only worked after another one had been loaded would fail in somebody's first line."""
    module = getattr(st, name)
    code = f"import sdetheory as st; [getattr(st.{name}, n) for n in {list(module.__all__)!r}]"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
