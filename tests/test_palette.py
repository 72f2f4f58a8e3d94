"""One palette: its colours can be told apart, and figures have no others."""

import ast
import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import CSS4_COLORS, TABLEAU_COLORS, to_rgb

import sdetheory as st
from sdetheory.errors import InvalidInputError
from sdetheory.plotting import GUIDE, PARTS, SAMPLE, THEORY, shades

ROOT = Path(__file__).parents[1]

# Of linear RGB: nothing, and what eyes see that lack the pigment for red or for green; Machado, Oliveira and Fernandes
# (2009), A physiologically-based model for simulation of color vision deficiency, IEEE TVCG 15, 1291, at severity 1.
EYES = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}
# Bounds on distances in CIE L*a*b* (1976), in which 2.3 is just noticeable: of roles, fixed before their colours were
# chosen; and of neighbours among up to five shades, which markers or dashes tell apart too.
ROLES, SHADES = 25.0, 10.0


def lab(color, eyes="normal"):
    """Return L*, a*, b* of a colour (D65) as such eyes see it."""
    rgb = np.array(to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.asarray(EYES[eyes]) @ linear, 0, 1)
    to_xyz = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    ratio = to_xyz @ seen / [0.95047, 1.0, 1.08883]
    x, y, z = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def distance(one, other, eyes):
    return np.linalg.norm(lab(one, eyes) - lab(other, eyes))


@pytest.mark.parametrize("eyes", EYES)
def test_roles_are_told_apart(eyes):
    pairs = itertools.combinations([THEORY, SAMPLE, GUIDE, *PARTS], 2)
    assert min(distance(*pair, eyes) for pair in pairs) > ROLES


@pytest.mark.parametrize("pair", [("#b2182b", "#1b7837"), ("#737373", "#35978f")])
def test_red_and_green_are_not_nor_grey_and_teal(pair):
    """The negative control."""
    assert distance(*pair, "normal") > ROLES > distance(*pair, "deuteranopia")


@pytest.mark.parametrize("eyes", EYES)
@pytest.mark.parametrize("color", [THEORY, SAMPLE])
def test_neighbouring_shades_are_told_apart(color, eyes):
    for count in range(2, 6):
        several = shades(color, count)
        assert len(several) == count
        assert min(distance(*pair, eyes) for pair in itertools.pairwise(several)) > SHADES
        lightness = [lab(shade, eyes)[0] for shade in several]
        assert lightness == sorted(lightness, reverse=True)
    assert shades(color, 1) == [color] and color in shades(color, 3)


def test_shades_of_no_colour_are_refused():
    with pytest.raises(InvalidInputError, match="color must be one that matplotlib knows; got 'rad'"):
        shades("rad", 2)
    with pytest.raises(InvalidInputError, match="count"):
        shades(SAMPLE, 0)


COLORED = re.compile(r"colors?|c|ec|fc|ecolor|mec|mfc|(face|edge)colors?|cmap")
DRAWN = re.compile(
    r"plot|loglog|semilog[xy]|errorbar|stairs|hist|bar|fill_between|scatter|ax[hv](line|span)|broken_barh|contourf?|"
    r"pcolormesh|streamplot"
)
NAMED = re.compile(r"#[0-9a-fA-F]{3,8}|C\d|tab:\w+")


def raw_colors(source):
    """Return the lines of a source that have a colour of their own, or leave one to matplotlib."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and NAMED.fullmatch(node.value):
            found.append(f"{node.lineno}: {node.value}")
        keywords = getattr(node, "keywords", [])
        for keyword in keywords:
            if keyword.arg and COLORED.fullmatch(keyword.arg):
                parts = list(ast.walk(keyword.value))
                words = [n.value for n in parts if isinstance(n, ast.Constant) and isinstance(n.value, str)]
                found += [f"{node.lineno}: {word}" for word in words if is_color(word)]
                found += [f"{node.lineno}: made of letters" for n in parts if isinstance(n, ast.JoinedStr)]
        if isinstance(node, ast.Call) and DRAWN.fullmatch(getattr(node.func, "attr", "")):
            forms = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
            forms += [k.value.value for k in keywords if k.arg == "fmt" and isinstance(k.value, ast.Constant)]
            found += [
                f"{node.lineno}: {form}" for form in forms if isinstance(form, str) and set(form) & set("bgrcmykw")
            ]
            if not any(k.arg in COLORED or k.arg is None for k in keywords):
                found.append(f"{node.lineno}: {node.func.attr} without a colour")
    return found


def is_color(word):
    named = word in CSS4_COLORS or word in TABLEAU_COLORS or NAMED.fullmatch(word) or word in "bgrcmykw"
    return bool(named or re.fullmatch(r"[01]?\.\d+", word) or word in st.plotting.COST_MAP + st.plotting.DENSITY_MAP)


def figures():
    """Return the sources that draw: a file, and of a page its cells."""
    files = [*ROOT.glob("examples/*.py"), *ROOT.glob("sdetheory/plotting/*.py"), *ROOT.glob("sdetheory/claims/*.py")]
    files += ROOT.glob("paper_checks/**/*.py")
    sources = {path: path.read_text(encoding="utf-8") for path in files if path.name != "palette.py"}
    for path in ROOT.glob("docs/learn/**/*.md"):
        cells = re.findall(r"^```(?:\{code-cell\} ipython3|python)\n(.*?)^```", path.read_text(), flags=re.M | re.S)
        sources[path] = "\n".join(re.sub(r"\A---\n.*?^---\n", "", cell, flags=re.M | re.S) for cell in cells)
    return {str(path.relative_to(ROOT)): source for path, source in sources.items()}


FIGURES = figures()


@pytest.mark.parametrize("path", [path for path, source in FIGURES.items() if re.search(r"colou?r|plot|axes", source)])
def test_figures_have_the_colours_of_the_palette_only(path):
    assert raw_colors(FIGURES[path]) == []


@pytest.mark.parametrize(
    "line",
    [
        'ax.plot(x, y, color="#2166ac")', 'ax.plot(x, y, color="0.5")', 'ax.plot(x, y, "k:", color=GUIDE)',
        'ax.plot(x, y)', 'colors = ("0.2", "#b2182b")', 'ax.plot(x, y, color=f"C{k}")', 'ax.errorbar(x, y, 1, "o")',
        'ax.contourf(x, y, z, cmap="Blues_r")', 'ax.annotate("A", p, color="w")', 'ax.axhspan(0, 1, color="red")',
    ],
)  # fmt: skip
def test_other_colours_are_found(line):
    """The negative control."""
    assert raw_colors(line)


def test_what_looks_like_a_colour_and_is_none_is_let_pass():
    assert not raw_colors('ax.set(xticklabels=["0.05", "0.1"]); ax.plot(x, y, "o-", color=SAMPLE, mfc="none")')
