"""The claims of Gürbüzbalaban, Şimşekli & Zhu (2021): SGD on least squares has power-law tails."""

from __future__ import annotations

from sdetheory.claims import Claim, Paper

_SETTING = "least squares, one normal input, fresh examples"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="GSZ01",
        check="test_tail_exponent_of_sgd_solves_the_moment_equation_of_its_factor",
        where="§3, theorem 2",
        whose="paper",
        statement="The weights have a power-law tail with the α at which E|1 − (η/b)Σx²|^α is one.",
        kind="statistical",
        verdict="holds",
        assumptions=(_SETTING,),
    ),
    Claim(
        id="GSZ02",
        check="test_variance_is_infinite_from_two_over_one_plus_two_over_b_on",
        where="§3, proposition 5",
        whose="paper",
        statement="The exponent is 2 at η = 2/(1 + (d + 1)/b), beyond which the variance is infinite.",
        kind="identity",
        verdict="holds",
        assumptions=(_SETTING, "d = 1"),
    ),
    Claim(
        id="GSZ03",
        check="test_tail_exponent_falls_with_the_learning_rate_and_rises_with_batch_size",
        where="§3, theorem 4",
        whose="paper",
        statement="Tails grow heavier with the learning rate and lighter with the batch size.",
        kind="identity",
        verdict="holds",
        assumptions=(_SETTING, "learning rates of a grid up to the end of the stationary range"),
    ),
)

PAPER = Paper(
    name="Gürbüzbalaban et al. (2021)",
    reference="The Heavy-Tail Phenomenon in SGD, ICML 2021, arXiv:2006.04740",
    claims=CLAIMS,
)
