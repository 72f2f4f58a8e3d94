# %% [markdown]
# # Paths over a mountain pass
#
# A surface of the kind that Müller and Brown (1979) proposed for chemical reactions: four exponentials, here with their
# usual constants and energies in units of 100. Three minima, and between them a pass that is not on the straight line.
# The stationary points below are computed, not quoted. The surface is written down once, in SymPy; everything else is
# compiled from that.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import sympy
from scipy import optimize

import sdetheory as st
from sdetheory.plotting import COST_MAP, DENSITY_MAP, SAMPLE, THEORY, shades

ALPHA = 1e-3  # false-alarm rate of each statistical verdict
TEMPERATURE = 0.2

x, y = sympy.symbols("x y", real=True)
terms = [
    # height, xx, xy, yy, centre
    (-2.0, -1.0, 0.0, -10.0, (1.0, 0.0)),
    (-1.0, -1.0, 0.0, -10.0, (0.0, 0.5)),
    (-1.7, -6.5, 11.0, -6.5, (-0.5, 1.5)),
    (0.15, 0.7, 0.6, 0.7, (-1.0, 1.0)),
]
energy = sum(
    height * sympy.exp(xx * (x - a) ** 2 + xy * (x - a) * (y - b) + yy * (y - b) ** 2)
    for height, xx, xy, yy, (a, b) in terms
)
surface = st.Landscape.from_sympy(energy, variables=["x", "y"])
sde = st.langevin(surface, TEMPERATURE)

# %% [markdown]
# ## Minima and passes, found numerically

# %%
guesses = {"A": (-0.6, 1.4), "B": (0.6, 0.0), "C": (-0.1, 0.5), "pass AC": (-0.8, 0.6), "pass CB": (0.2, 0.3)}
points = {name: optimize.root(surface.gradient, guess, tol=1e-12).x for name, guess in guesses.items()}
print(f"{'point':8} {'x':>8} {'y':>8} {'energy':>8}  curvatures       verdict")
for name, point in points.items():
    curvatures = np.linalg.eigvalsh(surface.hessian(point))
    holds = np.abs(surface.gradient(point)).max() < 1e-9 and (curvatures < 0).sum() == name.startswith("pass")
    print(
        f"{name:8} {point[0]:8.4f} {point[1]:8.4f} {surface.value(point):8.4f}  {curvatures[0]:6.2f} "
        f"{curvatures[1]:7.2f}  {'holds' if holds else 'FAILS'}"
    )

# %% [markdown]
# ## From A to B
# When do paths from A first come within 0.2 of B? The target is a formula. The same seed gives the same paths again,
# now with their positions; of each we keep the piece from the last time near A to the first time near B.

# %%
a, b = points["A"], points["B"]
target = 0.2**2 - (x - b[0]) ** 2 - (y - b[1]) ** 2
dt, n_paths = 2e-3, 512
waits = st.first_passage(sde, a, target=target, dt=dt, max_steps=100_000, n_paths=n_paths, rng=5)
run = st.simulate(sde, a, dt=dt, n_steps=12_500, n_paths=128, rng=5, save_every=5)
pieces = []
for path in run.paths.transpose(1, 0, 2):
    near_a = np.linalg.norm(path - a, axis=1) < 0.2
    near_b = np.linalg.norm(path - b, axis=1) < 0.2
    if near_b.any():
        end = int(np.argmax(near_b))
        pieces.append(path[int(np.flatnonzero(near_a[:end])[-1]) : end + 1])
print(f"\n{len(pieces)} of 128 paths went from A to B within {run.times[-1]:g} units of time")
print(f"rate from A to B: {waits.rate}, so one in {1 / waits.rate.value:.0f}; {waits.censored} of {n_paths} censored")

figure, axes = plt.subplots(1, 3, figsize=(16, 5), layout="constrained")
gx, gy = np.meshgrid(np.linspace(-2.0, 1.2, 321), np.linspace(-0.5, 2.1, 261))
heights = surface.value(np.stack([gx, gy], axis=-1))
panel = axes[0]
panel.contourf(gx, gy, heights, levels=np.linspace(-1.5, 1.5, 31), cmap=COST_MAP, extend="max", alpha=0.6)
panel.contour(gx, gy, heights, levels=np.linspace(-1.5, 1.5, 16), colors=THEORY, linewidths=0.4, linestyles="-")
for piece, color in zip(sorted(pieces, key=len)[:4], shades(SAMPLE, 5)[1:], strict=False):
    panel.plot(*piece.T, color=color, lw=1.1)
for name, point in points.items():
    panel.plot(*point, "o" if len(name) == 1 else "X", color=panel.get_facecolor(), mec=THEORY, ms=8)
    if len(name) == 1:
        box = {"boxstyle": "circle,pad=0.15", "fc": panel.get_facecolor(), "ec": THEORY}
        panel.annotate(name, point, (8, 8), textcoords="offset points", weight="bold", size=11, bbox=box)
panel.set(title="(a) Passages from A to B, lines of equal energy", xlabel="$x$", ylabel="$y$")

# %% [markdown]
# ## Where the paths are
# The stationary law is e^{−C/T}/Z: the exact lines of equal density lie on the sampled picture.

# %%
# Errors come from groups of neighbouring paths, so that starting points alternate.
edges = [np.linspace(-2.0, 1.2, 129), np.linspace(-0.5, 2.1, 105)]
sample = st.sample_stationary(
    sde, np.tile([a, a, a, b], (500, 1)), dt=dt, n_paths=2000, burn_in=60_000, n_steps=40_000, every=20,
    bins=edges, rng=6, method="leimkuhler-matthews",
)  # fmt: skip
law = st.theory.gibbs(surface, TEMPERATURE)
panel = axes[1]
density = np.ma.masked_equal(sample.histogram.density.value.T, 0.0)
panel.pcolormesh(*edges, np.ma.log10(density), cmap=DENSITY_MAP, vmin=-4, vmax=1.2)
exact = np.maximum(law.pdf(np.stack([gx, gy], axis=-1)), 1e-30)
lines = panel.contour(gx, gy, np.log10(exact), levels=np.arange(-3, 2), colors=THEORY, linewidths=1, linestyles="-")
panel.clabel(lines, fmt=lambda level: f"$10^{{{level:.0f}}}$", fontsize=8)
panel.set(title=f"(b) Sampled density, exact contours, $T={TEMPERATURE}$", xlabel="$x$", ylabel="$y$")

corner = ([-0.2, -0.5], [1.2, 0.35])  # around B
share, expected = sample.histogram.probability(*corner), law.probability(*corner)
holds, (low, high) = st.stats.agrees(share, expected, alpha=ALPHA), share.interval(1 - ALPHA)
print(f"probability of the box around B: exact {expected:.5f}, sampled {share}, z = {share.z_score(expected):+.2f},")
print(f"  interval at α = {ALPHA:g} [{low:.5f}, {high:.5f}]: {'holds' if holds else 'FAILS'}")

# %% [markdown]
# ## How long it takes
# Passages over a high pass are rare and without memory: the waiting time is exponential. Eyring and Kramers give its
# mean for T → 0; at this temperature, with C on the way, it is no more than a first guess.

# %%
hessian, saddle = surface.hessian(a), surface.hessian(points["pass AC"])
climb = surface.value(points["pass AC"]) - surface.value(a)
prefactor = np.sqrt(-np.linalg.det(saddle) / np.linalg.det(hessian)) / -np.linalg.eigvalsh(saddle)[0]
guess = 2 * np.pi * prefactor * np.exp(climb / TEMPERATURE)
print(f"Eyring-Kramers for the pass AC alone: one in {guess:.0f}")
panel = st.plotting.plot_first_passage(waits, ax=axes[2], alpha=ALPHA)
panel.set_title("(c) Not yet at B")

# %%
output = Path("figures")
output.mkdir(exist_ok=True)
figure.savefig(output / "mueller_brown.png", dpi=130)
print(f"\nThe figure is in {output / 'mueller_brown.png'}")
