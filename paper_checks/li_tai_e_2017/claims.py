"""The claims of Li, Tai & E (2017): stochastic equations that follow SGD to first and to second order."""

from __future__ import annotations

from sdetheory.claims import Claim, Paper

_CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="LTE01",
        check="test_equation_of_first_order_follows_sgd_to_first_order",
        where="§2, weak approximation",
        whose="paper",
        statement="The equation dX = −∇f dt + (ηΣ)^½ dW follows SGD to weak order 1 over a fixed time.",
        kind="asymptotic",
        verdict="holds to O(η)",
        assumptions=("smooth losses", "the moments are measured on a quadratic loss with constant noise"),
    ),
    Claim(
        id="LTE02",
        check="test_equation_of_second_order_follows_sgd_to_second_order",
        where="§2, weak approximation",
        whose="paper",
        statement="With the drift −∇(f + (η/4)|∇f|²) the equation follows SGD to weak order 2 over a fixed time.",
        kind="asymptotic",
        verdict="holds to O(η²)",
        assumptions=("smooth losses", "the moments are measured on a quadratic loss with constant noise"),
    ),
    Claim(
        id="LTE03",
        check="test_equation_of_second_order_is_nearer_to_sgd_on_logistic_regression",
        where="§2, weak approximation",
        whose="paper",
        statement="On a loss that is not quadratic, with minibatch noise, the second-order equation is the nearer one.",
        kind="statistical",
        verdict="holds",
        assumptions=("logistic regression on four examples, B = 1, six steps",),
    ),
    Claim(
        id="LTE04",
        check="test_second_order_does_not_extend_to_the_stationary_variance",
        where="§2, beyond a fixed time",
        whose="reading",
        statement="The equation of second order has the better stationary variance too, right to a relative O(η²).",
        kind="identity",
        verdict="fails here",
        assumptions=(
            "the theorem is stated for a fixed time: this is what a reader may expect, not what is written",
            "quadratic loss with constant noise",
        ),
    ),
    Claim(
        id="LTE05",
        check="test_best_learning_rates_on_a_parabola_are_constant_and_then_fall_like_one_over_time",
        where="§4, optimal control",
        whose="paper",
        statement="On a parabola the best learning rate is constant until noise matters, and then 1/(1 + a(t − t*)).",
        kind="identity",
        verdict="holds",
        assumptions=("quadratic loss with constant noise", "learning rate at most that of the start"),
    ),
)

PAPER = Paper(
    name="Li, Tai & E (2017)",
    reference="Stochastic modified equations and adaptive stochastic gradient algorithms, ICML 2017, arXiv:1511.06251",
    claims=_CLAIMS,
)
