"""NIST's eleven reference sets of linear regression (StRD), and what is certified of them.

    python tests/evidence/nist.py        writes docs/paper/nist_table.md

Data and certified values are NIST's, in the public domain (https://www.itl.nist.gov/div898/strd/lls/lls.shtml). No
number here is taken on trust: `exact_fit` solves the normal equations of the decimals in rational arithmetic, and a
test compares every certified digit with that.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np

from sdetheory.evidence import LinearModel

_NORRIS = """
    0.1 0.2; 338.8 337.4; 118.1 118.2; 888.0 884.6; 9.2 10.1; 228.1 226.5; 668.5 666.3; 998.5 996.3; 449.1 448.6;
    778.9 777.0; 559.2 558.2; 0.3 0.4; 0.1 0.6; 778.1 775.5; 668.8 666.9; 339.3 338.0; 448.9 447.5; 10.8 11.6;
    557.7 556.0; 228.3 228.1; 998.0 995.8; 888.8 887.6; 119.6 120.2; 0.3 0.3; 0.6 0.3; 557.6 556.8; 339.3 339.1;
    888.0 887.2; 998.5 999.0; 778.9 779.0; 10.2 11.1; 117.6 118.3; 228.9 229.2; 668.4 669.1; 449.2 448.9; 0.2 0.5"""
_PONTIUS = """
    .11019 150000; .21956 300000; .32949 450000; .43899 600000; .54803 750000; .65694 900000; .76562 1050000;
    .87487 1200000; .98292 1350000; 1.09146 1500000; 1.20001 1650000; 1.30822 1800000; 1.41599 1950000;
    1.52399 2100000; 1.63194 2250000; 1.73947 2400000; 1.84646 2550000; 1.95392 2700000; 2.06128 2850000;
    2.16844 3000000; .11052 150000; .22018 300000; .32939 450000; .43886 600000; .54798 750000; .65739 900000;
    .76596 1050000; .87474 1200000; .98300 1350000; 1.09150 1500000; 1.20004 1650000; 1.30818 1800000;
    1.41613 1950000; 1.52408 2100000; 1.63159 2250000; 1.73965 2400000; 1.84696 2550000; 1.95445 2700000;
    2.06177 2850000; 2.16829 3000000"""
_FILIP = """
    0.8116 -6.860120914; 0.9072 -4.324130045; 0.9052 -4.358625055; 0.9039 -4.358426747; 0.8053 -6.955852379;
    0.8377 -6.661145254; 0.8667 -6.355462942; 0.8809 -6.118102026; 0.7975 -7.115148017; 0.8162 -6.815308569;
    0.8515 -6.519993057; 0.8766 -6.204119983; 0.8885 -5.853871964; 0.8859 -6.109523091; 0.8959 -5.79832982;
    0.8913 -5.482672118; 0.8959 -5.171791386; 0.8971 -4.851705903; 0.9021 -4.517126416; 0.909 -4.143573228;
    0.9139 -3.709075441; 0.9199 -3.499489089; 0.8692 -6.300769497; 0.8872 -5.953504836; 0.89 -5.642065153;
    0.891 -5.031376979; 0.8977 -4.680685696; 0.9035 -4.329846955; 0.9078 -3.928486195; 0.7675 -8.56735134;
    0.7705 -8.363211311; 0.7713 -8.107682739; 0.7736 -7.823908741; 0.7775 -7.522878745; 0.7841 -7.218819279;
    0.7971 -6.920818754; 0.8329 -6.628932138; 0.8641 -6.323946875; 0.8804 -5.991399828; 0.7668 -8.781464495;
    0.7633 -8.663140179; 0.7678 -8.473531488; 0.7697 -8.247337057; 0.77 -7.971428747; 0.7749 -7.676129393;
    0.7796 -7.352812702; 0.7897 -7.072065318; 0.8131 -6.774174009; 0.8498 -6.478861916; 0.8741 -6.159517513;
    0.8061 -6.835647144; 0.846 -6.53165267; 0.8751 -6.224098421; 0.8856 -5.910094889; 0.8919 -5.598599459;
    0.8934 -5.290645224; 0.894 -4.974284616; 0.8957 -4.64454848; 0.9047 -4.290560426; 0.9129 -3.885055584;
    0.9209 -3.408378962; 0.9219 -3.13200249; 0.7739 -8.726767166; 0.7681 -8.66695597; 0.7665 -8.511026475;
    0.7703 -8.165388579; 0.7702 -7.886056648; 0.7761 -7.588043762; 0.7809 -7.283412422; 0.7961 -6.995678626;
    0.8253 -6.691862621; 0.8602 -6.392544977; 0.8809 -6.067374056; 0.8301 -6.684029655; 0.8664 -6.378719832;
    0.8834 -6.065855188; 0.8898 -5.752272167; 0.8964 -5.132414673; 0.8963 -4.811352704; 0.9074 -4.098269308;
    0.9119 -3.66174277; 0.9228 -3.2644011"""
_LONGLEY = """
    60323 83.0 234289 2356 1590 107608 1947; 61122 88.5 259426 2325 1456 108632 1948;
    60171 88.2 258054 3682 1616 109773 1949; 61187 89.5 284599 3351 1650 110929 1950;
    63221 96.2 328975 2099 3099 112075 1951; 63639 98.1 346999 1932 3594 113270 1952;
    64989 99.0 365385 1870 3547 115094 1953; 63761 100.0 363112 3578 3350 116219 1954;
    66019 101.2 397469 2904 3048 117388 1955; 67857 104.6 419180 2822 2857 118734 1956;
    68169 108.4 442769 2936 2798 120445 1957; 66513 110.8 444546 4681 2637 121950 1958;
    68655 112.6 482704 3813 2552 123366 1959; 69564 114.2 502601 3931 2514 125368 1960;
    69331 115.7 518173 4806 2572 127852 1961; 70551 116.9 554894 4007 2827 130081 1962"""
_WAMPLER3 = """
    760 -2042 2111 -1684 3888 1858 11379 17560 39287 64382 113159 175108 273291 400186 581243 811568 1121004 1506550
    2002767 2611612 3369180"""
_WAMPLER4 = """
    75901 -204794 204863 -204436 253665 -200894 214131 -185192 221249 -138370 315911 -27644 455253 197434 783995 608816
    1370781 1303798 2205519 2408860 3444321"""
_WAMPLER5 = """
    7590001 -20479994 20480063 -20479636 25231365 -20476094 20489331 -20460392 18417449 -20413570 20591111 -20302844
    18651453 -20077766 21059195 -19666384 26348481 -18971402 22480719 -17866340 10958421"""
_WAMPLER_ERRORS = (
    "2152.32624678170 2363.55173469681 779.343524331583 101.475507550350 5.64566512170752 0.112324854679312"
)


@dataclass(frozen=True, kw_only=True)
class Set:
    """A set: decimals of y and of the columns after the constant, whether there is one, and the certified values."""

    name: str
    y: list[Fraction]
    columns: list[list[Fraction]]
    intercept: bool
    coefficients: list[str]
    errors: list[str]

    @property
    def X(self) -> np.ndarray:
        """The columns without the constant, each decimal rounded once."""
        return np.array([[float(value) for value in column] for column in self.columns]).T

    @property
    def with_ones(self) -> np.ndarray:
        """The columns, the constant first."""
        return np.column_stack([np.ones(len(self.y)), self.X])


def _table(text: str) -> list[list[Fraction]]:
    return [[Fraction(number) for number in row.split()] for row in text.split(";")]


def _polynomial(name: str, rows: list[list[Fraction]], degree: int, coefficients: str, errors: str) -> Set:
    powers = [[row[1] ** k for row in rows] for k in range(1, degree + 1)]
    y = [row[0] for row in rows]
    return Set(name=name, y=y, columns=powers, intercept=True, coefficients=coefficients.split(), errors=errors.split())


def _wampler(name: str, y: list[Fraction], coefficients: str, errors: str) -> Set:
    return _polynomial(name, [[value, Fraction(x)] for x, value in enumerate(y)], 5, coefficients, errors)


def sets() -> list[Set]:
    """Return the eleven sets, from the lowest level of difficulty to the highest."""
    numbers = range(21)
    ones = [sum((Fraction(x) ** k for k in range(6)), Fraction(0)) for x in numbers]
    tenths = [sum((Fraction(x, 10) ** k for k in range(6)), Fraction(0)) for x in numbers]
    third, fourth, fifth = ([Fraction(v) for v in text.split()] for text in (_WAMPLER3, _WAMPLER4, _WAMPLER5))
    longley, norris = _table(_LONGLEY), _table(_NORRIS)
    nothing = " ".join(["0"] * 6)
    hundred, ten_thousand = (
        " ".join(str(Fraction(value) * factor) for value in _WAMPLER_ERRORS.split()) for factor in (100, 10000)
    )
    return [
        _polynomial(
            "Norris", norris, 1, "-0.262323073774029 1.00211681802045", "0.232818234301152 0.429796848199937E-03"
        ),
        _polynomial(
            "Pontius",
            _table(_PONTIUS),
            2,
            "0.673565789473684E-03 0.732059160401003E-06 -0.316081871345029E-14",
            "0.107938612033077E-03 0.157817399981659E-09 0.486652849992036E-16",
        ),
        Set(
            name="NoInt1",
            y=[Fraction(130 + i) for i in range(11)],
            columns=[[Fraction(60 + i) for i in range(11)]],
            intercept=False,
            coefficients=["2.07438016528926"],
            errors=["0.165289256198347E-01"],
        ),
        Set(
            name="NoInt2",
            y=[Fraction(3), Fraction(4), Fraction(4)],
            columns=[[Fraction(4), Fraction(5), Fraction(6)]],
            intercept=False,
            coefficients=["0.727272727272727"],
            errors=["0.420827318078432E-01"],
        ),
        _polynomial(
            "Filip",
            _table(_FILIP),
            10,
            "-1467.48961422980 -2772.17959193342 -2316.37108160893 -1127.97394098372 -354.478233703349 "
            "-75.1242017393757 -10.8753180355343 -1.06221498588947 -0.670191154593408E-01 -0.246781078275479E-02 "
            "-0.402962525080404E-04",
            "298.084530995537 559.779865474950 466.477572127796 227.204274477751 71.6478660875927 15.2897178747400 "
            "2.23691159816033 0.221624321934227 0.142363763154724E-01 0.535617408889821E-03 0.896632837373868E-05",
        ),
        Set(
            name="Longley",
            y=[row[0] for row in longley],
            columns=[[row[k] for row in longley] for k in range(1, 7)],
            intercept=True,
            coefficients=[
                "-3482258.63459582",
                "15.0618722713733",
                "-0.358191792925910E-01",
                "-2.02022980381683",
                "-1.03322686717359",
                "-0.511041056535807E-01",
                "1829.15146461355",
            ],
            errors=[
                "890420.383607373",
                "84.9149257747669",
                "0.334910077722432E-01",
                "0.488399681651699",
                "0.214274163161675",
                "0.226073200069370",
                "455.478499142212",
            ],
        ),
        _wampler("Wampler1", ones, "1 1 1 1 1 1", nothing),
        _wampler("Wampler2", tenths, "1.0 0.1 0.01 0.001 0.0001 0.00001", nothing),
        _wampler("Wampler3", third, "1 1 1 1 1 1", _WAMPLER_ERRORS),
        _wampler("Wampler4", fourth, "1 1 1 1 1 1", hundred),
        _wampler("Wampler5", fifth, "1 1 1 1 1 1", ten_thousand),
    ]


def exact_fit(y: list[Fraction], columns: list[list[Fraction]]) -> tuple[list[Fraction], list[Fraction], Fraction]:
    """Return the least squares coefficients, their squared standard errors, and the residual variance, all rational."""
    p = len(columns)
    gram = [[_dot(a, b) for b in columns] for a in columns]
    rows = [[*gram[i], *(Fraction(i == j) for j in range(p)), _dot(columns[i], y)] for i in range(p)]
    for i in range(p):
        rows[i] = [value / rows[i][i] for value in rows[i]]
        for k in range(p):
            if k != i and rows[k][i]:
                rows[k] = [a - rows[k][i] * b for a, b in zip(rows[k], rows[i], strict=True)]
    weights = [row[-1] for row in rows]
    rest = [value - _dot(weights, row) for value, row in zip(y, zip(*columns, strict=True), strict=True)]
    variance = _dot(rest, rest) / (len(y) - p)
    return weights, [variance * rows[i][p + i] for i in range(p)], variance


def _dot(a, b) -> Fraction:
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


def log_evidence(X: np.ndarray, y: np.ndarray, precision: float, variance: float, *, flat: bool, digits=120):
    """Return ln P(y) of the doubles given, from the (n, n) covariance in many digits; b is integrated out if flat."""
    with mpmath.workdps(digits):
        inputs, n = mpmath.matrix(X.tolist()), len(y)
        factor = mpmath.cholesky(variance * mpmath.eye(n) + inputs * inputs.T / mpmath.mpf(precision))
        whitened = [_forward(factor, [mpmath.mpf(v) for v in column]) for column in (y.tolist(), [1] * n)]
        (yy, y1), (_, oo) = [[mpmath.fdot(a, b) for b in whitened] for a in whitened]
        total = n * mpmath.log(2 * mpmath.pi) + 2 * sum(mpmath.log(factor[i, i]) for i in range(n)) + yy
        if flat:
            total += mpmath.log(oo) - mpmath.log(2 * mpmath.pi) - y1**2 / oo
        return -total / 2


def _forward(factor, right):
    solved = []
    for i in range(len(right)):
        solved.append((right[i] - mpmath.fdot(factor[i, :i], solved) if i else right[0]) / factor[i, i])
    return solved


def grid(each: Set) -> list[tuple[float, float]]:
    """Return λ and σ² to compare evidences at: priors without effect to strong ones, the residual variance and less."""
    *_, variance = exact_fit(each.y, [*([[Fraction(1)] * len(each.y)] if each.intercept else []), *each.columns])
    noise = float(variance) or 1e-6
    return [(precision, share * noise) for precision in (1e-20, 1e-8, 1.0, 1e6) for share in (1.0, 1e-4)]


def forms(each: Set) -> dict[str, tuple[np.ndarray, str | None]]:
    """Return the inputs and intercepts to try: as certified, and the other way of treating a constant."""
    return {"flat": (each.X, "flat"), "ones": (each.with_ones, None), "neither": (each.X, None)}


def measure(each: Set) -> dict[str, float]:
    """Return the largest errors of log evidences, relative to the larger of one and them."""
    y, found = np.array([float(value) for value in each.y]), {}
    for form, (X, intercept) in forms(each).items():
        model, worst = LinearModel(X, y, intercept=intercept), 0.0
        for precision, variance in grid(each):
            right = log_evidence(X, y, precision, variance, flat=intercept == "flat")
            wrong = abs(mpmath.mpf(float(model.log_evidence(precision, variance))) - right)
            worst = max(worst, float(wrong / max(1, abs(right))))
        found[form] = worst
    return found


def measure_fit(each: Set) -> dict[str, float]:
    """Return the largest relative errors of the fit, and those that any program that takes doubles must have."""
    y = np.array([float(value) for value in each.y])
    columns = [*([[Fraction(1)] * len(y)] if each.intercept else []), *each.columns]
    weights, squares, variance = exact_fit(each.y, columns)
    model = LinearModel(each.X, y, intercept="flat" if each.intercept else None)
    posterior = model.posterior(1e-60, float(variance) or 1e-6)
    ours = ([posterior.intercept] if each.intercept else []) + list(posterior.mean)
    spread = np.sqrt(np.diag(posterior.covariance))
    right = [float(square) ** 0.5 for square in squares[len(weights) - len(spread) :]]
    rounded = [[Fraction(float(value)) for value in column] for column in columns]
    nearest, *_ = exact_fit([Fraction(float(value)) for value in each.y], rounded)
    return {
        "coefficients": _worst(ours, weights),
        "errors": float(np.max(np.abs(spread / right - 1))) if variance else 0.0,
        "rounding": _worst(nearest, weights),
        "beyond": _worst(ours, nearest),
    }


def _worst(values, right) -> float:
    return max(abs(float(Fraction(value) / exact - 1)) for value, exact in zip(values, right, strict=True))


def main() -> None:
    """Write the table of the documentation."""
    head = [
        "set",
        "flat intercept",
        "column of ones",
        "neither",
        "coefficients",
        "their standard errors",
        "rounded input",
    ]
    names = ["flat", "ones", "neither", "coefficients", "errors", "rounding"]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for each in sets():
        found = measure(each) | measure_fit(each)
        lines.append(f"| {each.name} | " + " | ".join(f"{found[name]:.0e}" for name in names) + " |")
    path = Path(__file__).parents[2] / "docs" / "paper" / "nist_table.md"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
