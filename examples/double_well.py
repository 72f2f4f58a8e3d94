# %% [markdown]
# # A double well and its Gibbs law
#
# Overdamped Langevin dynamics dx = −C'(x) dt + √(2T) dW in C = x⁴/4 − x²/2 + 1/4 hops between two wells, and in the
# long run it is at x with probability density e^{−C(x)/T}/Z, whatever it hops like. A scheme of finite step h samples a
# slightly different law: how different, and which scheme to take, is the last panel.

# %%
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import sdetheory as st
from sdetheory.errors import AccuracyWarning
from sdetheory.plotting import GUIDE, SAMPLE, THEORY, shades

ALPHA = 1e-3  # false-alarm rate of each statistical verdict
WARM, COLD = shades(SAMPLE, 3)[1:]  # of one kind: what is sampled
well = st.landscapes.double_well(barrier=0.25)
figure, axes = plt.subplots(2, 2, figsize=(12, 8.5), layout="constrained")


def compared(measured: st.Estimate, expected: float) -> str:
    """Say how a prediction fared: it holds if the interval at the rate α, in brackets, has it in it."""
    low, high = measured.interval(1 - ALPHA)
    said = "holds" if st.stats.agrees(measured, expected, alpha=ALPHA) else "FAILS"
    return f"{expected:8.4f} {measured!s:>19} {measured.z_score(expected):+6.2f}  [{low:.4f}, {high:.4f}]  {said}"


# %% [markdown]
# ## Hops

# %%
panel = axes[0, 0]
for temperature, color, offset in ((0.08, COLD, 0.0), (0.25, WARM, -4.0)):
    sde = st.langevin(well, temperature)
    run = st.simulate(sde, [-1.0], dt=0.01, n_steps=40_000, n_paths=1, rng=2, save_every=50)
    panel.plot(run.times, run.paths[:, 0, 0] + offset, color=color, lw=0.7)
    panel.text(402, offset, f"T = {temperature:g}", color=color, va="center")
    for x in (-1, 1):
        panel.axhline(x + offset, color=GUIDE, lw=0.6, ls=":")
panel.set(title="(a) Hops between the wells", xlabel="time $t$", ylabel="$x$", xlim=(0, 400))
panel.set_yticks([1, -1, -3, -5], ["$+1$", "$-1$", "$+1$", "$-1$"])

# %% [markdown]
# ## The stationary law, and what is left of it
# Where the sampled density differs from the exact one, it does so by as many standard errors as chance allows.

# %%
edges = np.linspace(-2.4, 2.4, 97)
with warnings.catch_warnings():
    # At T = 0.08 hardly a path hops, and R-hat says so. It is symmetry that weighs the wells: half of the paths each.
    warnings.simplefilter("ignore", AccuracyWarning)
    samples = {
        temperature: st.sample_stationary(
            st.langevin(well, temperature), np.repeat([[-1.0], [1.0]], 4000, axis=0), dt=0.05, n_paths=8000,
            burn_in=400, n_steps=4000, every=10, bins=edges, rng=3, method="leimkuhler-matthews",
        )
        for temperature in (0.08, 0.25)
    }  # fmt: skip
laws = {temperature: st.theory.gibbs(well, temperature) for temperature in samples}
panel = st.plotting.plot_histogram(samples[0.25], laws[0.25], ax=axes[0, 1])
panel.set_title("(b) Sampled and exact density, $T=0.25$")
panel = axes[1, 0]
for temperature, color, marker in ((0.08, COLD, "s"), (0.25, WARM, "o")):
    density = samples[temperature].histogram.density
    nodes = laws[temperature].pdf(np.linspace(edges[0], edges[-1], 2 * len(edges) - 1)[:, None])
    exact = (nodes[:-2:2] + 4 * nodes[1::2] + nodes[2::2]) / 6  # the mean over a cell, by Simpson's rule
    seen = exact * (edges[1] - edges[0]) * samples[temperature].n_samples > 1000
    z = (density.value[seen] - exact[seen]) / density.stderr[seen]
    panel.plot((edges[1:] + edges[:-1])[seen] / 2, z, marker, color=color, ms=3, label=f"T = {temperature:g}")
panel.axhspan(-2, 2, color=GUIDE, alpha=0.2, lw=0, label="± 2 standard errors")
panel.axhline(0, color=THEORY, lw=1.2, label="exact law")
panel.set(title="(c) What is left between them", xlabel="$x$", ylabel="difference (standard errors)", ylim=(-6, 6))
panel.legend(frameon=False)

print(f"{'claim':38} {'exact':>8} {'sampled':>19} {'z':>6}  {f'interval, α = {ALPHA:g}':16}  verdict")
for temperature, law in laws.items():
    square = samples[temperature].covariance
    measured = st.Estimate(value=square.value[0, 0], stderr=square.stderr[0, 0], n_eff=square.n_eff)
    print(f"{f'variance, T = {temperature}':38} {compared(measured, law.covariance[0, 0])}")
    near = samples[temperature].histogram.probability(-0.5, 0.5)
    print(f"{f'probability of |x| < 1/2, T = {temperature}':38} {compared(near, law.probability(-0.5, 0.5))}")

# %% [markdown]
# ## The price of a step
# Both schemes evaluate the force once a step. Euler–Maruyama's law is wrong by O(h), that of Leimkuhler and Matthews,
# which takes the mean of two successive normals, by O(h²).

# %%
steps = np.array([0.2, 0.141, 0.1, 0.0707, 0.05])
law = laws[0.25]
panel = axes[1, 1]
for method, color, marker, order, style in (
    ("euler-maruyama", COLD, "s", 1, ":"), ("leimkuhler-matthews", WARM, "o", 2, "--"),
):  # fmt: skip
    errors = []
    for h in steps:
        sample = st.sample_stationary(
            st.langevin(well, 0.25), np.repeat([[-1.0], [1.0]], 5000, axis=0), dt=h, n_paths=10_000,
            burn_in=round(30 / h), n_steps=4 * round(100 / h), every=4, rng=4, method=method,
        )  # fmt: skip
        square = sample.covariance
        errors.append((abs(square.value[0, 0] / law.covariance[0, 0] - 1), square.stderr[0, 0] / law.covariance[0, 0]))
    size, stderr = np.array(errors).T
    panel.errorbar(
        steps, size, yerr=(np.minimum(2 * stderr, 0.9 * size), 2 * stderr), fmt=marker, color=color, ms=5, label=method
    )
    panel.plot(
        steps,
        size[0] * (steps / steps[0]) ** order,
        color=THEORY,
        lw=1,
        ls=style,
        label=f"order {order}",
    )
panel.set(title="(d) Error of the variance, $T=0.25$", xlabel="step $h$", ylabel="relative error")
panel.set(xscale="log", yscale="log", ylim=(2e-7, 0.1), xticks=[0.05, 0.1, 0.2], xticklabels=["0.05", "0.1", "0.2"])
panel.minorticks_off()
panel.legend(frameon=False, loc="lower right")

# %%
output = Path("figures")
output.mkdir(exist_ok=True)
figure.savefig(output / "double_well.png", dpi=130)
print(f"\nThe figure is in {output / 'double_well.png'}")
