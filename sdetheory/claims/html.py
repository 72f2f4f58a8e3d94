"""The report as one page for a browser: style, script and figures are in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib.resources import files
from itertools import groupby

from . import words
from .claim import WHOSE, Paper
from .outcome import Outcome
from .registry import Registry

CLASSES = {"RED": "red", "not run": "open", "fails here": "fails", "open": "open", "holds": "holds"}
VERDICTS = ("holds", "holds under", "holds to", "fails here", "open", "RED", "not run")


def html(
    registry: Registry,
    outcomes: Sequence[Outcome],
    sources: Mapping[str, tuple[str, int, str]],
    notes: Mapping[str, str],
    changes: Sequence[str],
) -> str:
    """Return the page: findings, headline figures, what has changed, filters, and each claim to be folded out."""
    style, script = (
        files(__package__).joinpath(name).read_text(encoding="utf-8") for name in ("report.css", "report.js")
    )
    body = [f"<h1>{words.TITLE}</h1>", *_findings(registry, outcomes)]
    if changes:
        lines = "".join(f"<li>{_linked(change, registry)}</li>" for change in changes)
        body.append(f"<section><h2>What has changed</h2><ul>{lines}</ul></section>")
    body += _counts(registry, notes)
    body += _filters([paper for paper in registry.papers if any(o.claim in paper.claims for o in outcomes)], outcomes)
    for paper in registry.papers:
        members = [outcome for outcome in outcomes if outcome.claim in paper.claims]
        if members:
            body.append(f"<section class=paper><h2>{escape(paper.name)}</h2><p>{escape(paper.reference)}.</p>")
            for section, group in groupby(members, key=lambda outcome: outcome.claim.section):
                cards = "\n".join(_card(paper, outcome, sources[outcome.claim.id]) for outcome in group)
                body.append(f"<div class=section><h3>{escape(section)}</h3>\n{cards}</div>")
            body.append("</section>")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{words.TITLE}</title><style>{style}</style></head><body><main>\n"
        + "\n".join(body)
        + f"\n</main><script>{script}</script></body></html>\n"
    )


def _linked(text: str, registry: Registry) -> str:
    """Return the text with a link at each id of a claim."""
    ids = re.compile(r"\b[A-Z]+\d{1,3}\b")
    return ids.sub(lambda m: f'<a href="#{m[0]}">{m[0]}</a>' if m[0] in registry.claims else m[0], escape(text))


def _findings(registry: Registry, outcomes: Sequence[Outcome]) -> Iterator[str]:
    pictures = {outcome.claim.id: outcome.pictures for outcome in outcomes}
    for paper in registry.papers:
        if paper.findings:
            yield f"<section class=findings><h2>{escape(paper.name)}</h2>"
            yield from (f"<p>{_linked(finding, registry)}</p>" for finding in paper.findings)
            shown = [identity for identity in paper.headlines if pictures.get(identity)]
            yield "<div class=headlines>"
            for identity in shown:
                claim = registry.claims[identity]
                yield _figure(identity, pictures[identity][0], f"{claim.statement} Here: {claim.verdict}.", link=True)
            yield "</div></section>"


def _figure(identity: str, picture: str, caption: str, *, link: bool = False) -> str:
    name = f'<a href="#{identity}"><b>{identity}</b></a>' if link else f"<b>{identity}</b>"
    return (
        f'<figure><img alt="Our figure for {identity}: {escape(caption)}" src="data:image/png;base64,{picture}">'
        f"<figcaption>{name}: {escape(caption)}</figcaption></figure>"
    )


def _counts(registry: Registry, notes: Mapping[str, str]) -> list[str]:
    header, *rows = words.counts(registry.papers)
    return [
        "<section><h2>All claims</h2>",
        _table(header, rows[-3:]),  # the sums
        "<details><summary>Paper by paper</summary>",
        _table(header, rows[:-3]),
        "</details>",
        f"<p>{escape(words.LEGEND)}</p><ul>",
        *(f"<li>{escape(name)}: {escape(value)}</li>" for name, value in notes.items()),
        "</ul></section>",
    ]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    body = "".join(_row("td", row) for row in rows)
    return (
        '<div class=wide tabindex=0 role=region aria-label="Numbers of verdicts"><table>'
        f"<thead>{_row('th', header)}</thead><tbody>{body}</tbody></table></div>"
    )


def _row(tag: str, texts: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts) + "</tr>"


def _filters(papers: Sequence[Paper], outcomes: Sequence[Outcome]) -> list[str]:
    """Return what chooses the claims that are shown; without scripts all are."""
    verdicts = [kind for kind in VERDICTS if kind in {words.kind_of(outcome.verdict) for outcome in outcomes}]
    choices = {
        "paper": {paper.name: paper.name for paper in papers},
        "verdict": {kind: kind for kind in verdicts},
        "whose": {whose: words.OWNERS[whose] for whose in WHOSE},
    }
    lines = ['<form class=filters hidden aria-label="Filters">']
    for name, options in choices.items():
        shown = "".join(f'<option value="{escape(value)}">{escape(text)}</option>' for value, text in options.items())
        lines.append(f"<label>{name} <select name={name}><option value=''>all</option>{shown}</select></label>")
    lines.append("<label>words <input name=words type=search></label><output name=shown></output></form>")
    return lines


def _card(paper: Paper, outcome: Outcome, source: tuple[str, int, str]) -> str:
    path, line, text = source
    claim, shown = outcome.claim, outcome.headline
    numbers = [("predicted", shown["predicted"]), ("measured", shown["measured"]), ("z", shown["z"])]
    numbers.append(("decided by", shown.get("rule", "")))
    kind = words.kind_of(outcome.verdict)
    badge = f'<span class="verdict {CLASSES.get(outcome.verdict, "conditional")}">{escape(outcome.verdict)}</span>'
    lines = [
        f'<details class=claim id="{claim.id}" data-paper="{escape(paper.name)}" data-verdict="{kind}" '
        f'data-whose="{claim.whose}"><summary><b>{claim.id}</b> <span class=statement>{escape(claim.statement)}</span>'
        f" {badge} <span class=numbers>"
        + " ".join(f"<span><i>{name}</i> {escape(value)}</span>" for name, value in numbers if value)
        + "</span></summary>",
        f"<p>{escape(claim.where)}; {outcome.seconds:.1f} s.</p><ul>",
        *(f"<li>{escape(detail)}</li>" for detail in words.details(outcome)),
        "</ul>",
        *(
            _figure(claim.id, picture, " ".join(["ours.", *words.figures(paper, outcome)]))
            for picture in outcome.pictures
        ),
        f"<p>{escape(path)}, line {line}:</p><pre tabindex=0>{escape(text)}</pre></details>",
    ]
    return "\n".join(lines)
