"""The direction of imports and the laziness of the package, read from the source."""

import ast
import graphlib
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "sdetheory"
STDLIB = set(sys.stdlib_module_names)

# Unit of the package: the other units that it may import; None is any. All may import _display, which imports none.
INSIDE = {
    "errors": "",
    "_validate": "errors",
    "_display": "",
    "_intervals": "",
    "_propagation": "errors _intervals",
    "_refusals": "errors",
    "results": "errors _validate _intervals _propagation _refusals",
    "hyperparameters": "errors _validate",
    "optimizers": "errors _validate hyperparameters",
    # The limit in mean square of a model's own noise comes from theory, its inputs from models, inside functions.
    "equivalent_setting": "hyperparameters theory",
    "scaling": "errors _validate hyperparameters optimizers equivalent_setting models",
    "symbolic": "errors _validate",
    "_interrupt": "",
    "_kernels": "_interrupt",
    "schemes": "errors _validate _kernels",
    "engine": "errors _validate _interrupt _kernels",
    "landscapes": "errors _validate symbolic _kernels",
    "models": "errors _validate _intervals results",
    "datasets": "errors _validate",
    "theory": "errors _validate results hyperparameters",
    "equations": "errors _validate hyperparameters optimizers symbolic _interrupt _kernels engine landscapes models",
    "simulators": "errors _validate _intervals results symbolic _interrupt _kernels schemes engine models equations",
    "training": "errors _validate results hyperparameters optimizers _interrupt _kernels engine models simulators",
    "studies": "errors _validate _intervals results hyperparameters engine models equations simulators training",
    "evidence": "errors _validate _intervals results engine models equations simulators",
    "stats": "errors _validate results",
    "__main__": None,
    "claims": "errors _validate results stats",
    "plotting": None,  # leaves: they may import all, nobody imports them
    "exchange": None,
    "__init__": "",
}
# Third parties that a unit may import.
OUTSIDE = {
    "errors": "",
    "_validate": "numpy",
    "_display": "numpy",
    "_intervals": "numpy scipy",
    "_propagation": "numpy",
    "_refusals": "",
    "results": "numpy",
    "_interrupt": "",
    "hyperparameters": "numpy",
    "optimizers": "",
    "equivalent_setting": "numpy",
    "scaling": "numpy",
    "symbolic": "mpmath sympy",
    "_kernels": "llvmlite numba numpy",
    "schemes": "numpy scipy",
    "engine": "numba numpy tqdm",
    "landscapes": "numpy sympy",
    "models": "numpy scipy",
    "datasets": "mlxtend numpy",
    "theory": "numpy scipy",
    "equations": "llvmlite numba numpy sympy",
    "simulators": "numba numpy scipy sympy",
    "training": "numba numpy scipy",
    "studies": "numpy scipy",
    "evidence": "numpy scipy",
    "stats": "numpy scipy",
    "__main__": "llvmlite numba numpy",
    "claims": "matplotlib numpy pytest",
    "plotting": "matplotlib numpy scipy",
    "exchange": "numpy scipy sympy",
    "__init__": "lazy_loader",
}

# What may be missing, and is imported inside the functions of these modules alone.
OPTIONAL = {
    "sdetheory.models.adapters._jax": "jax",
    "sdetheory.models.adapters._torch": "torch",
    "sdetheory.models.adapters.from_jax": "jax",
    "sdetheory.models.adapters.from_torch": "torch",
}


def imported(source: str, module: str = "", is_package: bool = False) -> list[str]:
    """Return the full names of the modules that a source imports, inside functions too."""
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = module.split(".")[: None if is_package and node.level == 1 else -(node.level - is_package)]
                base = ".".join([*parents, *([base] if base else [])])
            # `from package import x`: x may be a module, so it counts as a name below.
            names += [f"{base}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and "import_module" in ast.dump(node.func):
            names += [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    return names


def unit_of(module: str) -> str:
    return [*module.split("."), "__init__"][1]


def violations(source: str, module: str, is_package: bool = False) -> list[str]:
    """Return what a module of the package imports and may not."""
    unit, found = unit_of(module), []
    outside = {*OUTSIDE[unit].split(), OPTIONAL.get(module)}
    top_level = ast.unparse(
        ast.Module([n for n in ast.parse(source).body if isinstance(n, ast.Import | ast.ImportFrom)], [])
    )
    if OPTIONAL.get(module) in imported(top_level, module, is_package):
        found.append(f"{module} imports {OPTIONAL[module]} before it is asked for")
    for name in imported(source, module, is_package):
        top = name.split(".")[0]
        if top == "sdetheory":
            other = unit_of(name)
            if other not in (unit, "_display") and INSIDE[unit] is not None and other not in INSIDE[unit].split():
                found.append(f"{module} imports {name}")
        elif top not in STDLIB and top not in outside:
            found.append(f"{module} imports {name}")
    return found


def package_modules() -> list[tuple[str, Path]]:
    modules = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        modules.append((".".join(parts[:-1] if parts[-1] == "__init__" else parts), path))
    return modules


MODULES = package_modules()


@pytest.mark.parametrize(("module", "path"), MODULES, ids=[name for name, _ in MODULES])
def test_imports_point_the_right_way(module, path):
    assert unit_of(module) in INSIDE, f"say in INSIDE and OUTSIDE what {unit_of(module)} may import"
    assert violations(path.read_text(encoding="utf-8"), module, path.name == "__init__.py") == []


def circle(sources: dict[str, str]) -> list[str] | None:
    """Return modules that import each other in a circle, inside functions too; None if there are none."""
    needs = {}
    for module, source in sources.items():
        tree = ast.parse(source)
        for node in ast.walk(tree):  # what only type checkers import does not count
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                node.body = [ast.Pass()]
        names = imported(ast.unparse(tree), module)
        needs[module] = {n if n in sources else n.rpartition(".")[0] for n in names} & sources.keys()
    try:
        graphlib.TopologicalSorter(needs).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return None


def test_imports_go_in_no_circle():
    assert circle({m: path.read_text(encoding="utf-8") for m, path in MODULES if path.name != "__init__.py"}) is None


def test_the_checker_sees_a_circle():
    a, b = "from .b import x", "def f():\n    from .a import y"
    assert circle({"p.a": a, "p.b": b}) == ["p.a", "p.b", "p.a"]
    assert circle({"p.a": a, "p.b": "if TYPE_CHECKING:\n    from .a import y\nz = 1"}) is None


def floors(needs: dict[str, set[str]]) -> int:
    """Return how many modules stand on one another at most."""
    heights: dict[str, int] = {}
    for module in graphlib.TopologicalSorter(needs).static_order():
        heights[module] = 1 + max((heights[n] for n in needs.get(module, ())), default=0)
    return max(heights.values())


def confusing(modules: list[tuple[str, str]]) -> list[str]:
    """Return the folders of more than fifteen modules (name, source), or of more than six floors."""
    folders: dict[str, dict[str, str]] = {}
    for module, source in modules:
        folders.setdefault(module.rpartition(".")[0], {})[module] = source
    found = []
    for folder, sources in folders.items():
        needs = {m: {n.rpartition(".")[0] for n in imported(s, m)} & sources.keys() - {m} for m, s in sources.items()}
        if len(sources) > 15 or (circle(sources) is None and floors(needs) > 6):
            found.append(folder)
    return found


def test_a_folder_is_taken_in_at_one_look():
    assert not confusing([(m, path.read_text(encoding="utf-8")) for m, path in MODULES if path.name != "__init__.py"])


def test_the_checker_sees_a_folder_that_is_not():
    tower = [(f"p.m{i}", f"from .m{i + 1} import x" if i < 6 else "") for i in range(7)]
    assert confusing(tower) == ["p"] and not confusing(tower[1:])
    assert confusing([(f"p.m{i}", "") for i in range(16)]) == ["p"]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("sdetheory.errors", "from . import _validate"),
        ("sdetheory._validate", "from .results import Estimate"),
        ("sdetheory.theory.gibbs", "from ..simulators import simulate"),
        ("sdetheory.theory.gibbs", "from .. import symbolic"),
        ("sdetheory.theory.gibbs", "def f():\n    import sympy"),
        ("sdetheory.theory.gibbs", "from numba import njit"),
        ("sdetheory.symbolic.formulas.parsing", "import numpy as np"),
        ("sdetheory.symbolic.formulas.parsing", "from ...results import Estimate"),
        ("sdetheory._kernels.block", "from ..errors import InvalidInputError"),
        ("sdetheory._kernels.block", "import scipy.special"),
        ("sdetheory.landscapes.library", "from ..simulators.sde import SDE"),
        ("sdetheory.evidence.linear.model", "import sdetheory.theory.gibbs"),
        ("sdetheory.stats", "from sdetheory import simulators"),
        ("sdetheory.equations.sde", "import importlib\nx = importlib.import_module('sdetheory.theory')"),
        ("sdetheory.models.logistic", "from .. import plotting"),
        ("sdetheory.engine.run", "from ..simulators import simulate"),
        ("sdetheory.models.linear", "def f():\n    import torch"),
        ("sdetheory.models.adapters._torch", "import torch"),
        ("sdetheory.models.adapters._torch", "def f():\n    import jax"),
    ],
)
def test_the_checker_sees_a_wrong_import(module, source):
    """The negative control."""
    assert len(violations(source, module)) == 1


def test_the_checker_lets_right_imports_pass():
    source = "from __future__ import annotations\nimport math\nimport numpy\nfrom .. import _validate\nfrom . import x"
    assert violations(source, "sdetheory.theory.gibbs") == []
    assert violations("from .gibbs import gibbs", "sdetheory.theory", is_package=True) == []
    assert len(violations("from ..symbolic import parse", "sdetheory.theory", is_package=True)) == 1
    assert violations("def f():\n    import torch", "sdetheory.models.adapters._torch") == []


@pytest.mark.parametrize("leaf", ["plotting", "exchange"])
def test_nobody_imports_a_leaf(leaf):
    for module, path in MODULES:
        if unit_of(module) == leaf:
            continue
        names = imported(path.read_text(encoding="utf-8"), module, path.name == "__init__.py")
        assert not any(name.startswith(f"sdetheory.{leaf}") for name in names), module


def private(source: str) -> list[str]:
    """Return the names that a source imports from the package and that are not public."""
    return [
        name
        for name in imported(source)
        if name.split(".")[0] == "sdetheory" and any(re.match(r"_(?!_)", part) for part in name.split("."))
    ]


FOLDERS = ("derivations", "paper_checks", "examples")
USERS = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


@pytest.mark.parametrize("path", USERS, ids=[str(path.relative_to(ROOT)) for path in USERS])
def test_derivations_checks_and_examples_use_public_names(path):
    source = path.read_text(encoding="utf-8")
    assert private(source) == []
    for name in imported(source):
        if name.split(".")[0] == "sdetheory":
            resolve(name)


def resolve(name: str):
    """Import a dotted name: modules as long as there are, then attributes."""
    parts = name.split(".")
    thing = importlib.import_module(parts[0])
    for n, part in enumerate(parts[1:], 2):
        thing = getattr(thing, part) if hasattr(thing, part) else importlib.import_module(".".join(parts[:n]))
    return thing


@pytest.mark.parametrize(
    "source",
    [
        "from sdetheory import _validate",
        "import sdetheory._kernels.block",
        "from sdetheory.theory.laws._box import cost",
    ],
)
def test_the_checker_sees_a_private_name(source):
    assert private(source)
    assert not private("from sdetheory import __version__\nfrom sdetheory.simulators import simulate")


def draws_globally(source: str) -> bool:
    """Whether a source uses NumPy's or Python's random numbers."""
    tree = ast.parse(source)
    attributes = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return any(name.startswith(("np.random", "numpy.random", "random.")) for name in {*attributes, *imported(source)})


@pytest.mark.parametrize("path", sorted((PACKAGE / "_kernels").rglob("*.py")), ids=lambda path: path.name)
def test_kernels_draw_no_numbers_of_their_own(path):
    assert not draws_globally(path.read_text(encoding="utf-8"))


def test_the_checker_sees_a_draw():
    assert draws_globally("import numpy as np\ndef f():\n    return np.random.standard_normal()")
    assert draws_globally("from numpy import random")


EVALUATION = {"eval", "exec", "compile", "sympify", "parse_expr", "lambdify", "S"}
# Generated source of functions, never a user's text; and formulas of declared symbols without undefined functions.
EVALUATES = {
    "_kernels/block.py": {"exec", "compile"},
    "equations/_fast_mathematics.py": {"exec"},
    "equations/_lane_loop.py": {"exec"},
    "symbolic/formulas/_coerce.py": {"sympify"},
    "symbolic/proofs/records.py": {"lambdify"},
}


def evaluating(source: str) -> set[str]:
    """Return which functions a source calls that could run a string as Python."""
    calls = [node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    names = {f.id for f in calls if isinstance(f, ast.Name)}
    names |= {f.attr for f in calls if isinstance(f, ast.Attribute) and ast.unparse(f.value) in ("sympy", "sp")}
    return names & EVALUATION


def test_no_string_becomes_python():
    found = {
        p.relative_to(PACKAGE).as_posix(): evaluating(p.read_text(encoding="utf-8")) for p in PACKAGE.rglob("*.py")
    }
    assert {path: names for path, names in found.items() if names} == EVALUATES


@pytest.mark.parametrize("source", ["eval(x)", "sympy.sympify(x)", "sympy.S(x)", "from sympy import S\nS('x')"])
def test_the_checker_sees_an_evaluation(source):
    assert evaluating(source)
    assert not evaluating("sympy.S.Half\nre.compile('x')\nsympy.Symbol('x')")


def test_kernels_without_fast_math():
    for path in (PACKAGE / "_kernels").rglob("*.py"):
        keywords = {node.arg for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.keyword)}
        assert "fastmath" not in keywords


def test_importing_the_package_loads_nothing_heavy():
    script = "import sys, sdetheory; print(*sorted({'sympy', 'numba', 'matplotlib', 'scipy'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""


def test_a_simulation_does_not_wait_for_what_it_does_not_need():
    """Half a second each, in every new process."""
    script = (
        "import sys, sdetheory as st; st.simulate, st.langevin; print(*{'scipy.stats', 'matplotlib'} & {*sys.modules})"
    )
    result = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""


def test_models_load_no_library_of_derivatives():
    script = "import sys; from sdetheory.models import from_torch, from_jax; print(*{'torch', 'jax'} & {*sys.modules})"
    result = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""
