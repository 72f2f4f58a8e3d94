"""Does a wrong formula turn a claim red? ``python -m paper_checks.broken_formulas`` breaks one at a time, and looks.

Each break is made in a copy of the project, in which the claims that should notice are run. It is an error if none of
them turns red. ``--write FILE`` writes the table.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """A mistake: in a file of the package, a piece of text that occurs once and what it becomes."""

    mistake: str
    file: str
    right: str
    wrong: str
    claims: tuple[str, ...]


BREAKS = (
    Break(
        mistake="g without its −1: εN/B",
        file="hyperparameters.py",
        right='self.train_size - (batch_size if self.sampling == "without-replacement" else 1)',
        wrong="self.train_size",
        claims=("C01", "C03", "C83", "SKYL01"),
    ),
    Break(
        mistake="F with N in its denominator, for N − 1",
        file="models/noise/gradient_noise.py",
        right="return centered.T @ centered / (n - 1)",
        wrong="return centered.T @ centered / n",
        claims=("C01", "C02", "C77"),
    ),
    Break(
        mistake="the Occam factor without its ½",
        file="evidence/decomposition/_spectrum.py",
        right="half_log_curvature_ratio=0.5 * self._sum",
        wrong="half_log_curvature_ratio=self._sum",
        claims=("C04", "C19"),
    ),
    Break(
        mistake="the curvature λ, for λ + that of the likelihood",
        file="evidence/linear/model.py",
        right="return rows.T @ rows / variance + precision * shape",
        wrong="return precision * shape",
        claims=("C04", "C18"),
    ),
    Break(
        mistake="the curvature of the likelihood, without the prior's λ",
        file="evidence/linear/model.py",
        right="return rows.T @ rows / variance + precision * shape",
        wrong="return rows.T @ rows / variance",
        claims=("C04", "C18"),
    ),
    Break(
        mistake="Itô's law with Stratonovich's drift",
        file="theory/laws/_potential.py",
        right='"ito": 1.0',
        wrong='"ito": 0.5',
        claims=("C31", "C86", "MZLU02"),
    ),
    Break(
        mistake="Langevin noise √T dW, for √(2T) dW",
        file="equations/langevin.py",
        right="[np.sqrt(2 * temperature)] * len(x),",
        wrong="[np.sqrt(temperature)] * len(x),",
        claims=("C06", "C28"),
    ),
    Break(
        mistake="momentum left out of the noise scale",
        file="hyperparameters.py",
        right="self.learning_rate * (1 - self.dampening) / (1 - self.momentum)",
        wrong="self.learning_rate * (1 - self.dampening)",
        claims=("C93", "C94", "SKYL02"),
    ),
    Break(
        mistake="damped momentum taken for undamped",
        file="hyperparameters.py",
        right="self.learning_rate * (1 - self.dampening) / (1 - self.momentum)",
        wrong="self.learning_rate / (1 - self.momentum)",
        claims=("C93", "C94", "C72"),
    ),
    Break(
        mistake="the evidence in other coordinates without the Jacobian",
        file="evidence/coordinates/maps.py",
        right="sign, log_determinant = np.linalg.slogdet(slopes)",
        wrong="sign, log_determinant = np.linalg.slogdet(slopes)[0], 0.0 * v[..., 0]",
        claims=("C14", "C16"),
    ),
)


_STORED = (
    "C55", "C58", "C59", "C60", "C62", "C63", "C65", "C68", "C70", "C110", "C130", "C131", "C132",
    "C103", "C104", "C105", "C106", "C107", "C120", "C121", "C122", "C123", "C125",
)  # fmt: skip
"""Claims that read a stored study of networks, of which their checks compute some cells again."""

TRAINING = (
    Break(
        mistake="the network's gradient with the wrong sign",
        file="models/relu/_passes.py",
        right="residuals *= scale",
        wrong="residuals *= -scale",
        claims=(*_STORED, "C56", "C57", "C61", "C64", "C69", "C73", "C74"),
    ),
    Break(
        mistake="the loss of a network without its mean",
        file="models/_cross_entropy.py",
        right="return float(np.mean(",
        wrong="return float(np.sum(",
        claims=(*_STORED, "C56", "C57", "C61"),
    ),
    Break(
        mistake="each batch drawn twice",
        file="_kernels/noise.py",
        right="low, high = np.uint64(step) & _LOW, np.uint64(step) >> _32",
        wrong="low, high = np.uint64(step // 2) & _LOW, np.uint64(step // 2) >> _32",
        claims=(*_STORED, "C56", "C57", "C61", "C82", "LZU01", "Y01"),
    ),
    Break(
        mistake="momentum left out of the steps",
        file="training/_arguments.py",
        right="constants = [hp.momentum, 1 - hp.dampening, 0.0, 0.0, 0.0]",
        wrong="constants = [0.0, 1 - hp.dampening, 0.0, 0.0, 0.0]",
        claims=(*_STORED, "C56", "C57", "C61", "C69", "C74", "C94", "LZU03"),
    ),
)
BREAKS += TRAINING


def red(broken: Break) -> list[str]:
    """Return those of its claims that turn red."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "figures", "__pycache__"))
        path = copy / "sdetheory" / broken.file
        path.write_text(replaced(path.read_text(encoding="utf-8"), broken), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "paper_checks"]
        command += [f"--claim={claim}" for claim in broken.claims]
        environment = os.environ | {"PYTHONPATH": str(copy)}
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    return re.findall(r"^([A-Z]+\d+) .*  RED ", done.stdout, flags=re.MULTILINE)


def replaced(text: str, broken: Break) -> str:
    """Return the text of the file with the mistake in it."""
    if text.count(broken.right) != 1:
        raise ValueError(f"{broken.file} must have {broken.right!r} once; got {text.count(broken.right)}")
    return text.replace(broken.right, broken.wrong)


def main() -> None:
    """Break, look, and print."""
    parser = argparse.ArgumentParser(prog="python -m paper_checks.broken_formulas")
    parser.add_argument("--write", metavar="FILE", type=Path, help="where the table goes, as Markdown")
    file = parser.parse_args().write
    lines = ["| mistake | file | claims that turn red | that were asked |", "| --- | --- | --- | --- |"]
    silent = []
    for broken in BREAKS:
        found = red(broken)
        silent += [] if found else [broken.mistake]
        lines.append(f"| {broken.mistake} | `{broken.file}` | {', '.join(found)} | {', '.join(broken.claims)} |")
        print(lines[-1], flush=True)
    if file:
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if silent:
        sys.exit(f"no claim turned red for: {'; '.join(silent)}")


if __name__ == "__main__":
    main()
