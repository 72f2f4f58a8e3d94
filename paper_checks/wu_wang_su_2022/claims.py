"""The claims of Wu, Wang & Su (2022): noise along sharp directions bounds the curvature of stable minima."""

from __future__ import annotations

from sdetheory.claims import Claim, Paper

_ABSTRACT = "the abstract, papers.nips.cc, NeurIPS 2022"
_LINEAR = ("least squares that all examples fit", "batches with replacement", "stable: in mean square")

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="WWS01",
        check="test_frobenius_norm_of_a_stable_minimum_is_bounded_by_batch_size_and_rate",
        where="§3, theorem 3.3",
        whose="paper",
        statement="A minimum at which SGD is linearly stable has a Hessian of Frobenius norm at most √(B/μ)/η.",
        kind="identity",
        verdict="holds",
        assumptions=(*_LINEAR, "μ: the least Tr(SH)/(2L‖H‖²) of the covariance S of gradients, over all weights"),
        read_in=_ABSTRACT,
    ),
    Claim(
        id="WWS02",
        check="test_bound_does_not_depend_on_the_number_of_weights",
        where="Abstract",
        whose="paper",
        statement="That bound depends neither on the number of weights nor on that of examples.",
        kind="asymptotic",
        verdict="holds under nearly orthogonal features",
        assumptions=(*_LINEAR, "many more Gaussian features than examples"),
        read_in=_ABSTRACT,
    ),
    Claim(
        id="WWS03",
        check="test_loss_grows_exponentially_beyond_the_bound",
        where="Abstract",
        whose="paper",
        statement="From a minimum beyond the bound SGD escapes exponentially fast.",
        kind="identity",
        verdict="holds",
        assumptions=(*_LINEAR, "the mean loss, in at least η²μ‖H‖²/B a step"),
        read_in=_ABSTRACT,
    ),
    Claim(
        id="WWS04",
        check="test_gradients_of_gaussian_inputs_are_aligned_with_the_hessian",
        where="§2, on alignment",
        whose="paper",
        statement="The noise is larger along sharp directions and in proportion to the loss: μ ≥ 1 for linear models.",
        kind="identity",
        verdict="holds under Gaussian inputs",
        read_in=_ABSTRACT,
    ),
)

PAPER = Paper(
    name="Wu, Wang & Su (2022)",
    reference="The Alignment Property of SGD Noise and How It Helps Select Flat Minima, NeurIPS, arXiv:2207.02628",
    claims=CLAIMS,
)
