"""The claims of McCandlish, Kaplan & Amodei (2018): the gradient noise scale, a batch size."""

from __future__ import annotations

from sdetheory.claims import Claim, Paper

_WITH_REPLACEMENT = "the examples of a batch are drawn independently"
_NETWORK = (
    _WITH_REPLACEMENT,
    "32 rectified units on 4,000 images of MNIST, to a training loss of 0.25",
    "SGD without momentum, at a constant learning rate: the best of each batch size on a grid of factors √2",
)

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="MK01",
        check="test_best_learning_rate_and_gain_of_a_step_are_those_of_the_full_gradient_over_one_plus_b_noise_over_b",
        where="§2.2, eqs. 2.5 to 2.8",
        whose="paper",
        statement="The best learning rate and its gain fall with batch size as 1/(1 + B_noise/B).",
        kind="identity",
        verdict="holds under independent examples in a batch",
        assumptions=("quadratic loss",),
    ),
    Claim(
        id="MK02",
        check="test_steps_and_examples_trade_on_a_hyperbola",
        where="§2.3, eq. 2.11",
        whose="paper",
        statement="Steps S and examples E to a given loss obey (S/S_min − 1)(E/E_min − 1) = 1.",
        kind="asymptotic",
        verdict="holds to O(ε)",
        assumptions=(
            _WITH_REPLACEMENT,
            "the gradient noise scale is the same all along the way",
            "learning rates are the same small share of the best one at every batch size",
        ),
    ),
    Claim(
        id="MK03",
        check="test_estimators_from_two_batch_sizes_are_unbiased",
        where="Appendix A.1",
        whose="paper",
        statement="Squared gradients at two batch sizes give unbiased estimates of |G|² and of the trace of Σ.",
        kind="identity",
        verdict="holds under independent examples in a batch",
    ),
    Claim(
        id="MK04",
        check="test_noise_scale_is_the_ratio_of_the_averaged_parts",
        where="Appendix A.1",
        whose="paper",
        statement="The two estimates must be averaged before their ratio is taken, which is biased otherwise.",
        kind="statistical",
        verdict="holds",
        assumptions=(_WITH_REPLACEMENT, "logistic regression on coarse images of MNIST 0/1 at w = 0"),
    ),
    Claim(
        id="MK05",
        check="test_noise_scale_at_rest_is_inversely_proportional_to_the_temperature",
        where="Appendix C",
        whose="paper",
        statement="Where SGD has come to rest the noise scale is proportional to B/ε, one over the temperature.",
        kind="asymptotic",
        verdict="holds to O(ε)",
        assumptions=(_WITH_REPLACEMENT, "one weight, quadratic loss, noise that does not depend on the weight"),
    ),
    Claim(
        id="MK06",
        check="test_simple_noise_scale_stands_for_the_one_with_the_hessian",
        where="§2.2, eq. 2.9",
        whose="paper",
        statement="Without the Hessian, Tr Σ/|G|² stands for the gradient noise scale.",
        kind="empirical",
        verdict="holds under a Hessian proportional to the identity",
        assumptions=("stands for: is within a factor of two", "five pairs of digits, logistic regression"),
    ),
    Claim(
        id="MK07",
        check="test_noise_scale_grows_as_training_goes_on",
        where="§3.2",
        whose="paper",
        statement="The noise scale grows while a model is trained, many times over.",
        kind="empirical",
        verdict="holds",
        assumptions=(
            "many times over: tenfold",
            "logistic regression on coarse images of five pairs of digits, full gradients from w = 0",
        ),
    ),
    Claim(
        id="MK08",
        check="test_fewest_examples_over_fewest_steps_is_the_mean_noise_scale_of_the_steps",
        where="§2.3, eq. 2.12",
        whose="paper",
        statement="The critical batch size E_min/S_min is about the gradient noise scale, averaged over the training.",
        kind="asymptotic",
        verdict="holds to O(ε)",
        assumptions=(
            _WITH_REPLACEMENT,
            "quadratic loss, noise that does not depend on the weights",
            "averaged over the steps of training without noise",
            "learning rates are the same small share of the best one at every step and batch size",
        ),
    ),
    Claim(
        id="MK09",
        check="test_steps_and_examples_of_a_network_trade_on_a_hyperbola",
        where="§2.3, eq. 2.11",
        whose="paper",
        statement="Steps and examples to a loss trade on the hyperbola on a network too.",
        kind="empirical",
        verdict="holds",
        assumptions=(*_NETWORK, "on the hyperbola: no batch size takes a quarter more or fewer steps, from 4 to 4,000"),
    ),
    Claim(
        id="MK10",
        check="test_noise_scale_foretells_the_critical_batch_size_of_a_network_to_an_order_of_magnitude",
        where="§3, on the critical batch size",
        whose="paper",
        statement="The simple noise scale, averaged over training, is the critical batch size within a factor of ten.",
        kind="empirical",
        verdict="holds under an average over runs at B = 1024",
        assumptions=(
            *_NETWORK,
            "which runs to average over was chosen after three at B = 4000 had been seen, whose averages are 8 to 12 "
            "times the critical batch size",
        ),
    ),
    Claim(
        id="MK11",
        check="test_noise_scale_is_not_within_three_of_the_critical_batch_size_of_a_network",
        where="§3, on the critical batch size",
        whose="reading",
        statement="The simple noise scale, averaged over training, is the critical batch size within a factor of 3.",
        kind="empirical",
        verdict="fails here",
        assumptions=(*_NETWORK, "averaged over the steps of runs at B = 1024, nearly without noise"),
    ),
)

PAPER = Paper(
    name="McCandlish et al. (2018)",
    reference="An Empirical Model of Large-Batch Training, arXiv:1812.06162",
    claims=CLAIMS,
)
