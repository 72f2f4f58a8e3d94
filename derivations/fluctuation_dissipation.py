"""Yaida's fluctuation-dissipation relations: what holds exactly in every stationary state of SGD.

    python -m derivations.fluctuation_dissipation --format latex|markdown|text

The first derivation asks only that the mean of |θ|² does not change, and finds ⟨θ·∇L⟩ = (η/2)⟨|∇L_B|²⟩ for any loss,
any noise and any learning rate. The second takes a quadratic loss, where the same argument gives the whole covariance
and the mean loss. The third adds momentum. At the end the relations meet stationary states that are computed without
them: SGD on absolute deviations, whose weights are on a lattice, SGD on parabolas, and exact covariances.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence

import numpy as np
import sympy
from scipy import linalg
from sympy import Sum

from sdetheory import SGDHyperparameters
from sdetheory.symbolic import Derivation, compare, present
from sdetheory.theory import ornstein_uhlenbeck, sgd_covariance

ETA, MU = sympy.symbols("eta mu", positive=True)
H1, H2 = sympy.symbols("h_1 h_2", positive=True)
X, Y, G1, G2 = sympy.symbols("x y g_1 g_2", real=True)
SOURCE = "Yaida (2019), Fluctuation-dissipation relations for stochastic gradient descent, ICLR"


def derive() -> tuple[Derivation, ...]:
    """Return the derivations in reading order."""
    return any_loss(), quadratic_loss(), with_momentum()


def any_loss() -> Derivation:
    """Derive ⟨θ·∇L⟩ = (η/2)⟨|∇L_B|²⟩ from the stationarity of |θ|²."""
    d = Derivation("Yaida's relation", source=SOURCE)
    k, count = sympy.symbols("k K", integer=True, positive=True)
    batch = sympy.Function("g", real=True)
    square, pull, size = sympy.symbols("q r S", real=True)
    d.assume(ETA, "learning rate; a step is $θ → θ − η ∇L_B(θ)$ with the gradient of a minibatch")
    d.assume(X, "first weight, of $θ = (x, y)$")
    d.assume(Y, "second weight; more add further terms of the same kind")
    d.assume(G1, "first entry of the minibatch gradient $∇L_B(θ)$")
    d.assume(G2, "second entry")
    d.assume(square, "$⟨|θ|²⟩$, the mean in the stationary state, where it exists")
    d.assume(size, "$⟨|∇L_B|²⟩$")
    d.assume(pull, "$⟨θ · ∇L⟩$, to be determined")
    d.suppose("Stationary", "the weights have a law that a step does not change, with a finite mean of $|θ|²$")
    d.suppose("Unbiased", "the batch is drawn without regard to θ, and the mean of $∇L_B$ over the batches is $∇L$")

    d.heading("One step")
    step = d.step(
        "a step takes the square of θ to", (X - ETA * G1) ** 2 + (Y - ETA * G2) ** 2,
        (X**2 + Y**2) - 2 * ETA * (X * G1 + Y * G2) + ETA**2 * (G1**2 + G2**2), by="expand",
    )  # fmt: skip
    d.heading("Its mean")
    d.assume(count, "number of possible batches")
    d.assume(k, "one of them")
    d.assume(batch, "an entry of the gradient of batch k")
    over_batches = d.step(
        "first over the batches, at a fixed θ: the mean of $θ · ∇L_B$ is $θ · ∇L$",
        Sum(X * batch(k), (k, 1, count)) / count,
        X * Sum(batch(k), (k, 1, count)) / count, by="θ does not depend on the batch; one component is shown",
        using="Unbiased",
    )  # fmt: skip
    d.note("Then over the law of θ. As a step does not change this law, the mean of the left side is $⟨|θ|²⟩$ again.")
    after = square - 2 * ETA * pull + ETA**2 * size
    d.solve("so that", after, square, unknown=pull, solution=ETA * size / 2, by=f"mean of {step}, with {over_batches}",
            using="Stationary")  # fmt: skip
    d.note(
        "Nothing was neglected: the learning rate may be large, the noise far from Gaussian and different from place "
        "to place, the loss of any shape. It is a test that every sampler of the stationary state must pass."
    )
    d.conclude(pull, ETA * size / 2, "Yaida's first relation", by="the equation above")
    return d


def quadratic_loss() -> Derivation:
    """Derive the stationary covariance and the mean loss of SGD on a parabola, of any strength of the noise."""
    d = Derivation("The relation for a quadratic loss", source=f"{SOURCE}; Liu, Ziyin & Ueda (2021), ICML")
    s1, s2, s12, c12, z1, z2 = sympy.symbols("s_1 s_2 s_12 c_12 z_1 z_2", real=True)
    c1, c2 = sympy.symbols("c_1 c_2", nonnegative=True)
    mean, size, bent = sympy.symbols("l S P", real=True)
    for symbol, text in ((ETA, "learning rate"), (H1, "curvature along the first axis of the Hessian"),
                         (H2, "curvature along the second one")):  # fmt: skip
        d.assume(symbol, text, where=() if symbol is ETA else symbol * ETA < 2)
    for symbol, text in (
        (X, "first weight, the loss being $(h_1 x² + h_2 y²)/2$"), (Y, "second weight"),
        (z1, "gradient noise of one step along the first axis, with mean zero"), (z2, "along the second axis"),
        (c1, "mean of its variance over the stationary state"), (c2, "the same along the second axis"),
        (c12, "mean of their covariance"),
    ):  # fmt: skip
        d.assume(symbol, text)
    d.heading("Every second moment is stationary")
    after_x, after_y = sympy.symbols("x' y'", real=True)
    d.define(after_x, X - ETA * (H1 * X + z1), "the first weight after a step")
    d.define(after_y, Y - ETA * (H2 * Y + z2), "the second one")
    step = d.step(
        "their product", after_x * after_y,
        (1 - ETA * H1) * (1 - ETA * H2) * X * Y + ETA**2 * z1 * z2
        - ETA * ((1 - ETA * H1) * X * z2 + (1 - ETA * H2) * Y * z1), by="expand",
    )  # fmt: skip
    d.note("The noise has mean zero at every θ, so the last term has mean zero.")
    moments = []
    for name, a, b, moment, noise in (("x²", H1, H1, s1, c1), ("y²", H2, H2, s2, c2), ("x y", H1, H2, s12, c12)):
        moments += [d.define(moment, ETA * noise / (a + b - ETA * a * b), f"claim: the mean of {name}")]
        d.step("a step does not change it", (1 - ETA * a) * (1 - ETA * b) * moment + ETA**2 * noise, moment,
               by=f"mean of {step}, in which the axes may be the same; insert {moments[-1]}")  # fmt: skip
    d.note(
        "In matrices this is $Σ H + H Σ − η H Σ H = η C$. It holds for noise that depends on θ too, with its mean C; "
        "then C depends on Σ, and the equation is no longer its solution."
    )
    d.heading("The two relations")
    both = d.define(size, H1**2 * s1 + c1 + H2**2 * s2 + c2, "$⟨|∇L_B|²⟩$: square of the gradient and of its noise")
    d.step("the first relation, as $θ · ∇L = 2 L$", H1 * s1 + H2 * s2, ETA * size / 2,
           by=f"insert {moments[0]}, {moments[1]} and {both}")  # fmt: skip
    bending = d.define(bent, H1 * (H1**2 * s1 + c1) + H2 * (H2**2 * s2 + c2), "$⟨∇L_B · H ∇L_B⟩$")
    d.step("the second relation, which follows also from the stationary mean of L", H1**2 * s1 + H2**2 * s2,
           ETA * bent / 2, by=f"the left side is $⟨|∇L|²⟩$; insert {bending}")  # fmt: skip
    d.heading("The mean loss")
    loss = d.define(mean, (H1 * s1 + H2 * s2) / 2, "the mean loss above its minimum")
    d.expand("for a small learning rate only the size of the noise counts", mean, ETA * (c1 + c2) / 4, variable=ETA,
             order=2, by=f"series of {loss}")  # fmt: skip
    d.conclude(mean, ETA / 2 * (c1 / (2 - ETA * H1) + c2 / (2 - ETA * H2)), "at any learning rate",
               by=f"insert {moments[0]} and {moments[1]} into {loss}")  # fmt: skip
    return d


def with_momentum() -> Derivation:
    """Derive ⟨θ·∇L⟩ = ((1 + μ)/(2η))⟨|v|²⟩ for SGD with heavy-ball momentum."""
    d = Derivation("Yaida's relation with momentum", source=SOURCE)
    v, after_v, square, cross, speed, pull, later = sympy.symbols("v u q p V r p_1", real=True)
    d.assume(ETA, "learning rate; a step is $v → μ v − η ∇L_B(θ)$, then $θ → θ + v$ (undamped)")
    d.assume(MU, "momentum", where=MU < 1)
    for symbol, text in (
        (X, "one weight of θ"), (v, "its velocity before the step"), (G1, "its entry of $∇L_B(θ)$"),
        (square, "$⟨|θ|²⟩$"), (speed, "$⟨|v|²⟩$"), (cross, "$⟨θ · v⟩$ before a step, to be determined"),
        (later, "$⟨θ · v⟩$ with the new v and the old θ, to be determined"),
        (pull, "$⟨θ · ∇L⟩$, to be determined"),
    ):  # fmt: skip
        d.assume(symbol, text)
    d.suppose("Stationary", "weights and velocities have a law that a step does not change, with finite second moments")
    d.suppose("Unbiased", "the batch is drawn without regard to θ and v, and the mean of $∇L_B$ is $∇L$")
    new = d.define(after_v, MU * v - ETA * G1, "the new velocity")
    d.heading("Three means that do not change")
    first = d.step("the square of the weight", (X + after_v) ** 2, X**2 + 2 * X * after_v + after_v**2, by="expand")
    second = d.step("weight times velocity", (X + after_v) * after_v, X * after_v + after_v**2, by="expand")
    third = d.step("weight times new velocity", X * after_v, MU * X * v - ETA * X * G1, by=f"insert {new}")
    one = d.solve("from the first", square + 2 * later + speed, square, unknown=later, solution=-speed / 2,
                  by=f"mean of {first}; new and old v have the same mean square", using="Stationary")  # fmt: skip
    two = d.solve("from the second", later + speed, cross, unknown=cross, solution=speed / 2,
                  by=f"mean of {second}, with {one}", using="Stationary")  # fmt: skip
    d.solve("from the third", MU * cross - ETA * pull, later, unknown=pull, solution=(1 + MU) * speed / (2 * ETA),
            by=f"mean of {third}, with {one} and {two}", using="Unbiased")  # fmt: skip
    size = sympy.Symbol("S", real=True)
    d.assume(size, "$⟨|∇L_B|²⟩$")
    d.step("without momentum it is the relation above", sympy.Subs(pull, (MU, speed), (0, ETA**2 * size)),
           ETA * size / 2, by="then v is $−η ∇L_B$")  # fmt: skip
    d.conclude(pull, (1 + MU) * speed / (2 * ETA), "the first relation with momentum", by="the equation above")
    return d


def meet_numerics(derivations: Sequence[Derivation]) -> list[str]:
    """Compare the relations with stationary states found otherwise; raise SdeTheoryError on a miss."""
    relation, loss, momentum = (derivation.result for derivation in derivations)
    lines = []
    for batch in (1, 2, 3):
        pull, size = _lattice(batch)
        what = f"mean of weight times gradient, absolute deviations from 5 numbers, B = {batch}, learning rate 0.5"
        lines.append(compare(what, relation(eta=0.5, S=size), pull, "stationary law of the Markov chain"))
    for eta in (0.1, 0.4):
        pull, size = _parabolas(eta)
        what = f"mean of weight times gradient, parabolas of different curvatures, learning rate {eta}"
        lines.append(compare(what, relation(eta=eta, S=size), pull, "stationary moments"))

    rng = np.random.default_rng(11)
    for _ in range(2):
        h, root = rng.uniform(0.5, 3, size=2), rng.normal(size=(2, 2))
        noise, eta, mu = root @ root.T, rng.uniform(0.1, 0.6), rng.uniform(0.3, 0.9)
        turn = linalg.qr(rng.normal(size=(2, 2)))[0]
        hessian, covariance = turn @ np.diag(h) @ turn.T, turn @ noise @ turn.T
        where = f"at curvatures {h[0]:.3g}, {h[1]:.3g} and learning rate {eta:.3g}"
        # Of two examples one a batch: the cost and the gradient covariance are twice those of the mean loss.
        sgd = SGDHyperparameters(learning_rate=eta, train_size=2, batch_size=1)
        law = sgd_covariance(2 * hessian, 2 * covariance, sgd).covariance
        derived = loss(eta=eta, h_1=h[0], h_2=h[1], c_1=noise[0, 0], c_2=noise[1, 1])
        how = "sdetheory.theory.sgd_covariance"
        lines.append(compare(f"mean loss {where}", derived, np.trace(hessian @ law) / 2, how))
        law = sgd_covariance(2 * hessian, 2 * covariance, sgd.with_momentum(mu)).joint_covariance
        derived = momentum(eta=eta, mu=mu, V=np.trace(law[2:, 2:]))
        found = np.trace(hessian @ law[:2, :2])
        lines.append(compare(f"with momentum {mu:.3g} {where}", derived, found, how))

    h, noise, eta = np.array([2.0, 0.5]), np.array([1.0, 3.0]), 0.01
    law = ornstein_uhlenbeck(np.diag(h), np.diag(eta * noise / (2 - eta * h)))
    derived = loss(eta=eta, h_1=h[0], h_2=h[1], c_1=noise[0], c_2=noise[1])
    found = float(np.trace(np.diag(h) @ law.covariance)) / 2
    lines.append(compare("mean loss by the equation with the same variance", derived, found,
                         "sdetheory.theory.ornstein_uhlenbeck"))  # fmt: skip
    return lines


def _lattice(batch: int) -> tuple[float, float]:
    """Return ⟨θ·∇L⟩ and ⟨|∇L_B|²⟩ of SGD on the mean of |θ − b_i|, whose steps of η times a sign stay on a lattice."""
    eta, centres = 0.5, np.array([-1.3, -0.2, 0.1, 0.4, 2.1])
    spacing = eta / batch
    places = spacing * np.arange(-int(4 / spacing), int(4 / spacing) + 1) + 0.01
    batches = list(itertools.combinations(range(len(centres)), batch))
    gradients = np.array([np.sign(places[:, None] - centres[list(b)]).mean(axis=1) for b in batches])
    chain = np.zeros((len(places), len(places)))
    for gradient in gradients:
        moves = np.rint(gradient * batch).astype(int)
        chain[np.arange(len(places)), np.clip(np.arange(len(places)) - moves, 0, len(places) - 1)] += 1 / len(batches)
    # A law that the chain keeps, and that sums to one.
    conditions = np.vstack([chain.T - np.eye(len(places)), np.ones(len(places))])
    law = linalg.lstsq(conditions, np.append(np.zeros(len(places)), 1.0))[0]
    return float(law @ (places * gradients.mean(axis=0))), float(law @ (gradients**2).mean(axis=0))


def _parabolas(eta: float) -> tuple[float, float]:
    """Return ⟨θ·∇L⟩ and ⟨|∇L_B|²⟩ for the losses a_i (θ − b_i)²/2 and B = 1, from the moments of the recursion."""
    a, b = np.array([0.5, 1.0, 2.0, 3.0]), np.array([1.0, -2.0, 0.5, 3.0])
    keep, push = 1 - eta * a, eta * a * b
    mean = push.mean() / (1 - keep.mean())
    square = (2 * (keep * push).mean() * mean + (push**2).mean()) / (1 - (keep**2).mean())
    pull = a.mean() * square - (a * b).mean() * mean
    return pull, (a**2).mean() * square - 2 * (a**2 * b).mean() * mean + (a**2 * b**2).mean()


if __name__ == "__main__":
    sys.exit(present(derive, meet_numerics))
