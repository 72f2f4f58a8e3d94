"""What a claim is: a statement of a paper, how it is decided, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass

KINDS = ("identity", "asymptotic", "statistical", "empirical")
VERDICTS = ("holds", "holds under ", "holds to O(", "fails here", "not testable here")
SOURCES = ("none", "read", "recalled")

SEEN = "its bound was set, or moved, after the value had been seen"
"""An assumption of a check: what it finds again is known, what it would have found elsewhere is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A statement of a paper and what became of it.

    Parameters
    ----------
    id : str
        What the marker ``claim(id)`` of the test that decides it names. Once given, it keeps its meaning.
    check : str
        Name of that test.
    where : str
        Section first, then equation or figure: "§5, eq. 12".
    statement : str
        The claim, in one sentence of our own.
    kind : str
        How it is decided: one of `KINDS`.
    verdict : str
        What is found: "holds", "holds under <assumption>", "holds to O(<remainder>)", "fails here" or "not testable
        here". The test asserts it, and turns red if the measurement says otherwise.
    assumptions : tuple of str
        What the check takes for granted beyond the paper's text.
    numbers : str
        Where the numbers of the claim come from: "read" in a public source, "recalled", or "none", if it has none.
    needs : str
        Of a claim that is not testable here, what would test it.

    Raises
    ------
    ValueError
        If the kind, the verdict or the source of the numbers is none of those, or if `needs` is missing or idle.

    Examples
    --------
    >>> claim = Claim(
    ...     id="C1", check="test_it", where="§5, eq. 12", statement="It is.", kind="identity", verdict="holds"
    ... )
    >>> claim.section, claim.negated
    ('§5', False)
    """

    id: str
    check: str
    where: str
    statement: str
    kind: str
    verdict: str
    assumptions: tuple[str, ...] = ()
    numbers: str = "none"
    needs: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind of {self.id} must be one of {', '.join(KINDS)}; got {self.kind!r}")
        # What ends in a space or a bracket is a beginning; the others are the whole verdict.
        if not any(self.verdict.startswith(v) if v[-1] in " (" else self.verdict == v for v in VERDICTS):
            raise ValueError(f"verdict of {self.id} must be or begin with one of {VERDICTS}; got {self.verdict!r}")
        if self.numbers not in SOURCES:
            raise ValueError(f"numbers of {self.id} must be one of {', '.join(SOURCES)}; got {self.numbers!r}")
        if bool(self.needs) != (self.verdict == "not testable here"):
            raise ValueError(f"needs of {self.id} must be given if, and only if, it is not testable here")

    @property
    def section(self) -> str:
        """The section, without the equation."""
        return self.where.split(",")[0]

    @property
    def negated(self) -> bool:
        """Whether the check asserts that the prediction is not met: it is false, or what it needs is not to be had."""
        return self.verdict in ("fails here", "not testable here")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure of a paper, beside which the report shows ours.

    Parameters
    ----------
    number : str
        Its number in the paper: "2a".
    claim : str
        The claim whose check draws ours.
    shows : str
        What the paper's shows, in our own words.
    """

    number: str
    claim: str
    shows: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A paper and its claims: the registry of one folder.

    Parameters
    ----------
    name : str
        Authors and year: "Smith & Le (2018)".
    reference : str
        Where it is to be read.
    claims : tuple of Claim
        Their ids share their letters, which no other paper's have.
    figures : tuple of Figure
        Those that are drawn again.
    """

    name: str
    reference: str
    claims: tuple[Claim, ...]
    figures: tuple[Figure, ...] = ()
