# %% [markdown]
# # How long a well holds
#
# A particle in the double well C = x⁴/4 − x²/2 at temperature T, from one minimum to the other. The mean time is known
# exactly, by a double integral; Kramers' formula is its limit for T → 0. The times are taken inside the integrator,
# with a correction for what happens between the ends of its steps.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy import integrate

import sdetheory as st

ALPHA = 1e-3  # false-alarm rate of each statistical verdict
BLUE, RED, GREY = "#2166ac", "#b2182b", "0.45"
well = st.landscapes.double_well(barrier=0.25)
figure, axes = plt.subplots(1, 3, figsize=(15, 4.6), layout="constrained")


def exact_mean(temperature: float, end: float) -> float:
    """Return the mean first-passage time from −1 to `end`: 1/T ∫ e^{C(y)/T} ∫_{−∞}^y e^{−C(z)/T} dz dy."""
    y = np.linspace(-3.5, end, 40_001)
    c = well.value(y[:, None]) / temperature
    inner = integrate.cumulative_simpson(np.exp(-c), x=y, initial=0)
    start = np.searchsorted(y, -1.0)
    return float(integrate.simpson((np.exp(c) * inner)[start:], x=y[start:])) / temperature


# %% [markdown]
# ## Against the exact theory
# Kramers' formula, (2π/√(C''(−1)|C''(0)|)) e^{ΔC/T}, is 18 % short at T = 0.1, and the sampling sees it.

# %%
temperatures = np.array([0.1, 0.125, 0.16, 0.2, 0.25, 0.35, 0.5])
results = [
    st.first_passage(
        st.langevin(well, t), [-1.0], target=("above", 1.0), dt=0.01, max_steps=200_000, n_paths=4000, rng=i
    )
    for i, t in enumerate(temperatures)
]
print(f"{'T':>6} {'exact':>8} {'Kramers':>8} {'sampled':>14}  verdict")
for t, result in zip(temperatures, results, strict=True):
    holds = st.stats.agrees(result.mean, exact_mean(t, 1.0), alpha=ALPHA)
    kramers = np.sqrt(2) * np.pi * np.exp(0.25 / t)
    print(f"{t:6.3f} {exact_mean(t, 1.0):8.3f} {kramers:8.3f} {result.mean!s:>14}  {'holds' if holds else 'FAILS'}")

fine = np.linspace(0.095, 0.55, 60)
panel = axes[0]
panel.semilogy(1 / fine, [exact_mean(t, 1.0) for t in fine], color=BLUE, label="exact, double integral")
panel.semilogy(1 / fine, np.sqrt(2) * np.pi * np.exp(0.25 / fine), color=GREY, ls="--", label="Kramers' formula")
panel.errorbar(
    1 / temperatures, [r.mean.value for r in results], yerr=[2 * r.mean.stderr for r in results], fmt="o", color=RED,
    ms=5, label="sampled",
)  # fmt: skip
panel.set(title="(a) Mean time from $-1$ to $+1$", xlabel="$1/T$", ylabel="time")
panel.legend(frameon=False)

# %% [markdown]
# ## Waiting has no memory
# Once the particle has settled in its well, the time that remains is exponential, whatever has passed.

# %%
panel = st.plotting.plot_first_passage(results[0], mean=exact_mean(0.1, 1.0), ax=axes[1])
panel.set_title("(b) Who has not arrived, $T=0.1$")

# %% [markdown]
# ## Between the ends of steps
# A path can go in and come out again within a step. Without the bridge such visits are missed, and times are too long
# in proportion to √h; with it what is left is proportional to h.

# %%
steps = np.array([0.16, 0.08, 0.04, 0.02, 0.01])
sde = st.langevin(well, 0.1)
top = exact_mean(0.1, 0.0)
panel = axes[2]
for bridge, color, marker, name in ((False, GREY, "s", "ends of steps only"), (True, RED, "o", "Brownian bridge")):
    means = [
        st.first_passage(
            sde, [-1.0], target=("above", 0.0), dt=h, max_steps=int(3000 / h), n_paths=20_000, rng=7, bridge=bridge
        ).mean
        for h in steps
    ]
    panel.errorbar(
        steps, [m.value / top - 1 for m in means], yerr=[2 * m.stderr / top for m in means], fmt=f"{marker}-",
        color=color, ms=5, label=name,
    )  # fmt: skip
panel.axhline(0, color=BLUE, lw=1.2, label="exact")
panel.set(title="(c) Mean time to the top of the barrier", xlabel="step $h$", ylabel="relative error", xscale="log")
panel.legend(frameon=False, loc="upper left")

# %%
output = Path("figures")
output.mkdir(exist_ok=True)
figure.savefig(output / "first_passage.png", dpi=130)
print(f"\nThe figure is in {output / 'first_passage.png'}")
