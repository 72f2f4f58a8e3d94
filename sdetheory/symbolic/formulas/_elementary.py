"""Source text of the elementary functions that generated kernels are made of.

Each piece is pasted into a generated module when an expression needs it, so that the module and all that it calls live
in one file (Numba's cache does not notice an edited import). The pieces are free of branches and calls, so that LLVM
computes them across lanes, and they round the same way on every processor: fused multiply-adds are explicit, and no
fast-math flag lets the compiler choose.
"""

FMA = '''\
@intrinsic
def fma(typingctx, a, b, c):
    """a * b + c, rounded once."""

    def build(context, builder, signature, args):
        return builder.fma(*args)

    return types.float64(types.float64, types.float64, types.float64), build
'''

# Rows of an array do not overlap, and what is read is not what is written: with many rows LLVM would not find out and
# leave the loop over lanes scalar (ten dimensions: four times slower). Each row that is written has an alias scope.
ROWS = '''\
def _element(context, builder, signature, args):
    """The address of a[row, lane]."""
    a = arrayobj.make_array(signature.args[0])(context, builder, args[0])
    width = cgutils.unpack_tuple(builder, a.shape)[1]
    row = context.cast(builder, args[1], signature.args[1], types.int64)
    return builder.gep(a.data, [builder.add(builder.mul(row, width), args[2])])


def _scopes(builder, rows):
    """One scope for each row that is written."""
    domain = builder.module.add_metadata(["sdetheory"])
    return [builder.module.add_metadata([f"row {i}", domain]) for i in range(rows)]


@intrinsic(prefer_literal=True)
def get(typingctx, a, row, lane, mine, rows):
    """a[row, lane], number `mine` of the `rows` rows that are written, or none of them if `mine` is `rows`."""
    me, count = mine.literal_value, rows.literal_value

    def build(context, builder, signature, args):
        value = builder.load(_element(context, builder, signature, args))
        scopes = _scopes(builder, count)
        if me < count:
            value.set_metadata("alias.scope", builder.module.add_metadata([scopes[me]]))
        others = [scope for i, scope in enumerate(scopes) if i != me]
        if others:
            value.set_metadata("noalias", builder.module.add_metadata(others))
        return value

    return types.float64(a, row, types.int64, mine, rows), build


@intrinsic(prefer_literal=True)
def put(typingctx, a, row, lane, mine, rows, value):
    """a[row, lane] = value, number `mine` of the `rows` rows that are written."""
    me, count = mine.literal_value, rows.literal_value

    def build(context, builder, signature, args):
        store = builder.store(args[5], _element(context, builder, signature, args))
        scopes = _scopes(builder, count)
        store.set_metadata("alias.scope", builder.module.add_metadata([scopes[me]]))
        others = [scope for i, scope in enumerate(scopes) if i != me]
        if others:
            store.set_metadata("noalias", builder.module.add_metadata(others))
        return context.get_dummy_value()

    return types.void(a, row, types.int64, mine, rows, types.float64), build
'''

# e^r = 1 + r + r^2 p(r) on |r| <= ln(2)/2, minimax degree 9: relative error 4e-18 before rounding. The exponent is
# built from the bits of the rounded multiple; below e^-708 the result is flushed to zero, above e^709.4 it is infinite.
EXP = '''\
@njit(forceinline=True, error_model="numpy")
def exp(v):
    """Exponential, by reduction modulo ln 2."""
    w = min(max(v, -709.0), 710.0) if v == v else v
    t = fma(w, 1.4426950408889634, 6755399441055744.0)
    k = t - 6755399441055744.0
    r = fma(k, -0.6931471805599453, w)
    r = fma(k, -2.3190468138462996e-17, r)
    p = fma(r, 2.5123434476678358e-08, 2.7631490123568904e-07)
    p = fma(p, r, 2.755720011649319e-06)
    p = fma(p, r, 2.4801489399513586e-05)
    p = fma(p, r, 0.00019841269933892805)
    p = fma(p, r, 0.0013888888947488826)
    p = fma(p, r, 0.00833333333330033)
    p = fma(p, r, 0.041666666666513856)
    p = fma(p, r, 0.16666666666666707)
    p = fma(p, r, 0.5000000000000013)
    p = fma(p * r, r, r) + 1.0
    scale = np.int64((np.float64(t).view(np.int64) + 1023) << 52).view(np.float64)
    return p * scale if v > -708.0 else (0.0 if v == v else v)
'''

# v = m 2^e with m in [sqrt(1/2), sqrt(2)); ln m = 2 artanh(s) with s = (m - 1) / (m + 1), minimax in s^2.
LOG = '''\
@njit(forceinline=True, error_model="numpy")
def log(v):
    """Natural logarithm; subnormal numbers are scaled into the normal range first."""
    small = v < 2.2250738585072014e-308
    bits = np.float64(v * 18014398509481984.0 if small else v).view(np.int64)
    e = (bits - np.int64(4604544271217802189)) >> 52
    m = np.int64(bits - (e << 52)).view(np.float64)
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    p = fma(z, 0.1479673053278051, 0.15313976711135152)
    p = fma(p, z, 0.18183567040693632)
    p = fma(p, z, 0.2222219852442878)
    p = fma(p, z, 0.285714287428267)
    p = fma(p, z, 0.3999999999941288)
    p = fma(p, z, 0.6666666666666735)
    k = np.float64(e) - (54.0 if small else 0.0)
    r = fma(k, 1.9082149292705877e-10, fma(s * z, p, 2.0 * s)) + k * 0.6931471803691238
    return r if 0.0 < v < np.inf else (np.inf if v > 0.0 else (-np.inf if v == 0.0 else np.nan))
'''

# ln(e^a + e^b) = max + ln(1 + e^-|a - b|); the logarithm as 2 artanh(t / (2 + t)), minimax in the square.
LOGADDEXP = '''\
@njit(forceinline=True, error_model="numpy")
def logaddexp(a, b):
    """ln(e^a + e^b) without overflow."""
    t = exp(-abs(a - b)) if a != b else 1.0  # equal infinities too
    s = t / (2.0 + t)
    z = s * s
    p = fma(z, 0.1701961887199255, 0.08339552404630349)
    p = fma(p, z, 0.12106208583846265)
    p = fma(p, z, 0.1330095856835979)
    p = fma(p, z, 0.1538656103050488)
    p = fma(p, z, 0.18181743874797612)
    p = fma(p, z, 0.2222222397109555)
    p = fma(p, z, 0.28571428547833)
    p = fma(p, z, 0.400000000001574)
    p = fma(p, z, 0.6666666666666631)
    return max(a, b) + fma(s * z, p, 2.0 * s)
'''

LOGISTIC = '''\
@njit(forceinline=True, error_model="numpy")
def logistic(v):
    """1 / (1 + e^-v)."""
    return 1.0 / (1.0 + exp(-v))
'''

SIGN = '''\
@njit(forceinline=True, error_model="numpy")
def sign(v):
    """-1, 0 or 1."""
    return v if v != v else (1.0 if v > 0.0 else (-1.0 if v < 0.0 else 0.0))
'''

# x = k pi/2 + r, |r| <= pi/4. With fused multiply-adds pi/2 in three doubles leaves r an error of half a unit in the
# last place for every double up to 2^45, where neighbours are 0.008 apart. Beyond that the result is not a number: a
# call of the system's function would keep the loop over lanes scalar. sin r and cos r are minimax in r^2, errors 4e-18
# and 6e-20; the last two bits of k say which of them it is, and its sign.
_TRIGONOMETRIC = '''\
@njit(forceinline=True, error_model="numpy")
def {name}(v):
    """{title} for |v| <= 2^45; not a number beyond."""
    t = fma(v, 0.6366197723675814, 6755399441055744.0)
    k = t - 6755399441055744.0
    r = fma(k, -1.5707963267948966, v)
    r = fma(k, -6.123233995736766e-17, r)
    r = fma(k, 1.4973849048591698e-33, r)
    z = r * r
    s = fma(z, 1.5894599816639258e-10, -2.5050720323107372e-08)
    s = fma(s, z, 2.7557313450843156e-06)
    s = fma(s, z, -0.00019841269829112615)
    s = fma(s, z, 0.008333333333321542)
    s = fma(s, z, -0.1666666666666663)
    s = fma(r * z, s, r)
    c = fma(z, -1.1357403938868145e-11, 2.0875679362320695e-09)
    c = fma(c, z, -2.7557314024348235e-07)
    c = fma(c, z, 2.4801587288326638e-05)
    c = fma(c, z, -0.0013888888888872234)
    c = fma(c, z, 0.04166666666666659)
    c = fma(z * z, c, fma(z, -0.5, 1.0))
    quadrant = np.float64(t).view(np.int64){shift}
    w = c if quadrant & 1 else s
    w = -w if quadrant & 2 else w
    return w if abs(v) <= 35184372088832.0 else np.nan
'''
SIN = _TRIGONOMETRIC.format(name="sin", title="Sine", shift="")
COS = _TRIGONOMETRIC.format(name="cos", title="Cosine", shift=" + 1")

# Minimax in v^2 below 0.55, relative error 2e-17; above it 1 - 2 / (e^2v + 1), which is 1 from 19.1 on.
TANH = '''\
@njit(forceinline=True, error_model="numpy")
def tanh(v):
    """Hyperbolic tangent."""
    a = abs(v)
    z = v * v if a < 0.55 else 0.0
    p = fma(z, 5.102148269203929e-05, -0.00021030240559840796)
    p = fma(p, z, 0.0005791370182825321)
    p = fma(p, z, -0.0014532167565356172)
    p = fma(p, z, 0.003591719697022334)
    p = fma(p, z, -0.008863194503929039)
    p = fma(p, z, 0.021869485974776497)
    p = fma(p, z, -0.05396825387607713)
    p = fma(p, z, 0.133333333331687)
    p = fma(p, z, -0.33333333333332316)
    w = 1.0 - 2.0 / (exp(2.0 * min(a, 20.0)) + 1.0)
    w = w if v > 0.0 else -w
    return fma(v * z, p, v) if a < 0.55 else (w if v == v else v)
'''

# x^y = e^(y ln x) with ln x in two doubles: ln x = k ln 2 + 2 artanh(s), s and its first correction in two doubles
# (minimax in s^2, relative error 1e-20), so that the exponent has an absolute error of 2^-53 up to 700.
POWER = '''\
@njit(forceinline=True, error_model="numpy")
def power(x, y):
    """x to the power y, of finite numbers as math.pow does; results below e^-708 are flushed to zero."""
    a = abs(x)
    small = a < 2.2250738585072014e-308
    bits = np.float64(a * 18014398509481984.0 if small else a).view(np.int64)
    e = (bits - np.int64(4604544271217802189)) >> 52
    m = np.int64(bits - (e << 52)).view(np.float64)
    k = np.float64(e) - (54.0 if small else 0.0)
    # s = (m - 1) / (m + 1), and its square
    d = m + 1.0
    s = (m - 1.0) / d
    sl = (fma(-s, d, m - 1.0) - s * (m - (d - 1.0))) / d
    z = s * s
    zl = fma(s, s, -z) + 2.0 * s * sl
    # p = 2/3 + z (...)
    q = fma(z, 0.1319734640889688, 0.1325671387972269)
    q = fma(q, z, 0.15386761526297402)
    q = fma(q, z, 0.18181784282232527)
    q = fma(q, z, 0.22222222520817103)
    q = fma(q, z, 0.28571428570095025)
    q = fma(q, z, 0.40000000000002267)
    p = fma(q, z, 0.6666666666666666)
    pl = fma(q, z, 0.6666666666666666 - p) + 3.700743415417188e-17
    # b = s z p
    c = s * z
    cl = fma(s, z, -c) + s * zl + sl * z
    b = c * p
    bl = fma(c, p, -b) + c * pl + cl * p
    # h + l = k ln 2 + 2 s + b
    g = 2.0 * s + b
    gl = (2.0 * s - g) + b + bl + 2.0 * sl
    f = k * 0.6931471803691238
    h = f + g
    l = (f - h) + g + gl + k * 1.9082149292705877e-10
    u = min(max(y * h, -800.0), 800.0)
    ul = fma(y, h, -u) + y * l if abs(u) < 800.0 else 0.0
    v = u + ul
    w = exp(v)
    w = fma(w, (u - v) + ul, w) if w < np.inf else w
    w = w if a < np.inf else (np.inf if y > 0.0 else 0.0)
    w = w if a > 0.0 else (0.0 if y > 0.0 else np.inf)
    # A negative number has whole powers only; even ones are positive.
    whole = abs(y) >= 4503599627370496.0 or y == np.floor(y)
    odd = whole and abs(y) < 9007199254740992.0 and 0.5 * y != np.floor(0.5 * y)
    w = w if x >= 0.0 else (np.nan if not whole else (-w if odd else w))
    w = w if x == x and y == y else np.nan
    return 1.0 if y == 0.0 or x == 1.0 else w
'''

# Number q of 32 to the word is +1 where its bit is 0 and -1 where it is 1.
SIGN_BIT = '''\
@njit(forceinline=True, error_model="numpy")
def sign_bit(word, q):
    """+1 or -1, by bit q modulo 32 of a word."""
    sign = np.float64(word).view(np.uint64) << np.uint64(63 - (q & 31))
    return np.uint64((sign & np.uint64(1 << 63)) | np.uint64(0x3FF0000000000000)).view(np.float64)
'''

SOURCES = {
    "sign": SIGN, "exp": EXP, "log": LOG, "logaddexp": LOGADDEXP, "logistic": LOGISTIC, "sin": SIN, "cos": COS,
    "tanh": TANH, "power": POWER, "sign_bit": SIGN_BIT,
}  # fmt: skip
"""Text of each function that is not in Python's math module; `FMA` comes first in every module."""

NEEDS = {name: ("exp",) if name in ("logaddexp", "logistic", "tanh", "power") else () for name in SOURCES}
"""The functions that each of them calls, beside ``fma``."""
