"""Section 4, the figures of section 5, and appendices B and E: the optimum batch size."""

from __future__ import annotations

from ..claims import Claim, Figure

NETWORK = "network with 800 rectified units, 1,000 images of MNIST, three seeds, stored study"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="C55",
        check="test_test_accuracy_falls_as_the_batch_grows_at_a_fixed_learning_rate",
        where="§1",
        statement="At a fixed learning rate test accuracy falls as the batch grows.",
        kind="empirical",
        verdict="holds under a batch above the optimum",
        assumptions=(NETWORK, "below the optimum accuracy grows with the batch"),
    ),
    Claim(
        id="C56",
        check="test_small_batch_is_slower_and_ends_with_the_higher_test_accuracy",
        where="§4, fig. 3a",
        statement="A small batch learns more slowly than the full one, and ends with the higher test accuracy.",
        kind="empirical",
        verdict="holds under damped momentum",
        assumptions=(NETWORK, "ε = 1, m = 0.9, B = 30 against 1,000", "speed is counted in steps"),
        numbers="recalled",
    ),
    Claim(
        id="C57",
        check="test_test_loss_rises_late_for_both_batches_and_is_lower_for_the_small_one",
        where="§4, fig. 3b",
        statement="The test loss rises late in training with either batch, and is lower with the small one.",
        kind="empirical",
        verdict="holds under damped momentum",
        assumptions=(NETWORK, "ε = 1, m = 0.9, B = 30 against 1,000"),
        numbers="recalled",
    ),
    Claim(
        id="C58",
        check="test_test_accuracy_peaks_at_a_batch_size_in_between",
        where="§4, fig. 4",
        statement="With the learning rate held fixed, test accuracy has a peak at an optimum batch size.",
        kind="empirical",
        verdict="holds",
        assumptions=(NETWORK, "damped momentum 0.9, 4,000 steps"),
    ),
    Claim(
        id="C59",
        check="test_batches_below_about_ten_do_not_train_at_learning_rate_one",
        where="§4, fig. 4, edge",
        statement="At ε = 1 and m = 0.9 batches below about ten do not train at all.",
        kind="empirical",
        verdict="holds under damped momentum",
        assumptions=(NETWORK, "with the undamped momentum of appendix D even B = 60 fails"),
        numbers="recalled",
    ),
    Claim(
        id="C60",
        check="test_the_optimum_lies_at_a_fixed_multiple_of_the_smallest_batch_that_trains",
        where="§4, objection to fig. 4",
        statement="The optimum moves with the edge of stability: it is a few times the smallest batch that trains.",
        kind="empirical",
        verdict="holds",
        assumptions=(NETWORK, "an objection, not a claim of the paper", "the edge is known up to the grid's spacing"),
    ),
    Claim(
        id="C61",
        check="test_convex_models_show_no_gap_between_small_and_full_batch",
        where="§4, convex models",
        statement="Convex models generalize as well with the full batch as with a small one.",
        kind="statistical",
        verdict="holds",
        assumptions=("logistic regression on MNIST 4/9", "no gap: less than half of that of the network"),
    ),
)

FIGURES: tuple[Figure, ...] = (
    Figure(
        number="3", claim="C56", shows="Test accuracy and test loss along training, with a small and the full batch."
    ),
    Figure(number="4", claim="C58", shows="Test accuracy over the batch size: a peak, and failure at the smallest."),
)
