"""The claims of Chaudhari & Soatto (2018): anisotropic noise makes SGD settle in another potential, and circulate."""

from __future__ import annotations

from sdetheory.claims import Claim, Detail, Paper

_CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="CS01",
        check="test_stationary_law_has_a_potential_that_an_antisymmetric_matrix_leads_to",
        where="§3, potential",
        whose="paper",
        statement="SGD has a stationary potential Φ with ∇f = (D + Q)∇Φ − ∇·(D + Q), Q antisymmetric.",
        kind="identity",
        verdict="holds under constant noise and a quadratic loss",
        assumptions=("continuous time", "near a minimum, where D and Q are constant and the divergence vanishes"),
    ),
    Claim(
        id="CS02",
        check="test_constant_noise_keeps_the_loss_as_potential_only_if_it_is_isotropic",
        where="§1, second result",
        whose="paper",
        statement="The stationary potential is the loss if and only if the noise is isotropic, D ∝ I.",
        kind="identity",
        verdict="holds under constant noise and a quadratic loss",
        assumptions=("continuous time",),
        read_in="a summary of the paper, sciencestack.ai",
    ),
    Claim(
        id="CS03",
        check="test_no_noise_that_varies_in_space_keeps_the_loss_as_potential",
        where="§1, second result",
        whose="reading",
        statement="No noise D(x) but a constant multiple of the identity leaves the loss as the stationary potential.",
        kind="identity",
        verdict="fails here",
        assumptions=("the paper's words taken for every D(x), in one dimension and in Itô's sense",),
    ),
    Claim(
        id="CS04",
        check="test_sgd_circulates_where_noise_and_hessian_do_not_commute",
        where="Abstract",
        whose="paper",
        statement="With anisotropic noise SGD is out of equilibrium: it has currents, and traverses closed loops.",
        kind="statistical",
        verdict="holds under D that does not commute with the Hessian",
        assumptions=("quadratic loss", "anisotropic noise along the axes of the Hessian makes no current"),
        read_in="the abstract of arXiv:1710.11029",
    ),
    Claim(
        id="CS05",
        check="test_minibatch_noise_of_a_network_is_far_from_isotropic",
        where="Abstract",
        whose="paper",
        statement="The covariance of the minibatch gradients of a network has a rank of about 1 % of its dimension.",
        kind="empirical",
        verdict="holds under the participation ratio of its eigenvalues as rank",
        assumptions=("one hidden layer on MNIST, on the way", "the paper's networks are larger"),
        details=(Detail("a rank of about 1 % of the dimension", "the abstract of arXiv:1710.11029"),),
        read_in="the abstract of arXiv:1710.11029",
    ),
)

PAPER = Paper(
    name="Chaudhari & Soatto (2018)",
    reference="SGD performs variational inference, converges to limit cycles for deep networks, ICLR, arXiv:1710.11029",
    claims=_CLAIMS,
)
