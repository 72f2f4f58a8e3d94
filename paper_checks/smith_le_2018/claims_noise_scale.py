"""The theory of section 5 and appendices C and D: the noise scale of SGD."""

from __future__ import annotations

from ..claims import Claim, Figure

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="C01",
        check="test_covariance_of_the_minibatch_gradient_is_n_times_n_over_b_minus_one_times_f",
        where="§5, before eq. 12",
        statement="The covariance of the minibatch gradient is N(N/B − 1)F, F the covariance of per-example gradients.",
        kind="identity",
        verdict="holds under F with N − 1 in its denominator",
        assumptions=("the batch is drawn without replacement", "the data are fixed, only the batch is random"),
    ),
    Claim(
        id="C02",
        check="test_minibatch_gradients_on_mnist_have_the_covariance_n_times_n_over_b_minus_one_times_f",
        where="§5, before eq. 12",
        statement="Minibatch gradients of a model of real images have that covariance too.",
        kind="statistical",
        verdict="holds",
        assumptions=("logistic regression on MNIST 0/1 at w = 0", "F has N − 1 in its denominator"),
    ),
    Claim(
        id="C03",
        check="test_noise_scale_is_the_learning_rate_times_n_over_b_minus_one",
        where="§5, eq. 12",
        statement="SGD has the noise scale g = ε(N/B − 1), so that one step has covariance gF over the time ε/N.",
        kind="statistical",
        verdict="holds",
        assumptions=("the batch is drawn without replacement", "no momentum", "drift and F are frozen within a step"),
    ),
)

FIGURES: tuple[Figure, ...] = ()
