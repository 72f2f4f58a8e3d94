"""Does a wrong formula turn a claim red? ``python -m paper_checks.broken_formulas`` breaks one at a time, and looks."""

from __future__ import annotations

from pathlib import Path

from sdetheory.claims import Break
from sdetheory.claims.broken import main

BREAKS = (
    Break(
        mistake="g without its −1: εN/B",
        file="sdetheory/hyperparameters.py",
        right='self.train_size - (1 if self.sampling == "with-replacement" else batch_size)',
        wrong="self.train_size",
        claims=("C01", "C03", "C83", "SKYL01"),
    ),
    Break(
        mistake="F with N in its denominator, for N − 1",
        file="sdetheory/models/noise/gradient_noise.py",
        right="return centered.T @ centered / (n - 1)",
        wrong="return centered.T @ centered / n",
        claims=("C01", "C02", "C77"),
    ),
    Break(
        mistake="the Occam factor without its ½",
        file="sdetheory/evidence/decomposition/_spectrum.py",
        right="half_log_curvature_ratio=0.5 * self._sum",
        wrong="half_log_curvature_ratio=self._sum",
        claims=("C04", "C19"),
    ),
    Break(
        mistake="the curvature λ, for λ + that of the likelihood",
        file="sdetheory/evidence/linear/model.py",
        right="return rows.T @ rows / variance + precision * shape",
        wrong="return precision * shape",
        claims=("C04", "C18"),
    ),
    Break(
        mistake="the curvature of the likelihood, without the prior's λ",
        file="sdetheory/evidence/linear/model.py",
        right="return rows.T @ rows / variance + precision * shape",
        wrong="return rows.T @ rows / variance",
        claims=("C04", "C18"),
    ),
    Break(
        mistake="Itô's law with Stratonovich's drift",
        file="sdetheory/theory/laws/_potential.py",
        right='"ito": 1.0',
        wrong='"ito": 0.5',
        claims=("C31", "C86", "MZLU02"),
    ),
    Break(
        mistake="Langevin noise √T dW, for √(2T) dW",
        file="sdetheory/equations/langevin.py",
        right="[np.sqrt(2 * temperature)] * len(x),",
        wrong="[np.sqrt(temperature)] * len(x),",
        claims=("C06", "C28"),
    ),
    Break(
        mistake="momentum left out of the noise scale",
        file="sdetheory/hyperparameters.py",
        right="self.learning_rate * (1 - self.dampening) / (1 - self.momentum)",
        wrong="self.learning_rate * (1 - self.dampening)",
        claims=("C93", "C94", "SKYL02"),
    ),
    Break(
        mistake="damped momentum taken for undamped",
        file="sdetheory/hyperparameters.py",
        right="self.learning_rate * (1 - self.dampening) / (1 - self.momentum)",
        wrong="self.learning_rate / (1 - self.momentum)",
        claims=("C93", "C94", "C72"),
    ),
    Break(
        mistake="the evidence in other coordinates without the Jacobian",
        file="sdetheory/evidence/coordinates/maps.py",
        right="sign, log_determinant = np.linalg.slogdet(slopes)",
        wrong="sign, log_determinant = np.linalg.slogdet(slopes)[0], 0.0 * v[..., 0]",
        claims=("C14", "C16"),
    ),
)


_STORED = (
    "C55", "C58", "C59", "C60", "C62", "C63", "C65", "C68", "C70", "C110", "C130", "C131", "C132",
    "C103", "C104", "C105", "C106", "C107", "C108", "C112", "C113", "C114", "C115", "C117",
    "C120", "C121", "C122", "C123", "C125", "C126",
)  # fmt: skip
"""Claims that read a stored study of networks, of which their checks compute some cells again."""

TRAINING = (
    Break(
        mistake="the network's gradient with the wrong sign",
        file="sdetheory/models/relu/_passes.py",
        right="residuals *= scale",
        wrong="residuals *= -scale",
        claims=(*_STORED, "C56", "C57", "C61", "C64", "C69", "C73", "C74"),
    ),
    Break(
        mistake="the loss of a network without its mean",
        file="sdetheory/models/_cross_entropy.py",
        right="return float(np.mean(",
        wrong="return float(np.sum(",
        claims=(*_STORED, "C56", "C57", "C61"),
    ),
    Break(
        mistake="each batch drawn twice",
        file="sdetheory/_kernels/noise.py",
        right="low, high = np.uint64(step) & _LOW, np.uint64(step) >> _32",
        wrong="low, high = np.uint64(step // 2) & _LOW, np.uint64(step // 2) >> _32",
        claims=(*_STORED, "C56", "C57", "C61", "C82", "LZU01", "Y01"),
    ),
    Break(
        mistake="momentum left out of the steps",
        file="sdetheory/training/_arguments.py",
        right="constants = [hp.momentum, 1 - hp.dampening, 0.0, 0.0, 0.0]",
        wrong="constants = [0.0, 1 - hp.dampening, 0.0, 0.0, 0.0]",
        claims=(*_STORED, "C56", "C57", "C61", "C69", "C74", "C94", "LZU03"),
    ),
)
BREAKS += TRAINING


if __name__ == "__main__":
    main(BREAKS, root=Path(__file__).resolve().parents[1], folder="paper_checks")
