"""Mistakes in formulas that the checks themselves bring along."""

from sdetheory.claims import Break

BREAKS = (
    Break(
        mistake="labels without their noise",
        file="paper_checks/label_noise.py",
        right="error = (u * v - 1)[:, None] - values",
        wrong="error = (u * v - 1)[:, None] - 0 * values",
        claims=("BGV01", "DML01", "DML02"),
    ),
    Break(
        mistake="the noise of a step with ε for ε²",
        file="paper_checks/noisy_quadratic.py",
        right="rate**2 * self.variances / size",
        wrong="rate * self.variances / size",
        claims=("SHA01", "SHA02", "SHA03", "SED01", "SED02", "SED03", "SED04", "ZLN01", "ZLN02", "ZLN03", "ZLN04"),
    ),
    Break(
        mistake="RMSprop that averages sizes for squares",
        file="paper_checks/malladi_2022/test_weak_order.py",
        right="forget * gradient**2",
        wrong="forget * abs(gradient)",
        claims=("MLPA06",),
    ),
    Break(
        mistake="a parabola whose noise grows with ε for ε²",
        file="paper_checks/li_tai_e_2017/test_modified_equations.py",
        right="(1 - A * step) ** 2 * square + step**2 * VARIANCE",
        wrong="(1 - A * step) ** 2 * square + step * VARIANCE",
        claims=("LTE05",),
    ),
    Break(
        mistake="the gradient's noise without its mean taken off",
        file="paper_checks/wu_wang_su_2022/test_alignment.py",
        right="@ inputs - np.outer(gradient, gradient)",
        wrong="@ inputs",
        claims=("WWS04",),
    ),
    Break(
        mistake="an area in the unit of a logarithm",
        file="paper_checks/dinh_2017/test_flatness.py",
        right="return w1 * (ends[0] - ends[1])",
        wrong="return ends[0] - ends[1]",
        claims=("D02",),
    ),
    Break(
        mistake="curvature with its sign, for noise",
        file="paper_checks/xie_2021/test_escape.py",
        right="return (x**3 - x) / (abs(3 * x**2 - 1) + floor)",
        wrong="return (x**3 - x) / (3 * x**2 - 1 + floor)",
        claims=("XSS05",),
    ),
)
