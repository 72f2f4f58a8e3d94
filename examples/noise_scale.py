# %% [markdown]
# # The noise scale of a training loop
#
# How large a batch is worth its price? The simple noise scale Tr F/|G|² (McCandlish et al. 2018) is the batch size at
# which noise and gradient are equally long: far below it twice the batch halves the steps, far above it buys nothing.
# A loop that computes gradients of micro-batches, or on several devices, has all that is needed to follow it: their
# squared norms, and that of their mean. Here a small network learns handwritten digits in PyTorch.
#
# Without PyTorch (`pip install "sdetheory[torch]"`) the same loop is run with the package's own network.

# %%
from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import sdetheory as st
from sdetheory.plotting import GUIDE, SAMPLE, THEORY

try:
    import torch
except ImportError:
    torch = None

MICRO, PARTS, STEPS, RATE = 16, 8, 400, 0.2  # eight micro-batches of 16 images make a step
data = st.datasets.mnist(range(10), train_size=4000, test_size=1000)
images = data.x_train.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196).astype(np.float32)
batches = np.random.default_rng(0).integers(0, 4000, (STEPS, PARTS, MICRO))
model = st.models.ReLUNetwork(images, data.y_train, hidden=32, n_classes=10)
start = model.initial(0)


# %% [markdown]
# ## The loop
# The gradients of the micro-batches are those of mean losses, and their mean is what the optimizer steps with. Nothing
# but their squared norms goes into the monitor.


# %%
def in_pytorch() -> Iterator[tuple[list[float], float, float]]:
    """Yield the squared norms of the micro-batches of a step, that of their mean, and the loss."""
    first, second = torch.nn.Linear(196, 32), torch.nn.Linear(32, 10)
    with torch.no_grad():
        for layer, weight, bias in ((first, *model.layers(start)[:2]), (second, *model.layers(start)[2:])):
            layer.weight.copy_(torch.tensor(weight.T))
            layer.bias.copy_(torch.tensor(bias))
    network = torch.nn.Sequential(first, torch.nn.ReLU(), second)
    optimizer = torch.optim.SGD(network.parameters(), lr=RATE)
    x, y = torch.tensor(images), torch.tensor(data.y_train)
    for batch in torch.tensor(batches):
        gradients, losses = [], []
        for part in batch:
            loss = torch.nn.functional.cross_entropy(network(x[part]), y[part])
            gradients.append(torch.cat([g.ravel() for g in torch.autograd.grad(loss, list(network.parameters()))]))
            losses.append(loss.item())
        mean = torch.stack(gradients).mean(dim=0)
        yield [(g @ g).item() for g in gradients], (mean @ mean).item(), float(np.mean(losses))
        sizes = [weights.numel() for weights in network.parameters()]
        for weights, part in zip(network.parameters(), mean.split(sizes), strict=True):
            weights.grad = part.view_as(weights)
        optimizer.step()


def in_numpy() -> Iterator[tuple[list[float], float, float]]:
    """Yield the same by the package's own network."""
    w = start.copy()
    for batch in batches:
        # The package has total costs: the gradient of the mean loss is one part in N.
        gradients = [model.minibatch_gradient(w, part) / model.train_size for part in batch]
        mean = np.mean(gradients, axis=0)
        yield [float(g @ g) for g in gradients], float(mean @ mean), model.loss(w)
        w -= RATE * mean


print("in PyTorch" if torch else "PyTorch is not installed; the package's network stands in for it")
monitor = st.models.NoiseScaleMonitor(small=MICRO, large=MICRO * PARTS, window=100)
rows = []
for step, (small, large, loss) in enumerate(in_pytorch() if torch else in_numpy(), 1):
    monitor.update(small, large)
    if step % 20 == 0:
        found = monitor.estimate()
        rows.append([step, found.noise_scale.value, *found.interval, loss])
        if step % 100 == 0:
            ends = "{:.0f} to {:.0f}".format(*found.interval)
            print(f"step {step}: loss {loss:.3f}, noise scale {found.noise_scale}, 95 %: {ends}")
steps, scales, low, high, losses = np.array(rows).T

# %% [markdown]
# ## The truth beside it
# The package's own network makes the same steps, and at some of them all 4,000 images give the noise scale without an
# error. The monitor shows the average over its window, which trails what is true now.

# %%
w, exact = start.copy(), []
for step, batch in enumerate(batches):
    if step % 20 == 0:
        exact.append((step, st.models.gradient_noise_scale(model, w).noise_scale.value))
    w -= RATE * model.minibatch_gradient(w, batch.ravel()) / model.train_size

figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.6), layout="constrained")
left.fill_between(steps, low, np.minimum(high, 1e5), color=SAMPLE, alpha=0.25, lw=0, label="95 % interval")
left.plot(steps, scales, color=SAMPLE, label="monitor, average over 100 steps")
left.plot(*np.array(exact).T, "o", color=THEORY, ms=4, label="all images, exact, at the step")
left.axhline(MICRO * PARTS, color=GUIDE, ls="--", lw=1, label="batch size of the loop")
left.set(yscale="log", xlabel="step", ylabel="noise scale (examples)", title="(a) It grows while the loss falls")
left.legend(frameon=False)
right.loglog(losses, scales, "o-", color=SAMPLE)
right.set(xlabel="loss (nats)", ylabel="noise scale (examples)", title="(b) Against the loss")
right.invert_xaxis()
output = Path("figures")
output.mkdir(exist_ok=True)
figure.savefig(output / "noise_scale.png", dpi=110)
print(f"The figure is in {output / 'noise_scale.png'}")
