"""Mistakes in the evidence and in curvature."""

from sdetheory.claims import Break

_LINEAR_EVIDENCE = (
    "C13", "C23", "C24", "FH01", "FH02", "FH03", "FH04", "LIW01", "LIW02", "LIW03", "LIW06", "MAC01",
    "MAC02", "MAC04", "MHB08",
)  # fmt: skip

BREAKS = (
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
        mistake="the evidence in other coordinates without the Jacobian",
        file="sdetheory/evidence/coordinates/maps.py",
        right="sign, log_determinant = np.linalg.slogdet(slopes)",
        wrong="sign, log_determinant = np.linalg.slogdet(slopes)[0], 0.0 * v[..., 0]",
        claims=("C14", "C16"),
    ),
    Break(
        mistake="the log evidence of a linear model without its Occam factor",
        file="sdetheory/evidence/decomposition/_spectrum.py",
        right="np.logaddexp(0.0, x) + e * special.expit(-x)",
        wrong="e * special.expit(-x)",
        claims=_LINEAR_EVIDENCE,
    ),
    Break(
        mistake="the ratio of the evidence to guessing with the sign of its fit",
        file="sdetheory/evidence/decomposition/_spectrum.py",
        right="np.logaddexp(0.0, x) - e * special.expit(x)",
        wrong="np.logaddexp(0.0, x) + e * special.expit(x)",
        claims=("C08", "C09"),
    ),
    Break(
        mistake="half of the log ratio of curvatures of a network halved once more",
        file="sdetheory/evidence/network/fit.py",
        right="half_log_curvature_ratio=ratio[()]",
        wrong="half_log_curvature_ratio=0.5 * ratio[()]",
        claims=("C124", "IBF01", "IBF02"),
    ),
    Break(
        mistake="the largest rise in a ball of a tenth of the radius",
        file="sdetheory/evidence/coordinates/sharpness.py",
        right="loss(w + radius * u / max(",
        wrong="loss(w + 0.1 * radius * u / max(",
        claims=("D03",),
    ),
    Break(
        mistake="curvature relative to the prior with the prior's root on one side alone",
        file="sdetheory/evidence/coordinates/sharpness.py",
        right="eigenvalues = linalg.eigvalsh(linalg.solve_triangular(factor, half.T, lower=True))",
        wrong="eigenvalues = linalg.eigvalsh((half + half.T) / 2)",
        claims=("D04",),
    ),
    Break(
        mistake="the cost of weights without their prior",
        file="sdetheory/evidence/coordinates/weight_model.py",
        right="cost[allowed] = -prior[allowed] - self.log_likelihood(flat[allowed])",
        wrong="cost[allowed] = -self.log_likelihood(flat[allowed])",
        claims=("C27", "D05", "D04"),
    ),
    Break(
        mistake="the prior left behind in other coordinates",
        file="sdetheory/evidence/coordinates/reparameterization.py",
        right="return LinearModel._from_factor(inputs.astype(np.float64), model.y, factor.astype(np.float64), model)",
        wrong="return LinearModel(inputs.astype(np.float64), model.y)",
        claims=("C05",),
    ),
    Break(
        mistake="the log evidence of a linear model with the wrong sign",
        file="sdetheory/evidence/decomposition/_spectrum.py",
        right="return -0.5 * (constant + self._misfit(variance) + spectral)",
        wrong="return 0.5 * (constant + self._misfit(variance) + spectral)",
        claims=("C24", "LIW04", "LIW05"),
    ),
    Break(
        mistake="the Occam factor with the wrong sign",
        file="sdetheory/evidence/decomposition/_spectrum.py",
        right="half_log_curvature_ratio=0.5 * self._sum",
        wrong="half_log_curvature_ratio=-0.5 * self._sum",
        claims=("MAC03",),
    ),
    Break(
        mistake="the penalty of the weights without its ½",
        file="sdetheory/evidence/decomposition/_spectrum.py",
        right="weight_penalty=0.5 * self._sum",
        wrong="weight_penalty=self._sum",
        claims=("MAC02", "MAC01"),
    ),
)
