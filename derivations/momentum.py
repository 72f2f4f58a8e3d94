"""The noise scale of SGD with momentum, g = ε(N/B − 1)(1 − τ)/(1 − m), and what it leaves out.

    python -m derivations.momentum --format latex|markdown|text

The first derivation compares one step of the heavy ball with the underdamped Langevin equation, and finds g and the
time of a step. It also proves that the friction does not enter the stationary law of the weights. The second solves the
recursion itself for a quadratic cost, without any limit, and finds by how much its variance exceeds the one that g
predicts. At the end the formulas meet `sdetheory.SGDHyperparameters` and `theory.sgd_covariance`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import sympy

import sdetheory as st
from sdetheory.symbolic import Derivation, ItoSDE, compare, fokker_planck, minibatch_covariance, present
from sdetheory.symbolic.sgd.minibatches import B, F, N, V

EPSILON, CURVATURE = sympy.symbols("epsilon a", positive=True)
G = sympy.Symbol("g", nonnegative=True)
# 1 − m and 1 − τ, which SymPy would not know to be positive.
MU, NU = sympy.symbols("mu nu", positive=True)
TIME, FRICTION = sympy.symbols("h gamma", positive=True)
W, U = sympy.symbols("w u", real=True)


def derive() -> tuple[Derivation, ...]:
    """Return the time of a step, the noise scale, and the exact stationary variance of the recursion."""
    return step_time(), noise_scale_with_momentum(), discrete_variance()


def _assume_sgd(d: Derivation) -> None:
    d.assume(N, "number of training examples", where=N >= 2)
    d.assume(EPSILON, "learning rate; it multiplies the mean gradient")
    d.assume(MU, "$1 − m$, where m is the momentum", where=MU <= 1)
    d.assume(
        NU, "$1 − τ$, where τ is the dampening: τ = 0 is the undamped heavy ball, τ = m the damped one", where=NU <= 1
    )


def step_time() -> Derivation:
    """Derive the time h = ε(1 − τ)/((1 − m)N) that a step lasts."""
    d = Derivation("Time of a step of SGD with momentum", source="Smith & Le (2018), appendix D")
    gradient, move = (sympy.Symbol(name, real=True, nonzero=True) for name in "cv")
    _assume_sgd(d)
    d.assume(gradient, "the full gradient $∇C$ along one direction")
    d.assume(move, "the move of the weight in the step before")
    d.assume(TIME, "time that one step lasts, to be determined")
    d.assume(FRICTION, "friction of the Langevin equation, to be determined")
    d.heading("The heavy ball and the Langevin equation")
    d.note(
        "The heavy ball changes the move v of the weight to $m v − (1 − τ) (ε/N) Ĝ$. The Langevin equation has a "
        "weight w and a velocity u: $dw = u dt$ and $du = −γ (u + ∇C) dt + γ √(g F) dW$. The factor γ before ∇C only "
        "chooses the unit of time: u forgets its beginning and settles at −∇C. In a time h the weight moves by "
        "$u h$, so v stands for $u h$, and the change of v in one step for $h du$ in the time h."
    )
    friction = d.solve(
        "the memory of the velocity", -MU * move, -FRICTION * TIME * move, unknown=FRICTION, solution=MU / TIME,
        by="the part of the change that is proportional to v", paper="appendix D",
    )  # fmt: skip
    time = d.solve(
        "the pull of the gradient", -NU * EPSILON / N * gradient, -FRICTION * TIME**2 * gradient, unknown=TIME,
        solution=NU * EPSILON / (MU * N), by=f"the part of the change that is proportional to ∇C, and {friction}",
    )  # fmt: skip
    d.conclude(TIME, EPSILON / N * NU / MU, "a step lasts as long as $(1 − τ)/(1 − m)$ plain ones", by=f"{time}")
    return d


def noise_scale_with_momentum() -> Derivation:
    """Derive g by matching the noise of the heavy ball with that of the underdamped Langevin equation."""
    covariance = minibatch_covariance("without-replacement").result
    d = Derivation("Noise scale of SGD with momentum", source="Smith & Le (2018), section 5 and appendix D")
    _assume_sgd(d)
    d.assume(B, "number of examples in a minibatch, drawn without replacement", where=B <= N)
    d.assume(F, "covariance of the per-example gradients (N − 1 in the denominator), along one direction")
    d.assume(G, "noise scale of the Langevin equation, to be determined")
    d.suppose(
        "Frozen coefficients",
        "within one step the drift and F keep their values at its start; what this neglects is found in the "
        "derivation of the exact variance, for a quadratic cost",
    )
    d.heading("Matching")
    before = "proved in the derivation of the time of a step"
    time = d.define(TIME, step_time().result.expression, "the time of a step", by=before)
    friction = d.define(FRICTION, MU / TIME, "the friction", by=before)
    known = d.define(V, covariance.expression, "the variance of the minibatch gradient $Ĝ$",
                     by="proved in the derivation of the covariance of the minibatch gradient")  # fmt: skip
    matched = d.solve(
        "the variances of the change of v agree", (FRICTION * TIME) ** 2 * G * F * TIME, (NU * EPSILON / N) ** 2 * V,
        unknown=G, solution=NU * EPSILON * V / (MU * N * F), using="Frozen coefficients",
        by=f"the noise adds $γ² g F h$ to the variance of u and h² times that to the variance of $u h$; {friction}",
    )  # fmt: skip
    found = d.conclude(G, EPSILON * (N / B - 1) * NU / MU, "the noise scale",
                       by=f"insert {known} into {matched}, with the time {time}", paper="appendix D")  # fmt: skip
    d.heading("The two conventions, and the paper's formula")
    undamped = sympy.Subs(found.right, NU, 1)
    d.step("undamped, τ = 0", undamped, EPSILON * (N / B - 1) / MU, by=f"{found}")
    d.step(
        "damped, τ = m: momentum leaves g as it was",
        sympy.Subs(found.right, NU, MU),
        EPSILON * (N / B - 1),
        by=f"{found}",
    )
    d.step(
        "the paper's $ε N / (B (1 − m))$ is undamped, and too large by the share B/N of the data",
        undamped / (EPSILON * N / (B * MU)), 1 - B / N, by=f"{found} at τ = 0", paper="appendix D",
    )  # fmt: skip
    _friction_drops_out(d)
    return d


def _friction_drops_out(d: Derivation) -> None:
    """Prove that the stationary density of the weight holds no friction, whatever the cost."""
    cost = sympy.Function("C")
    friction, temperature, level = sympy.symbols("Gamma T f", positive=True)
    d.heading("The friction does not enter the stationary law of the weight")
    d.note("No limit of strong friction is needed for that law. Let g F be a constant f, and Γ any friction.")
    d.assume(W, "the weight")
    d.assume(U, "the velocity")
    d.assume(cost, "the cost, any smooth function of the weight")
    d.assume(friction, "the friction")
    d.assume(level, "the value of g F")
    half = d.define(temperature, level / 2, "the temperature")
    langevin = ItoSDE([U, -friction * (U + cost(W).diff(W))], [[0], [friction * sympy.sqrt(level)]], [W, U])
    density = sympy.exp(-cost(W) / temperature) * sympy.exp(-(U**2) / (2 * friction * temperature))
    stationary = d.step(
        "the Fokker–Planck equation keeps this density", fokker_planck(langevin, density, evaluate=False), 0,
        by=f"differentiate, with the temperature {half}",
    )  # fmt: skip
    d.note(
        f"By {stationary} the weight has the density $e^{{−C/T}}$ at every friction, and the velocity is independent "
        "of it, a Gaussian of variance Γ T."
    )


def discrete_variance() -> Derivation:
    """Derive the exact stationary variance of the heavy ball for a quadratic cost, and compare it with g F/(2a)."""
    d = Derivation("Exact stationary variance of the heavy ball", source="Liu, Ziyin & Ueda (2021), ICML")
    rate = sympy.Symbol("kappa", positive=True)
    p, q, r, limit = (sympy.Symbol(name, real=True) for name in ("p", "q", "r", "p_0"))
    v, xi = sympy.symbols("v xi", real=True)
    m, pull = 1 - MU, rate * CURVATURE
    d.assume(MU, "$1 − m$, where m is the momentum", where=MU <= 1)
    d.assume(CURVATURE, "curvature of the quadratic cost $C = a w²/2$")
    d.assume(
        rate,
        "$(1 − τ) ε/N$, which multiplies the minibatch gradient; the recursion is stable",
        where=pull < 2 * (1 + m),
    )
    d.assume(V, "variance of the minibatch gradient, constant")
    d.assume(W, "the weight")
    d.assume(v, "its move in the step before")
    d.assume(xi, "noise of the minibatch gradient $Ĝ = a w + ξ$: mean zero, variance V, independent of w and v")

    d.heading("The equations of the second moments")
    d.note(
        "Let p, q and r be the means of w², w v and v² in the stationary state, where a step does not change them. "
        "The new move is v′ and the new weight is w + v′. In means of products the terms with a single ξ vanish, and "
        "ξ² becomes V."
    )
    new = d.step("the new move", m * v - rate * (CURVATURE * W + xi), -pull * W + m * v - rate * xi, by="heavy ball")
    variance = rate * V * (2 - MU) / (MU * CURVATURE * (2 * (2 - MU) - pull))
    first = d.define(p, variance, "claim: the mean of w²")
    second = d.define(q, pull * p / (2 - MU), "claim: the mean of w v")
    third = d.define(r, 2 * q, "claim: the mean of v²")
    cross = d.step(
        "the mean of w v′ is minus half of r", m * q - pull * p, -r / 2, by=f"{new} times w; {second}, {third}"
    )
    d.step("so the mean of (w + v′)² is p again", p + 2 * (m * q - pull * p) + r, p, by=f"{cross}; v′² has the mean r")
    d.step("and that of (w + v′) v′ is q again", (m * q - pull * p) + r, q, by=f"{cross}; v′² has the mean r")
    d.step("and that of v′² is r again", m**2 * r - 2 * m * pull * q + pull**2 * p + rate**2 * V, r,
           by=f"{new} squared; {first}, {second}, {third}")  # fmt: skip
    x, y, z = sympy.symbols("x y z", real=True)
    equations = [2 * (m * y - pull * x) + z, m * y - pull * x + z - y, (m**2 - 1) * z - 2 * m * pull * y + pull**2 * x]
    d.step(
        "no other solution: the determinant of the three equations is not zero", -_determinant(equations, (x, y, z)),
        pull * MU * (2 * (2 - MU) - pull), by="expand the determinant; the recursion is stable",
    )  # fmt: skip

    d.heading("Against the noise scale")
    d.note("The Langevin equation has the variance $T/a = g F/(2 a)$, and $g F = κ V/(1 − m)$ by the derivation of g.")
    continuous = d.define(limit, rate * V / (2 * MU * CURVATURE), "the variance by the noise scale")
    ratio = d.step("the exact variance is larger by a factor", p / limit, 1 / (1 - pull / (2 * (2 - MU))),
                   by=f"{first} over {continuous}")  # fmt: skip
    d.expand("for small steps this is near one", p / limit, 1 + pull / (2 * (2 - MU)), variable=rate, order=2,
             by=f"series of {ratio}")  # fmt: skip
    d.conclude(p, rate * V * (2 - MU) / (MU * CURVATURE * (2 * (2 - MU) - pull)), "the exact variance of the weight",
               by=f"{first}, proved above")  # fmt: skip
    return d


def _determinant(equations: Sequence[sympy.Expr], unknowns: Sequence[sympy.Symbol]) -> sympy.Expr:
    return sympy.Matrix(equations).jacobian(unknowns).det()


def meet_numerics(derivations: Sequence[Derivation]) -> list[str]:
    """Compare the formulas at random hyperparameters; return a line for each, raise SdeTheoryError on a miss."""
    time, scale, variance = (derivation.result for derivation in derivations)
    rng = np.random.default_rng(0)
    lines = []
    for damped in (False, True, False, True):
        m, epsilon = rng.uniform(0, 0.99), rng.uniform(0.01, 2)
        n = int(rng.integers(100, 10000))
        batch = int(rng.integers(1, n))
        tau = m if damped else 0.0
        sgd = st.SGDHyperparameters(learning_rate=epsilon, train_size=n, batch_size=batch, momentum=m, dampening=tau)
        where = f"at learning rate {epsilon:.3g}, N = {n}, B = {batch}, m = {m:.3g}, {'' if damped else 'un'}damped"
        common = {"epsilon": epsilon, "N": n, "mu": 1 - m, "nu": 1 - tau}
        how = "sdetheory.SGDHyperparameters"
        lines.append(compare(f"time of a step {where}", time(**common), sgd.step_time, how))
        lines.append(compare(f"g {where}", scale(B=batch, **common), sgd.noise_scale, how))
        a, rate, v = rng.uniform(0.1, 3), rng.uniform(0.01, 0.5), rng.uniform(0.1, 5)
        # Of two examples one a batch: the cost and the gradient covariance are twice those of the mean loss.
        sgd = st.SGDHyperparameters(learning_rate=rate, train_size=2, batch_size=1, momentum=m)
        found = st.theory.sgd_covariance([[2 * a]], [[2 * v]], sgd).covariance[0, 0]
        what = f"variance at a = {a:.3g}, rate {rate:.3g}, V = {v:.3g}, m = {m:.3g}"
        how = "sdetheory.theory.sgd_covariance"
        lines.append(compare(what, variance(a=a, kappa=rate, V=v, mu=1 - m), found, how))
    return lines


if __name__ == "__main__":
    sys.exit(present(derive, meet_numerics))
