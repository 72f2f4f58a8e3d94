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
def put(typingctx, a, row, lane, rows, value):
    """a[row, lane] = value, for one of `rows` rows."""
    me, count = row.literal_value, rows.literal_value

    def build(context, builder, signature, args):
        store = builder.store(args[4], _element(context, builder, signature, args))
        scopes = _scopes(builder, count)
        store.set_metadata("alias.scope", builder.module.add_metadata([scopes[me]]))
        others = [scope for i, scope in enumerate(scopes) if i != me]
        if others:
            store.set_metadata("noalias", builder.module.add_metadata(others))
        return context.get_dummy_value()

    return types.void(a, row, types.int64, rows, types.float64), build
'''

# e^r = 1 + r + r^2 p(r) on |r| <= ln(2)/2, minimax degree 9: relative error 4e-18 before rounding. The exponent is
# built from the bits of the rounded multiple; below e^-708 the result is flushed to zero, above e^709.4 it is infinite.
EXP = '''\
@njit(inline="always")
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
@njit(inline="always")
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
@njit(inline="always")
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
@njit(inline="always")
def logistic(v):
    """1 / (1 + e^-v)."""
    return 1.0 / (1.0 + exp(-v))
'''

SIGN = '''\
@njit(inline="always")
def sign(v):
    """-1, 0 or 1."""
    return v if v != v else (1.0 if v > 0.0 else (-1.0 if v < 0.0 else 0.0))
'''

# Number q of 32 to the word is +1 where its bit is 0 and -1 where it is 1.
SIGN_BIT = '''\
@njit(inline="always")
def sign_bit(word, q):
    """+1 or -1, by bit q modulo 32 of a word."""
    sign = np.float64(word).view(np.uint64) << np.uint64(63 - (q & 31))
    return np.uint64((sign & np.uint64(1 << 63)) | np.uint64(0x3FF0000000000000)).view(np.float64)
'''

SOURCES = {"sign": SIGN, "exp": EXP, "log": LOG, "logaddexp": LOGADDEXP, "logistic": LOGISTIC, "sign_bit": SIGN_BIT}
"""Text of each function that is not in Python's math module; `FMA` comes first in every module."""

NEEDS = {"sign": (), "exp": (), "log": (), "logaddexp": ("exp",), "logistic": ("exp",), "sign_bit": ()}
"""The functions that each of them calls, beside ``fma``."""
