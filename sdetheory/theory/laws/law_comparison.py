"""What a comparison of a sample with a law says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import _validate
from ...results import Estimate

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Distance:
    """A distance between a sample and a law, beside what it would be if the sample came from the law.

    Parameters
    ----------
    value : float
        As measured.
    expected, deviation : float
        Mean and standard deviation that the finite sample gives it under the law.
    p_value : float or None
        Probability under the law of a distance at least as large, where its distribution is known.
    """

    value: float
    expected: float
    deviation: float
    p_value: float | None = None

    @property
    def z_score(self) -> float:
        """(value − expected)/deviation; a distance is skewed, so that 3 is less rare than for a normal number."""
        return (self.value - self.expected) / self.deviation


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LawComparison:
    """What :func:`compare_laws` returns.

    Parameters
    ----------
    law : object
        As given.
    n_eff : float
        Independent draws that the sample is worth.
    edges : tuple of d ndarrays
        Edges of the cells.
    density : Estimate
        Share of the sample in each cell over its volume, shape cells; its error is the one under the law, or for a
        histogram the one that its groups show.
    law_density : ndarray, shape cells
        The same of the law, integrated over each cell.
    residuals : ndarray, shape cells
        Their difference in standard errors; nan in cells where fewer than 5 effective draws are expected.
    total_variation : Distance
        ½ Σ |share − probability| over the cells, those of few draws and the outside taken as one. Its p-value is that
        of Pearson's statistic on the same cells.
    kolmogorov_smirnov, wasserstein : Distance or None
        sup |Fₙ − F| and ∫ |Fₙ − F| dx, in one dimension. The p-value of the first is exact for independent draws;
        histograms, where both are taken at the edges, have none.
    mean, variance : Estimate or None
        Of the sample, the second about the mean of the law, with the error under the law. Histograms count each draw at
        the centre of its cell, as `law_mean` and `law_variance` then do too.
    law_mean, law_variance : float or None
        Of the law.
    p_value : float
        Of all tests together (Bonferroni): those of the distances; for draws the mean and the variance of the normal
        scores Φ⁻¹(F(x)), which are exact for independent draws however heavy the tails; for histograms in one dimension
        mean and variance as above.
    """

    law: Any
    n_eff: float
    edges: tuple[Array, ...]
    density: Estimate
    law_density: Array
    residuals: Array
    total_variation: Distance
    kolmogorov_smirnov: Distance | None
    wasserstein: Distance | None
    mean: Estimate | None
    variance: Estimate | None
    law_mean: float | None
    law_variance: float | None
    p_value: float

    def agrees(self, *, alpha: float) -> bool:
        """Return whether the sample can come from the law, at false-alarm rate `alpha`."""
        return self.p_value >= _validate.real("alpha", alpha, above=0.0, below=1.0)

    def __str__(self) -> str:
        rows = [f"sample worth {self.n_eff:.6g} draws; p = {self.p_value:.3g}"]
        names = {"total_variation": "total variation", "kolmogorov_smirnov": "Kolmogorov–Smirnov",
                 "wasserstein": "Wasserstein-1"}  # fmt: skip
        for key, name in names.items():
            distance = getattr(self, key)
            if distance is not None:
                rows.append(f"{name:18} {distance.value:.3g}, expected {distance.expected:.3g} "
                            f"± {distance.deviation:.2g}")  # fmt: skip
        for name, value, exact in (("mean", self.mean, self.law_mean), ("variance", self.variance, self.law_variance)):
            if value is not None and exact is not None:
                rows.append(f"{name:18} {value}, law {exact:.6g}, {value.z_score(exact):+.2f} s.e.")
        return "\n".join(rows)
