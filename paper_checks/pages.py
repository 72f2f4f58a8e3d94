"""The report as a page for a browser and as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

from .claims import Claim, Paper

if TYPE_CHECKING:
    from .report import Outcome

TITLE = "The claims, and what became of them"
LEGEND = (
    "z is the distance from the prediction in standard errors; Δ, where nothing is random, the relative difference. "
    "RED means that the check failed: the measurement does not bear out the verdict that the registry states. "
    "A claim that fails here has a check that passes: it asserts the failure, and turns red should the claim hold. "
    "The check of an open claim asserts that the data allow the claim and its rival alike. "
    "A claim says in which public text it was read, and so does every number and detail of protocol that is a paper's; "
    "what names no text is recalled, and with it its section and equation."
)
KINDS_OF_VERDICT = ("holds", "holds under", "holds to", "fails here", "open")
OWNERS = {"paper": "the paper's own statement", "reading": "our reading of it", "objection": "an objection to it"}
COLUMNS = ("claim", "verdict", "predicted", "measured ± error", "z", "seconds")


def kind_of(verdict: str) -> str:
    """Return the kind of a verdict.

    Examples
    --------
    >>> kind_of("holds under isotropic noise"), kind_of("holds to O(1/N)"), kind_of("holds")
    ('holds under', 'holds to', 'holds')
    """
    return next((kind for kind in reversed(KINDS_OF_VERDICT) if verdict.startswith(kind)), verdict)


def counts(papers: Mapping[str, Paper]) -> list[tuple[str, ...]]:
    """Return how many claims have which verdict: a line a paper for its own statements, and one for each of the rest.

    The last three lines are the sums.

    Examples
    --------
    >>> counts({})[1]
    ('all papers: their own statements', '0', '0', '0', '0', '0', '0')
    """
    sums: dict[str, Counter[str]] = {whose: Counter() for whose in OWNERS}
    rows = [("whose claims", "claims", *KINDS_OF_VERDICT)]
    for paper in papers.values():
        for whose, title in zip(OWNERS, (paper.name, "– our readings of it", "– objections to it"), strict=True):
            table = Counter(kind_of(claim.verdict) for claim in paper.claims if claim.whose == whose)
            sums[whose] = sums[whose] + table
            rows += [_counted(title, table)] if table else []
    titles = ("all papers: their own statements", "all papers: our readings", "all papers: objections")
    return rows + [_counted(title, table) for title, table in zip(titles, sums.values(), strict=True)]


def _counted(title: str, table: Counter[str]) -> tuple[str, ...]:
    return (title, str(table.total()), *(str(table[kind]) for kind in KINDS_OF_VERDICT))


def summary(papers: Mapping[str, Paper]) -> str:
    """Return the table of `counts` as Markdown."""
    header, *rows = counts(papers)
    lines = [header, ("---", *["---:"] * (len(header) - 1)), *rows]
    return "\n".join(_cells(line) for line in lines) + "\n"


def catalogue(papers: Mapping[str, Paper]) -> str:
    """Return all claims and their verdicts as Markdown, without a run."""
    lines = ["# Claims", "", "`pytest paper_checks/` decides them. What is found:", "", summary(papers)]
    for paper in papers.values():
        lines += [f"## {paper.name}", "", f"{paper.reference}.", ""]
        for claim in paper.claims:
            fine = f" Assumes: {'; '.join(claim.assumptions)}." if claim.assumptions else ""
            fine += " " + " ".join(_origin(claim))
            lines.append(f"- **{claim.id}**, {claim.where}: {claim.statement} *{claim.verdict}*.{fine}")
        lines += [f"- {old} is part of **{new}** now." for old, new in paper.superseded.items()]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _origin(claim: Claim) -> Iterator[str]:
    """Say whose a claim is, where that and its numbers were read, and what would decide it."""
    source = f" (read in {claim.read_in})" if claim.read_in else " (recalled)" if claim.whose == "paper" else ""
    yield f"This is {OWNERS[claim.whose]}{source}."
    if claim.details:
        yield f"The paper's setting: {'; '.join(map(str, claim.details))}."
    if claim.needs:
        yield f"What would decide it: {claim.needs}."


def _by_paper(papers: Mapping[str, Paper], outcomes: Sequence[Outcome]) -> Iterator[tuple[Paper, list[Outcome]]]:
    for paper in papers.values():
        ids = {claim.id for claim in paper.claims}
        if members := [outcome for outcome in outcomes if outcome.claim.id in ids]:
            yield paper, members


def _details(outcome: Outcome) -> Iterator[str]:
    claim = outcome.claim
    yield f"Kind: {claim.kind}."
    if claim.assumptions:
        yield f"Assumes: {'; '.join(claim.assumptions)}."
    yield from _origin(claim)
    for shown in outcome.comparisons:
        rejected = [f"{name} ({'accepted' if yes else 'rejected'})" for name, yes in shown["controls"].items()]
        what = f"{shown['label']}: " if shown["label"] else ""
        distance = f", {shown['z'] if shown['z'].startswith('Δ') else 'z = ' + shown['z']}" if shown["z"] else ""
        yield (
            f"{what}predicted {shown['predicted']}, measured {shown['measured']}{distance}. "
            f"Negative controls: {', '.join(rejected)}."
        )


def _figures(paper: Paper, outcome: Outcome) -> list[str]:
    return [f"Figure {f.number} of the paper: {f.shows}" for f in paper.figures if f.claim == outcome.claim.id]


def markdown(
    papers: Mapping[str, Paper],
    outcomes: Sequence[Outcome],
    sources: Mapping[str, tuple[str, int, str]],
    notes: Mapping[str, str],
) -> str:
    """Return the page: for each section a table, then what each check compared and what it rejected."""
    lines = [f"# {TITLE}", "", LEGEND, "", *(f"- {name}: {value}" for name, value in notes.items()), ""]
    lines += [summary(papers)]
    for paper, members in _by_paper(papers, outcomes):
        lines += [f"## {paper.name}", "", f"{paper.reference}.", ""]
        for section, group in groupby(members, key=lambda outcome: outcome.claim.section):
            shown = list(group)
            lines += [f"### {section}", "", _cells(COLUMNS), _cells(["---"] * len(COLUMNS))]
            lines += [_cells(_row(outcome)) for outcome in shown]
            for outcome in shown:
                path, line, _ = sources[outcome.claim.id]
                lines += ["", f"**{outcome.claim.id}** ({outcome.claim.where}). {outcome.claim.statement}", ""]
                lines += [f"- {detail}" for detail in _details(outcome)]
                lines += [f"- Test: [`{outcome.test}`]({path}#L{line})"]
                lines += [f"- {figure}" for figure in _figures(paper, outcome)]
                lines += [
                    f"\n![Our figure for {outcome.claim.id}]({outcome.claim.id}-{number}.png)"
                    for number in range(1, len(outcome.pictures) + 1)
                ]
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _row(outcome: Outcome) -> tuple[str, ...]:
    shown = outcome.headline
    return (
        *(outcome.claim.id, outcome.verdict, shown["predicted"], shown["measured"], shown["z"]),
        f"{outcome.seconds:.1f}",
    )


def _cells(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


# One column on a phone: each row of the table becomes a card, whose cells say what they are.
STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 0 auto; padding: 1rem; }
h1 { line-height: 1.2; } h2 { margin-top: 3rem; } h3 { margin-bottom: .3rem; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
.claims { table-layout: fixed; } .claims th { width: 9%; } .claims th:nth-child(1) { width: 36%; }
.claims th:nth-child(2), .claims th:nth-child(4) { width: 19%; } .claims th:nth-child(3) { width: 12%; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; } td.number { font-variant-numeric: tabular-nums; }
details { border: 1px solid var(--line); border-radius: 6px; padding: .4rem .8rem; margin: .5rem 0; }
summary { cursor: pointer; } pre { overflow-x: auto; background: var(--soft); padding: .6rem; font-size: 13px; }
figure { margin: 1rem 0; } img { max-width: 100%; height: auto; background: #fff; }
.verdict { border-radius: 1em; padding: .1em .7em; background: #2a7d; color: #fff; display: inline-block; }
.fails { background: #b33d; } .open { background: #777d; } .conditional { background: #27ad; }
.red { background: #e00; font-weight: 700; }
@media (max-width: 46rem) {
  .claims thead { display: none; } .claims tr { display: block; border: 1px solid var(--line); border-radius: 6px;
  margin: .6rem 0; padding: .3rem; } .claims td { display: block; border: 0; padding: .15rem .5rem; }
  .claims td[data-name]::before { content: attr(data-name) ": "; opacity: .7; }
  .counts { display: block; overflow-x: auto; }
}
"""


def html(
    papers: Mapping[str, Paper],
    outcomes: Sequence[Outcome],
    sources: Mapping[str, tuple[str, int, str]],
    notes: Mapping[str, str],
) -> str:
    """Return the page, with its style and its figures in it."""
    header, *rows = counts(papers)
    body = [f"<h1>{TITLE}</h1><p>{escape(LEGEND)}</p><ul>"]
    body += [f"<li>{escape(name)}: {escape(value)}</li>" for name, value in notes.items()]
    body += ["</ul><table class=counts><thead>", _html_row("th", header), "</thead><tbody>"]
    body += [_html_row("td", row) for row in rows] + ["</tbody></table>"]
    for paper, members in _by_paper(papers, outcomes):
        body.append(f"<h2>{escape(paper.name)}</h2><p>{escape(paper.reference)}.</p>")
        for section, group in groupby(members, key=lambda outcome: outcome.claim.section):
            shown = list(group)
            body += [f"<h3>{escape(section)}</h3><table class=claims><thead>", _html_row("th", COLUMNS)]
            body += ["</thead><tbody>", *(_html_claim(outcome) for outcome in shown), "</tbody></table>"]
            body += [_html_details(paper, outcome, sources[outcome.claim.id]) for outcome in shown]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{TITLE}</title><style>{STYLE}</style></head><body>\n" + "\n".join(body) + "\n</body></html>\n"
    )


def _html_row(tag: str, cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"


def _html_claim(outcome: Outcome) -> str:
    classes = {
        "RED": "red", "not run": "open", "fails here": "fails", "open": "open", "holds": "holds",
    }  # fmt: skip
    identity, verdict, *numbers = _row(outcome)
    picture = f' <a href="#figure-{identity}">figure</a>' if outcome.pictures else ""
    cells = [
        f'<td><a href="#{identity}"><b>{identity}</b></a> {escape(outcome.claim.statement)}{picture}</td>',
        f'<td><span class="verdict {classes.get(verdict, "conditional")}">{escape(verdict)}</span></td>',
    ]
    for name, text in zip(COLUMNS[2:], numbers, strict=True):
        # A phone shows the name of the column in the cell, and nothing for an empty one.
        cells.append(f'<td class=number data-name="{escape(name)}">{escape(text)}</td>' if text else "<td></td>")
    return "<tr>" + "".join(cells) + "</tr>"


def _html_details(paper: Paper, outcome: Outcome, source: tuple[str, int, str]) -> str:
    path, line, text = source
    identity = outcome.claim.id
    # The anchor is inside, so that a link to it opens the details.
    lines = [f'<details><summary><b>{identity}</b> {escape(outcome.claim.where)}</summary><ul id="{identity}">']
    lines += [f"<li>{escape(detail)}</li>" for detail in _details(outcome)]
    lines += [f"</ul><p>{escape(path)}, line {line}:</p><pre>{escape(text)}</pre></details>"]
    caption = "".join(f"<br>{escape(figure)}" for figure in _figures(paper, outcome))
    lines += [
        f'<figure id="figure-{identity}"><img alt="Our figure for {identity}" src="data:image/png;base64,{picture}">'
        f"<figcaption><b>{identity}</b>: ours.{caption}</figcaption></figure>"
        for picture in outcome.pictures
    ]
    return "\n".join(lines)
