"""Noise of labels along a valley of minima: the mean drift, exactly, and where SGD ends."""

import numpy as np
import pytest

import sdetheory as st
from sdetheory.claims import Above, Below

from ..label_noise import drift

ALPHA = 1e-6
DEVIATION = 0.02
SIGNS = np.array([-1.0, 1.0])


@pytest.mark.claim("BGV01")
def test_noise_of_labels_moves_the_mean_towards_smaller_gradients_of_the_model(record):
    """Drift of u² − v² over ε²σ² at five minima: at least one; noise of gradients with the same trace has less.

    A cost ¼εσ²Σ|∇f|², with |∇f|² = u² + v², makes u² − v² fall by the share ε²σ² a step. What the drift has beyond is
    of the order of ε|∇f|². Noise of the gradient that is the same in all directions has nothing but that. All ways of
    two-point noise are listed until the error has settled, at ε|∇f|² of ½ and ¼.
    """
    starts, found, isotropic = np.array([1.1, 1.5, 2.0, 0.5, 3.0]), [], []
    corners = np.array([(a, b) for a in SIGNS for b in SIGNS])
    for share, steps in ((0.5, 14), (0.25, 17)):
        for start in starts:
            trace = start**2 + start**-2
            rate = share / trace
            scale = rate**2 * DEVIATION**2
            found.append(drift(start, rate, DEVIATION * SIGNS, [0.5, 0.5], steps) / scale)
            noise = corners * np.sqrt(trace / 2) * DEVIATION
            isotropic.append(drift(start, rate, [0.0], [1.0], 9, gradients=noise) / scale)
    record(label="drift over ε²σ²", predicted=Above(1.0), measured=found,
           wrong_measurements={"noise of gradients, alike in all directions": isotropic})  # fmt: skip
    halves = np.array(found).reshape(2, -1) - 1
    record(label="what is beyond one at half the rate", predicted=0.5, measured=halves[1] / halves[0], rtol=0.2,
           wrong_predictions={"second order": 0.25, "none": 1.0})  # fmt: skip


@pytest.mark.claim("BGV02")
def test_sgd_with_noisy_labels_stays_only_where_the_regularizer_is_stationary(record, rng):
    """SGD from (2, ½) and from (1, 1), labels 1 ± ½: (u − v)², the trace beyond its least, falls to below a tenth.

    It falls as e^(−2ε²σ²n): 300 steps at ε = 0.2 leave a hundredth. Two examples that differ in their labels, drawn one
    by one, are one example with noise. Without the noise SGD stays where it was.
    """

    def excess(deviation, start):
        labels = 1 + deviation * SIGNS

        def gradients(w, indices):
            return (w[0] * w[1] - labels[indices])[:, None] * w[::-1]

        model = st.models.FunctionModel(
            lambda w: float(np.sum((w[0] * w[1] - labels) ** 2) / 2), gradients,
            lambda w, v: 2 * w[::-1] * (w[::-1] @ v) + np.sum(w[0] * w[1] - labels) * v[::-1],
            train_size=2, dimension=2,
        )  # fmt: skip
        hp = st.SGDHyperparameters(learning_rate=0.2, train_size=2, batch_size=1, sampling="with-replacement")
        final = st.sgd(model, hp, start, n_steps=300, n_runs=40, rng=rng).final
        return st.stats.mean_estimate((final[:, 0] - final[:, 1]) ** 2)

    start = (2.0 - 0.5) ** 2
    moved, balanced, still = excess(0.5, [2.0, 0.5]), excess(0.5, [1.0, 1.0]), excess(0.0, [2.0, 0.5])
    record(label="from (1, 1)", predicted=0.0, measured=float(balanced.value), rtol=0.0, atol=1e-20,
           wrong_measurements={"from (2, ½)": float(moved.value)})  # fmt: skip
    record(label="(u − v)² from (2, ½)", predicted=Below(start / 10), measured=moved, alpha=ALPHA,
           wrong_measurements={"no noise of labels": float(still.value)})  # fmt: skip
