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
from sdetheory.plotting import GUIDE, SAMPLE, THEORY, shades

ALPHA = 1e-3  # false-alarm rate of each statistical verdict
well = st.landscapes.double_well(barrier=0.25)
figure, axes = plt.subplots(1, 3, figsize=(15, 4.6), layout="constrained")


def exact_mean(temperature: float, end: float) -> float:
    """Return the mean first-passage time from −1 to `end`: 1/T ∫ e^{C(y)/T} ∫_{−∞}^y e^{−C(z)/T} dz dy."""
    y = np.linspace(-3.5, end, 40_001)
    c = well.value(y[:, None]) / temperature
    inner = integrate.cumulative_simpson(np.exp(-c), x=y, initial=0)
    start = np.searchsorted(y, -1.0)
    return float(integrate.simpson((np.exp(c) * inner)[start:], x=y[start:])) / temperature


def exact_survival(temperature: float):
    """Return the function of times that says how likely a path from −1 has not come to 1, by its equation on a grid."""
    grid = st.theory.Grid((-3.0, 1.0), 161, boundaries=[("natural", "absorbing")])
    equation = st.theory.fokker_planck(lambda x: -well.gradient(x), temperature, grid)
    start = np.zeros(161)
    start[80] = 1 / grid.volume  # the cell whose centre is −1
    return lambda times: equation.evolve(start, times).sum(axis=1) * grid.volume


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
print(f"{'T':>6} {'Kramers':>8} {'exact':>8} {'sampled':>14} {'z':>6}  {f'interval, α = {ALPHA:g}':17} verdict")
for t, result in zip(temperatures, results, strict=True):
    exact, (low, high) = exact_mean(t, 1.0), result.mean.interval(1 - ALPHA)
    holds = st.stats.agrees(result.mean, exact, alpha=ALPHA)  # whether the interval has the exact time in it
    kramers = np.sqrt(2) * np.pi * np.exp(0.25 / t)
    print(
        f"{t:6.3f} {kramers:8.3f} {exact:8.3f} {result.mean!s:>14} {result.mean.z_score(exact):+6.2f}  "
        f"{f'[{low:.3f}, {high:.3f}]':17} {'holds' if holds else 'FAILS'}"
    )

fine = np.linspace(0.095, 0.55, 60)
panel = axes[0]
panel.semilogy(1 / fine, [exact_mean(t, 1.0) for t in fine], color=THEORY, label="exact, double integral")
panel.semilogy(1 / fine, np.sqrt(2) * np.pi * np.exp(0.25 / fine), color=GUIDE, ls="--", label="Kramers' formula")
panel.errorbar(
    1 / temperatures, [r.mean.value for r in results], yerr=[2 * r.mean.stderr for r in results], fmt="o", color=SAMPLE,
    ms=5, label="sampled, ± 2 standard errors",
)  # fmt: skip
panel.set(title="(a) Mean time from $-1$ to $+1$", xlabel="$1/T$", ylabel="mean time")
panel.set_yticks([5, 10, 20, 50], ["5", "10", "20", "50"])
panel.minorticks_off()
panel.legend(frameon=False)

# %% [markdown]
# ## Waiting has no memory
# Once the particle has settled in its well, the time that remains is exponential, whatever has passed.

# %%
panel = st.plotting.plot_first_passage(
    results[0], mean=exact_mean(0.1, 1.0), ax=axes[1], survival=exact_survival(0.1), alpha=ALPHA
)
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
dark = shades(SAMPLE, 3)[2]
for bridge, color, marker, name in ((False, dark, "s", "ends of steps only"), (True, SAMPLE, "o", "Brownian bridge")):
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
panel.axhline(0, color=THEORY, lw=1.2, label="exact")
panel.set(title="(c) Mean time to the top of the barrier", xlabel="step $h$", ylabel="relative error", xscale="log")
panel.set_xticks(steps, [f"{h:g}" for h in steps])
panel.minorticks_off()
panel.legend(frameon=False, loc="upper left")

# %%
output = Path("figures")
output.mkdir(exist_ok=True)
figure.savefig(output / "first_passage.png", dpi=130)
print(f"\nThe figure is in {output / 'first_passage.png'}")
