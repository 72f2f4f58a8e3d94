"""The Ornstein–Uhlenbeck process: its covariance, when it is isotropic, and what flows when H and F do not commute.

    python -m derivations.ornstein_uhlenbeck --format latex|markdown|text

Near a minimum SGD is the linear equation dw = −H w dt + √(2D) dW with D = g F/2. The first derivation solves Lyapunov's
equation in two dimensions, along the axes of H, and takes noise in proportion to the Hessian. The second finds the
probability current and the entropy that it produces. At the end the formulas meet `sdetheory.theory.ornstein_uhlenbeck`
at random matrices that are not diagonal.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import sympy

from sdetheory.symbolic import Derivation, ItoSDE, compare, fokker_planck, present, probability_current
from sdetheory.theory import ornstein_uhlenbeck

X, Y = sympy.symbols("x y", real=True)
H1, H2, D1, D2 = sympy.symbols("h_1 h_2 d_1 d_2", positive=True)
D12 = sympy.Symbol("d_12", real=True)
S1, S2, S12 = sympy.symbols("s_1 s_2 s_12", real=True)
HESSIAN = sympy.diag(H1, H2)
NOISE = sympy.Matrix([[D1, D12], [D12, D2]])
COVARIANCE = sympy.Matrix([[S1, S12], [S12, S2]])
P1, P2, P12 = sympy.symbols("p_1 p_2 p_12", real=True)
PRECISION = sympy.Matrix([[P1, P12], [P12, P2]])
TURN = sympy.Matrix([[0, 1], [-1, 0]])


def derive() -> tuple[Derivation, ...]:
    """Return the three entries of the covariance, the current and the entropy production."""
    return stationary_covariance(), current(), entropy_production()


def _assume(d: Derivation) -> None:
    d.assume(H1, "curvature along the first axis of the Hessian H")
    d.assume(H2, "curvature along the second one")
    d.assume(D1, "half the variance of the noise per unit time along the first axis, $D = g F/2$")
    d.assume(D2, "the same along the second one")
    d.assume(D12, "the entry of D that couples them", where=D12**2 < D1 * D2)


def stationary_covariance() -> Derivation:
    """Derive s_12 = 2 d_12/(h_1 + h_2), with s_i = d_i/h_i on the way, and the isotropic case."""
    d = Derivation("Lyapunov's equation", source="Gardiner (2009), section 4.4; Mandt, Hoffman & Blei (2017), JMLR 18")
    g, n = sympy.symbols("g N", positive=True)
    _assume(d)
    for symbol, meaning in ((S1, "variance along the first axis"), (S2, "variance along the second one"),
                            (S12, "covariance of the two")):  # fmt: skip
        d.assume(symbol, f"{meaning}, to be determined")
    d.heading("The covariance does not change")
    d.note("In a short time the drift takes $H Σ + Σ H$ from the covariance Σ, and the noise adds 2D. In equilibrium:")
    balance = HESSIAN * COVARIANCE + COVARIANCE * HESSIAN
    first = d.solve(
        "along the first axis", balance[0, 0], 2 * D1, unknown=S1, solution=D1 / H1, by="first diagonal entry"
    )
    d.solve("along the second axis", balance[1, 1], 2 * D2, unknown=S2, solution=D2 / H2, by="second diagonal entry")
    cross = d.solve("across", balance[0, 1], 2 * D12, unknown=S12, solution=2 * D12 / (H1 + H2), by="other entry")
    d.heading("The density")
    density = _gaussian(d)
    change = sympy.expand(sympy.expand(fokker_planck(_sde(), density)) / density)
    d.step(
        "the Gaussian of this covariance is stationary", change, 0,
        by=f"insert it into the Fokker–Planck equation, and divide by it; {first} to {cross}",
    )  # fmt: skip
    d.heading("Noise in proportion to the Hessian")
    d.note("At a well-specified minimum $F = H/N$ (total cost), so $D = g H/(2 N)$: then noise and curvature cancel.")
    d.assume(g, "noise scale")
    d.assume(n, "number of training examples")
    proportional = ((D1, g * H1 / (2 * n)), (D2, g * H2 / (2 * n)), (D12, sympy.S.Zero))
    for what, entry, value in (("the first variance", S1, g / (2 * n)), ("the second variance is the same", S2,
                               g / (2 * n)), ("nothing couples them", S12, 0)):  # fmt: skip
        d.step(what, _at(entry, proportional), value, by="insert D")
    d.note("So the law is isotropic whatever the curvatures are; it is not the posterior, whose covariance is 1/H.")
    d.conclude(S12, 2 * D12 / (H1 + H2), "the covariance of the two weights", by=f"{cross}")
    return d


def _at(entry: sympy.Expr, point: Sequence[tuple[sympy.Symbol, sympy.Expr]]) -> sympy.Expr:
    return sympy.Subs(entry, [old for old, _ in point], [new for _, new in point])


def _sde() -> ItoSDE:
    return ItoSDE.from_covariance([-H1 * X, -H2 * Y], 2 * NOISE, [X, Y])


def _gaussian(d: Derivation) -> sympy.Expr:
    """Introduce the weights and the entries of Σ⁻¹; return e^{−½ wᵀ Σ⁻¹ w}."""
    d.assume(X, "the weight along the first axis")
    d.assume(Y, "the weight along the second one")
    _define_precision(d)
    return sympy.exp(-(P1 * X**2 + 2 * P12 * X * Y + P2 * Y**2) / 2)


def _define_precision(d: Derivation) -> None:
    for symbol, value in ((P1, S2), (P2, S1), (P12, -S12)):
        d.define(symbol, value / COVARIANCE.det(), "an entry of the inverse of Σ", by="inverse of a matrix")


def _define_covariance(d: Derivation) -> None:
    for symbol, value in ((S1, D1 / H1), (S2, D2 / H2), (S12, 2 * D12 / (H1 + H2))):
        d.define(symbol, value, "an entry of Σ", by="proved in the derivation of Lyapunov's equation")


def current() -> Derivation:
    """Derive the entry q of the antisymmetric matrix Q = HΣ − D of the current."""
    d = Derivation("The probability current", source="Chaudhari & Soatto (2018), ICLR")
    q = sympy.Symbol("q", real=True)
    _assume(d)
    _define_covariance(d)
    flow = HESSIAN * COVARIANCE - NOISE
    d.heading("Half of the balance")
    d.note("Lyapunov's equation says that $Q = H Σ − D$ and its transpose add up to zero: Q is antisymmetric.")
    entry = d.define(q, flow[0, 1], "the entry of Q that is left")
    d.step("the other one is its negative", flow[1, 0], -q, by=f"insert Σ; {entry}")
    d.step("the first diagonal entry is zero", flow[0, 0], 0, by="insert Σ")
    d.step("the second one too", flow[1, 1], 0, by="insert Σ")
    d.step("q measures how far H and D are from commuting", q, (HESSIAN * NOISE - NOISE * HESSIAN)[0, 1] / (H1 + H2),
           by=f"$H D − D H$ has one entry, up to its sign; {entry}")  # fmt: skip
    d.heading("It turns")
    density = _gaussian(d)
    predicted = sympy.Matrix.tolist(-q * (TURN * PRECISION * sympy.Matrix([X, Y])))
    for flow_along, (expected,), axis in zip(
        probability_current(_sde(), density), predicted, ("first", "second"), strict=True
    ):
        velocity = sympy.expand(sympy.expand(flow_along) / density)
        d.step(f"velocity of the probability, J/p, along the {axis} axis", velocity, expected,
               by="differentiate the Gaussian: it is the component of $−Q Σ⁻¹ w$")  # fmt: skip
    d.note("The velocity is along the ellipses of equal density: the weights go round the minimum for ever.")
    d.conclude(q, D12 * (H1 - H2) / (H1 + H2), "zero if the curvatures are equal or D has the axes of H", by=f"{entry}")
    return d


def entropy_production() -> Derivation:
    """Derive the entropy produced per unit time, the mean of uᵀ D⁻¹ u for the velocity u = J/p."""
    d = Derivation("Entropy production", source="Chaudhari & Soatto (2018), ICLR; Seifert (2012)")
    q, entropy = sympy.symbols("q e", real=True)
    _assume(d)
    _define_covariance(d)
    turn = d.define(q, D12 * (H1 - H2) / (H1 + H2), "the current", by="proved in the derivation of the current")
    d.note("The velocity is linear, $u = M w$ with $M = −Q Σ⁻¹$, and the mean of w wᵀ is Σ.")
    _define_precision(d)
    flow = q * TURN
    mean = sympy.factor((flow.T * NOISE.inv() * flow * PRECISION).trace())
    rate = d.define(entropy, mean, "the mean of $uᵀ D⁻¹ u$, the trace of $Qᵀ D⁻¹ Q Σ⁻¹$",
                    by="the mean of $wᵀ A w$ is the trace of A Σ, here for $A = Mᵀ D⁻¹ M$")  # fmt: skip
    short = d.step("it is", entropy, q**2 * (H1 + H2) / NOISE.det(), by=f"insert Σ into {rate}")

    d.conclude(entropy, D12**2 * (H1 - H2) ** 2 / ((H1 + H2) * NOISE.det()), "the entropy production",
               by=f"insert {turn} into {short}")  # fmt: skip
    return d


def meet_numerics(derivations: Sequence[Derivation]) -> list[str]:
    """Compare the formulas at random matrices; return a line for each, raise SdeTheoryError on a miss."""
    across, turn, entropy = (derivation.result for derivation in derivations)
    rng = np.random.default_rng(4)
    how = "sdetheory.theory.ornstein_uhlenbeck"
    lines = []
    for n in range(4):
        curvatures = rng.uniform(0.2, 5, size=2)
        root = rng.normal(size=(2, 2))
        noise = root @ root.T + 0.1 * np.eye(2)
        angle = rng.uniform(0, np.pi)
        axes = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        law = ornstein_uhlenbeck(axes @ np.diag(curvatures) @ axes.T, axes @ noise @ axes.T)
        h, matrix = {"h_1": curvatures[0], "h_2": curvatures[1]}, {"d_12": noise[0, 1]}
        what = f"at curvatures {curvatures[0]:.3g}, {curvatures[1]:.3g} and random noise {n + 1}"
        covariance, flow = axes.T @ law.covariance @ axes, axes.T @ law.current @ axes
        lines.append(compare(f"covariance {what}", across(**h, **matrix), covariance[0, 1], how))
        lines.append(compare(f"current {what}", turn(**h, **matrix), flow[0, 1], how))
        diagonal = {"d_1": noise[0, 0], "d_2": noise[1, 1]}
        lines.append(compare(f"entropy {what}", entropy(**h, **matrix, **diagonal), law.entropy_production, how))
    return lines


if __name__ == "__main__":
    sys.exit(present(derive, meet_numerics))
