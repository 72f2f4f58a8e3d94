"""Section 3: true and random labels."""

from __future__ import annotations

from sdetheory.claims import Claim, Detail, Figure

from .texts import ABSTRACT

_SUMS = "200 examples of 200 normal inputs, whose label is the sign of their sum"
_IMAGES = "800 images of MNIST 0/1, without a bias"
_BOTH = (_SUMS, _IMAGES)
_THEIR_IMAGES = Detail("800 images of MNIST, half zeros and half ones, 10,000 to test, 784 weights and a bias")
_THEIR_SUMS = Detail("200 normal inputs and 200 examples in the first version")
_SWEEP = Detail("λ swept over decades")
_RIDGE = ("linear model of labels ±1 with noise variance 1 instead of logistic regression", "MNIST 0/1")

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="C35",
        check="test_random_labels_can_be_separated_with_the_probability_of_cover",
        where="§3, fig. 1a (Cover 1965)",
        whose="reading",
        statement="Random labels of N points in d dimensions can be memorized for certain up to N = d, and with "
        "probability ½ at N = 2d.",
        kind="statistical",
        verdict="holds under inputs in general position",
        assumptions=("a boundary through the origin",),
    ),
    Claim(
        id="C36",
        check="test_a_weakly_regularized_linear_model_memorizes_random_labels",
        where="§3, fig. 1a",
        whose="paper",
        statement="A linear model with fewer than a thousand weights and a weak prior memorizes random labels.",
        kind="empirical",
        verdict="holds",
        assumptions=_BOTH,
        read_in=ABSTRACT,
        details=(Detail("fewer than a thousand weights", "the abstract of the first version, arXiv:1710.06451"),),
    ),
    Claim(
        id="C37",
        check="test_the_same_weakly_regularized_model_generalizes_if_labels_are_true",
        where="§3, fig. 1b",
        whose="paper",
        statement="The same model, as weakly regularized, generalizes if labels are true.",
        kind="empirical",
        verdict="holds",
        assumptions=_BOTH,
        read_in=ABSTRACT,
        details=(_THEIR_IMAGES, _THEIR_SUMS),
    ),
    Claim(
        id="C38",
        check="test_a_stronger_prior_does_not_improve_the_accuracy_by_what_a_test_set_would_show",
        where="§3, fig. 1b",
        whose="paper",
        statement="A stronger prior does not improve the test accuracy significantly.",
        kind="empirical",
        verdict="holds under two standard errors of a test set being significant",
        assumptions=(*_BOTH, "a test set of 1000 examples"),
        details=(Detail("10,000 test images"),),
    ),
    Claim(
        id="C39",
        check="test_the_mean_margin_falls_as_the_prior_gets_weaker",
        where="§3, fig. 1",
        whose="paper",
        statement="The mean margin falls as λ falls, with true labels and with random ones.",
        kind="empirical",
        verdict="holds under margins as distances from the boundary",
        assumptions=(*_BOTH, "λ from 1e-4 to 100"),
        details=(_THEIR_IMAGES, _THEIR_SUMS, _SWEEP),
    ),
    Claim(
        id="C40",
        check="test_margins_of_true_labels_are_about_half_as_large_again_as_those_of_random_ones",
        where="§3, fig. 1",
        whose="paper",
        statement="With a weak prior the mean margin is about half as large again with true labels as with random "
        "ones, for sums of normal inputs.",
        kind="empirical",
        verdict="holds under averaging over data sets",
        assumptions=(_SUMS, "about half: nearer than to a quarter or three"),
        details=(
            Detail("margins about half as large again"),
            _THEIR_SUMS,
        ),
    ),
    Claim(
        id="C41",
        check="test_margins_of_true_labels_of_images_are_more_than_fifty_times_those_of_random_ones",
        where="§3, fig. 1",
        whose="paper",
        statement="With a weak prior the mean margin is about half as large again with true labels as with random "
        "ones, for images.",
        kind="empirical",
        verdict="fails here",
        assumptions=(
            _IMAGES,
            "at λ = 1e-4 the ratio is 134; with standardized pixels it is 71 to 78, with whitened ones 2.0 to 2.3, "
            "bias or none; at λ = 1 it is 40, 40 and 1.6",
        ),
        details=(
            Detail("margins about half as large again"),
            _THEIR_IMAGES,
        ),
    ),
    Claim(
        id="C42",
        check="test_with_as_many_weights_as_examples_any_labels_are_fitted_and_sgd_from_zero_finds_the_shortest_fit",
        where="§3, fig. 1a (Zhang 2017)",
        whose="reading",
        statement="With at least as many weights as examples a linear model fits any labels, and SGD from 0 converges "
        "to the shortest weights that do.",
        kind="identity",
        verdict="holds under linearly independent inputs",
        assumptions=("least squares of labels ±1", "learning rate below the limit of stability"),
    ),
    Claim(
        id="C43",
        check="test_the_largest_curvature_is_larger_with_random_labels_than_with_true_ones",
        where="§3, fig. 1 (Krueger 2017)",
        whose="reading",
        statement="At its minimum the cost has a larger largest curvature with random labels than with true ones.",
        kind="empirical",
        verdict="holds under logistic regression",
        assumptions=(*_BOTH, "λ = 0.01 in both", "the statement is about deep networks"),
    ),
    Claim(
        id="C44",
        check="test_random_labels_are_learnt_by_heart_and_the_test_cross_entropy_explodes",
        where="§3, fig. 2a",
        whose="paper",
        statement="With random labels the training cross-entropy goes to 0 as λ does, and that of test data explodes.",
        kind="empirical",
        verdict="holds",
        assumptions=_BOTH,
        details=(_THEIR_IMAGES, _THEIR_SUMS, _SWEEP),
    ),
    Claim(
        id="C45",
        check="test_evidence_of_random_labels_prefers_the_model_for_some_labelings",
        where="§3, fig. 2a",
        whose="reading",
        statement="With random labels E is positive at every λ, whatever the labels.",
        kind="statistical",
        verdict="fails here",
        assumptions=(_SUMS, "100 images of MNIST 0/1", "Laplace's E of logistic regression"),
    ),
    Claim(
        id="C46",
        check="test_evidence_of_random_labels_prefers_guessing_on_average",
        where="§3, fig. 2a",
        whose="reading",
        statement="With random labels E of logistic regression is positive wherever λ lets the model fit.",
        kind="statistical",
        verdict="holds under averaging over labelings",
        assumptions=(*_BOTH, "λ up to 10"),
    ),
    Claim(
        id="C09",
        check="test_evidence_prefers_guessing_to_the_model_when_labels_are_random_on_average",
        where="§3, fig. 2a",
        whose="paper",
        statement="With random labels the evidence prefers guessing to the model, whatever the strength of the prior.",
        kind="statistical",
        verdict="holds under averaging over labelings",
        assumptions=_RIDGE,
        details=(_THEIR_IMAGES, _THEIR_SUMS, _SWEEP),
    ),
    Claim(
        id="C47",
        check="test_test_cross_entropy_tends_to_ln_2_and_the_evidence_ratio_to_0_as_the_prior_gets_strong",
        where="§3, fig. 2",
        whose="paper",
        statement="As λ grows the test cross-entropy tends to ln 2 and E to 0.",
        kind="asymptotic",
        verdict="holds to O(1/λ)",
        assumptions=_BOTH,
        details=(Detail("ln 2 for two classes"), _THEIR_IMAGES, _THEIR_SUMS),
    ),
    Claim(
        id="C08",
        check="test_evidence_prefers_the_model_to_guessing_when_labels_are_true",
        where="§3, fig. 2b",
        whose="paper",
        statement="With true labels the evidence prefers the model to guessing, at the best strength of the prior.",
        kind="empirical",
        verdict="holds",
        assumptions=_RIDGE,
        details=(_THEIR_IMAGES, _THEIR_SUMS, _SWEEP),
    ),
    Claim(
        id="C48",
        check="test_weak_priors_are_rejected_by_laplaces_evidence_and_predict_badly_for_sums",
        where="§3, fig. 2b",
        whose="paper",
        statement="With true labels and a weak prior E is large and positive and the test cross-entropy is above ln 2, "
        "for sums of normal inputs.",
        kind="empirical",
        verdict="holds under Laplace's approximation",
        assumptions=(_SUMS, "C54 says what the exact evidence does"),
        details=(_THEIR_SUMS, _SWEEP),
    ),
    Claim(
        id="C49",
        check="test_weak_priors_are_not_rejected_by_the_evidence_and_predict_well_for_images",
        where="§3, fig. 2b",
        whose="paper",
        statement="With true labels and a weak prior E is large and positive and the test cross-entropy is above ln 2, "
        "for images.",
        kind="empirical",
        verdict="fails here",
        assumptions=(
            _IMAGES,
            "so it is with a bias, and with standardized pixels: E at λ = 1e-6 is −490 to −522 nats on two folds",
            "C111 has whitened pixels",
        ),
        details=(_THEIR_IMAGES, _SWEEP),
    ),
    Claim(
        id="C111",
        check="test_weak_priors_are_rejected_by_laplaces_evidence_and_predict_badly_for_whitened_images",
        where="§3, fig. 2b",
        whose="paper",
        statement="With true labels and a weak prior E is large and positive and the test cross-entropy is above ln 2, "
        "for whitened images.",
        kind="empirical",
        verdict="holds under Laplace's approximation",
        assumptions=(
            "800 images of MNIST 0/1, 462 principal components of variance 1 and a bias",
            "without the bias E is 64 to 77 nats, for 80 to 84",
        ),
        details=(_THEIR_IMAGES, _SWEEP),
    ),
    Claim(
        id="C50",
        check="test_moderate_priors_are_trusted_by_the_evidence_and_beat_guessing",
        where="§3, fig. 2b",
        whose="paper",
        statement="With true labels and a moderate prior E is negative and the test cross-entropy is below ln 2.",
        kind="empirical",
        verdict="holds",
        assumptions=(*_BOTH, "λ = 10"),
        details=(_THEIR_IMAGES, _THEIR_SUMS, _SWEEP),
    ),
    Claim(
        id="C51",
        check="test_evidence_and_test_cross_entropy_are_best_within_a_decade_of_each_other_for_sums",
        where="§3, fig. 2b",
        whose="paper",
        statement="Test cross-entropy and E have their minima at the same λ, for sums of normal inputs.",
        kind="empirical",
        verdict="holds under a tolerance of a decade",
        assumptions=(_SUMS, "average over data sets"),
        details=(_SWEEP,),
    ),
    Claim(
        id="C52",
        check="test_five_folds_of_images_cannot_tell_whether_evidence_and_test_cross_entropy_are_best_at_the_same_prior",
        where="§3, fig. 2b",
        whose="paper",
        statement="Test cross-entropy and E have their minima at the same λ, for images.",
        kind="empirical",
        verdict="open",
        assumptions=(_IMAGES, "averages over five folds"),
        needs="more images to test: on 1,000 the distance of the two best λ is 0.3 decades ± 0.7; an error of a "
        "quarter of a decade takes some 8,000, and two classes of Fashion-MNIST have 12,000",
        details=(_SWEEP,),
    ),
    Claim(
        id="C53",
        check="test_the_evidence_puts_priors_in_the_order_of_their_test_cross_entropies",
        where="§3, fig. 2",
        whose="paper",
        statement="Generalization is strongly correlated with the evidence.",
        kind="empirical",
        verdict="holds under averaging over data sets",
        assumptions=(*_BOTH, "rank correlation over λ from 1e-6 to 1e5", "Laplace's evidence"),
        details=(_THEIR_IMAGES, _THEIR_SUMS),
    ),
    Claim(
        id="C54",
        check="test_exact_evidence_does_not_reject_the_weak_priors_that_laplaces_rejects",
        where="§3, fig. 2b",
        whose="objection",
        statement="With true labels and a weak prior the exact evidence is worse than guessing, and not only Laplace's "
        "approximation of it.",
        kind="statistical",
        verdict="fails here",
        assumptions=("30 sums of 30 normal inputs", "the limit λ → 0"),
    ),
)

FIGURES: tuple[Figure, ...] = (
    Figure(
        number="1a",
        claim="C36",
        shows="Accuracy over λ with random labels: on training data it reaches 1 as λ falls, on test data it stays ½.",
    ),
    Figure(
        number="1b",
        claim="C37",
        shows="Accuracy over λ with true labels: high on test data too, and hardly changed by λ.",
    ),
    Figure(
        number="2a",
        claim="C44",
        shows="Cross-entropies and E over λ with random labels: that of test data explodes as λ falls and tends to "
        "ln 2 as λ grows, E is positive.",
    ),
    Figure(
        number="2b",
        claim="C50",
        shows="Cross-entropies and E over λ with true labels: test cross-entropy and E are high at small λ, tend to "
        "ln 2 and 0 at large λ, and are lowest at the same λ between.",
    ),
)
