# %% [markdown]
# # A convolutional network of PyTorch
#
# `models.from_torch` makes a model of any module: everything that the package does with its own models it does with it.
# Here a small convolutional network learns handwritten digits; its noise scale is followed while it does, and the test
# of Li, Malladi & Arora (2021) asks whether the equation of SGD describes it.
#
# Without PyTorch (`pip install "sdetheory[torch]"`) a network of the package stands in for it.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import sdetheory as st
from sdetheory.plotting import GUIDE, SAMPLE, THEORY, shades

try:
    import torch
except ImportError:
    torch = None

N, BATCH, RATE, STEPS, EVERY, RUNS = 2000, 20, 0.1, 120, 20, 12
data = st.datasets.mnist(range(10), train_size=N, test_size=1000)


def halved(images):
    """Return images of 14 × 14 pixels."""
    return images.reshape(-1, 1, 14, 2, 14, 2).mean(axis=(3, 5)).astype(np.float32)


if torch:
    torch.set_num_threads(1)  # so small a network gains nothing by more
    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Conv2d(1, 6, 5, stride=2), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(150, 10)
    )
    x, y = torch.tensor(halved(data.x_train)), torch.tensor(data.y_train)
    model = st.models.from_torch(module, torch.nn.CrossEntropyLoss(reduction="none"), x, y)
    start = model.weights
else:
    print("PyTorch is not installed; the package's network stands in for it")
    model = st.models.ReLUNetwork(halved(data.x_train).reshape(N, -1), data.y_train, hidden=16, n_classes=10)
    start = model.initial(0)
print(st.models.check(model, start, rng=0))

# %% [markdown]
# ## The noise scale on the way
# One run of SGD; at each of its records all images give the simple noise scale without an error: the batch size at
# which the noise of a gradient is as long as the gradient. (`examples=500` would take a sample, and give an interval.)

# %%
hp = st.SGDHyperparameters(learning_rate=RATE, train_size=N, batch_size=BATCH)
run = st.sgd(model, hp, start, n_steps=5 * STEPS, save_every=STEPS // 2, rng=0)
steps = STEPS // 2 * np.arange(len(run.paths))
scales = [st.models.gradient_noise_scale(model, w[0]).noise_scale.value for w in run.paths]
for step, scale in zip(steps, scales, strict=True):
    print(f"step {step}: noise scale {scale:.0f}")

# %% [markdown]
# ## Does the equation describe it?
# SVAG makes l shorter steps of one step of SGD, with noise whose law comes nearer to that of the equation as l grows.
# If SGD (l = 1) and SVAG agree, the equation describes SGD. Runs have noise, so their mean losses are compared with
# their errors: z is the largest difference from l = 1, which by chance passes 3.2 in one of forty examples like this
# (Student's t with 22 degrees of freedom, six times).


# %%
def losses(factor):
    """Return the mean losses over time, for each run."""
    svag = st.svag(
        model, hp, start, factor=factor, n_steps=factor * STEPS, n_runs=RUNS, save_every=factor * EVERY, rng=2
    )
    return np.array([[model.cost(w) / N for w in frame] for frame in svag.paths])


times = EVERY * np.arange(STEPS // EVERY + 1)
found = {factor: losses(factor) for factor in (1, 2, 4)}
for factor in (2, 4):
    now, then = (st.stats.mean_estimate(found[each][1:], axis=1) for each in (factor, 1))
    change = now.plus_independent(-then)
    print(f"l = {factor}: largest difference from SGD {np.abs(change.value).max():.3f} nats,", end=" ")
    print(f"z = {np.abs(change.z_score(0.0)).max():.1f}")

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
left.plot(steps, scales, "o-", color=THEORY, label="all images, exact")
left.axhline(BATCH, color=GUIDE, ls="--", label="batch size")
left.set(xlabel="step", ylabel="simple noise scale (examples)", yscale="log")
left.legend()
for (factor, table), color, marker in zip(found.items(), shades(SAMPLE, 3)[::-1], "osD", strict=True):
    mean, error = table.mean(axis=1), table.std(axis=1, ddof=1) / np.sqrt(RUNS)
    right.errorbar(
        times, mean, yerr=2 * error, color=color, marker=marker, ms=4, capsize=2,
        label="SGD (l = 1)" if factor == 1 else f"SVAG, l = {factor}",
    )  # fmt: skip
right.set(xlabel="steps of SGD", ylabel="training loss ± 2 standard errors (nats)")
right.legend()
target = Path("figures") / "cnn_in_pytorch.png"
target.parent.mkdir(exist_ok=True)
figure.savefig(target, dpi=150)
print(f"figure: {target}")
