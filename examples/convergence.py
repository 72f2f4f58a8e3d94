# %% [markdown]
# # Strong and weak order, measured
#
# Each scheme runs at many steps on the same Brownian paths. How far its paths are from the solution is the strong
# error; how far its expectations are, the weak error. The slopes are the orders, with standard errors.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import sdetheory as st

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
print(f"{'equation':26} {'method':15} {'strong':>15} {'declared':>9}  {'weak':>15} {'declared':>9}  verdict")
panels = iter(axes)
for title, several in studies.items():
    for study in several:
        sde = gbm if title.startswith("geometric") else well
        scheme = st.simulators.SCHEMES[study.method]
        declared = scheme.strong_order[sde.noise], scheme.weak_order
        measured = study.strong_order, study.weak_order
        # The intervals leave room for the next order in h, which is in the slopes too.
        intervals = [study.interval(kind, alpha=1e-4) for kind in ("strong", "weak")]
        holds = all(low < d < high for (low, high), d in zip(intervals, declared, strict=True))
        print(
            f"{title:26} {study.method:15} {measured[0]!s:>15} {declared[0]:9} {measured[1]!s:>16} {declared[1]:9}  "
            f"{'holds' if holds else 'FAILS'}"
        )
        panel = st.plotting.plot_convergence(study, ax=next(panels))
        panel.set_title(f"{study.method}, {title}")
        panel.grid(which="major", color="0.9", lw=0.6)
for panel in axes[1:]:
    panel.set_ylabel("")

# %%
output = Path("figures")
output.mkdir(exist_ok=True)
figure.savefig(output / "convergence.png", dpi=130)
print(f"\nThe figure is in {output / 'convergence.png'}")
