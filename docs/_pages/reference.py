"""The reference: a page for each public package, and one that finds every name, so that none can be forgotten."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import sdetheory

from ._files import fill

# The order in which a reader meets them; a package that is not named here comes at the end.
ORDER = (
    *("theory", "landscapes", "equations", "simulators", "models", "datasets", "training", "studies", "evidence"),
    *("symbolic", "plotting", "exchange", "stats", "claims", "errors"),
)


def write(docs: Path) -> None:
    """Write docs/reference."""
    names = sorted(set(sdetheory.__all__), key=str.lower)
    modules = {name: value for name in names if inspect.ismodule(value := getattr(sdetheory, name))}
    packages = sorted(modules, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))
    owned = {name: set(_public(modules[name])) for name in packages}
    pages = {f"{name}.md": _page(modules[name], sorted(owned[name], key=str.lower)) for name in packages}
    top = [name for name in names if name not in modules]
    homeless = [name for name in top if not any(name in owned[package] for package in packages)]
    homes = {name: next((f"{package}.{name}" for package in packages if name in owned[package]), name) for name in top}
    lines = ["# Reference", "", "Docstrings state equations, shapes, assumptions and orders of accuracy.", ""]
    lines += ["## Packages", "", "| package | what it holds |", "| --- | --- |"]
    lines += [f"| [{name}]({name}.md) | {_first_line(modules[name])} |" for name in packages]
    lines += ["", "## What `import sdetheory as st` offers", "", "```{eval-rst}", ".. currentmodule:: sdetheory", ""]
    lines += [*_table(homes[name] for name in top), "```", ""]
    lines += ["```{toctree}", ":hidden:", "", *packages, "```", "", "## Names of no package", "", "```{eval-rst}"]
    lines += [".. currentmodule:: sdetheory", "", *_entries(sdetheory, homeless), "```", ""]
    fill(docs / "reference", {**pages, "index.md": "\n".join(lines)})


def _public(package: ModuleType) -> list[str]:
    values = {key: value for key, value in vars(package).items() if not key.startswith("_")}
    homes = {key: getattr(value, "__module__", None) or "" for key, value in values.items()}
    listed = getattr(package, "__all__", ())  # what a package offers of another module's
    return [key for key in values if key.isupper() or key in listed or homes[key].startswith(package.__name__)]


def _page(package: ModuleType, names: list[str]) -> str:
    things = {name: getattr(package, name) for name in names}
    classes = [name for name in names if inspect.isclass(things[name])]
    others = [name for name in names if name not in classes]
    title = package.__name__
    lines = [f"# {title.removeprefix('sdetheory.')}", "", "```{eval-rst}", f".. currentmodule:: {title}", ""]
    # The tables below are the list that a docstring ends with.
    lines += [*(inspect.getdoc(package) or "").partition("\nPublic names:")[0].splitlines(), ""]
    for heading, members in (("Functions and constants", others), ("Classes", classes)):
        if members:
            lines += [f".. rubric:: {heading}", "", *_table(members)]
    lines += ["```", ""]
    for members in (others, classes):
        if members:
            lines += ["```{eval-rst}", f".. currentmodule:: {title}", "", *_entries(package, members), "```", ""]
    return "\n".join(lines)


def _table(names: Iterable[str]) -> list[str]:
    return [".. autosummary::", "   :nosignatures:", "", *(f"   {name}" for name in names), ""]


def _entries(package: ModuleType, names: Iterable[str]) -> list[str]:
    lines = []
    for name in names:
        thing = getattr(package, name)
        kind = "autoclass" if inspect.isclass(thing) else "autofunction" if callable(thing) else "autodata"
        lines += [f".. {kind}:: {name}", *(["   :members:"] if kind == "autoclass" else [])]
        lines += [*(["   :no-value:"] if kind == "autodata" else []), ""]
    return lines


def _first_line(thing: object) -> str:
    return (inspect.getdoc(thing) or "").partition("\n")[0]


def escape(_app: object, _kind: str, _name: str, _object: object, _options: object, lines: list[str]) -> None:
    """Let |w| be a norm, (k, *cells) a shape, "S. Smith" a person, and "d." at the end of a sentence a letter.

    reStructuredText would make substitutions, emphasis and numbered lists of them. Code stays as it is.
    """
    for i, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            line = re.sub(r"^(\s*)(?=[A-Za-z]\.(\s|$))", r"\1\\", line)
            pieces = line.split("``")
            pieces[::2] = [re.sub(r"\||(?<=[ (])\*(?=\w+[,)])", r"\\\g<0>", piece) for piece in pieces[::2]]
            lines[i] = re.sub(r"\barXiv:(\d{4}\.\d{5})", r"`arXiv:\1 <https://arxiv.org/abs/\1>`__", "``".join(pieces))
