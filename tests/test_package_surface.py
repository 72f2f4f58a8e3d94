"""What a reader finds without the documentation: help(), dir(), the Tab key, and docstrings that fit signatures."""

import ast
import inspect
import pydoc
import re
import rlcompleter
import subprocess
import sys
from pathlib import Path

import pytest
from test_architecture import PACKAGE, resolve

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


STUB = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
EXPORTED = {
    alias.asname or alias.name: f"sdetheory.{node.module}.{alias.name}" if node.module else f"sdetheory.{alias.name}"
    for node in STUB.body
    if isinstance(node, ast.ImportFrom)
    for alias in node.names
}


def test_the_stub_lists_what_the_package_offers():
    assert set(st.__all__) == set(EXPORTED)
    assert set(EXPORTED) <= set(dir(st))


@pytest.mark.parametrize("name", EXPORTED)
def test_every_public_name_resolves_and_is_described(name):
    thing = getattr(st, name)
    assert thing is resolve(EXPORTED[name])
    assert inspect.getdoc(thing)


def public_callables() -> dict[str, object]:
    """Functions, classes and methods of the package and its public submodules, by name."""
    found: dict[str, object] = {}
    modules = [st, *(m for m in (getattr(st, n) for n in EXPORTED) if inspect.ismodule(m))]
    for module in modules:
        for name in getattr(module, "__all__", None) or vars(module):
            thing = getattr(module, name)
            if name.startswith("_") or not (inspect.isfunction(thing) or inspect.isclass(thing)):
                continue
            if not thing.__module__.startswith("sdetheory"):
                continue
            found[f"{thing.__module__}.{thing.__qualname__}"] = thing
            if inspect.isclass(thing):
                for key, member in vars(thing).items():
                    inner = member.__func__ if isinstance(member, classmethod | staticmethod) else member
                    if not key.startswith("_") and inspect.isfunction(inner):
                        found[f"{thing.__module__}.{inner.__qualname__}"] = inner
    return found


def documented(docstring: str) -> list[str] | None:
    """Return the names under "Parameters" of a numpydoc docstring; None where there is no such section."""
    match = re.search(r"^Parameters\n-{10}\n(.*?)(?=\n\S[^\n]*\n-{3,}\n|\Z)", docstring, re.DOTALL | re.MULTILINE)
    if match is None:
        return None
    heads = re.findall(r"^(\S[^:\n]*?)(?: :.*)?$", match[1], re.MULTILINE)
    return [name.strip().lstrip("*") for head in heads for name in head.split(",")]


CALLABLES = public_callables()


@pytest.mark.parametrize("name", CALLABLES)
def test_docstrings_name_the_parameters_of_the_signature(name):
    thing = CALLABLES[name]
    text = inspect.getdoc(thing)
    assert text, "a docstring"
    names = documented(text)
    try:
        parameters = [p for p in inspect.signature(thing).parameters if p not in ("self", "cls")]
    except ValueError:  # exceptions that only have a name
        parameters = []
    if names is None:
        # Short methods, and classes that list their attributes, may do without.
        assert inspect.isclass(thing) or "." in thing.__qualname__ or not parameters, "a section Parameters"
    else:
        assert names == parameters


def test_the_reader_of_docstrings_reads():
    parameters = "Parameters\n----------\na, b : float\n    Two: both.\n*rest\n    More.\n\n"
    text = f"Do.\n\n{parameters}Returns\n-------\nc : int\n    x"
    assert documented(text) == ["a", "b", "rest"]
    assert documented("Parameters are none.") is None
