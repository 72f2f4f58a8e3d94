"""Mistakes in the gradients of regressions."""

from sdetheory.claims import Break

_LOGISTIC = (
    "C11", "C12", "C15", "C16", "C17", "C18", "C20", "C21", "C22", "C35", "C36", "C37",
    "C38", "C39", "C40", "C41", "C43", "C44", "C45", "C46", "C47", "C48", "C49", "C50",
    "C51", "C52", "C53", "C54", "C111", "C76", "C80", "C81", "C88", "C96", "C97", "HHS01",
    "LTE03", "MK04", "MK06", "MK07", "SDBD01", "SDBD02", "SDBD03", "XSS04", "Y04",
)  # fmt: skip

BREAKS = (
    Break(
        mistake="the gradient of least squares twice as large",
        file="sdetheory/models/likelihoods/gaussian.py",
        right="return z - y",
        wrong="return 2 * (z - y)",
        claims=("C42", "C75", "C86", "C99", "MLPA04", "MZLU01"),
    ),
    Break(
        mistake="the gradient of a logistic regression without the sign of the label",
        file="sdetheory/models/likelihoods/bernoulli.py",
        right="return sign * f.expit(sign * z)",
        wrong="return f.expit(sign * z)",
        claims=_LOGISTIC,
    ),
)
