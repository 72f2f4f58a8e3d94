"""The claims of Mandt, Hoffman & Blei (2017): how far SGD at a constant rate samples the posterior."""

from __future__ import annotations

from sdetheory.claims import Claim, Detail, Paper

_ABSTRACT = "the abstract, JMLR 18(134)"

_CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="MHB01",
        check="test_stationary_covariance_solves_lyapunovs_equation",
        where="§3, Ornstein–Uhlenbeck process",
        whose="paper",
        statement="Near a minimum of Hessian A, SGD has a stationary covariance Σ with ΣA + AΣ = (η/S)BBᵀ.",
        kind="asymptotic",
        verdict="holds to O(ηA)",
        assumptions=("the noise BBᵀ is the same everywhere near the minimum", "batches are drawn with replacement"),
    ),
    Claim(
        id="MHB02",
        check="test_learning_rate_nearest_to_the_posterior_is_2sd_over_n_trace_bbt",
        where="§4, theorem 1",
        whose="paper",
        statement="The law of SGD is nearest to the posterior, in KL, at η* = 2SD/(N Tr BBᵀ), whatever the Hessian.",
        kind="asymptotic",
        verdict="holds to O(S/N)",
        assumptions=("quadratic loss", "the noise BBᵀ is the same everywhere"),
    ),
    Claim(
        id="MHB03",
        check="test_preconditioner_that_inverts_the_noise_makes_sgd_sample_the_posterior",
        where="§4, theorem 2",
        whose="paper",
        statement="The preconditioner (2S/ηN)(BBᵀ)⁻¹ makes the law of SGD the posterior.",
        kind="asymptotic",
        verdict="holds to O(S/N)",
        assumptions=("quadratic loss", "the noise BBᵀ is the same everywhere"),
    ),
    Claim(
        id="MHB04",
        check="test_momentum_multiplies_the_best_learning_rate_by_the_damping",
        where="§4, momentum",
        whose="paper",
        statement="With heavy-ball momentum of damping μ = 1 − m the best learning rate is 2μSD/(N Tr BBᵀ).",
        kind="asymptotic",
        verdict="holds to O(S/N)",
        assumptions=("quadratic loss", "the noise BBᵀ is the same everywhere", "undamped heavy ball"),
    ),
    Claim(
        id="MHB05",
        check="test_average_over_n_over_s_iterates_is_a_draw_from_the_posterior",
        where="§6, iterate averaging",
        whose="paper",
        statement="Averages over T = N/S successive iterates have the covariance of the posterior.",
        kind="statistical",
        verdict="holds under BBᵀ = A and averages long against relaxation",
        assumptions=("quadratic loss", "N ηA ≫ S; what is left is of relative order S/(N ηA)"),
    ),
    Claim(
        id="MHB06",
        check="test_langevin_dynamics_at_a_constant_rate_adds_the_noise_of_gradients",
        where="§5.1, Langevin dynamics",
        whose="paper",
        statement="Stochastic-gradient Langevin dynamics at a rate ε has ½N(ΣA + AΣ) = I + εN²BBᵀ/4S.",
        kind="asymptotic",
        verdict="holds to O(εNA)",
        assumptions=("quadratic loss", "the noise BBᵀ is the same everywhere"),
        details=(Detail("that the error of a constant rate is quantified", _ABSTRACT),),
    ),
    Claim(
        id="MHB07",
        check="test_fisher_scoring_samples_the_posterior_with_the_preconditioner_of_both_noises",
        where="§5.2, Fisher scoring",
        whose="paper",
        statement="With added noise √ε E and the preconditioner (2/N)(εBBᵀ/S + EEᵀ)⁻¹ SGD samples the posterior.",
        kind="asymptotic",
        verdict="holds to O(1/N)",
        assumptions=("quadratic loss", "the noise BBᵀ is the same everywhere"),
    ),
    Claim(
        id="MHB08",
        check="test_hyperparameter_fitted_to_the_law_of_sgd_maximizes_the_evidence",
        where="§4.4, variational EM",
        whose="paper",
        statement="Hyperparameters can be fitted with constant SGD in the place of the posterior, by variational EM.",
        kind="identity",
        verdict="holds under the best preconditioner",
        assumptions=("least squares", "a Gaussian prior, whose precision is fitted", "noise as of labels"),
        read_in=_ABSTRACT,
    ),
)

PAPER = Paper(
    name="Mandt, Hoffman & Blei (2017)",
    reference="Stochastic Gradient Descent as Approximate Bayesian Inference, JMLR 18(134), arXiv:1704.04289",
    claims=_CLAIMS,
)
