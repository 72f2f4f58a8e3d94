"""The same small problems for both libraries, in numbers that belong to neither."""

import numpy as np

import sdetheory as st

N, INPUTS, HIDDEN, CLASSES = 23, 4, 5, 3
DATA = np.random.default_rng(16)
X = DATA.standard_normal((N, INPUTS))
LABELS = DATA.integers(0, CLASSES, N)
TARGETS = DATA.standard_normal((N, 2))


def settings(rate=0.3, batch_size=5, **changes):
    return st.SGDHyperparameters(learning_rate=rate, train_size=N, batch_size=batch_size, **changes)


def batches(n_steps, batch_size=5, rng=0, n=N):
    """Return the batches that sgd draws, from a model that only watches."""
    seen = []

    class Watching:
        train_size, dimension = n, 1

        def minibatch_gradient(self, w, indices):
            seen.append(indices.copy())
            return 0 * w

    hp = st.SGDHyperparameters(learning_rate=0.1, train_size=n, batch_size=batch_size)
    st.sgd(Watching(), hp, [0.0], n_steps=n_steps, rng=rng)
    return seen[-n_steps:]


def newton(model, w, steps=50):
    """Return a minimum of the cost, by damped Newton steps with the whole Hessian."""
    for _ in range(steps):
        hessian = np.stack([model.hessian_vector_product(w, v) for v in np.eye(model.dimension)])
        values, vectors = np.linalg.eigh(hessian)
        gradient = vectors.T @ model.gradient(w)
        step = vectors @ (gradient / np.maximum(np.abs(values), 1e-3))
        scale = 1.0
        while model.cost(w - scale * step) > model.cost(w) + 1e-12 and scale > 1e-10:
            scale /= 2
        w = w - scale * step
    return w
