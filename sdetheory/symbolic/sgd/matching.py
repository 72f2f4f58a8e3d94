"""The noise scale g of SGD, by matching one step with a stochastic differential equation (SDE)."""

from __future__ import annotations

import sympy

from ..proofs._bounded import bounded
from ..proofs.derivation import Derivation
from .minibatches import S1, B, F, N, V, minibatch_covariance

EPSILON = sympy.Symbol("epsilon", positive=True)
NOISE_SCALE = sympy.Symbol("g", nonnegative=True)


@bounded("the noise scale")
def noise_scale(sampling: str = "without-replacement") -> Derivation:
    """Derive g such that one SGD step has the moments of dw = −∇C dt + √(g F) dW (Itô) over a time ε/N.

    Without replacement g = ε (N/B − 1); with replacement g = ε (N − 1)/B. Poisson sampling has
    g = ε (N/B − 1) (1 − 1/N), with F + ∇C ∇Cᵀ/(N (N − 1)) for F in the SDE: the examples' gradients are not centred.

    Parameters
    ----------
    sampling : {"without-replacement", "with-replacement", "poisson"}
        How the minibatch is drawn.

    Returns
    -------
    Derivation
        Its ``result`` is callable with ``epsilon``, ``N`` and ``B``.

    Raises
    ------
    InvalidInputError
        Unknown `sampling`.
    DerivationError
        A step failed.

    Notes
    -----
    Assumes that only the first two moments matter and that drift and F are frozen within a step. For a quadratic cost
    the size of what freezing neglects is proved: a relative error −a ε/N in the variance, a being the curvature. (Not
    for Poisson sampling, whose noise changes with the gradient.)

    References
    ----------
    Smith & Le (2018), "A Bayesian Perspective on Generalization and Stochastic Gradient Descent", eqs. 11 and 12.

    Examples
    --------
    >>> round(noise_scale().result(epsilon=0.1, N=1000, B=32), 6)
    3.025
    """
    covariance = minibatch_covariance(sampling).result
    poisson = sampling == "poisson"
    d = Derivation(
        f"Noise scale of SGD ({sampling.replace('-', ' ')})", source="Smith & Le (2018), section 5, eqs. 11 and 12"
    )
    gradient = sympy.Symbol("c", real=True, nonzero=True)
    step_time = sympy.Symbol("h", positive=True)
    pieces, k = sympy.symbols("n k", integer=True, positive=True)
    d.assume(N, "number of training examples", where=N >= 2)
    number = "mean number of examples in a minibatch" if poisson else "number of examples in a minibatch"
    d.assume(B, number, where=() if sampling == "with-replacement" else B <= N)
    d.assume(EPSILON, "learning rate; it multiplies the mean gradient")
    d.assume(F, "covariance of the per-example gradients (N − 1 in the denominator), along one direction")
    d.assume(gradient, "the full gradient $∇C = Σ ∇C_i$ along that direction")
    d.assume(step_time, "time that one SGD step lasts, to be determined")
    d.assume(NOISE_SCALE, "noise scale of the SDE, to be determined")
    d.suppose("Two moments", "only the mean and the variance of a step are matched (its law is close to Gaussian)")
    end = "" if poisson else ", and is computed at the end for a quadratic cost"
    d.suppose(
        "Frozen coefficients",
        "within one step the drift and F keep their values at its start; what this neglects is of order $ε²$ in the "
        "mean and relative order ε in the variance" + end,
    )

    d.heading("One step of SGD")
    d.note("SGD moves the weight by $−(ε/N) Ĝ$. The batch is random, so the move has a mean and a variance.")
    spectrum, variance = F, covariance.expression
    if poisson:
        spectrum = sympy.Symbol("M", positive=True)
        variance = (N / B - 1) * (N - 1) * spectrum
        uncentred = d.step(
            "the examples' gradients vary about zero, not about their mean",
            covariance.expression.subs(S1, gradient),
            (N / B - 1) * (N - 1) * (F + gradient**2 / (N * (N - 1))),
            by="proved in the derivation of the covariance of the minibatch gradient; collect",
        )
        d.assume(spectrum, f"the bracket of {uncentred}, which stands in the SDE where F does for batches of one size")
    known = d.define(
        V, variance, "the variance of the minibatch gradient $Ĝ$",
        by="proved in the derivation of the covariance of the minibatch gradient",
    )  # fmt: skip
    sgd_mean, sgd_variance = sympy.Symbol("mu", real=True), sympy.Symbol("D", nonnegative=True)
    drift = d.define(
        sgd_mean, -EPSILON / N * gradient, "mean of the move", by="the minibatch gradient is unbiased", paper="eq. 11"
    )
    spread = d.define(
        sgd_variance, (EPSILON / N) ** 2 * V, "variance of the move", by=f"a factor $ε/N$ enters squared, {known}"
    )

    d.heading("The stochastic differential equation over a time h")
    d.note(
        f"The SDE $dw = −∇C dt + √(g {spectrum}) dW$ is a recipe: cut the time h into n equal pieces; in each piece "
        f"move by $−∇C$ times its length and add an independent kick of mean zero whose variance is g {spectrum} times "
        "its length. Variances of independent kicks add, so their total does not depend on n, and n may be taken as "
        "large as one likes. (Itô: the kick is computed from the weight at the beginning of its piece.)"
    )
    d.assume(pieces, "number of pieces into which the step is cut")
    d.assume(k, "index of a piece")
    kicks = d.step(
        "the kicks together have a variance proportional to the time",
        sympy.Sum(NOISE_SCALE * spectrum * step_time / pieces, (k, 1, pieces)), NOISE_SCALE * spectrum * step_time,
        by="n equal terms", paper="eq. 12",
    )  # fmt: skip

    d.heading("Matching")
    time = d.solve(
        "the means agree", -gradient * step_time, sgd_mean, unknown=step_time, solution=EPSILON / N,
        by=f"drift of the SDE over the time h, and {drift}",
    )  # fmt: skip
    matched = d.solve(
        "the variances agree", NOISE_SCALE * spectrum * step_time, sgd_variance, unknown=NOISE_SCALE,
        solution=EPSILON * V / (N * spectrum), by=f"{kicks} and {spread}",
    )  # fmt: skip
    result = {
        "without-replacement": EPSILON * (N / B - 1),
        "with-replacement": EPSILON * (N - 1) / B,
        "poisson": EPSILON * (1 - 1 / N) * (N / B - 1),
    }[sampling]
    d.conclude(NOISE_SCALE, result, "the noise scale", by=f"insert {known} into {matched}, with the time {time}",
               paper="g in section 5" if sampling == "without-replacement" else "")  # fmt: skip
    if poisson:
        d.note(
            "What freezing neglects is proved where batches have one size. Here the noise changes with the gradient as "
            "well, to the same order."
        )
    else:
        _neglected(d)
    return d


def _neglected(d: Derivation) -> None:
    """Prove, for a quadratic cost, how much the variance over one step changes because the drift does."""
    d.heading("What freezing the drift neglects")
    curvature, moment, t = sympy.symbols("a delta t", positive=True)
    v = sympy.Symbol("v", nonnegative=True)
    d.note(
        "For the quadratic cost $C = a w²/2$ the SDE is solved exactly. In a short time $δ$ the recipe takes w to "
        "$(1 − a δ) w$ plus a kick of variance $g F δ$. Start from one point, so that the variance v is zero at time "
        "zero."
    )
    d.assume(curvature, "curvature of the quadratic cost")
    d.assume(t, "time since the step began")
    d.assume(moment, "a short time, in the limit zero")
    noise = NOISE_SCALE * F
    exact = noise * (1 - sympy.exp(-2 * curvature * t)) / (2 * curvature)
    candidate = d.define(v, exact, "claim: the variance after a time t is")
    d.step("it starts at zero", sympy.Subs(exact, t, 0), 0, by=f"{candidate} at t = 0")
    rate = d.expand(
        "its rate of change must be", (((1 - curvature * moment) ** 2 - 1) * v + noise * moment) / moment,
        noise - 2 * curvature * v, variable=moment, order=1,
        by="$v → (1 − a δ)² v + g F δ$, divided by the short time $δ$",
    )  # fmt: skip
    slope = sympy.Derivative(exact, t)
    d.step("and it is", slope, noise - 2 * curvature * v, by=f"differentiate {candidate}; see {rate}")
    d.expand(
        "so for a short step the variance is the matched one with a relative error of −a t, that is $−a ε/N$ per step",
        v, noise * t * (1 - curvature * t), variable=t, order=3, by=f"Taylor series of {candidate}",
    )  # fmt: skip
    d.expand(
        "and the mean of w, which decays exponentially, differs from one straight step in second order",
        sympy.exp(-curvature * t), 1 - curvature * t + (curvature * t) ** 2 / 2, variable=t, order=3,
        by="Taylor series of the solution of $dw/dt = −a w$",
    )  # fmt: skip
