"""Integrals of the densities that have a name: a table, each row with the conditions under which it converges.

Each row is a theorem of the form "∫ f = Z exactly if all conditions are positive, and ∞ otherwise" for the f of one
form; docs/lookup/laws.md lists them, and the tests compare each with quadrature.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import sympy
from sympy import Abs, I, Integer, Rational, S, besseli, besselk, beta, erfc, exp, gamma, hyper, pi, sqrt

from ...errors import InvalidInputError
from ..proofs.proof import UndecidedError
from ._antiderivative import Terms
from ._signs import positive

Row = tuple[sympy.Expr, list[sympy.Expr]]
"""The integral, and what must be positive for it to converge."""

HALF = Rational(1, 2)


@dataclass
class Form:
    """A density on (0, ∞), (0, D) or the line, taken apart.

    Attributes
    ----------
    y : Symbol
        The variable.
    end : Expr
        ∞ or D.
    line : bool
        Whether the support begins at −∞ instead of 0.
    left, right : dict of Expr to Expr
        Exponents of y − r for points r left of the support, and of r − y for those right of it.
    powers : dict of Expr to Expr
        Coefficients of yⁿ in the exponential, by n.
    rest : dict of Expr to Expr
        Coefficients of all other functions.
    """

    y: sympy.Symbol
    end: sympy.Expr
    line: bool
    left: dict[sympy.Expr, sympy.Expr] = field(default_factory=dict)
    right: dict[sympy.Expr, sympy.Expr] = field(default_factory=dict)
    powers: dict[sympy.Expr, sympy.Expr] = field(default_factory=dict)
    rest: dict[sympy.Expr, sympy.Expr] = field(default_factory=dict)

    @classmethod
    def of(cls, terms: Terms, y: sympy.Symbol, end: sympy.Expr, line: bool) -> Form:
        """Take the logarithm of a density apart.

        Raises
        ------
        InvalidInputError
            The density is singular inside the support.
        UndecidedError
            It is not known on which side of the support a singular point lies.
        """
        form = cls(y, end, line)
        for function, coefficient in terms.items():
            point = y - function.args[0] if isinstance(function, sympy.log) else y
            base, power = function.as_base_exp()
            if not point.has(y):
                form._add_point(sympy.simplify(point), coefficient)
            elif base == y and not power.has(y) and not isinstance(function, sympy.exp):
                form.powers[power] = coefficient
            else:
                form.rest[function] = coefficient
        return form

    def _add_point(self, point: sympy.Expr, exponent: sympy.Expr) -> None:
        if not self.line and (point.is_nonpositive or positive(-point)):
            self.left[point] = exponent
        elif self.end != sympy.oo and (point == self.end or positive(point - self.end)):
            self.right[point] = exponent
        elif self.line or (positive(point) and (self.end == sympy.oo or positive(self.end - point))):
            raise InvalidInputError(
                f"the noise vanishes, or the drift is singular, inside the support (at {point} from its lower end, or "
                "from zero): a path does not pass there; ask for the law on each side"
            )
        else:
            raise UndecidedError(
                f"it is not known whether the singular point {point} (from the lower end) lies in the support; give "
                "its symbols signs"
            )

    @property
    def density(self) -> sympy.Expr:
        """The density, not normalized."""
        y = self.y
        factors = [(y - r) ** e for r, e in self.left.items()] + [(r - y) ** e for r, e in self.right.items()]
        exponent = [c * y**n for n, c in self.powers.items()]
        for function, c in self.rest.items():
            if isinstance(function, sympy.log):
                factors.append(function.args[0] ** c)
            else:
                exponent.append(c * function)
        return sympy.Mul(*factors, exp(sympy.Add(*exponent)))

    def only(self, *names: str) -> bool:
        """Whether nothing but the named parts is there."""
        return not any(getattr(self, name) for name in ("left", "right", "powers", "rest") if name not in names)


def normalization(form: Form) -> Row | None:
    """Return the integral of a density over its support, and the conditions; None if the table has no such form."""
    rows = _LINE if form.line else _HALF_LINE if form.end == sympy.oo else _INTERVAL
    for row in rows:
        found = row(form)
        if found is not None:
            return found
    return None


def squared_size(e: sympy.Expr) -> sympy.Expr:
    """Return |e|² in a way that is real when numbers are inserted (SymPy would write e times its conjugate)."""
    return sympy.re(e) ** 2 + sympy.im(e) ** 2


# ---- the half-line


def _shape(form: Form) -> sympy.Expr | None:
    """Return p of a factor y^(p − 1), if no other point has an exponent."""
    return form.left.get(S.Zero, S.Zero) + 1 if set(form.left) <= {S.Zero} and not form.right else None


def _generalized_gamma(form: Form) -> Row | None:
    """y^(p − 1) e^(−a yⁿ): Γ(p/n) / (|n| a^(p/n))."""
    p = _shape(form)
    if p is None or form.rest or len(form.powers) != 1:
        return None
    ((n, c),) = form.powers.items()
    if positive(n) is None and positive(-n) is None:
        return None
    size = n if positive(n) else -n
    return gamma(p / n) / (size * (-c) ** (p / n)), [-c, p / n]


def _inverse_gaussian(form: Form) -> Row | None:
    """y^(p − 1) e^(−a yⁿ − b y^(−n)), generalized inverse Gaussian: (2/n) (b/a)^(p/2n) K_{p/n}(2 √(ab))."""
    p = _shape(form)
    if p is None or form.rest or len(form.powers) != 2:
        return None
    n = next((n for n in form.powers if positive(n)), None)
    if n is None or -n not in form.powers:
        return None
    a, b = -form.powers[n], -form.powers[-n]
    return 2 / n * (b / a) ** (p / n / 2) * besselk(p / n, 2 * sqrt(a * b)), [a, b]


def _gauss_on_the_half_line(form: Form) -> Row | None:
    """y^(p − 1) e^(−a y²ⁿ + b yⁿ): a parabolic cylinder function, as two of Kummer's; the error function for p = n."""
    p = _shape(form)
    if p is None or form.rest or len(form.powers) != 2:
        return None
    n, m = sorted(form.powers, key=sympy.default_sort_key)
    n, m = (n, m) if m == 2 * n else (m, n)
    if m != 2 * n or not positive(n):
        return None
    a, b, p = -form.powers[m], form.powers[n], p / n
    z = b**2 / (4 * a)
    if p == 1:
        return sqrt(pi / a) / 2 / n * exp(z) * erfc(-b / (2 * sqrt(a))), [a]
    even = gamma(p / 2) * hyper([p / 2], [HALF], z)
    odd = b / sqrt(a) * gamma((p + 1) / 2) * hyper([(p + 1) / 2], [Rational(3, 2)], z)
    return a ** (-p / 2) / 2 / n * (even + odd), [a, p]


def _beta_prime(form: Form) -> Row | None:
    """y^(p − 1) (y + c)^(−p − q): c^(−q) B(p, q); Fisher's F, and Pareto's law for p = 1."""
    others = {r: e for r, e in form.left.items() if r != 0}
    if not form.only("left") or len(others) != 1:
        return None
    ((r, e),) = others.items()
    p = form.left.get(S.Zero, S.Zero) + 1
    q = sympy.simplify(-e - p)
    return (-r) ** (-q) * beta(p, q), [p, q]


def _lognormal(form: Form) -> Row | None:
    """y^(p − 1) e^(−a ln² y): √(π/a) e^(p²/4a)."""
    p = _shape(form)
    if p is None or form.powers or set(form.rest) != {sympy.log(form.y) ** 2}:
        return None
    a = -form.rest[sympy.log(form.y) ** 2]
    return sqrt(pi / a) * exp(p**2 / (4 * a)), [a]


def _power_alone(form: Form) -> Row | None:
    """y^(p − 1) alone, or a constant, has no finite integral."""
    p = _shape(form)
    return (sympy.oo, [S.NegativeOne]) if p is not None and form.only("left") else None


# ---- an interval


def _beta(form: Form) -> Row | None:
    """y^(p − 1) (D − y)^(q − 1) e^(s y): D^(p + q − 1) B(p, q) ₁F₁(p; p + q; sD)."""
    d = form.end
    if not form.only("left", "right", "powers") or set(form.powers) - {S.One}:
        return None
    if set(form.left) - {S.Zero} or set(form.right) - {d}:
        return None
    p, q = form.left.get(S.Zero, S.Zero) + 1, form.right.get(d, S.Zero) + 1
    s = form.powers.get(S.One, S.Zero)
    if p == q == 1:
        return ((exp(s * d) - 1) / s if s != 0 else d), []
    tilt = hyper([p], [sympy.simplify(p + q)], s * d) if s != 0 else S.One
    return d ** (p + q - 1) * beta(p, q) * tilt, [p, q]


def _power_of_sine(form: Form) -> Row | None:
    """sin(πy/D)^m: D Γ((m + 1)/2) / (√π Γ(m/2 + 1))."""
    function = sympy.log(sympy.sin(pi * form.y / form.end))
    if not form.only("rest") or set(form.rest) != {function}:
        return None
    m = form.rest[function]
    return form.end * gamma((m + 1) / 2) / (sqrt(pi) * gamma(m / 2 + 1)), [m + 1]


def _von_mises(form: Form) -> Row | None:
    """e^(κ cos(ky + c)) over whole periods D: D I₀(κ)."""
    wave = waves(form)
    if wave is None or form.powers or not sympy.simplify(wave[1] * form.end / (2 * pi)).is_integer:
        return None
    return form.end * besseli(0, wave[0]), []


def waves(form: Form) -> tuple[sympy.Expr, sympy.Expr] | None:
    """Return κ and k of a density e^(κ cos(ky + c) + s y), or None if it is another one."""
    if not form.only("rest", "powers") or set(form.powers) - {S.One}:
        return None
    y, sine, cosine, frequencies = form.y, S.Zero, S.Zero, set()
    for function, c in form.rest.items():
        if not isinstance(function, (sympy.sin, sympy.cos)):
            return None
        u = function.args[0]
        k = u.diff(y)
        phase = sympy.simplify(u - k * y)
        frequencies.add(k)
        if isinstance(function, sympy.cos):
            cosine, sine = cosine + c * sympy.cos(phase), sine - c * sympy.sin(phase)
        else:
            cosine, sine = cosine + c * sympy.sin(phase), sine + c * sympy.cos(phase)
    if len(frequencies) != 1 or next(iter(frequencies)).has(y):
        return None
    if sine == 0 or cosine == 0:
        return sine + cosine, frequencies.pop()
    return sqrt(sympy.simplify(cosine**2 + sine**2)), frequencies.pop()


# ---- the line


def _normal(form: Form) -> Row | None:
    """e^(−a y² + b y): √(π/a) e^(b²/4a)."""
    if not form.only("powers") or not {Integer(2)} <= set(form.powers) <= {S.One, Integer(2)}:
        return None
    a, b = -form.powers[Integer(2)], form.powers.get(S.One, S.Zero)
    return sqrt(pi / a) * exp(b**2 / (4 * a)), [a]


def _quartic(form: Form) -> Row | None:
    """e^(−a y⁴ + b y²), Landau's: (π/2) √(b/2a) e^z (I_{−1/4}(z) + I_{1/4}(z)), z = b²/8a; with K_{1/4} for b < 0."""
    if not form.only("powers") or set(form.powers) != {Integer(2), Integer(4)}:
        return None
    a, b = -form.powers[Integer(4)], form.powers[Integer(2)]
    z = b**2 / (8 * a)
    if positive(b):
        return pi / 2 * sqrt(b / (2 * a)) * exp(z) * (besseli(-Rational(1, 4), z) + besseli(Rational(1, 4), z)), [a]
    if positive(-b):
        return sqrt(-b / a) / 2 * exp(z) * besselk(Rational(1, 4), z), [a]
    return None  # of unknown sign: the row of even powers


def _even(form: Form) -> Row | None:
    """Even powers of y: twice the integral over the half-line."""
    if not form.only("powers") or not all(n.is_even and n.is_positive for n in form.powers):
        return None
    half = normalization(Form(form.y, sympy.oo, False, powers=form.powers))
    return None if half is None else (2 * half[0], half[1])


def _student(form: Form) -> Row | None:
    """((y − m)² + s²)^(−p) e^(q atan((y − m)/s)): Pearson's fourth type, and Student's law for q = 0."""
    logs = [f for f in form.rest if isinstance(f, sympy.log) and f.args[0].is_polynomial(form.y)]
    turns = [f for f in form.rest if isinstance(f, sympy.atan)]
    if not form.only("rest") or len(logs) != 1 or len(turns) > 1 or len(form.rest) != len(logs) + len(turns):
        return None
    polynomial = sympy.Poly(logs[0].args[0], form.y)
    if polynomial.degree() != 2 or polynomial.LC() != 1:
        return None
    _, b, c = polynomial.all_coeffs()
    square, p = sympy.simplify(c - b**2 / 4), -form.rest[logs[0]]
    scale = square ** (HALF - p)
    if not turns:
        return scale * sqrt(pi) * gamma(p - HALF) / gamma(p), [square, p - HALF]
    if sympy.simplify(turns[0].args[0] - (form.y + b / 2) / sqrt(square)) != 0:
        return None
    skew = squared_size(gamma(p + I * form.rest[turns[0]] / 2))
    return scale * pi * gamma(2 * p - 1) / (2 ** (2 * p - 2) * skew), [square, p - HALF]


def _power_of_cosh(form: Form) -> Row | None:
    """cosh(αy + β)^(−p) e^(b y): (2^(p − 1)/α) e^(−bβ/α) B((p + b/α)/2, (p − b/α)/2)."""
    if not form.only("rest", "powers") or set(form.powers) - {S.One} or len(form.rest) != 1:
        return None
    ((function, c),) = form.rest.items()
    if not isinstance(function, sympy.log) or not isinstance(function.args[0], sympy.cosh):
        return None
    u = function.args[0].args[0]
    slope = u.diff(form.y)
    if slope.has(form.y) or positive(slope) is None:
        return None
    b, offset = form.powers.get(S.One, S.Zero) / slope, u - slope * form.y
    p = -c
    size = slope if positive(slope) else -slope
    if b == 0:
        return sqrt(pi) * gamma(p / 2) / (size * gamma((p + 1) / 2)), [p]
    return 2 ** (p - 1) / size * exp(-b * offset) * beta((p + b) / 2, (p - b) / 2), [p + b, p - b]


def _laplace(form: Form) -> Row | None:
    """e^(−a |y − m| + b y): 2a e^(bm) / (a² − b²)."""
    if not form.only("rest", "powers") or set(form.powers) - {S.One} or len(form.rest) != 1:
        return None
    ((function, c),) = form.rest.items()
    if not isinstance(function, Abs) or not function.args[0].is_polynomial(form.y):
        return None
    polynomial = sympy.Poly(function.args[0], form.y)
    if polynomial.degree() != 1:
        return None
    slope, offset = polynomial.all_coeffs()
    a, b, m = -c * Abs(slope), form.powers.get(S.One, S.Zero), -offset / slope
    return 2 * a * exp(b * m) / (a**2 - b**2), [a + b, a - b]


def _gumbel(form: Form) -> Row | None:
    """e^(−a e^(cy) + b y): Γ(b/c) / (|c| a^(b/c)), a gamma law of e^(cy)."""
    if not form.only("rest", "powers") or set(form.powers) - {S.One} or len(form.rest) != 1:
        return None
    ((function, a),) = form.rest.items()
    if not isinstance(function, exp) or function.args[0].diff(form.y).has(form.y):
        return None
    c = function.args[0].diff(form.y)
    a = -a * exp(function.args[0] - c * form.y)
    p = form.powers.get(S.One, S.Zero) / c
    return gamma(p) / (Abs(c) * a**p), [a, p]


def _cosh_in_the_exponent(form: Form) -> Row | None:
    """e^(−a cosh(cy) + b y): (2/|c|) K_{b/c}(a)."""
    if not form.only("rest", "powers") or set(form.powers) - {S.One} or len(form.rest) != 1:
        return None
    ((function, a),) = form.rest.items()
    if not isinstance(function, sympy.cosh) or sympy.simplify(function.args[0] / form.y).has(form.y):
        return None
    c = sympy.simplify(function.args[0] / form.y)
    return 2 / Abs(c) * besselk(form.powers.get(S.One, S.Zero) / c, -a), [-a]


def _hyperbolic(form: Form) -> Row | None:
    """e^(−a √(y² + d²) + b y), the hyperbolic law: 2 a d K₁(d √(a² − b²)) / √(a² − b²)."""
    if not form.only("rest", "powers") or set(form.powers) - {S.One} or len(form.rest) != 1:
        return None
    ((function, a),) = form.rest.items()
    base, power = function.as_base_exp()
    square = sympy.expand(base - form.y**2)
    if power != HALF or square.has(form.y) or not positive(square):
        return None
    a, b, d = -a, form.powers.get(S.One, S.Zero), sqrt(square)
    root = sqrt(sympy.factor(a**2 - b**2)) if b != 0 else a
    return 2 * a * d * besselk(1, d * root) / root, [a + b, a - b]


def _constant(form: Form) -> Row | None:
    """e^(b y), or a constant: no finite integral on the line."""
    return (sympy.oo, [S.NegativeOne]) if form.only("powers") and set(form.powers) <= {S.One} else None


_HALF_LINE: tuple[Callable[[Form], Row | None], ...] = (
    _generalized_gamma, _inverse_gaussian, _gauss_on_the_half_line, _beta_prime, _lognormal, _power_alone,
)  # fmt: skip
_INTERVAL: tuple[Callable[[Form], Row | None], ...] = (_beta, _power_of_sine, _von_mises)
_LINE: tuple[Callable[[Form], Row | None], ...] = (
    _normal, _quartic, _even, _student, _power_of_cosh, _laplace, _gumbel, _cosh_in_the_exponent, _hyperbolic,
    _constant,
)  # fmt: skip
TABLE = {row.__name__.strip("_").replace("_", " "): row.__doc__ for row in (*_HALF_LINE, *_INTERVAL, *_LINE)}
"""Name of each law, and its integral."""
