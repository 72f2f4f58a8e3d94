"""The claims of Smith & Le (2018) that are checked, each in one sentence of our own, with the verdict we measure.

An id, once given, keeps its meaning; new claims are added at the end. The report orders them by section.
"""

from __future__ import annotations

from dataclasses import dataclass

KINDS = ("identity", "asymptotic", "statistical", "empirical")
VERDICTS = ("holds", "holds under ", "holds to O(", "fails here", "not testable here")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A statement of the paper and what became of it.

    Parameters
    ----------
    id : str
        What the marker ``claim(id)`` of the test that decides it names.
    where : str
        Section first, then equation or figure: "§5, eq. 12".
    statement : str
        The claim, in one sentence.
    kind : str
        How it is decided: one of `KINDS`.
    verdict : str
        What is found: "holds", "holds under <assumption>", "holds to O(<remainder>)", "fails here" or "not testable
        here". The test asserts it, and turns red if the measurement says otherwise.
    assumptions : tuple of str
        What the check takes for granted beyond the paper's text.

    Raises
    ------
    ValueError
        If the kind or the verdict is none of those.

    Examples
    --------
    >>> CLAIMS[2].id, CLAIMS[2].section
    ('C03', '§5')
    """

    id: str
    where: str
    statement: str
    kind: str
    verdict: str
    assumptions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind of {self.id} must be one of {', '.join(KINDS)}; got {self.kind!r}")
        # What ends in a space or a bracket is a beginning; the others are the whole verdict.
        if not any(self.verdict.startswith(v) if v[-1] in " (" else self.verdict == v for v in VERDICTS):
            raise ValueError(f"verdict of {self.id} must be or begin with one of {VERDICTS}; got {self.verdict!r}")

    @property
    def section(self) -> str:
        """The section, without the equation."""
        return self.where.split(",")[0]

    @property
    def fails(self) -> bool:
        """Whether the check is that the claim is false."""
        return self.verdict == "fails here"


CLAIMS = (
    Claim(
        id="C01",
        where="§5, before eq. 12",
        statement="The covariance of the minibatch gradient is N(N/B − 1)F, F the covariance of per-example gradients.",
        kind="identity",
        verdict="holds under F with N − 1 in its denominator",
        assumptions=("the batch is drawn without replacement", "the data are fixed, only the batch is random"),
    ),
    Claim(
        id="C02",
        where="§5, before eq. 12",
        statement="Minibatch gradients of a model of real images have that covariance too.",
        kind="statistical",
        verdict="holds",
        assumptions=("logistic regression on MNIST 0/1 at w = 0", "F has N − 1 in its denominator"),
    ),
    Claim(
        id="C03",
        where="§5, eq. 12",
        statement="SGD has the noise scale g = ε(N/B − 1), so that one step has covariance gF over the time ε/N.",
        kind="statistical",
        verdict="holds",
        assumptions=("the batch is drawn without replacement", "no momentum", "drift and F are frozen within a step"),
    ),
    Claim(
        id="C04",
        where="§2, eqs. 8 and 9",
        statement="The log evidence is −(C(w₀) + ½ Σ ln(λᵢ/λ)): the depth of the minimum and its breadth.",
        kind="identity",
        verdict="holds under a Gaussian likelihood",
        assumptions=("λᵢ are the eigenvalues of the Hessian of C, the prior's λ included",),
    ),
    Claim(
        id="C05",
        where="§2, eqs. 5 and 6",
        statement="The evidence does not depend on the parameterization, whereas curvature does.",
        kind="identity",
        verdict="holds under a prior that is carried along",
        assumptions=("linear maps of the weights of a linear model", "the prior's density takes the Jacobian along"),
    ),
    Claim(
        id="C06",
        where="Appendix A",
        statement="Langevin dynamics at temperature 1 occupies each minimum in proportion to its evidence.",
        kind="statistical",
        verdict="holds under isotropic noise",
        assumptions=("noise independent of w and equal in all directions, unlike that of SGD", "basins well apart"),
    ),
    Claim(
        id="C07",
        where="§2, eq. 7",
        statement="Of two minima of equal cost the sharper has the smaller evidence, by the factor √(C″/λ).",
        kind="identity",
        verdict="holds under a quadratic cost",
        assumptions=("one weight",),
    ),
    Claim(
        id="C08",
        where="§3, fig. 2b",
        statement="With true labels the evidence prefers the model to guessing, at the best strength of the prior.",
        kind="empirical",
        verdict="holds",
        assumptions=("linear model of labels ±1 with noise variance 1 instead of logistic regression", "MNIST 0/1"),
    ),
    Claim(
        id="C09",
        where="§3, fig. 2a",
        statement="With random labels the evidence prefers guessing to the model, whatever the strength of the prior.",
        kind="statistical",
        verdict="holds under averaging over labelings",
        assumptions=("linear model of labels ±1 with noise variance 1 instead of logistic regression", "MNIST 0/1"),
    ),
)
