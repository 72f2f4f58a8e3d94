"""The claims of Immer, Bauer, Fortuin, Rätsch & Khan (2021): the evidence of a network selects it."""

from __future__ import annotations

from sdetheory.claims import Claim, Detail, Paper

ABSTRACT = "the abstract, arXiv:2104.04975"
_DATA = (
    "four digits of MNIST at 7 × 7 pixels, 120 images; one layer of rectified units; Laplace's method at one minimum"
)

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="IBF01",
        check="test_the_evidence_at_its_best_prior_ranks_widths_by_their_test_loss",
        where="§4, on architectures",
        whose="paper",
        statement="Architectures can be selected by the evidence of the training data, at its best prior.",
        kind="empirical",
        verdict="holds",
        assumptions=(_DATA, "1 to 16 units: a rank correlation of 0.65 [0.44, 0.86] with the test loss, eight seeds"),
        read_in=ABSTRACT,
        details=(
            Detail("Laplace's method with Gauss–Newton approximations of the Hessian", ABSTRACT),
            Detail("networks of growing width and depth on CIFAR-10 and CIFAR-100"),
        ),
    ),
    Claim(
        id="IBF02",
        check="test_the_prior_of_the_largest_evidence_predicts_no_better_than_that_of_cross_validation",
        where="§4, on hyperparameters",
        whose="paper",
        statement="The prior precision of the largest evidence predicts better than that chosen by cross-validation.",
        kind="empirical",
        verdict="fails here",
        assumptions=(
            _DATA,
            "8 units; a fifth of the images validates, and all of them train with what it chooses",
            "the weights at the minimum predict, not an average over their posterior",
            "the test loss is higher by 0.012 [0.000, 0.023], mean of eight seeds",
        ),
        read_in=ABSTRACT,
        details=(Detail("standard regression and image classification", ABSTRACT),),
    ),
)

PAPER = Paper(
    name="Immer et al. (2021)",
    reference="Scalable Marginal Likelihood Estimation for Model Selection in Deep Learning, ICML 2021, "
    "arXiv:2104.04975",
    claims=CLAIMS,
)
