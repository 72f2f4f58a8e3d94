"""All papers of a project, and their claims by id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ..errors import InvalidInputError
from .claim import Claim, Paper


class Registry:
    """Papers, in the order in which a report shows them, and their claims by id.

    Parameters
    ----------
    papers : iterable of Paper
        Each with claims of its own.

    Raises
    ------
    InvalidInputError
        Something is no `Paper`, two claims have one id, a figure or headline names a claim that its paper lacks, or
        an id that is superseded has a claim, or leads to none.

    Examples
    --------
    >>> claim = Claim(
    ...     id="X1", check="test_it", where="§1", whose="paper", statement="It is.", kind="identity", verdict="holds"
    ... )
    >>> registry = Registry([Paper(name="Us (2026)", reference="this page", claims=(claim,))])
    >>> registry
    Registry(papers: 1, claims: 1)
    >>> registry.claims["X1"].verdict
    'holds'
    """

    def __init__(self, papers: Iterable[Paper]) -> None:
        self.papers = tuple(papers)
        for paper in self.papers:
            if not isinstance(paper, Paper):
                raise InvalidInputError(f"papers must be Paper objects; got {paper!r}")
            own = {claim.id for claim in paper.claims}
            named = [figure.claim for figure in paper.figures] + list(paper.headlines)
            if missing := [identity for identity in named if identity not in own]:
                raise InvalidInputError(
                    f"figures and headlines of {paper.name} must name claims of it; got {', '.join(missing)}"
                )
        count = Counter(claim.id for paper in self.papers for claim in paper.claims)
        if twice := [identity for identity, n in count.items() if n > 1]:
            raise InvalidInputError(f"each id must be of one claim; got {', '.join(twice)} more than once")
        self.claims: dict[str, Claim] = {claim.id: claim for paper in self.papers for claim in paper.claims}
        self.superseded = {old: new for paper in self.papers for old, new in paper.superseded.items()}
        if wrong := [old for old, new in self.superseded.items() if old in self.claims or new not in self.claims]:
            raise InvalidInputError(f"superseded must lead from ids of no claim to ids of one; got {', '.join(wrong)}")

    def __repr__(self) -> str:
        return f"Registry(papers: {len(self.papers)}, claims: {len(self.claims)})"

    def in_order(self) -> list[Claim]:
        """Return the claims by paper and section, those without a section last."""
        return [
            claim
            for paper in self.papers
            for claim in sorted(paper.claims, key=lambda c: (not c.section.startswith("§"), c.section, c.id))
        ]
