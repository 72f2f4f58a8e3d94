"""The evidence in other coordinates: the integral stays, Laplace's value may not, and sharpness never does.

    python -m derivations.reparameterization --format latex|markdown|text

Weights are written as w = φ(v), and the prior's density is taken along with its Jacobian. The first derivation proves
that the evidence does not change, and computes to first order by how much Laplace's approximation of it does: not at
all, for every cost, only if φ is affine. The second is a case that can be solved, a rate and its logarithm. The third
treats two weights and Dinh's rescaling of the layers of a network. At the end the formulas meet `sdetheory.evidence`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy
from mpmath import mp
from scipy import special
from sympy import Derivative, Integral, Ne, Rational, Subs, exp, log, oo, pi, sqrt

from sdetheory.evidence import EXP, WeightModel, reparameterize, two_layer_rescaling
from sdetheory.symbolic import Derivation, compare, present

SOURCE = "Smith & Le (2018), section 2; Dinh et al. (2017)"


def derive() -> tuple[Derivation, ...]:
    """Return the derivations in reading order."""
    general = one_weight()
    return general, rate(general), two_weights()


def one_weight() -> Derivation:
    """Derive the invariance of the integral, and T (β − 3α² − αjC₃/A)/(2Aj²), the change of Laplace's logarithm."""
    d = Derivation("Change of variables in the evidence, one weight", source=SOURCE)
    cost, phi = sympy.Function("C", real=True), sympy.Function("phi", real=True)
    w, v, third, bend, twist, loose = sympy.symbols("w v C3 alpha beta m", real=True)
    curvature, slope, temperature = sympy.symbols("A j T", positive=True)
    d.assume(w, "the weight")
    d.assume(v, "the other coordinate; $w = φ(v)$")
    d.assume(cost, "minus the logarithm of likelihood times prior, so that the evidence is the integral of $e^{-C}$")
    d.assume(phi, "the change of variables, smooth and increasing", where=Derivative(phi(v), v) > 0)

    d.heading("The integral")
    d.note(
        "The prior is a density, so that in v it carries the factor $φ′(v)$. The cost in v is therefore "
        "$C(φ(v)) − ln φ′(v)$. Without the last term the prior in v would be another one."
    )
    new = sympy.Symbol("Cv", real=True)
    pulled_back = d.define(new, cost(phi(v)) - log(Derivative(phi(v), v)), "the cost in v")
    density = d.step("the integrand in v", exp(-new), exp(-cost(phi(v))) * Derivative(phi(v), v),
                     by=f"exponential of {pulled_back}")  # fmt: skip
    d.step(
        "what the evidence gains between v and v + dv it gains between w and w + dw",
        Derivative(Integral(exp(-cost(w)), (w, phi(0), phi(v))), v), exp(-new),
        by=f"chain rule and fundamental theorem, with {density}",
    )  # fmt: skip
    d.note(
        "Both integrals are zero on an empty interval, and grow at the same rate, so they are equal on every interval "
        "and its image: the evidence is the same in all coordinates."
    )

    d.heading("Laplace's value, if the Jacobian is constant")
    offset = sympy.Symbol("b", real=True)
    d.assume(curvature, "second derivative of C at its minimum")
    d.assume(slope, "$φ′$ at the point where $φ(v)$ is the minimum of C")
    d.assume(offset, "C at its minimum")
    height, steepness = sympy.symbols("Ov Av", real=True)
    low = d.define(height, offset - log(slope), "then the minimum stays where it was, and its height in v is")
    steep = d.define(steepness, Derivative(curvature * (slope * v) ** 2 / 2, (v, 2)), "and its curvature in v")
    d.step(
        "Laplace's value in v is that in w: the curvature has grown by $j²$, and the Jacobian makes up for it",
        exp(-height) * sqrt(2 * pi / steepness), exp(-offset) * sqrt(2 * pi / curvature),
        by=f"Laplace's method in v and in w, with {low} and {steep}",
    )  # fmt: skip

    d.heading("Laplace's value, if it is not")
    d.assume(third, "third derivative of C at its minimum")
    d.assume(bend, "$φ″/φ′$ at that point")
    d.assume(twist, "$φ″′/φ′$ at that point")
    d.assume(temperature, "temperature: the integrand is $e^{-C/T}$, and T small means a narrow posterior")
    d.assume(loose, "an arbitrary number, which tells how well the new minimum must be known")
    d.suppose(
        "Taylor", "C and φ are replaced by their Taylor polynomials of third degree, counted from the minimum, v = 0 "
        "there; higher terms change the logarithm in order $T²$ only",
    )  # fmt: skip
    move = slope * (v + bend * v**2 / 2 + twist * v**3 / 6)
    log_jacobian = log(slope) + bend * v + (twist - bend**2) * v**2 / 2
    jacobian = d.expand("the logarithm of the Jacobian is", log(Derivative(move, v)), log_jacobian, variable=v, order=3,
                        by="series of the logarithm", using="Taylor")  # fmt: skip
    bowl = curvature * slope**2 * (v**2 + bend * v**3) / 2 + third * slope**3 * v**3 / 6
    pulled = d.expand("the cost in v, without the Jacobian, is", curvature * move**2 / 2 + third * move**3 / 6, bowl,
                      variable=v, order=4, by="series of the polynomial", using="Taylor")  # fmt: skip
    total, lowest = sympy.symbols("K v0", real=True)
    d.define(total, bowl / temperature - log_jacobian, "the exponent in v", by=f"{jacobian} and {pulled}")
    stiffness = curvature * slope**2
    claim = d.define(lowest, temperature * bend / stiffness + loose * temperature**2, "claim: its minimum, which moves "
                     "in proportion to T, up to order $T²$")  # fmt: skip
    place = d.expand(
        "the slope vanishes there up to the order of T, whatever m is",
        Subs(Derivative(total, v), v, lowest), 0, variable=temperature, order=1, by=f"insert {claim}",
    )  # fmt: skip
    log_v = -Subs(total, v, lowest) - log(Subs(Derivative(total, (v, 2)), v, lowest) / (2 * pi)) / 2
    log_w = log(2 * pi * temperature / curvature) / 2
    change = sympy.Symbol("D", real=True)
    answer = (twist - 3 * bend**2 - bend * slope * third / curvature) / (2 * stiffness)
    leading = d.expand(
        "Laplace's logarithm of the evidence in v, less that in w, is of order T, and does not depend on m",
        log_v - log_w, temperature * answer, variable=temperature, order=2,
        by=f"$−C$ and half the logarithm of the curvature, at the minimum of {place}",
    )  # fmt: skip
    d.step(
        "so a cost with another third derivative changes it, unless $φ″ = 0$ there", Derivative(answer, third),
        -bend / (2 * curvature**2 * slope), by=f"differentiate {leading}",
    )  # fmt: skip
    d.note(
        "Laplace's value is the same for every cost, wherever its minimum is, only if $φ″ = 0$ everywhere: exactly "
        "when the Jacobian is constant."
    )
    d.define(change, temperature * answer, "the change to first order", by=f"{leading}")
    d.conclude(
        change,
        temperature / (2 * curvature * slope**2) * (twist - 3 * bend**2) - temperature * bend * third
        / (2 * curvature**2 * slope), "the change of Laplace's logarithm of the evidence", by="sorted by what makes it",
    )  # fmt: skip
    return d


def rate(general: Derivation) -> Derivation:
    """Derive what Laplace's method makes of a gamma density in w and in v = ln w, and compare with the general rule."""
    d = Derivation("A case that can be solved: a rate and its logarithm", source="gamma prior and Poisson counts")
    w = sympy.Symbol("w", positive=True)
    v = sympy.Symbol("v", real=True)
    shape, decay = sympy.symbols("a b", positive=True)
    value_w, value_v, change = sympy.symbols("Lw Lv D", real=True)
    d.assume(w, "the rate; $w = e^v$")
    d.assume(v, "its logarithm")
    d.assume(shape, "number of counts, the prior's included", where=shape > 1)
    d.assume(decay, "time of observation, the prior's included")
    d.note(
        "Counts with a gamma prior have a posterior proportional to $w^{a−1} e^{−b w}$; its integral is the evidence."
    )
    cost_w, cost_v = decay * w - (shape - 1) * log(w), decay * exp(v) - shape * log(exp(v))
    d.step("the cost in v: $w = e^v$ inserted, less the logarithm of the Jacobian $e^v$", cost_v,
           cost_w.subs(w, exp(v)) - log(Derivative(exp(v), v)), by="$φ′ = e^v$")  # fmt: skip
    density = d.step("the integrand in w is that of the gamma function", exp(-cost_w),
                     w ** (shape - 1) * exp(-decay * w),
                     by="exponential of a logarithm")  # fmt: skip
    exact = d.step("the evidence is", Integral(w ** (shape - 1) * exp(-decay * w), (w, 0, oo)),
                   sympy.gamma(shape) / decay**shape, by=f"gamma function, {density}")  # fmt: skip

    d.heading("Laplace in w and in v")
    # a − 1 is positive, which SymPy knows of a symbol only.
    above = sympy.Symbol("p", positive=True)
    d.assume(above, "one count less, $a − 1$")
    in_w = decay * w - above * log(w)
    d.step("in w the minimum is at $p/b$", Subs(Derivative(in_w, w), w, above / decay), 0, by="slope of the cost")
    bent = d.step("with the curvature", Subs(Derivative(in_w, (w, 2)), w, above / decay), decay**2 / above,
                  by="differentiate twice")  # fmt: skip
    d.step("in v it is at $ln(a/b)$", Subs(Derivative(cost_v, v), v, log(shape / decay)), 0, by="slope of the cost")
    other = d.step("with the curvature", Subs(Derivative(cost_v, (v, 2)), v, log(shape / decay)), shape,
                   by="differentiate twice")  # fmt: skip
    first = d.define(
        value_w, -decay * (shape - 1) / decay + (shape - 1) * log((shape - 1) / decay)
        + log(2 * pi * (shape - 1) / decay**2) / 2, "Laplace's logarithm of the evidence in w", by=f"{bent}",
    )  # fmt: skip
    second = d.define(value_v, -shape + shape * log(shape / decay) + log(2 * pi / shape) / 2, "and in v", by=f"{other}")
    small = sympy.Symbol("T", positive=True)
    d.assume(small, "$1/a$, small if there are many counts")
    d.define(change, value_v - value_w, "the change", by=f"{second} less {first}")
    rule = general.result.expression
    special_case = dict.fromkeys(rule.free_symbols - {small}, 1) | {sympy.Symbol("C3", real=True): -2}
    d.step(
        "the cost $w − ln w$ and $w = e^v$ have $A = 1$, $C_3 = −2$, $j = α = β = 1$; inserted into the result of the "
        "first derivation they happen to give no change of first order",
        Subs(rule, tuple(special_case), tuple(special_case.values())), 0, by="insert",
    )  # fmt: skip
    d.expand(
        "indeed the change is of second order, which is small if there are many counts",
        -1 - (1 / small - Rational(1, 2)) * log(1 - small), small**2 / 12, variable=small, order=3,
        by="series in $T = 1/a$ of the result below",
    )  # fmt: skip
    d.conclude(
        change, -1 - (shape - Rational(1, 2)) * log(1 - 1 / shape), "it does not depend on b, a mere change of units",
        by=f"insert {first} and {second}, which belong to {exact}",
    )  # fmt: skip
    return d


def two_weights() -> Derivation:
    """Derive that a map of two weights changes sharpness, but not det A over the prior's; Dinh's rescaling."""
    d = Derivation("Two weights, and the rescaling of layers", source=SOURCE)
    v1, v2 = sympy.symbols("v1 v2", real=True)
    h11, h12, h22 = sympy.symbols("h11 h12 h22", real=True)
    entries = j11, j12, j21, j22 = sympy.symbols("j11 j12 j21 j22", real=True)
    bends = sympy.symbols("q1:7", real=True)
    d.assume(v1, "first of the new weights, counted from the minimum")
    d.assume(v2, "second of the new weights")
    for symbol, name in zip((h11, h12, h22), ("first", "mixed", "second"), strict=True):
        d.assume(symbol, f"entry of the Hessian H of the cost C in w: {name}")
    for symbol in entries:
        invertible = Ne(j11 * j22 - j12 * j21, 0) if symbol is j22 else ()
        d.assume(symbol, "entry of the Jacobian J of the map at the minimum", where=invertible)
    for symbol in bends:
        d.assume(symbol, "a second derivative of the map at the minimum")
    hessian = sympy.Matrix([[h11, h12], [h12, h22]])
    jacobian = sympy.Matrix(2, 2, entries)

    d.heading("The Hessian at a minimum")
    w = [
        jacobian[i, 0] * v1 + jacobian[i, 1] * v2
        + (bends[3 * i] * v1**2 + 2 * bends[3 * i + 1] * v1 * v2 + bends[3 * i + 2] * v2**2) / 2
        for i in (0, 1)
    ]  # fmt: skip
    cost = (sympy.Matrix([w]) * hessian * sympy.Matrix(w))[0] / 2
    pulled = jacobian.T * hessian * jacobian
    steps = [
        d.step(
            f"second derivative of $C(φ(v))$ by {names}: an entry of $Jᵀ H J$; the slope of C is zero there, so that "
            "the bending of the map does not enter",
            Subs(Derivative(cost, a, b), (v1, v2), (0, 0)), pulled[i, k], by="chain rule",
        )
        for (a, i), (b, k), names in (
            ((v1, 0), (v1, 0), "the first weight twice"), ((v1, 0), (v2, 1), "both weights"),
            ((v2, 1), (v2, 1), "the second weight twice"),
        )
    ]  # fmt: skip
    square = d.step("its determinant grows by the square of that of J", pulled.det(),
                    (j11 * j22 - j12 * j21) ** 2 * hessian.det(),
                    by=f"product of determinants in {steps[0]} to {steps[2]}")  # fmt: skip
    d.note(
        "If det J is constant it moves no minimum, and Laplace's value in v, which holds det J for the prior and its "
        "square under the root, is that in w: affine maps, and shears such as $w_2 = v_2 + s(v_1)$ with any s."
    )
    shear = sympy.Function("s", real=True)
    d.assume(shear, "any smooth function")
    d.step("the Jacobian determinant of a shear is constant",
           sympy.Determinant(sympy.ImmutableMatrix([[1, 0], [Derivative(shear(v1), v1), 1]])), 1,
           by="determinant")  # fmt: skip

    d.heading("The rescaling of two layers")
    alpha, precision = sympy.symbols("alpha lambda", positive=True)
    n1, n2 = sympy.symbols("n1 n2", integer=True, positive=True)
    d.assume(alpha, "factor of the first layer, $w_1 = α v_1$ and $w_2 = v_2/α$; a ReLU network computes the same")
    d.assume(precision, "precision of the prior in w")
    d.assume(n1, "number of weights of the first layer")
    d.assume(n2, "number of weights of the second layer")
    scale = sympy.Matrix([[alpha, 0], [0, 1 / alpha]])
    scaled = sympy.ImmutableMatrix(scale.T * hessian * scale)
    d.step("with one weight in each layer the trace of the Hessian, its sharpness, can be made anything large",
           sympy.Trace(scaled), alpha**2 * h11 + h22 / alpha**2, by="$Jᵀ H J$")  # fmt: skip
    d.step("while its determinant stays", sympy.Determinant(scaled), hessian.det(), by=f"{square} with det J = 1")
    prior = scale.T * (precision * sympy.eye(2)) * scale
    d.step(
        "the ratio to the prior's, if that is transported too, stays as it is for any J",
        pulled.det() / (jacobian.T * (precision * sympy.eye(2)) * jacobian).det(), hessian.det() / precision**2,
        by=f"{square}, for the cost and for the prior",
    )  # fmt: skip
    d.step(
        "an isotropic prior in v is another prior: its penalty differs from the transported one",
        (sympy.Matrix([[v1, v2]]) * (precision * sympy.eye(2) - prior) * sympy.Matrix([v1, v2]))[0] / 2,
        precision / 2 * ((1 - alpha**2) * v1**2 + (1 - alpha**-2) * v2**2), by="difference of two quadratic forms",
    )  # fmt: skip
    log_determinant = sympy.Symbol("D", real=True)
    d.define(log_determinant, log(alpha**n1 * (1 / alpha) ** n2), "with more weights the logarithm of det J is",
             by="diagonal matrix")  # fmt: skip
    d.conclude(log_determinant, (n1 - n2) * log(alpha), "by which half the logarithm of the Hessian's determinant "
               "grows, though nothing that the network predicts has changed", by="logarithm of powers")  # fmt: skip
    return d


def meet_numerics(derivations: Sequence[Derivation]) -> list[str]:
    """Compare the derived formulas with independent numbers; return a line for each, raise SdeTheoryError on a miss."""
    first_order, counts, layers = (derivation.result for derivation in derivations)
    lines = []
    # With many digits the temperature can be so small that the second order is below the twelfth digit.
    with mp.workdps(120):
        for name, cost, minimum, phi, inverse in (
            (
                "cosh u + u*u*u/9 with u = w - 1, w = sinh v",
                lambda w: mp.cosh(w - 1) + (w - 1) ** 3 / 9,
                1,
                mp.sinh,
                mp.asinh,
            ),
            ("exp w - 2 w, w = exp v", lambda w: mp.exp(w) - 2 * w, mp.log(2), mp.exp, mp.log),
        ):
            place = inverse(minimum)
            a, c3 = (mp.diff(cost, minimum, n) for n in (2, 3))
            j, second, third = (mp.diff(phi, place, n) for n in (1, 2, 3))
            numbers = {"A": a, "C3": c3, "j": j, "alpha": second / j, "beta": third / j, "T": mp.mpf(1)}
            derived = first_order(**{symbol: float(value) for symbol, value in numbers.items()})
            found = _slope_in_temperature(cost, minimum, phi, place)
            lines.append(compare(f"change of Laplace's logarithm over T, cost {name}", derived, found, "mode searched"))
    for a, b in ((3.0, 2.0), (7.5, 0.4), (40.0, 11.0)):
        model = _poisson(a, b)
        other = reparameterize(model, EXP)
        found = other.log_laplace() - model.log_laplace()
        lines.append(compare(f"change of Laplace's logarithm, rate to its logarithm, a = {a}, b = {b}",
                             counts(a=a), found, "sdetheory.evidence.reparameterize"))  # fmt: skip
    for n1, n2, alpha in ((3, 5, 0.2), (7, 2, 12.0)):
        found = float(two_layer_rescaling(n1, n2, alpha).log_determinant(np.ones(n1 + n2)))
        lines.append(compare(f"log det J of layers of {n1} and {n2} weights, alpha = {alpha}",
                             layers(n1=n1, n2=n2, alpha=alpha), found,
                             "sdetheory.evidence.two_layer_rescaling"))  # fmt: skip
    return lines


def _slope_in_temperature(cost: Callable, minimum: Any, phi: Callable, place: Any) -> float:
    """Return the change of Laplace's logarithm over T at a tiny T, from the mode of the density in v."""
    temperature = mp.mpf(10) ** -16

    def pulled(v: Any) -> Any:
        return cost(phi(v)) / temperature - mp.log(mp.diff(phi, v))

    mode = mp.findroot(lambda v: mp.diff(pulled, v) * temperature, place)
    in_v = -pulled(mode) - mp.log(mp.diff(pulled, mode, 2)) / 2
    in_w = -cost(minimum) / temperature - mp.log(mp.diff(cost, minimum, 2) / temperature) / 2
    return float((in_v - in_w) / temperature)


def _poisson(shape: float, decay: float) -> WeightModel:
    """Return one Poisson count in unit time, with the gamma prior that makes the posterior's parameters as given."""
    prior_shape, prior_decay = shape - 1, decay - 0.1

    def log_prior(w: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            inside = (prior_shape - 1) * np.log(w[:, 0]) - prior_decay * w[:, 0]
        constant = prior_shape * np.log(prior_decay) - special.gammaln(prior_shape)
        return np.where(w[:, 0] > 0, inside + constant, -np.inf)

    return WeightModel(
        log_likelihood=lambda w: np.log(0.1 * w[:, 0]) - 0.1 * w[:, 0],
        log_prior=log_prior,
        start=[(shape - 1) / decay],
        derivatives=lambda w: (decay - (shape - 1) / w, np.diag((shape - 1) / w**2)),
    )


if __name__ == "__main__":
    sys.exit(present(derive, meet_numerics))
