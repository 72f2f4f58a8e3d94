# %% [markdown]
# # Strong and weak order, measured
#
# Each scheme runs at many steps on the same Brownian paths. How far its paths are from the solution is the strong
# error; how far its expectations are, the weak error. The slopes are the orders, with standard errors. A slope can be
# many of them away from its order and the order hold: the next order in h bends the line, and the interval that decides
# leaves room for it. It stands beside each verdict, with that room.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import sdetheory as st
from sdetheory.plotting import GUIDE

ALPHA = 1e-4  # how often an interval leaves out the true order
figure, axes = plt.subplots(1, 3, figsize=(15, 4.8), layout="constrained", sharey=True)
dts = 2.0 ** -np.arange(4, 11)

# %% [markdown]
# ## Geometric Brownian motion, whose solution is known
# dx = μx dt + σx dW has x(t) = x(0) exp((μ − σ²/2)t + σW(t)). Milstein's scheme gains half a strong order on
# Euler–Maruyama and nothing in expectations.

# %%
mu, sigma = 1.0, 0.6
gbm = st.SDE.from_sympy(["mu*x"], ["sigma*x"], variables=["x"], parameters={"mu": mu, "sigma": sigma})
well = st.langevin(st.landscapes.double_well(), temperature=0.25)
studies = {
    "geometric Brownian motion": [
        st.convergence_study(
            gbm, [1.0], time=1.0, dts=dts, n_paths=20_000, method=method, rng=1,
            exact=lambda w: np.exp(mu - sigma**2 / 2 + sigma * w),
        )
        for method in ("euler-maruyama", "milstein")
    ],
    # With additive noise Euler–Maruyama is Milstein's scheme. No solution is known: a finer run stands for it.
    "double well": [st.convergence_study(well, [0.5], time=1.0, dts=dts, n_paths=20_000, rng=2)],
}  # fmt: skip

# %% [markdown]
# ## The orders, against those that the schemes declare

# %%
print(f"{'equation':26} {'method':15} {'order':6} {'declared':>8} {'measured':>17} {'z':>6}", end="  ")
print(f"{f'interval, α = {ALPHA:g}':19} {'of it, next order':>17}  verdict")
panels = iter(axes)
for title, several in studies.items():
    for study in several:
        sde = gbm if title.startswith("geometric") else well
        scheme = st.simulators.SCHEMES[study.method]
        declared = scheme.strong_order[sde.noise], scheme.weak_order
        measured = study.strong_order, study.weak_order
        biases = study.strong_bias, study.weak_bias
        for kind, right, order, bias in zip(("strong", "weak"), declared, measured, biases, strict=True):
            low, high = study.interval(kind, alpha=ALPHA)  # with room for the next order in h
            print(
                f"{title:26} {study.method:15} {kind:6} {right:8} {order!s:>17} {order.z_score(right):+6.1f}  "
                f"{f'[{low:.3f}, {high:.3f}]':19} {f'± {bias:.3f}':>17}  {'holds' if low < right < high else 'FAILS'}"
            )
        panel = st.plotting.plot_convergence(study, ax=next(panels), alpha=ALPHA)
        panel.set_title(f"{study.method}, {title}")
        panel.grid(which="major", color=GUIDE, alpha=0.25, lw=0.6)
for panel in axes[1:]:
    panel.set_ylabel("")

# %%
output = Path("figures")
output.mkdir(exist_ok=True)
figure.savefig(output / "convergence.png", dpi=130)
print(f"\nThe figure is in {output / 'convergence.png'}")
