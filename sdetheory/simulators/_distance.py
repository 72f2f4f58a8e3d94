# NOTE FROM LEAD TO HELPER E: this is already done on main (0a82725, _kernels/targets.py); drop this file, read STOP_READ_ME_*.txt in the worktree.
"""A target's function turned into the distance to its boundary, so that it does not matter how a set is spelled.

The bridge between the ends of a step takes a target's function as linear, which x⁹ − 1 is not within a step. A
generated module that computes φ and ∇φ becomes one that computes the signed distance along the normal, and the normal:
for a half-space and whatever has its sign the same numbers, x − 1.
"""

from __future__ import annotations

_SEARCH = '''\
@njit(error_model="numpy")
def along(s, sign, row, start, normal, p, point, rows):
    """Return the function at s along the normal, with the sign that makes it negative at the start, and its slope."""
    d = normal.size
    for i in range(d):
        point[i, 0] = start[i] + sign * s * normal[i]
    target(point, p, rows)
    slope = 0.0
    for i in range(d):
        slope += rows[row + 1 + i, 0] * normal[i]
    return sign * rows[row, 0], slope


@njit(error_model="numpy")
def distance(first, beyond, sign, row, start, normal, p, point, rows):
    """Return where on the normal the function changes its sign, to a thousandth or better: Ridders' method.

    `beyond` is a place where it has changed, or infinity; then Newton's steps, from `first`, look for one.
    """
    value, slope = along(0.0, sign, row, start, normal, p, point, rows)
    low, at_low, high, at_high, s = 0.0, value, beyond, 1.0, first
    if high < np.inf:
        at_high, _ = along(high, sign, row, start, normal, p, point, rows)
    else:
        for _ in range(8):
            value, slope = along(s, sign, row, start, normal, p, point, rows)
            if not value < 0.0:
                high, at_high = s, value
                break
            low, at_low, move = s, value, -value / slope
            if not move < 1e3 * first or move <= 1e-3 * s:
                return s + (move if move <= 1e-3 * s else 0.0)
            s += move
        if not high < np.inf:
            return s
    last = np.inf
    for _ in range(30):
        middle = 0.5 * (low + high)
        value, slope = along(middle, sign, row, start, normal, p, point, rows)
        s = middle - (middle - low) * value / math.sqrt(value * value - at_low * at_high)
        if not low < s < high:
            s = middle  # where the function overflows
        if value < 0.0:
            low, at_low = middle, value
        else:
            high, at_high = middle, value
        if abs(s - last) <= 1e-3 * s or high - low <= 1e-3 * high:
            return s
        last = s
        if low < s < high:
            value, slope = along(s, sign, row, start, normal, p, point, rows)
            if value < 0.0:
                low, at_low = s, value
            else:
                high, at_high = s, value
    return s
'''

_KERNEL = '''\
def kernel(x, p, out):
    target(x, p, out)
    d, lanes = x.shape
    reach = p[{reach}]
    probe, there = np.empty((d, lanes)), np.empty((out.shape[0], lanes))
    start, normal = np.empty(d), np.empty(d)
    point, rows = np.empty((d, 1)), np.empty((out.shape[0], 1))
    for row in {curved}:
        length = np.zeros(lanes)
        for lane in range(lanes):
            for i in range(d):
                length[lane] += out[row + 1 + i, lane] ** 2
            length[lane] = math.sqrt(length[lane])
            step = (reach if out[row, lane] < 0.0 else -reach) / length[lane]
            for i in range(d):
                probe[i, lane] = x[i, lane] + step * out[row + 1 + i, lane]
        if reach < np.inf:
            target(probe, p, there)
        for lane in range(lanes):
            value = out[row, lane]
            if not (np.isfinite(value) and 0.0 < length[lane] < np.inf):
                # Where there is no normal, no boundary is near.
                if length[lane] == 0.0 and value != 0.0:
                    out[row, lane] = math.copysign(reach if reach < np.inf else 1e100, value)
                continue
            sign = 1.0 if value < 0.0 else -1.0
            linear = abs(value) / length[lane]
            for i in range(d):
                start[i] = x[i, lane]
                normal[i] = out[row + 1 + i, lane] / length[lane]
                out[row + 1 + i, lane] = normal[i]
            changed = reach < np.inf and (there[row, lane] < 0.0) != (value < 0.0)
            if linear > 0.0 and (changed or linear <= reach):
                beyond = reach if changed else np.inf
                linear = distance(linear, beyond, sign, row, start, normal, p, point, rows)
            elif linear > 0.0:
                linear = max(linear, reach)
            out[row, lane] = -sign * linear
'''


def straightened(source: str, curved: tuple[int, ...], reach: int) -> str:
    """Return the module of a target's rows with distances and normals in place of functions and gradients.

    `curved` are the rows of the functions that bend; entry `reach` of the parameters is the distance beyond which none
    is needed, or infinity.
    """
    named = source.replace("def kernel(x, p, out):", '@njit(error_model="numpy")\ndef target(x, p, out):')
    rows = f"({', '.join(map(str, curved))},)"
    return f"{named}\n\n{_SEARCH}\n\n{_KERNEL.format(reach=reach, curved=rows)}"
