"""What the checks of section 3 share: two settings, with true and with random labels, and the fits of each."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

import sdetheory as st
from sdetheory.claims import ROOT_SEED

# In half decades: with longer steps in λ the weakest priors of random labels take longer to fit, or cannot be.
PRECISIONS = np.geomspace(1e-6, 1e5, 23)
WEIGHTS_AT = PRECISIONS[4:17:4]
N_DATA_SETS, N_LABELINGS, N_FOLDS = 120, 12, 5
N_CURVES = 60
"""Data sets that are followed over all λ. Of twice as many there are weights, at four λ: margins need them."""
SETTINGS = ("synthetic", "MNIST")


def inputs(rng: np.random.Generator, size: int, dimension: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Return standard normal inputs, and as labels whether their components have a positive sum."""
    x = rng.standard_normal((size, dimension))
    return x, (x.sum(axis=1) > 0).astype(int)


@functools.cache
def splits(setting: str, labels: str) -> list[tuple[Any, np.ndarray, np.ndarray]]:
    """Return (logistic regression, test inputs, test labels) for each data set, labeling or fold.

    Synthetic: 120 data sets drawn anew, of 200 training and 1000 test examples. MNIST 0/1: with true labels five folds
    of 1000 images, so that each is tested once; with random ones, twelve labelings of 800 and 200 images. Random labels
    replace those of the test examples, too.
    """
    rng = np.random.default_rng([ROOT_SEED, zlib.crc32(f"{setting}, {labels}".encode())])
    chosen = {"synthetic": _synthetic, "MNIST": _folds if labels == "true" else _images}[setting](rng)
    made = []
    for x, y, x_test, y_test in chosen:
        if labels == "random":
            y, y_test = (st.datasets.random_labels(part, n_classes=2, rng=rng) for part in (y, y_test))
        made.append((st.models.LogisticRegression(x, y), x_test, y_test))
    return made


def _synthetic(rng: np.random.Generator) -> Iterator[tuple[np.ndarray, ...]]:
    for _ in range(N_DATA_SETS):
        x, y = inputs(rng, 1200)
        yield x[:200], y[:200], x[200:], y[200:]


def _images(rng: np.random.Generator) -> Iterator[tuple[np.ndarray, ...]]:
    data = st.datasets.mnist()
    for _ in range(N_LABELINGS):
        yield data.x_train, data.y_train, data.x_test, data.y_test


def _folds(rng: np.random.Generator) -> Iterator[tuple[np.ndarray, ...]]:
    data = st.datasets.mnist()
    x, y = np.concatenate([data.x_train, data.x_test]), np.concatenate([data.y_train, data.y_test])
    for fold in range(N_FOLDS):
        test = np.arange(len(y)) * N_FOLDS // len(y) == fold
        yield x[~test], y[~test], x[test], y[test]


def whitened(x: np.ndarray, x_test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs of covariance one over the training examples, in the directions that these span, and a bias."""
    mean = x.mean(axis=0)
    _, deviations, directions = np.linalg.svd(x - mean, full_matrices=False)
    kept = deviations > 1e-6 * deviations[0]
    white = directions[kept].T / deviations[kept] * np.sqrt(len(x))
    return tuple(np.column_stack([(part - mean) @ white, np.ones(len(part))]) for part in (x, x_test))


@functools.cache
def curve(setting: str, labels: str) -> st.evidence.EvidenceCurve:
    """Return E, losses and accuracies of each split over λ, of sixty splits at most."""
    return st.evidence.evidence_curve(splits(setting, labels)[:N_CURVES], PRECISIONS)


@functools.cache
def weights(setting: str, labels: str) -> np.ndarray:
    """Return the best weights of each split at the λ of WEIGHTS_AT, shape (s, l, p)."""
    return np.array([st.evidence.laplace(model, WEIGHTS_AT).mode for model, _, _ in splits(setting, labels)])


def margins(setting: str, labels: str) -> np.ndarray:
    """Return the mean distance of training examples from the boundary, positive on the right side, shape (s, l)."""
    rows = zip(splits(setting, labels), weights(setting, labels), strict=True)
    return np.array(
        [(w @ model.X.T) @ (2 * model.y - 1) / len(model.y) / np.linalg.norm(w, axis=1) for (model, _, _), w in rows]
    )


def average(setting: str, labels: str, samples: np.ndarray) -> Any:
    """Return the mean over splits: with its error if they are independent; folds share images, and get none."""
    return np.mean(samples, axis=0) if (setting, labels) == ("MNIST", "true") else st.stats.mean_estimate(samples)
