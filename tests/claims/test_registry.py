"""Claims, papers and registries refuse what contradicts itself."""

import pytest

from sdetheory.claims import Break, Claim, Figure, Paper, Registry
from sdetheory.errors import InvalidInputError

GOOD = {
    "id": "X1",
    "check": "test_x",
    "where": "§1",
    "whose": "paper",
    "statement": "It is.",
    "kind": "identity",
    "verdict": "holds to O(ε)",
}


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "numeric"}, {"verdict": "holds under"}, {"verdict": "holds?"}, {"verdict": "fails here often"},
        {"whose": "nobody"}, {"assumptions": "a string"}, {"needs": "more images"}, {"verdict": "open"},
        {"verdict": "not testable here"},
    ],
)  # fmt: skip
def test_a_claim_of_unknown_kind_or_verdict_is_refused(change):
    with pytest.raises(InvalidInputError, match="of X1 must be"):
        Claim(**GOOD | change)


def paper(**changes):
    return Paper(**{"name": "Us", "reference": "Here", "claims": (Claim(**GOOD),)} | changes)


def test_a_registry_knows_its_claims_in_order():
    second = paper(
        name="You",
        claims=tuple(
            Claim(**GOOD | {"id": i, "where": w}) for i, w in (("Y2", "§2"), ("Y1", "§1"), ("Y3", "Abstract"))
        ),
    )
    assert [claim.id for claim in Registry([paper(), second]).in_order()] == ["X1", "Y1", "Y2", "Y3"]


@pytest.mark.parametrize(
    ("papers", "message"),
    [
        ([paper(), paper()], "X1 more than once"),
        (["a paper"], "must be Paper objects"),
        ([paper(figures=(Figure(number="1", claim="X9", shows="it"),))], "must name claims of it; got X9"),
        ([paper(headlines=("X8",))], "must name claims of it; got X8"),
        ([paper(superseded={"X0": "X7"})], "superseded must lead from .*; got X0"),
        ([paper(superseded={"X1": "X1"})], "superseded must lead from .*; got X1"),
    ],
)
def test_a_registry_refuses_what_contradicts_itself(papers, message):
    with pytest.raises(InvalidInputError, match=message):
        Registry(papers)


@pytest.mark.parametrize("text", ["y = 1", "x x"])
def test_a_mistake_needs_its_place_once(text):
    with pytest.raises(InvalidInputError, match="must have 'x' once"):
        Break(mistake="m", file="f.py", right="x", wrong="z", claims=("X1",)).applied(text)
