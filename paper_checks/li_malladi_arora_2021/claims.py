"""The claims of Li, Malladi & Arora (2021): a test whether SGD follows its equation, and where it cannot."""

from __future__ import annotations

from sdetheory.claims import Claim, Detail, Paper

NOTE = "a note on the paper, radarfudan.github.io, 15 March 2021"

_CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="LMA01",
        check="test_svag_keeps_the_mean_gradient_and_multiplies_its_covariance",
        where="§4, eq. 5",
        whose="paper",
        statement="The SVAG gradient has the mean of a minibatch gradient and l times its covariance.",
        kind="identity",
        verdict="holds",
        assumptions=("two independent minibatches a step",),
        read_in=NOTE,
    ),
    Claim(
        id="LMA02",
        check="test_svag_tends_to_the_equation_like_one_over_l",
        where="§4, theorem 4.3",
        whose="paper",
        statement="At a fixed learning rate SVAG tends to the equation as l grows, with an error of order 1/l.",
        kind="asymptotic",
        verdict="holds to O(ηA/l)",
        assumptions=("measured by the stationary variance on a quadratic loss, which no fixed time limits",),
    ),
    Claim(
        id="LMA03",
        check="test_limit_forgets_all_of_the_noise_but_its_covariance",
        where="§4, noise that is not Gaussian",
        whose="paper",
        statement="What is not Gaussian in the gradient noise does not enter the limit.",
        kind="asymptotic",
        verdict="holds to O(1/l)",
        assumptions=("measured by the stationary third cumulant on a quadratic loss",),
    ),
    Claim(
        id="LMA04",
        check="test_equation_errs_in_equilibrium_by_the_ratio_of_squared_gradient_to_noise",
        where="§5, necessary condition",
        whose="reading",
        statement="In equilibrium SGD exceeds its equation by 1 + G/N, |mean gradient|² G over gradient noise N.",
        kind="identity",
        verdict="holds under noise that does not depend on the weights and a quadratic loss",
        assumptions=("exceeds in the mean of θ·∇L, which is twice the mean loss",),
    ),
    Claim(
        id="LMA05",
        check="test_linear_scaling_rule_breaks_where_the_necessary_condition_does",
        where="§5, linear scaling rule",
        whose="paper",
        statement="Beyond κ = (N/G)(C² − 1) the linear scaling rule is off by more than a factor C².",
        kind="statistical",
        verdict="holds",
        assumptions=("quadratic loss, G and N of the equation", "the condition is necessary: it breaks before as well"),
        read_in=NOTE,
        details=(Detail("κ = (N/G)(C² − 1)", NOTE),),
    ),
)

PAPER = Paper(
    name="Li, Malladi & Arora (2021)",
    reference="On the Validity of Modeling SGD with Stochastic Differential Equations, NeurIPS, arXiv:2102.12470",
    claims=_CLAIMS,
)
