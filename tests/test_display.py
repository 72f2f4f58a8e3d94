"""What is seen of an object at the prompt and in a notebook: one line, a small table, or LaTeX; never a page."""

import ast
import dataclasses
import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sympy

import sdetheory as st
from sdetheory import _display

MODULES = [getattr(st, name) for name in st.__all__ if hasattr(getattr(st, name), "__path__")]
CLASSES = {
    thing.__name__: thing
    for module in [st, *MODULES]
    for thing in (getattr(module, name) for name in module.__all__)
    if inspect.isclass(thing) and not issubclass(thing, BaseException)
}
OWN = {"Landscape", "SDE", "SGDEquation", "Grid", "ItoSDE", "Registry", "Conformance", "AdaptiveEquation"}
"""Classes that show themselves: most have always done so, and a check of a model says what is off."""
ABSTRACT = {"Map", "Model", "Schedule"}


def filled(kind, value):
    """Return a dataclass whose fields all hold a value, as no constructor would allow."""
    made = object.__new__(kind)
    for field in dataclasses.fields(kind):
        object.__setattr__(made, field.name, value)
    return made


HUGE = [
    np.arange(1e5).reshape(10, -1), {f"key{i}": np.ones(1000) for i in range(1000)}, [np.ones(1000)] * 1000,
    ("a long word " * 30,) * 3, st.Estimate(value=np.ones(9999), stderr=np.ones(9999), n_eff=9), None, lambda x: x,
    np.random.SeedSequence(3), sympy.expand((sympy.Symbol("x") + 1) ** 40),
]  # fmt: skip


@pytest.mark.parametrize("name", sorted(CLASSES.keys() - OWN - ABSTRACT))
def test_every_public_class_is_shown_on_a_line_and_in_a_table(name):
    kind = CLASSES[name]
    assert kind.__repr__ is _display.line, "equip() of _display serves a class that has no line of its own"
    if not dataclasses.is_dataclass(kind):
        assert kind._shown and all(not part.startswith("_") for part in kind._shown)
        return
    for value in HUGE:
        thing = filled(kind, value)
        line, table = repr(thing), getattr(thing, "_repr_html_", lambda: "")()
        assert "\n" not in line and line.startswith(f"{name}(") and len(line) < 220
        assert len(table) < 400 * (1 + len(dataclasses.fields(kind)))
    assert "\n" not in repr(filled(kind, "a text\nof many lines\n" * 99))


def test_the_line_of_a_dataclass_itself_would_be_a_page():
    """The negative control."""

    @dataclasses.dataclass
    class Plain:
        x: object

    assert len(repr(Plain([np.ones(1000)] * 100))) > 220 and "\n" in repr(Plain(np.ones(100)))


@pytest.mark.parametrize("name", sorted(CLASSES.keys() & {"SGDHyperparameters", "Adam", "RMSprop"}))
def test_settings_are_told_apart_by_their_last_bit(name):
    """Checkpoints know the hyperparameters of their run by this line."""
    kind = CLASSES[name]
    given = {"SGDHyperparameters": {"learning_rate": 0.1, "train_size": 10**9, "batch_size": 12345678}}.get(name, {})
    fields = [f for f in dataclasses.fields(kind) if f.repr]
    thing = kind(**given)
    text = ", ".join(f"{f.name}={getattr(thing, f.name)!r}" for f in fields)
    assert repr(thing) == f"{name}({text})"
    for field in fields:
        value = getattr(thing, field.name)
        if isinstance(value, float):
            other = filled(kind, None)
            for each in dataclasses.fields(kind):
                object.__setattr__(other, each.name, getattr(thing, each.name))
            object.__setattr__(other, field.name, np.nextafter(value, 2.0).item())
            assert repr(other) != repr(thing)


def test_numbers_stand_in_the_table_with_their_errors():
    sharp = st.evidence.Reference(
        log_evidence=st.Estimate(value=-6.388, stderr=0.018, n_eff=100), effective_samples=96.98, pareto_k=0.052
    )
    assert repr(sharp) == "Reference(log_evidence=-6.388 ± 0.018, effective_samples=96.98, pareto_k=0.052)"
    html = sharp._repr_html_()
    assert "<caption" in html and "log evidence" in html and "-6.388 ± 0.018" in html
    law = st.theory.ornstein_uhlenbeck(np.eye(4), np.eye(4))
    assert repr(law) == (
        "OrnsteinUhlenbeck(hessian=<4x4 array>, diffusion=<4x4 array>, covariance=<4x4 array>, current=<4x4 array>)"
    )
    assert "&lt;4x4 array&gt;, 0 to 1" in law._repr_html_()


def test_what_says_nothing_is_left_out():
    formula = st.symbolic.Formula(symbol=sympy.Symbol("g"), expression=sympy.Symbol("k"))
    assert repr(formula) == "Formula(symbol=g, expression=k)"
    assert repr(st.stats.mean_estimate([0.0, 2.0])) == "Estimate(value=1.0, stderr=1.0, n_eff=2.0)"


def test_a_word_cannot_break_out_of_the_table():
    assert "<b>" not in filled(CLASSES["NoStationaryLaw"], "<b>")._repr_html_()


def test_formulas_are_shown_in_latex():
    k, x = sympy.symbols("k x")
    formula = st.symbolic.Formula(symbol=sympy.Symbol("g"), expression=k * x**2 / 2)
    assert formula._repr_latex_() == r"$\displaystyle g = \frac{k x^{2}}{2}$"
    bowl = st.Landscape.from_sympy("depth*x**2/2", variables=["x"], parameters={"depth": 0.1})
    assert bowl._repr_latex_() == (r"$\displaystyle C(x) = \frac{\mathrm{depth} x^{2}}{2}, \quad \mathrm{depth} = 0.1$")
    sde = st.SDE.from_sympy(
        ["y", "-k*x"], [["0", "0"], ["1", "x + 1"]], variables=["x", "y"], parameters={"k": 2.0},
        calculus="stratonovich",
    )  # fmt: skip
    assert sde._repr_latex_() == (
        r"$$\begin{aligned} dx &= y\, dt \\ dy &= \left(- k x\right)\, dt + dW_{1} + \left(x + 1\right) \circ dW_{2} "
        r"\\ & k = 2 \end{aligned}$$"
    )
    ito = st.symbolic.ItoSDE(-k * x, 1, x)
    assert ito._repr_latex_() == r"$$\begin{aligned} dx &= \left(- k x\right)\, dt + dW_{1} \end{aligned}$$"
    derivation = st.symbolic.Derivation("a title")
    assert derivation._repr_markdown_() == derivation.to_markdown() and "a title" in repr(derivation)


def test_an_equation_of_functions_has_no_formula_to_show():
    sde = st.SDE(drift=lambda x: -x, diffusion=[1.0], dimension=1, noise="additive")
    assert sde._repr_latex_() is None and repr(sde) == "<SDE 'SDE': d = 1, additive noise, ito>"


NOTEBOOK = """
import sys, types, warnings
warnings.simplefilter("always")
sys.modules["ipywidgets"] = None
sys.modules["IPython"] = ipython = types.ModuleType("IPython")
sys.modules["ipykernel.zmqshell"] = types.ModuleType("ipykernel.zmqshell")
class Shell:
    config = {"IPKernelApp": {}}
ipython.get_ipython = Shell
"""


def test_a_notebook_without_widgets_gets_a_bar_and_no_warning():
    """What a notebook is to tqdm, which asks for its modules; by itself its import warns (the control)."""
    ours = "from sdetheory.engine.progress import tqdm\nfor i in tqdm(range(3)): pass"
    run = subprocess.run([sys.executable, "-c", NOTEBOOK + ours], capture_output=True, text=True)
    assert run.returncode == 0 and "3/3" in run.stderr and "Warning" not in run.stderr, run.stderr
    control = subprocess.run([sys.executable, "-c", NOTEBOOK + "import tqdm.auto"], capture_output=True, text=True)
    assert "IProgress" in control.stderr


def test_nobody_but_progress_asks_tqdm():
    folder = Path(st.__file__).parent
    asks = [path.relative_to(folder).as_posix() for path in folder.rglob("*.py") if "tqdm" in outside(path)]
    assert asks == ["engine/progress.py"]


def outside(path):
    """Return which other packages a file imports."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level]
    return {name.partition(".")[0] for name in names}
