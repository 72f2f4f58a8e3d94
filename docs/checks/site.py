"""Look through a built site without a browser: ``python docs/checks/site.py docs/_build``; exits with 1 on a fault.

Faults are links within the site that lead nowhere (pages, anchors, images, scripts, styles), signatures of more than
300 characters, figures without a description, numbered lists that are authors' initials, pages without a title,
steps of the tutorial without a figure, formulas that would come from a network, and pages that are more than three
clicks from the first one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LONGEST_SIGNATURE = 300
MOST_CLICKS = 3
LISTS = {"genindex", "py-modindex", "search"}  # Sphinx's own, to which the search leads
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


@dataclass
class Page(HTMLParser):
    """What a page links to, what it can be linked at, and what is wrong with it by itself."""

    links: list[str] = field(default_factory=list)
    clicks: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    signature: list[str] | None = None
    title: str = ""
    figures: int = 0
    open_tags: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note the links, anchors and figures of a tag."""
        given = {name: value or "" for name, value in attributes}
        self.anchors |= {given[name] for name in ("id", "name") if name in given and tag != "meta"}
        if tag in ("a", "link") and "href" in given and given.get("rel") not in ("canonical", "preconnect"):
            self.links.append(given["href"])
            self.clicks += [given["href"]] * (tag == "a")
        if tag in ("img", "script", "source") and "src" in given:
            self.links.append(given["src"])
        if tag == "script" and "mathjax" in given.get("src", "") and urlsplit(given["src"]).netloc:
            self.faults.append("formulas come from a network")
        self.figures += tag == "img"
        if tag == "img" and not given.get("alt", "").strip():
            self.faults.append(f"no description of the figure {given.get('src', '')[:80]}")
        if tag == "ol" and {"loweralpha", "upperalpha", "lowerroman", "upperroman"} & set(
            given.get("class", "").split()
        ):
            self.faults.append("a list that is numbered by letters: somebody's initials?")
        if tag == "dt" and "sig" in given.get("class", "").split():
            self.signature = []
        if tag not in VOID:
            self.open_tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """End a signature."""
        if tag == "dt" and self.signature is not None:
            text = " ".join("".join(self.signature).split())
            if len(text) > LONGEST_SIGNATURE:
                self.faults.append(f"a signature of {len(text)} characters: {text[:60]}…")
            self.signature = None
        if tag in self.open_tags:
            while self.open_tags.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        """Gather the text of a signature and of the title."""
        if self.signature is not None:
            self.signature.append(data)
        if self.open_tags and self.open_tags[-1] == "title":
            self.title += data


def read(path: Path) -> Page:
    """Return what a file holds."""
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    if not page.title.strip():
        page.faults.append("no title")
    return page


def leads_to(page: Path, link: str) -> Path:
    """Return the file that a link of a page names, by its path."""
    target = (page.parent / unquote(link)).resolve() if link else page.resolve()
    return target / "index.html" if target.is_dir() else target


def within_clicks(site: Path, pages: Mapping[Path, Page]) -> set[Path]:
    """Return the pages that are few clicks from the first one."""
    by_place = {path.resolve(): page for path, page in pages.items()}
    near = edge = {(site / "index.html").resolve()} & by_place.keys()
    for _ in range(MOST_CLICKS):
        links = [(path, urlsplit(link)) for path in edge for link in by_place[path].clicks]
        there = {leads_to(path, link.path) for path, link in links if not (link.scheme or link.netloc)}
        edge = (there & by_place.keys()) - near
        near = near | edge
    return near


def faults(site: Path) -> Iterator[str]:
    """Say what is wrong, one line each."""
    pages = {path: read(path) for path in sorted(site.rglob("*.html")) if "_static" not in path.parts}
    if not pages:
        yield f"{site} has no pages"
    anchors = {path.resolve(): page.anchors for path, page in pages.items()}
    near = within_clicks(site, pages)
    for path, page in pages.items():
        name = path.relative_to(site)
        for fault in page.faults:
            yield f"{name}: {fault}"
        if path.resolve() not in near and path.stem not in LISTS:
            yield f"{name}: more than {MOST_CLICKS} clicks from the first page"
        if path.parent.name == "tutorial" and path.stem != "index" and not page.figures:
            yield f"{name}: a step of the tutorial without a figure: was the notebook's backend replaced?"
        for link in sorted(set(page.links)):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = leads_to(path, parts.path)
            if not target.exists():
                yield f"{name}: {link} leads nowhere"
            elif parts.fragment and unquote(parts.fragment) not in anchors.get(target, {unquote(parts.fragment)}):
                yield f"{name}: {link} leads to a page without this place"


if __name__ == "__main__":
    found = list(faults(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/_build")))
    print(*found, f"{len(found)} faults", sep="\n")
    sys.exit(bool(found))
