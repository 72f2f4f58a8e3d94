"""The derivations of the evidence and of what is near it prove, print, meet the numerics and notice corruption."""

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

from sdetheory.errors import SdeTheoryError
from sdetheory.symbolic import DerivationError, present

FOLDER = Path(__file__).resolve().parents[1] / "derivations"
NAMES = ("evidence_laplace", "reparameterization", "basins_and_evidence", "gradient_noise_scale")


@pytest.fixture(scope="module")
def derived():
    return {name: importlib.import_module(f"derivations.{name}").derive() for name in NAMES}


def corrupted(name, old, new):
    """Return the names of a script in which one passage was replaced."""
    source = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    assert source.count(old) == 1, f"{old!r} occurs {source.count(old)} times"
    names: dict[str, Any] = {"__name__": "corrupted"}
    exec(compile(source.replace(old, new), f"corrupted {name}", "exec"), names)  # our own source
    return names


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", ["text", "markdown", "latex"])
def test_prints_a_page_that_ends_by_meeting_the_numerics(derived, name, form, capsys):
    module = importlib.import_module(f"derivations.{name}")
    assert present(lambda: derived[name], module.meet_numerics, ["--format", form]) == 0
    page = capsys.readouterr().out
    assert "(sdetheory." in page.split("Meeting the numerics")[1].replace("\\_", "_")
    if form == "text":
        assert "$" not in page
        assert "\\" not in page
    if form == "markdown":
        assert page.count("$$") % 2 == 0
    if form == "latex":
        assert page.count("{") == page.count("}")
        assert page.replace(r"\$", "").count("$") % 2 == 0
        assert {c for c in page if ord(c) > 127} <= {"ô"}
        prose = re.sub(r"\\begin\{dmath\}.*?\\end\{dmath\}|\$[^$]*\$", "", page, flags=re.DOTALL)
        assert not re.search(r"(?<!\\)[_^&#%]", prose)


@pytest.mark.parametrize(
    ("name", "part", "old", "new"),
    [
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
)
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
