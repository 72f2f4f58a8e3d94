"""The title's claim, on networks: what the evidence says of the minima that SGD reaches."""

from __future__ import annotations

from sdetheory.claims import Claim, Detail, Figure

from .texts import ABSTRACT

STUDY = "16 rectified units, 500 images of Fashion-MNIST, λ = 1, four seeds, stored study; polished by the whole batch"
METHOD = "Laplace's method with the Gauss–Newton matrix"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="C120",
        check="test_small_batches_find_minima_of_larger_evidence",
        where="Abstract",
        whose="paper",
        statement="The noise of small batches drives the parameters towards minima whose evidence is large.",
        kind="empirical",
        verdict="holds under g = 4.5, against the whole batch",
        assumptions=(
            "16 rectified units, 500 images of Fashion-MNIST with true labels, λ = 1, of one start; stored study",
            METHOD,
            "polished by the whole batch; the comparison was fixed before its twenty seeds were run",
            "ln P grows by 5.8 [4.6, 7.1] nats, all of it Occam's factor: the minima are flatter (97.5 %)",
            "their test loss is lower by 0.007 [-0.002, 0.015]: that it is lower at all is open (95 %)",
        ),
        read_in=ABSTRACT,
        details=(Detail("argued from Langevin's equation at T = 1; the evidence of no network is computed"),),
    ),
    Claim(
        id="C125",
        check="test_whether_the_largest_noise_finds_larger_evidence_is_open",
        where="Abstract",
        whose="reading",
        statement="That goes on to the largest noise scale of the study, g = 16: its minima have larger evidence too.",
        kind="empirical",
        verdict="open",
        assumptions=(
            "as C120, at B = 15, of sixty seeds of their own that a protocol named: 0.2 [-1.1, 1.5] nats (95 %), so "
            "that the gain does not go on: at g = 4.5 it is 5.8",
            "the test loss is lower by 0.006 [0.002, 0.011] all the same",
        ),
        needs="a gain of half a nat to matter: at a scatter of 5 over seeds it takes 800 of them",
    ),
    Claim(
        id="C121",
        check="test_the_evidence_ranks_minima_by_their_test_loss",
        where="§2",
        whose="reading",
        statement="Of the minima that four batch sizes reach at one λ, larger evidence has the lower test loss.",
        kind="empirical",
        verdict="holds under true labels, as a rank correlation of 0.44 [0.16, 0.72]",
        assumptions=(
            "as C120; the measure is that of the first protocol, applied to seeds that were run for C120 and C125",
            METHOD,
            "within one λ and set of images; over λ it does not: C123",
        ),
    ),
    Claim(
        id="C122",
        check="test_the_evidence_tells_networks_with_true_labels_from_those_with_random_ones",
        where="§3, fig. 1",
        whose="reading",
        statement="The evidence trusts a network that fits true labels, and not one that fits random ones as well.",
        kind="empirical",
        verdict="holds under weights up to six posterior standard deviations from a bottom",
        assumptions=(
            STUDY,
            METHOD,
            "the protocol allows two, which 15 of 16 random cells exceed; that they are let in was decided after that",
        ),
    ),
    Claim(
        id="C123",
        check="test_the_largest_evidence_and_the_least_test_loss_are_not_at_the_same_prior",
        where="§3, fig. 1",
        whose="reading",
        statement="The prior of the largest evidence is that of the least test loss, to a factor of three.",
        kind="empirical",
        verdict="fails here",
        assumptions=(
            STUDY,
            METHOD,
            "λ = 0.1 to 300, at B = 50: the evidence is largest at 1 to 3, the test loss least at 10, of all seeds",
            "the claim for linear models is the paper's",
        ),
    ),
    Claim(
        id="C126",
        check="test_with_random_labels_the_evidence_prefers_guessing_at_every_prior_that_lets_a_bottom_be_reached",
        where="§3, fig. 2a, networks",
        whose="reading",
        statement="With random labels the evidence prefers guessing to the network, however strong the prior.",
        kind="empirical",
        verdict="holds under a strong prior",
        assumptions=(
            STUDY,
            METHOD,
            "at λ = 30 and 100: of the 20 cells from 0.1 to 10 none has reached a bottom, to the protocol's limit of "
            "two on the decrement",
        ),
    ),
    Claim(
        id="C124",
        check="test_laplaces_evidence_of_small_networks_is_off_by_more_than_a_nat_and_a_half",
        where="§2, eq. 8",
        whose="reading",
        statement="One minimum times the number of its copies has the evidence of a network, to 1.5 nats.",
        kind="statistical",
        verdict="fails here",
        assumptions=(
            "four rectified units, 20 points, 22 weights, λ = 0.3: too large by 1.5 to 2.0 of 5 to 12 nats",
            METHOD,
            "the lowest minimum of eight starts, and all 4! copies: units that do nothing have fewer",
        ),
    ),
)

FIGURES: tuple[Figure, ...] = ()
