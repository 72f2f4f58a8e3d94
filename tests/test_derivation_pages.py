"""The derivations of escape, sampling and evidence prove, print, meet the numerics and notice corruption."""

import importlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from proved import proved

from sdetheory.errors import SdeTheoryError
from sdetheory.symbolic import DerivationError, compare_order, present

FOLDER = Path(__file__).resolve().parents[1] / "derivations"
NAMES = (
    *("kramers", "eyring_kramers", "anisotropic_escape", "fluctuation_dissipation", "svag", "random_reshuffling"),
    *("implicit_regularization", "evidence_laplace", "reparameterization", "basins_and_evidence"),
    "gradient_noise_scale",
)


@pytest.fixture(scope="module")
def derived():
    return {name: proved(name) for name in NAMES}


def corrupted(name, old, new):
    """Return the names of a script in which one passage was replaced."""
    source = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    assert source.count(old) == 1, f"{old!r} occurs {source.count(old)} times"
    names: dict[str, Any] = {"__name__": "corrupted"}
    exec(compile(source.replace(old, new), f"corrupted {name}", "exec"), names)  # our own source
    return names


@pytest.mark.parametrize("name", NAMES)
def test_prints_a_page_that_ends_by_meeting_the_numerics(derived, name, capsys):
    module = importlib.import_module(f"derivations.{name}")
    lines = module.meet_numerics(derived[name])
    assert len(lines) >= 4
    for form in ("text", "markdown", "latex"):
        assert present(lambda: derived[name], lambda _: lines, ["--format", form]) == 0
        page = capsys.readouterr().out
        assert all(derivation.title in page for derivation in derived[name])
        assert re.search(r"\([^()\n]*sdetheory\.", page.split("Meeting the numerics")[1])
        if form == "text":
            assert "$" not in page
            assert "\\" not in page
        if form == "markdown":
            assert page.count("$$") % 2 == 0
        if form == "latex":
            assert page.count("{") == page.count("}")
            assert page.replace(r"\$", "").count("$") % 2 == 0
            assert {c for c in page if ord(c) > 127} <= {"ô", "ä"}
            prose = re.sub(r"\\begin\{dmath\}.*?\\end\{dmath\}|\$[^$]*\$", "", page, flags=re.DOTALL)
            assert not re.search(r"(?<!\\)[_^&#%]", prose)


# The numbers of the catalogue: Kramers, Xie, two basins, SVAG, reshuffled batches.


def test_kramers_time_of_the_quartic_double_well(derived):
    kramers = derived["kramers"][1].result
    for temperature, printed in ((0.1, "54.1254"), (0.05, "659.382")):
        assert f"{kramers(K_a=2.0, K_b=1.0, dC=0.25, T=temperature):.6g}" == printed
    assert derived["kramers"][2].result(K_a=2.0, C_3a=-6.0, C_4a=6.0, K_b=1.0, C_3b=0.0, C_4b=6.0) == pytest.approx(1.5)


def test_depth_against_breadth(derived):
    assert f"{derived['eyring_kramers'][1].result(K_1=100.0, K_2=4.0, delta=1.0):.7g}" == "0.6213349"


def test_the_quoted_prefactor_is_the_isothermal_one(derived):
    escape = derived["anisotropic_escape"][1].result
    values = {"eta": 0.1, "B": 1, "s": 0.5, "dL": 0.25, "H_a": 2.0, "H_b": 1.0}
    ito, isothermal = (escape(**values, w=reading) for reading in (1.0, 0.0))
    assert f"{ito:.3f}" == "133.584"
    assert isothermal / ito == pytest.approx(2.0, rel=1e-14)


def test_stationary_variances_of_svag(derived):
    printed = {1: 0.0277778, 2: 0.0263158, 4: 0.0256410, 8: 0.0253165, 16: 0.0251572}
    for times, value in printed.items():
        assert derived["svag"][2].result(eta=0.1, a=2.0, S=1.0, l=times) == pytest.approx(value, abs=5e-8)


def test_covariance_of_reshuffled_batches(derived):
    # Gradients 1, 2, 4, 7, 11, 16: N F = 200.2, and a single pair has the variance 400.4.
    bridge = derived["random_reshuffling"][0].result
    np.testing.assert_allclose([bridge(N=6, B=2, j=j, F=33.3666666666667) for j in (1, 2, 3)], [400.4, 400.4, 0.0])


@pytest.mark.parametrize(
    ("name", "part", "old", "new"),
    [
        # the temperature left out, the wrong sign of the exponent, a missing root
        ("kramers", "passage_time", "* behind, (Y, X, target)) / T,", "* behind, (Y, X, target)),"),
        ("kramers", "passage_time", "Derivative(time, X), -exp(cost(X) / T)", "Derivative(time, X), exp(cost(X) / T)"),
        ("kramers", "passage_time", "/ (2 * T), by=", "/ T, by="),
        ("kramers", "one_dimension", "2 * pi / sqrt(KA * KB)", "pi / sqrt(KA * KB)"),
        ("kramers", "one_dimension", "2 * pi / sqrt(KA * KB)", "2 * pi / (KA * KB)"),
        ("kramers", "one_dimension", "exp((bottom + BARRIER - KB * U**2 / 2) / T), (U, -oo, oo)",
         "exp((bottom + BARRIER - KB * U**2) / T), (U, -oo, oo)"),
        ("kramers", "correction", "- fourth_a / (8", "+ fourth_a / (8"),
        ("kramers", "correction", "1 + change * T, variable=T, order=2", "1 + change * T, variable=T, order=3"),
        # an eigenvalue for a root, a flow that has sources, the determinant the wrong way round
        ("eyring_kramers", "saddle", "exp(-kappa * Z**2 / (2 * T)), (Z, u", "exp(-kappa * Z**2 / T), (Z, u"),
        ("eyring_kramers", "saddle", "+ kappa * u * Derivative", "- kappa * u * Derivative"),
        ("eyring_kramers", "saddle", "-(kappa + nu) * sin", "(kappa + nu) * sin"),
        ("eyring_kramers", "saddle", "schur + m12**2 / m11", "schur - m12**2 / m11"),
        ("eyring_kramers", "saddle", "2 * pi / kappa * sqrt(kappa * nu /", "2 * pi / kappa * sqrt(kappa /"),
        ("eyring_kramers", "sharp_and_broad", "sqrt(broad / sharp) * exp(deeper", "sqrt(sharp / broad) * exp(deeper"),
        ("eyring_kramers", "sharp_and_broad", "solution=sympy.log(sharp / broad) / (2 * deeper)",
         "solution=sympy.log(sharp / broad) / deeper"),
        # Stratonovich for Itô in the weights of the integrals, in the drift, and in the prefactor
        ("anisotropic_escape", "passage_time", "+ (1 - READING) * D", "+ (1 - READING / 2) * D"),
        ("anisotropic_escape", "escape_time", "the curvature of the minimum\", 1, 1 / HA",
         "the curvature of the minimum\", 1, 1 / sqrt(HA * HB)"),
        ("anisotropic_escape", "escape_time", "which is what is usually quoted\", 0,",
         "which is what is usually quoted\", 1,"),
        ("anisotropic_escape", "escape_time", "exp(2 * B * BARRIER / ETA", "exp(B * BARRIER / ETA"),
        ("anisotropic_escape", "at_its_word", "U**2 / 6 - log", "U**2 / 6 + log"),
        # the dropped half, the learning rate squared, a sign
        ("fluctuation_dissipation", "any_loss", "solution=ETA * size / 2,", "solution=ETA * size,"),
        ("fluctuation_dissipation", "any_loss", "- 2 * ETA * (X * G1 + Y * G2)", "- ETA * (X * G1 + Y * G2)"),
        ("fluctuation_dissipation", "quadratic_loss", "(a + b - ETA * a * b)", "(a + b)"),
        ("fluctuation_dissipation", "quadratic_loss", "H2 * s2, ETA * size / 2,", "H2 * s2, ETA * size,"),
        ("fluctuation_dissipation", "quadratic_loss", "mean, ETA * (c1 + c2) / 4, variable=ETA,\n             order=2",
         "mean, ETA * (c1 + c2) / 4, variable=ETA,\n             order=3"),
        ("fluctuation_dissipation", "with_momentum", "solution=(1 + MU) *", "solution=(1 - MU) *"),
        # the root of the strength, an order too high, the step of SGD with the noise of SVAG
        ("svag", "moments", "strength = d.define(root, sqrt(2 * L - 1)", "strength = d.define(root, sqrt(2 * L + 1)"),
        ("svag", "moments", "third, (3 * L - 1) / 2 * K3", "third, L * K3"),
        ("svag", "one_step", "after, along, variable=H, order=2", "after, along, variable=H, order=3"),
        ("svag", "one_step", "-slope, ETA * noise(X), X", "-slope, H * noise(X), X"),
        ("svag", "stationary_variance", "(ETA / L) ** 2 * L * NOISE", "(ETA / L) ** 2 * NOISE"),
        # N for N − 1, the sign of the covariance, batches that are independent
        ("random_reshuffling", "within_epoch", "(S2 - S1**2 / N) / (N - 1)", "(S2 - S1**2 / N) / N"),
        ("random_reshuffling", "within_epoch", "covariance, -N * F,\n                  by",
         "covariance, N * F,\n                  by"),
        ("random_reshuffling", "within_epoch", "B**2 / (N * (N - 1)), by", "B**2 / N**2, by"),
        ("random_reshuffling", "within_epoch", "-1 / (N / B - 1)", "-1 / (N / B)"),
        # an order too high, the half of the mean over orders, independent batches for shuffled ones
        ("implicit_regularization", "modified_loss", "a * smooth(X).diff(X)), variable=EPSILON, order=3",
         "a * smooth(X).diff(X)), variable=EPSILON, order=4"),
        ("implicit_regularization", "modified_loss", "EPSILON**2 * g(1, X) * g(2, X).diff(X), variable",
         "EPSILON**2 * g(2, X) * g(1, X).diff(X), variable"),
        ("implicit_regularization", "modified_loss", "solution=product / (2 * M)", "solution=product / M"),
        ("implicit_regularization", "modified_loss", "M * (M - 1) / 2 * total", "M**2 / 2 * total"),
        ("implicit_regularization", "modified_loss", "(4 * M), X),", "(2 * M), X),"),
        ("implicit_regularization", "over_batches", "F, N * gamma / (N - 1)", "F, gamma"),
        ("implicit_regularization", "every_order", "(slope * curvature + gamma)),", "(slope * curvature)),"),
        ("implicit_regularization", "every_order", "curvature + gamma / 3)),", "curvature + gamma / 2)),"),
        ("implicit_regularization", "more_examples", "short = m / 2 * ((m - 1) *", "short = m / 2 * (m *"),
        # the half of the Occam term, the one of the prior, N − 1 eigenvalues taken for N
        ("evidence_laplace", "one_weight", "-(C0 + log(curvature / LAMBDA) / 2)", "-(C0 + log(curvature / LAMBDA))"),
        ("evidence_laplace", "two_weights", "LAMBDA / (2 * pi) * exp(-C0)", "sqrt(LAMBDA / (2 * pi)) * exp(-C0)"),
        ("evidence_laplace", "gaussian", "variance ** (N - 1) * variance * c", "variance ** (N - 1) * c"),
        ("evidence_laplace", "correction", "5 * third**2 / (24", "3 * third**2 / (24"),
        # the Jacobian left out of the cost, its square taken for itself, a wrong order
        ("reparameterization", "one_weight", "cost(phi(v)) - log(Derivative(phi(v), v))", "cost(phi(v))"),
        ("reparameterization", "one_weight", "(slope * v) ** 2 / 2, (v, 2)", "slope * v**2 / 2, (v, 2)"),
        ("reparameterization", "one_weight", "answer = (twist - 3 * bend**2 -", "answer = (twist - 2 * bend**2 -"),
        ("reparameterization", "two_weights", "(j11 * j22 - j12 * j21) ** 2 * h", "(j11 * j22 - j12 * j21) * h"),
        ("reparameterization", "two_weights", "(n1 - n2) * log(alpha)", "(n1 + n2) * log(alpha)"),
        # T = g f for T = g f/2, the square root in the wrong place
        ("basins_and_evidence", "odds", "T, noise_scale * isotropic / 2", "T, noise_scale * isotropic"),
        ("basins_and_evidence", "odds", "(C2 - C1) * (1 / T - 1)", "(C2 - C1) / T"),
        ("basins_and_evidence", "odds", "+ log(K2 / K1) / 2, \"the", "+ log(K1 / K2) / 2, \"the"),
        ("basins_and_evidence", "crossover", "solution=contrast / (2 * step)", "solution=contrast / step"),
        ("basins_and_evidence", "mixture", "exp(C2 - C1) * sqrt(K2 / K1)", "exp(C2 - C1) * sqrt(K1 / K2)"),
        # the half of the Taylor polynomial, the finite training set forgotten, 2 − εa taken for 2
        ("gradient_noise_scale", "best_step", "**2 * (bent + spread / B) / 2", "**2 * (bent + spread / B)"),
        ("gradient_noise_scale", "price", "fewest_steps * (B + batch_noise)", "fewest_steps * B * batch_noise"),
        ("gradient_noise_scale", "estimators", "trace * (1 / small - 1 / N)", "trace / small"),
        ("gradient_noise_scale", "two_noise_scales", "/ (EPSILON * curvature) - B", "/ (EPSILON * curvature)"),
    ],
)  # fmt: skip
def test_a_corrupted_step_is_refused(name, part, old, new):
    names = corrupted(name, old, new)
    with pytest.raises(DerivationError, match="does not hold"):
        names[part]()


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("kramers", "K_a=ka, K_b=-kb, dC=barrier, T=heat)", "K_a=ka, K_b=-kb, dC=barrier, T=heat) / 2"),
        ("kramers", "C_4a=c4a, K_b", "C_4a=0.0, K_b"),
        ("eyring_kramers", "schur = m[1, 1] - m[0, 1] ** 2 / m[0, 0]", "schur = m[1, 1]"),
        ("eyring_kramers", '{"K_1": line.hessian(deep)[0, 0], "K_2": line.hessian(shallow)',
         '{"K_1": 2 * line.hessian(deep)[0, 0], "K_2": line.hessian(shallow)'),
        ("anisotropic_escape", 'extra, numeric = (2 * theta, "ito")', 'extra, numeric = (0.0, "ito")'),
        ("anisotropic_escape", "calculus=numeric", 'calculus="ito"'),
        ("fluctuation_dissipation", "eta, centres = 0.5,", "eta, centres = 0.25,"),
        ("fluctuation_dissipation", "V=np.trace(law[2:, 2:])", "V=np.trace(law[:2, :2])"),
        ("svag", "[[2.0 * times]]", "[[2.0]]"),
        ("svag", "1 / size - 1 / len(gradients)", "1 / size"),
        ("random_reshuffling", "* covariance[i, j]", "* covariance[i, i]"),
        ("implicit_regularization", "Gamma=1.0 - square)", "Gamma=0.0)"),
        ("implicit_regularization", "slope - 2 * rate * (", "slope - rate * ("),
        ("evidence_laplace", "one(N=12, n=2", "one(N=11, n=2"),
        ("evidence_laplace", '"c": hessian[1, 1]', '"c": hessian[0, 0]'),
        ("evidence_laplace", '(x @ y), "Syy"', '(x @ x), "Syy"'),
        ("reparameterization", '"alpha": second / j', '"alpha": second / j**2'),
        ("reparameterization", "counts(a=a)", "counts(a=a + 1e-6)"),
        ("basins_and_evidence", "math.log(deep / broad)", "math.log(broad / deep)"),
        ("basins_and_evidence", "g=4 * temperature", "g=2 * temperature"),
        ("gradient_noise_scale", "gradient_covariance(gradients) * 5 / 6", "gradient_covariance(gradients)"),
        ("gradient_noise_scale", "q=means[1]", "q=means[1] + 1e-9"),
    ],
)  # fmt: skip
def test_a_comparison_that_fails_is_refused(derived, name, old, new):
    names = corrupted(name, old, new)
    with pytest.raises(SdeTheoryError, match="the derivation says"):
        names["meet_numerics"](derived[name])


def test_a_failure_gives_a_message_and_a_non_zero_exit(derived, capsys):
    names = corrupted("evidence_laplace", "one(N=12, n=2", "one(N=11, n=2")
    assert present(lambda: derived["evidence_laplace"], names["meet_numerics"], []) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("error: E of a logistic regression")
    assert not captured.out


def test_an_order_is_measured_between_the_two_smallest_sizes():
    sizes = [0.1, 0.05, 0.025]
    assert "order 2 = 2 (squares)" in compare_order("h", 2, sizes, [7.0, *(h**2 for h in sizes[1:])], "squares")
    for order, errors in ((1, [h**2 for h in sizes]), (2, [h**1.85 for h in sizes])):
        with pytest.raises(SdeTheoryError, match="the derivation says order"):
            compare_order("h", order, sizes, errors, "squares")
    with pytest.raises(SdeTheoryError, match="errors must be finite"):
        compare_order("h", 2, sizes, [float("nan")] * 3, "squares")
