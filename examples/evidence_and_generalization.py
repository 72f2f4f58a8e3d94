# %% [markdown]
# # Does the evidence know what will generalize?
#
# Logistic regression on handwritten zeros and ones (MNIST, 784 weights, 800 images) and on 200 made-up examples with
# 200 inputs, whose label is the sign of their sum; each with its true labels and with random ones, which can only be
# memorized. Over nine decades of the prior precision λ: Laplace's evidence, which has seen the training data alone,
# beside the loss on other data (Smith and Le 2018, section 3 and figure 2).

# %%
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the two threads below do the work; more would only wait

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from scipy import special, stats

import sdetheory as st
from sdetheory.plotting import GUIDE

ALPHA = 1e-3  # false-alarm rate of the verdicts on guessing
N_SPLITS = 10
precisions = np.geomspace(1e-4, 1e5, 19)

# %% [markdown]
# ## Ten splits of each
# MNIST with true labels: five folds of each of two shuffles, so that every image is tested. Its training sets share
# images, and the error bars, which do not know it, are somewhat too small. With random labels: ten choices of images,
# each with labels of its own, those of test images included. The made-up data are drawn anew for each split.


# %%
def images(labels: str) -> Iterator[tuple[Any, Any, Any]]:
    """Yield ten splits of the 1,000 zeros and ones into 800 and 200."""
    if labels == "random":
        for seed in range(N_SPLITS):
            data = st.datasets.mnist(rng=seed)
            y = st.datasets.random_labels(data.y_train, rng=seed)
            unseen = st.datasets.random_labels(data.y_test, rng=N_SPLITS + seed)
            yield st.models.LogisticRegression(data.x_train, y), data.x_test, unseen
        return
    for shuffle in range(N_SPLITS // 5):
        data = st.datasets.mnist(rng=shuffle)
        x, y = np.concatenate([data.x_train, data.x_test]), np.concatenate([data.y_train, data.y_test])
        for fold in range(5):
            test = np.arange(1000) // 200 == fold
            yield st.models.LogisticRegression(x[~test], y[~test]), x[test], y[test]


def sums(labels: str) -> Iterator[tuple[Any, Any, Any]]:
    """Yield ten data sets of 200 training and 10,000 test examples with 200 inputs."""
    for split in range(N_SPLITS):
        x = np.random.default_rng(split).standard_normal((10_200, 200))
        y = (x.sum(axis=1) > 0).astype(int)
        if labels == "random":
            y = st.datasets.random_labels(y, rng=split)
        yield st.models.LogisticRegression(x[:200], y[:200]), x[200:], y[200:]


data_sets = {"MNIST 0/1": images, "200 inputs": sums}
tasks = [(name, labels) for name in data_sets for labels in ("true", "random")]
st.datasets.mnist()  # read the images before the threads ask for them
with ThreadPoolExecutor(2) as pool:
    run = pool.map(lambda task: st.evidence.evidence_curve(data_sets[task[0]](task[1]), precisions), tasks)
    curves = dict(zip(tasks, run, strict=True))

# %% [markdown]
# ## The curves
# With random labels the fit improves as λ falls, but the Occam factor charges more for it than it gains, and the test
# loss agrees. With true labels the evidence has its maximum near the least test loss.

# %%
figure, axes = plt.subplots(3, 4, figsize=(17, 10.5), sharex=True, layout="constrained")
for column, ((name, labels), curve) in zip(axes.T, curves.items(), strict=True):
    st.plotting.plot_evidence(curve, column)
    ratio = curve.average(curve.log_evidence_ratio)
    best = ratio.value.argmin()
    lowest = st.Estimate(value=ratio.value[best], stderr=ratio.stderr[best], n_eff=ratio.n_eff)
    column[0].set_title(f"{name}, {labels} labels\nleast E = {lowest} at λ = {precisions[best]:.2g}", fontsize=11)
    column[0].set_ylabel("log evidence, parts (nats)")
    column[1].axhline(np.log(2), color=GUIDE, ls=":", lw=1.4)
    column[1].text(1.5e-4, 0.64, "guessing, ln 2", va="top", fontsize=9)
    column[1].set(yscale="log", ylim=(1e-3, 30))
    column[2].set_ylim(0.45, 1.03)
figure.suptitle(
    "Means of ten splits ± 2 standard errors; upright lines: best λ by the evidence (solid) and by test loss (dashed); "
    "random labels have both at the right edge"
)

# %% [markdown]
# ## In numbers
# The evidences that a model gives to all labelings add up to 1, so that e^{−E}, for labels thrown by coins, averages to
# 1: E falls below −t with probability e^{−t} at most, at one λ or for a mixture of them (up to the error of Laplace's
# approximation). So with random labels E is negative now and then, and can be below −1, as one of these ten labelings
# of MNIST shows: that random labels keep E positive, or above −1, at every λ, is no law.


# %%
def mixed(curve: Any) -> Any:
    """Return E of each split for the equal mixture of all λ, shape (s,)."""
    return np.log(len(precisions)) - special.logsumexp(-curve.log_evidence_ratio, axis=1)


def verdict(holds: bool) -> str:
    """Say in a word how a prediction fared."""
    return "holds" if holds else "FAILS"


rows = []
for (name, labels), curve in curves.items():
    task = f"{name}, {labels}"
    ranks = curve.rank_correlation
    by_training: Any = stats.spearmanr(curve.train_loss.mean(axis=0), curve.test_loss.mean(axis=0))
    rows.append((f"{task}: rank correlation of E and test loss", "> 0.9", str(ranks), verdict(ranks.value > 0.9)))
    rows.append((f"{task}: the same of training and test loss", "", f"{by_training.statistic:.3f}", ""))
    if labels == "true":
        apart, paid, least = curve.distance, curve.excess_loss, curve.test_loss.mean(axis=0).min()
        rows.append((f"{task}: decades from the λ of least test loss to that of E", "|.| < 1", str(apart),
                     verdict(abs(apart.value) < 1)))  # fmt: skip
        rows.append((f"{task}: test loss paid for choosing λ by E, of {least:.4f}", "", str(paid), ""))
        ratio = mixed(curve).max()
        rows.append((f"{task}: highest E of ten, all λ mixed", "< 0", f"{ratio:.2f}", verdict(ratio < 0)))
    else:
        ratio, bound = mixed(curve).min(), np.log(ALPHA / N_SPLITS)
        rows.append((f"{task}: lowest E of ten, all λ mixed", f"> ln α/10 = {bound:.1f}", f"{ratio:.2f}",
                     verdict(ratio > bound)))  # fmt: skip
        each = curve.log_evidence_ratio.min(axis=1)
        below = np.sum(each < -1)
        rows.append((f"{task}: lowest E of ten, at the best λ of each", "> −1 ?", f"{each.min():.2f}",
                     f"not so for {below} of ten" if below else "so for all ten"))  # fmt: skip

print(f"{'λ':>6}" + "".join(f"   {name + ', ' + labels:>25}" for name, labels in tasks))
print(" " * 6 + f"   {'E':>8} {'loss':>7} {'accuracy':>8}" * 4)
columns = [
    np.asarray(values).mean(axis=0)
    for curve in curves.values()
    for values in (curve.log_evidence_ratio, curve.test_loss, curve.test_accuracy)
]
for precision, *line in zip(precisions[::2], *(column[::2] for column in columns), strict=True):
    print(f"{precision:6.0e}" + "".join("   {:8.2f} {:7.4f} {:8.3f}".format(*line[i : i + 3]) for i in range(0, 12, 3)))
print()
width = max(len(row[0]) for row in rows)
for claim, expected, measured, said in rows:
    print(f"{claim:{width}}  {expected:>16}  {measured:>18}  {said}")
output = Path("figures")
output.mkdir(exist_ok=True)
figure.savefig(output / "evidence_and_generalization.png", dpi=110)
print(f"\nThe figure is in {output / 'evidence_and_generalization.png'}")
