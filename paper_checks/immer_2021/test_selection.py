"""Section 4: what the evidence of networks selects, and how that predicts.

Written down before any of it was computed: seeds 0 to 7, five widths, five priors; bounds of zero for the means over
seeds, by Student's law at 97.5 %, one-sided.
"""

import functools

import numpy as np
import pytest
import scipy.stats
from scipy import optimize

import sdetheory as st
from sdetheory.claims import Above, Below

WIDTHS, PRECISIONS = (1, 2, 4, 8, 16), (10.0, 3.0, 1.0, 0.3, 0.1)
SEEDS, TRAIN_SIZE, VALIDATE, SELECTED = range(8), 120, 24, 8
RATE = 0.025


@functools.cache
def images(seed):
    """Return images of four digits at 7 × 7 pixels with their labels: 120 to train, 1,000 to test."""
    data = st.datasets.mnist(range(4), train_size=TRAIN_SIZE, test_size=1000, rng=seed)
    inputs, test = (x.reshape(-1, 7, 4, 7, 4).mean(axis=(2, 4)).reshape(-1, 49) for x in (data.x_train, data.x_test))
    return inputs, data.y_train, test, data.y_test


def fits(inputs, labels, test, truth, hidden, seed):
    """Return log evidence and test loss of the minima that one start leads to, each from that of the stronger prior."""
    rows, w = [], None
    for precision in PRECISIONS:
        model = st.models.ReLUNetwork(
            inputs, labels, hidden=hidden, n_classes=4, prior_precision=precision, dtype="float64"
        )
        w = model.initial(np.random.default_rng([seed, hidden])) if w is None else w
        options = {"maxiter": 200}
        w = optimize.minimize(model.cost, w, jac=model.gradient, method="L-BFGS-B", options=options).x
        rows.append([st.evidence.laplace(model, precision, about=w).log_evidence, model.loss(w, test, truth)])
    return np.transpose(rows)


@pytest.fixture(scope="module")
def fitted():
    """Return log evidence and test loss, shape (seeds, widths, 2, precisions)."""
    return np.array([[fits(*images(seed), hidden, seed) for hidden in WIDTHS] for seed in SEEDS])


@pytest.mark.claim("IBF01")
def test_the_evidence_at_its_best_prior_ranks_widths_by_their_test_loss(record, fitted):
    """Spearman's correlation over five widths of the largest evidence with minus the test loss there, of each seed."""
    best = fitted[:, :, 0].argmax(axis=-1)[:, :, None]
    evidence, loss = (np.take_along_axis(fitted[:, :, part], best, axis=-1)[..., 0] for part in (0, 1))
    ranks = np.array([scipy.stats.spearmanr(e, -one).statistic for e, one in zip(evidence, loss, strict=True)])
    record(
        label="rank correlation with minus the test loss", predicted=Above(0.0), measured=st.stats.mean_estimate(ranks),
        alpha=RATE, stored=True, wrong_measurements={"the other way round": st.stats.mean_estimate(-ranks)},
    )  # fmt: skip


@pytest.mark.claim("IBF02")
def test_the_prior_of_the_largest_evidence_predicts_no_better_than_that_of_cross_validation(record, fitted):
    """Test loss with λ of the largest evidence less that with λ of the least loss on a fifth of the images, 8 units."""
    changes = []
    for seed, (evidence, loss) in zip(SEEDS, fitted[:, WIDTHS.index(SELECTED)], strict=True):
        inputs, labels, _, _ = images(seed)
        held_out = fits(
            inputs[VALIDATE:], labels[VALIDATE:], inputs[:VALIDATE], labels[:VALIDATE], SELECTED, seed
        )[1]  # fmt: skip
        changes.append(loss[evidence.argmax()] - loss[held_out.argmin()])
    record(
        label="test loss with the evidence's prior less that with cross-validation's", predicted=Below(0.0),
        measured=st.stats.mean_estimate(np.array(changes)), alpha=RATE, stored=True, found=Above(0.0),
        wrong_predictions={"by more than 0.03": Above(0.03)},
    )  # fmt: skip
