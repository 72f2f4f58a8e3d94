# %% [markdown]
# # From the update rule to a verdict
#
# One pass through the theory of Smith & Le (2018), on real data: what the noise of SGD is, where such noise takes the
# parameters, what the Bayesian evidence of a model says, and what it does not depend on. Each line of the table that is
# printed at the end compares a prediction with a measurement made without it.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import sdetheory as st

ALPHA = 1e-3  # false-alarm rate of each statistical verdict
BLUE, RED, GREEN, GREY = "#2166ac", "#b2182b", "#1b7837", "0.45"
table: list[tuple[str, str, str, str]] = []
figure, axes = plt.subplots(2, 2, figsize=(12, 9), layout="constrained")


def verdict(holds: bool) -> str:
    """Say in a word how a prediction fared."""
    return "holds" if holds else "FAILS"


# %% [markdown]
# ## The noise scale, derived
# SymPy proves each step of the derivation; a step that does not follow would raise an error here.

# %%
derivation = st.symbolic.noise_scale()
derived = derivation.result(epsilon=0.1, N=800, B=32)
table.append(
    (
        f"g = ε(N/B − 1), in {len(derivation.equations)} proved steps (ε=0.1, N=800, B=32)",
        f"{derived:.4f}",
        f"{st.noise_scale(0.1, 800, 32):.4f}",
        verdict(np.isclose(derived, st.noise_scale(0.1, 800, 32), rtol=1e-12)),
    )
)

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
    table.append(
        (
            f"Tr Cov(Ĝ) / Tr F = N(N/B − 1) on MNIST, B = {b}",
            f"{n * (n / b - 1):.0f}",
            str(trace),
            verdict(st.stats.agrees(trace, n * (n / b - 1), alpha=ALPHA)),
        )
    )

line = np.geomspace(1, 799, 500)
panel = axes[0, 0]
panel.loglog(line, n * (n / line - 1) * spread, color=BLUE, label="$N(N/B-1)\\,\\mathrm{Tr}\\,F$")
panel.loglog(line, n**2 / line * spread, color=GREY, ls="--", label="shortcut $N^2\\,\\mathrm{Tr}\\,F/B$")
panel.errorbar(
    sizes, [s.value for s in sampled], yerr=[2 * s.stderr for s in sampled], fmt="o", color=RED, ms=5, label="sampled"
)
panel.set(
    title="(a) Noise of real minibatch gradients (MNIST 0/1)",
    xlabel="batch size $B$",
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
table.append(
    (
        "broad basin's share of the evidence = its occupation at T = 1",
        f"{predicted_broad:.4f}",
        str(broad),
        verdict(st.stats.agrees(broad, predicted_broad, alpha=ALPHA)),
    )
)

panel = axes[0, 1]
centres = (edges[1:] + edges[:-1]) / 2
fine = np.linspace(edges[0], edges[-1], 3000)
panel.stairs(sample.histogram.density.value, edges, fill=True, color=RED, alpha=0.35, label="Langevin paths")
panel.plot(fine, law.pdf(fine[:, None]), color=BLUE, lw=1.2, label="Gibbs density $e^{-C/T}/Z$")
panel.plot(fine, landscape.value(fine[:, None]) / 10, color=GREY, ls=":", label="cost $C/10$")
panel.axvline(barrier, color=GREY, lw=0.8)
panel.set(title="(b) Occupation of a sharp and a broad basin, $T=1$", xlabel="$w$", xlim=(-0.8, 4.4), ylim=(0, 1.5))
for x, share, measured in ((0.5, 1 - predicted_broad, 1 - broad.value), (2.6, predicted_broad, broad.value)):
    panel.text(x, 0.95, f"evidence {share:.3f}\nsampled {measured:.3f}", fontsize=10)
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
for labels, name, color in ((signs, "true labels", BLUE), (noise, "random labels", RED)):
    linear = st.evidence.LinearModel(data.x_train, labels)
    panel.semilogx(precisions, linear.log_evidence(precisions, noise_variance=1.0), color=color, label=name)
    ratio = linear.log_evidence_ratio(precisions, noise_variance=1.0).min()
    beats = ratio < np.log(ALPHA)
    table.append(
        (
            f"min over λ of E, {name} (trust the model if E < 0)",
            f"{'<' if name == 'true labels' else '>'} {np.log(ALPHA):.1f}",
            f"{ratio:.2f}",
            verdict(beats == (name == "true labels")),
        )
    )
null = -0.5 * n * np.log(2 * np.pi) - 0.5 * n
panel.axhline(null, color=GREY, ls="--", label="null model")
panel.set(
    title="(c) Evidence of a linear model (MNIST 0/1)", xlabel="prior precision $\\lambda$", ylabel="log evidence"
)
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
table.append(
    (
        f"relative change of ln evidence while Tr H grows {traces[-1]:.0e}-fold",
        "0",
        f"{shifts.max():.0e}",
        verdict(shifts.max() < 1e-9),
    )
)
panel = axes[1, 1]
panel.loglog(conditions, traces, "o-", color=RED, label="Hessian trace, relative to $w$")
panel.loglog(conditions, largest, "s-", color=GREEN, label="largest eigenvalue, relative to $w$")
panel.loglog(conditions, np.maximum(shifts, 1e-17), "d-", color=BLUE, label="|relative change of log evidence|")
panel.set(title="(d) The same model in coordinates $v$, $w=Av$", xlabel="condition number of $A$", ylabel="change")
panel.legend(frameon=False, loc="center left")

# %%
width = max(len(row[0]) for row in table)
print(f"{'claim':{width}}  {'predicted':>10}  {'measured':>17}  verdict")
for claim, expected, measured, said in table:
    print(f"{claim:{width}}  {expected:>10}  {measured:>17}  {said}")
output = Path("figures")
output.mkdir(exist_ok=True)
figure.savefig(output / "quickstart.png", dpi=130)
print(f"\nThe figure is in {output / 'quickstart.png'}")
