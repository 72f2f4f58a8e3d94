# %% [markdown]
# # From the update rule to a verdict
#
# One pass through the theory of Smith & Le (2018), on real data: what the noise of SGD is, where such noise takes the
# parameters, what the Bayesian evidence of a model says, and what it does not depend on. Each line of the table that is
# printed at the end compares a prediction with a measurement made without it: z is the distance in standard errors, and
# a measurement with an error holds if its interval at the false-alarm rate α has the prediction in it.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import sdetheory as st
from sdetheory.plotting import GUIDE, PARTS, SAMPLE, THEORY

ALPHA = 1e-3  # false-alarm rate of each statistical verdict
table: list[tuple[str, ...]] = []
figure, axes = plt.subplots(2, 2, figsize=(12, 9), layout="constrained")


def compare(claim: str, predicted: str, measured: object, holds: bool, rule: str, z: str = "") -> None:
    """Add a line to the table: how a prediction fared, and by which rule."""
    table.append((claim, predicted, str(measured), z, rule, "holds" if holds else "FAILS"))


def compare_estimate(claim: str, predicted: float, measured: st.Estimate, digits: str) -> None:
    """Add a line for a measurement with an error."""
    low, high = measured.interval(1 - ALPHA)
    holds = st.stats.agrees(measured, predicted, alpha=ALPHA)
    rule, z = f"in [{low:{digits}}, {high:{digits}}]", f"{measured.z_score(predicted):+.2f}"
    compare(claim, f"{predicted:{digits}}", measured, holds, rule, z)


# %% [markdown]
# ## The noise scale, derived
# SymPy proves each step of the derivation; a step that does not follow would raise an error here.

# %%
derivation = st.symbolic.noise_scale()
derived = derivation.result(epsilon=0.1, N=800, B=32)
measured = st.noise_scale(0.1, 800, 32)
compare(
    f"g = ε(N/B − 1), in {len(derivation.equations)} proved steps (ε=0.1, N=800, B=32)",
    f"{derived:.4f}", f"{measured:.4f}", np.isclose(derived, measured, rtol=1e-12), "relative 1e-12",
)  # fmt: skip

# %% [markdown]
# ## The covariance of real minibatch gradients
# Logistic regression on handwritten zeros and ones; minibatches drawn without replacement. The law N(N/B − 1)F is exact
# at every B, also where its usual shortcut N²F/B is not.

# %%
data = st.datasets.mnist(digits=(0, 1), train_size=800)
model = st.models.LogisticRegression(data.x_train, data.y_train)
weights = -1e-4 * model.gradient(np.zeros(model.dimension))  # one step of gradient descent from the origin
gradients = model.per_example_gradients(weights)
spread = np.trace(st.models.gradient_covariance(gradients))
sizes = np.array([1, 2, 5, 10, 20, 50, 100, 200, 400, 600, 760])
n = model.train_size
sampled = [st.minibatch_covariance(gradients, int(b), n_draws=2000, rng=int(b)).trace for b in sizes]
predicted = n * (n / sizes - 1) * spread
for b in (32, 400):
    trace = st.minibatch_covariance(gradients, b, n_draws=2000, rng=b).trace / spread
    compare_estimate(f"Tr Cov(Ĝ) / Tr F = N(N/B − 1) on MNIST, B = {b}", n * (n / b - 1), trace, ".0f")

line = np.geomspace(1, 799, 500)
panel = axes[0, 0]
panel.loglog(line, n * (n / line - 1) * spread, color=THEORY, label="$N(N/B-1)\\,\\mathrm{Tr}\\,F$")
panel.loglog(line, n**2 / line * spread, color=GUIDE, ls="--", label="shortcut $N^2\\,\\mathrm{Tr}\\,F/B$")
panel.errorbar(
    sizes, [s.value for s in sampled], yerr=[2 * s.stderr for s in sampled], fmt="o", color=SAMPLE, ms=5,
    label="sampled, ± 2 standard errors",
)  # fmt: skip
panel.set(
    title="(a) Noise of real minibatch gradients (MNIST 0/1)",
    xlabel="batch size $B$ (examples)",
    ylabel="$\\mathrm{Tr\\,Cov}(\\hat G)$",
)
panel.legend(frameon=False)

# %% [markdown]
# ## Noise finds the evidence
# Langevin dynamics at T = 1 between a deep, sharp basin and a shallow, broad one. Each basin is occupied in proportion
# to its evidence, and the broad one wins although its cost is higher.

# %%
landscape = st.landscapes.sharp_and_broad()
law = st.theory.gibbs(landscape, temperature=1.0)
edges = np.linspace(-1.2, 5.2, 321)
barrier = 0.4
dt, n_paths = 5e-4, 6000
sample = st.sample_stationary(
    st.langevin(landscape, temperature=1.0),
    np.repeat([[0.0], [2.0]], n_paths // 2, axis=0),
    dt=dt,
    n_paths=n_paths,
    burn_in=int(100 / dt),
    n_steps=int(300 / dt),
    every=20,
    bins=edges,
    rng=1,
    method="leimkuhler-matthews",
)
assert sample.histogram is not None
broad = sample.histogram.probability(barrier, np.inf)
cost, curvature = np.array([0.0, 1.0]), np.array([100.0, 4.0])
evidence = np.exp(-cost) * np.sqrt(2 * np.pi / curvature)
predicted_broad = evidence[1] / evidence.sum()
compare_estimate("broad basin's share of the evidence = its occupation at T = 1", predicted_broad, broad, ".4f")

panel = axes[0, 1]
fine = np.linspace(edges[0], edges[-1], 3000)
panel.stairs(sample.histogram.density.value, edges, fill=True, color=SAMPLE, alpha=0.35, label="Langevin paths")
panel.plot(fine, law.pdf(fine[:, None]), color=THEORY, lw=1.2, label="Gibbs density $e^{-C/T}/Z$")
panel.plot(fine, landscape.value(fine[:, None]) / 10, color=GUIDE, ls=":", label="cost $C/10$")
panel.axvline(barrier, color=GUIDE, lw=0.8, label="the border")
panel.set(title="(b) Occupation of a sharp and a broad basin, $T=1$", xlabel="$w$", ylabel="density")
panel.set(xlim=(-2.2, 4.4), ylim=(0, 1.75))
for x, name, share, sampled_share in (
    (-2.1, "sharp basin", 1 - predicted_broad, 1 - broad), (1.35, "broad basin", predicted_broad, broad),
):  # fmt: skip
    panel.text(x, 0.75, f"{name}\nevidence {share:.3f}\nsampled {sampled_share:.3f}", fontsize=10)
panel.legend(frameon=False, loc="upper right")

# %% [markdown]
# ## Evidence tells structure from noise
# A linear model of the labels ±1. With the true labels it beats the null model (no weights at all) by hundreds of nats;
# with random labels, which it memorizes just as well as λ → 0, it does not. Chance can lend random labels some
# evidence, but not much: e^{−E} averages to at most 1 over all labelings, so E < ln α has a probability below α.

# %%
signs = 2.0 * data.y_train - 1
noise = 2.0 * st.datasets.random_labels(data.y_train, rng=0) - 1
precisions = np.geomspace(1e-2, 1e6, 200)
panel = axes[1, 0]
for labels, name, style in ((signs, "true labels", "-"), (noise, "random labels", "-.")):
    linear = st.evidence.LinearModel(data.x_train, labels)
    panel.semilogx(precisions, linear.log_evidence(precisions, noise_variance=1.0), color=THEORY, ls=style, label=name)
    ratio = linear.log_evidence_ratio(precisions, noise_variance=1.0).min()
    beats = ratio < np.log(ALPHA)
    bound = f"{'<' if name == 'true labels' else '>'} {np.log(ALPHA):.1f}"
    claim = f"min over λ of E, {name} (trust the model if E < 0)"
    compare(claim, bound, f"{ratio:.2f}", beats == (name == "true labels"), f"{bound[0]} ln α")
null = -0.5 * n * np.log(2 * np.pi) - 0.5 * n
panel.axhline(null, color=GUIDE, ls="--", label="null model")
panel.set(title="(c) Evidence of a linear model (MNIST 0/1)", xlabel="prior precision $\\lambda$")
panel.set_ylabel("log evidence (nats)")
panel.legend(frameon=False, loc="lower right")

# %% [markdown]
# ## Evidence ignores the parameterization
# The same model in other coordinates, w = Av, with the prior carried along: the Hessian's trace and largest eigenvalue,
# popular measures of sharpness, take whatever value one likes; the evidence does not move.

# %%
centred = data.x_train - data.x_train.mean(axis=0)
components = np.linalg.svd(centred, full_matrices=False)[2][:50]
original = st.evidence.LinearModel(centred @ components.T, signs)
before, hessian_before = original.log_evidence(1.0, 1.0), original.hessian(1.0, 1.0)
rng = np.random.default_rng(0)
conditions, changes = np.geomspace(1, 1e6, 13), []
for condition in conditions:
    left, right = (np.linalg.qr(rng.standard_normal((50, 50))).Q for _ in range(2))
    other = st.evidence.reparameterize(original, left * np.geomspace(1, condition, 50) @ right)
    hessian = other.hessian(1.0, 1.0)
    changes.append(
        (
            np.trace(hessian) / np.trace(hessian_before),
            np.linalg.eigvalsh(hessian)[-1] / np.linalg.eigvalsh(hessian_before)[-1],
            abs(other.log_evidence(1.0, 1.0) / before - 1),
        )
    )
traces, largest, shifts = np.array(changes).T
claim = f"relative change of ln evidence while Tr H grows {traces[-1]:.0e}-fold"
compare(claim, "0", f"{shifts.max():.0e}", shifts.max() < 1e-9, "< 1e-9")
panel = axes[1, 1]
# Both measures grow alike: one is drawn as a broad line, the other as rings on it.
panel.loglog(conditions, traces, color=PARTS[1], lw=4, label="Hessian trace, relative to $w$")
panel.loglog(conditions, largest, "o", color=PARTS[0], mfc="none", ms=7, label="largest eigenvalue, relative to $w$")
panel.loglog(conditions, np.maximum(shifts, 1e-17), "d-", color=THEORY, label="|relative change of log evidence|")
panel.set(title="(d) The same model in coordinates $v$, $w=Av$", xlabel="condition number of $A$")
panel.set_ylabel("change (a factor; of the evidence, a part)")
panel.legend(frameon=False, loc="center left")

# %%
columns = ("claim", "predicted", "measured", "z", f"rule, α = {ALPHA:g}", "verdict")
widths = [max(map(len, cells)) for cells in zip(columns, *table, strict=True)]
for row in (columns, *table):
    print("  ".join(f"{cell:{'<' if k in (0, 4) else '>'}{widths[k]}}" for k, cell in enumerate(row)))
output = Path("figures")
output.mkdir(exist_ok=True)
figure.savefig(output / "quickstart.png", dpi=130)
print(f"\nThe figure is in {output / 'quickstart.png'}")
