# %% [markdown]
# # A batch size that is tuned once, predicted elsewhere, and found
#
# Says the SDE of SGD: what matters of ε, B, N and m is the noise scale g = ε(N/B − 1)/(1 − m). So one setting is tuned,
# by a study of the batch size; `scaling_advice` says which batch is best at another learning rate, with more examples
# or with momentum, and after how many steps; and a study of each of these asks SGD itself. The seeds are new ones in
# every study, so that predictions and what is found are independent.
#
#     python examples/predicted_batch_size.py             half a minute
#
# A network of 32 rectified units on real digits, of which one training label in five is random.

# %%
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

import sdetheory as st
from sdetheory.plotting import GUIDE, SAMPLE, THEORY, shades

SIZES = [1, 2, 3, 4, 6, 9, 14, 24, 50, 128]
N_SEEDS = 6


# %% [markdown]
# ## What is learned
# A seed chooses images, wrong labels, start and batches; 1,500 other images say how well it was learned.


# %%
@functools.lru_cache(maxsize=2 * N_SEEDS)
def images(seed: int, train_size: int) -> tuple[Any, ...]:
    """Return a split of the ten digits, at half the resolution."""
    data = st.datasets.mnist(range(10), train_size=train_size, test_size=1500, rng=seed)
    halves = [x.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196) for x in (data.x_train, data.x_test)]
    return halves[0], data.y_train, halves[1].astype(np.float32), data.y_test


@dataclass(frozen=True)
class NoisyDigits:
    """A network of 32 rectified units on digits, some of whose labels are random."""

    flipped: float = 0.2

    def __call__(self, seed: int, train_size: int) -> tuple[Any, dict[str, Any], Any]:
        """Return the model, its metric, and the start."""
        x, y, x_test, y_test = images(seed, train_size)
        rng = np.random.default_rng(seed)
        y = np.where(rng.random(train_size) < self.flipped, rng.integers(0, 10, train_size), y)
        model = st.models.ReLUNetwork(x, y, hidden=32, n_classes=10)
        return model, {"test_accuracy": lambda w: model.accuracy(w, x_test, y_test)}, model.initial(seed)


def study(hp: Any, n_steps: int, first_seed: int) -> Any:
    """Return the study of the batch size at the other hyperparameters of a setting."""
    return st.batch_size_study(
        NoisyDigits(), learning_rates=hp.learning_rate, train_sizes=hp.train_size, momenta=hp.momentum,
        batch_sizes=SIZES, n_steps=n_steps, seeds=range(first_seed, first_seed + N_SEEDS),
    )  # fmt: skip


# %% [markdown]
# ## Tuned once

# %%
N_STEPS = 2000
tuned = st.SGDHyperparameters(learning_rate=0.3, train_size=300, batch_size=6)
studies = {"tuned": study(tuned, N_STEPS, 20)}
peak = studies["tuned"].optima()[0].batch_size
print(f"tuned: B_opt {peak}")

# %% [markdown]
# ## Predicted, then found
# The ends of the interval are carried along by the same rule. Prediction and finding agree if the logarithm of their
# ratio is within both intervals, added in squares. The rival is that nothing changes: the tuned batch, as it stands.

# %%
changes: dict[str, dict[str, Any]] = {
    "ε twice": {"learning_rate": 0.6}, "N twice": {"train_size": 600}, "m = 0.5": {"momentum": 0.5},
}  # fmt: skip
noise = [tuned.learning_rate * (tuned.train_size / b - 1) for b in (peak.value, peak.low, peak.high)]
rows = []


def agrees(found: Any, value: float, high: float) -> str:
    """Say whether an optimum that was found is, within both intervals, what was expected."""
    width = np.hypot(np.log(found.high / found.value), np.log(high / value))
    return "agrees" if abs(np.log(found.value / value)) <= width else "does not agree"


for number, (name, change) in enumerate(changes.items(), start=1):
    advice = next(a for a in st.scaling_advice(tuned, n_steps=N_STEPS, **change) if a.adapted == "batch_size")
    hp = advice.hyperparameters
    assert advice.n_steps is not None
    # B = N/(1 + g(1 − m)/ε): the rule of the advice, for the optimum and not for a whole number beside it.
    predicted = [hp.train_size / (1 + g * (1 - hp.momentum) / hp.learning_rate) for g in noise]
    studies[name] = study(hp, advice.n_steps, 20 + 10 * number)
    best = studies[name].optima()[0]
    found = best.batch_size
    print(
        f"{name}: predicted {predicted[0]:.3g} [{predicted[1]:.3g}, {predicted[2]:.3g}], found {found} after "
        f"{advice.n_steps} steps{'' if best.bounded else ' (not bounded)'}, which "
        f"{agrees(found, predicted[0], predicted[2])}; with {peak.value:.3g} it {agrees(found, peak.value, peak.high)}"
    )
    rows.append((name, predicted, found))

# %% [markdown]
# All three predictions agree with what is found: 10.6 with 14.7 [8.8, 24.5] at twice ε, 10.8 with 11 [2.4, 50] at twice
# N, 10.6 with 12.2 [6.2, 24.1] at m = 0.5. Six seeds decide against the tuned 5.4 [3.9, 7.5] at twice ε and m = 0.5;
# at twice N they do not.
#
# ## The figure

# %%
figure, axes = plt.subplots(1, 2, figsize=(12, 4.6), layout="constrained")
for (name, result), color, marker in zip(studies.items(), shades(SAMPLE, 4), "osD^", strict=True):
    (curve,) = result.curves()
    use = curve.reliable
    axes[0].plot(
        curve.batch_sizes[use], curve.values[:, use].mean(axis=0), f"{marker}-", ms=4, lw=1.2, color=color, label=name
    )
    axes[0].axvline(result.optima()[0].batch_size.value, color=color, lw=0.8, ls=":")
axes[0].set(
    xscale="log", xlabel="batch size $B$ (examples)", ylabel="test accuracy", title="Means over seeds; B_opt (dotted)"
)
axes[0].legend(frameon=False)
for at, (_, predicted, found) in enumerate(rows):
    for shift, (value, low, high), marker, color, label in (
        (-0.1, predicted, "s", THEORY, "predicted"),
        (0.1, (found.value, found.low, found.high), "o", SAMPLE, "found"),
    ):
        axes[1].errorbar(
            at + shift, value, [[value - low], [high - value]], fmt=marker, color=color, capsize=3,
            label=None if at else f"{label} (95 %)",
        )  # fmt: skip
axes[1].axhspan(peak.low, peak.high, color=GUIDE, alpha=0.2, lw=0)
axes[1].axhline(peak.value, color=GUIDE, lw=0.8, label="tuned (band: 95 %)")
axes[1].set(
    yscale="log",
    xticks=range(len(rows)),
    xticklabels=list(changes),
    ylabel="B_opt (examples)",
    title="Predicted and found",
)
axes[1].set_yticks([3, 5, 10, 20, 50], ["3", "5", "10", "20", "50"])
axes[1].minorticks_off()
axes[1].legend(frameon=False)
output = Path("figures")
output.mkdir(exist_ok=True)
figure.savefig(output / "predicted_batch_size.png", dpi=90)
print(f"The figure is in {output / 'predicted_batch_size.png'}")
