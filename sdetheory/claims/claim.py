"""What a claim is: a statement of a paper, how it is decided, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import InvalidInputError

KINDS = ("identity", "asymptotic", "statistical", "empirical")
VERDICTS = ("holds", "holds under ", "holds to O(", "fails here", "open")
WHOSE = ("paper", "reading", "objection")


@dataclass(frozen=True, slots=True)
class Detail:
    """A number or a piece of a paper's protocol, and whether it was read in a public text or is recalled.

    Parameters
    ----------
    what : str
        "ε = 1 and m = 0.9".
    read_in : str
        The public text; nothing, if it is recalled, and may be wrong.

    Examples
    --------
    >>> str(Detail("ε = 1")), str(Detail("ε = 1", "the abstract"))
    ('ε = 1 (recalled)', 'ε = 1 (read in the abstract)')
    """

    what: str
    read_in: str = ""

    def __str__(self) -> str:
        return f"{self.what} ({'read in ' + self.read_in if self.read_in else 'recalled'})"


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
    whose : str
        Whose statement it is: the "paper"'s own; our "reading" of it, which is a consequence, a case or an extension
        that it does not state; or an "objection", which is others', or a limit that others found: there the statement
        is what goes beyond the limit, and fails.
    statement : str
        The claim, in one sentence of our own.
    kind : str
        How it is decided: one of `KINDS`.
    verdict : str
        What is found: "holds", "holds under <assumption>", "holds to O(<remainder>)", "fails here" or "open", if the
        data cannot decide. The test asserts it, and turns red if the measurement says otherwise: an open claim does if
        the measurement excludes it or its rival.
    assumptions : tuple of str
        What the check takes for granted beyond the paper's text.
    read_in : str
        The public text in which the statement and its place were read; nothing, if they are recalled.
    details : tuple of Detail
        The paper's numbers and protocol, each read or recalled.
    needs : str
        Of an open claim, what it would take to decide it.

    Raises
    ------
    InvalidInputError
        If the kind, the verdict or whose it is is none of those, if a string stands for a tuple, or if `needs` is
        missing or idle.

    Examples
    --------
    >>> claim = Claim(
    ...     id="C1", check="test_it", where="§5, eq. 12", whose="paper", statement="It is.", kind="identity",
    ...     verdict="holds",
    ... )
    >>> claim.section, claim.negated
    ('§5', False)
    """

    id: str
    check: str
    where: str
    whose: str
    statement: str
    kind: str
    verdict: str
    assumptions: tuple[str, ...] = ()
    read_in: str = ""
    details: tuple[Detail, ...] = ()
    needs: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidInputError(f"kind of {self.id} must be one of {', '.join(KINDS)}; got {self.kind!r}")
        # What ends in a space or a bracket is a beginning; the others are the whole verdict.
        if not any(self.verdict.startswith(v) if v[-1] in " (" else self.verdict == v for v in VERDICTS):
            raise InvalidInputError(
                f"verdict of {self.id} must be or begin with one of {VERDICTS}; got {self.verdict!r}"
            )
        if self.whose not in WHOSE:
            raise InvalidInputError(f"whose of {self.id} must be one of {', '.join(WHOSE)}; got {self.whose!r}")
        for name in ("assumptions", "details"):
            if not isinstance(getattr(self, name), tuple):
                raise InvalidInputError(f"{name} of {self.id} must be a tuple; one entry needs its comma")
        if bool(self.needs) != (self.verdict == "open"):
            raise InvalidInputError(f"needs of {self.id} must be given if, and only if, it is open")

    @property
    def section(self) -> str:
        """The section, without the equation."""
        return self.where.split(",")[0]

    @property
    def negated(self) -> bool:
        """Whether the check asserts that the prediction is not met."""
        return self.verdict == "fails here"

    @property
    def is_open(self) -> bool:
        """Whether the check asserts that the data allow the claim as well as its rival."""
        return self.verdict == "open"


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
    findings : tuple of str
        What has become of the paper, in sentences that a report begins with; claims are named by their ids.
    headlines : tuple of str
        Claims whose first figures a report begins with.
    superseded : mapping
        Ids that were given and are no claims any more, and the claim that decides their statement now.

    Examples
    --------
    >>> Paper(name="Us (2026)", reference="this page", claims=()).findings
    ()
    """

    name: str
    reference: str
    claims: tuple[Claim, ...]
    figures: tuple[Figure, ...] = ()
    findings: tuple[str, ...] = ()
    headlines: tuple[str, ...] = ()
    superseded: Mapping[str, str] = field(default_factory=dict)
