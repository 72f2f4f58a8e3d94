"""What a compiled function is given: ten arguments at most, or records with named fields; read from the source."""

import ast
from pathlib import Path

import pytest

import sdetheory
from sdetheory._kernels import signatures

MOST = 10
SOURCES = sorted(Path(sdetheory.__file__).parent.rglob("*.py"))


def compiled(source: str) -> dict[str, int]:
    """Return how many arguments each function takes that Numba compiles."""
    counts = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            given = node.args
            if any(name in ast.unparse(d) for d in node.decorator_list for name in ("jit", "cfunc")):
                counts[node.name] = len([*given.posonlyargs, *given.args, *given.kwonlyargs])
                counts[node.name] += MOST * (given.vararg is not None)
    return counts


def test_compiled_functions_take_few_arguments():
    found = {f"{path.stem}.{name}": n for path in SOURCES for name, n in compiled(path.read_text("utf-8")).items()}
    assert {"descent.advance", "weighted.advance", "statistics.advance_and_record", "targets.meeting"} <= {*found}
    assert {name: n for name, n in found.items() if n > MOST} == {}


@pytest.mark.parametrize("name", ["FIELD", "NOISE", "WORDS", "STEP", "DESCENT", "WEIGHTED", "ADAPTIVE"])
def test_functions_that_kernels_call_take_few_arguments(name):
    assert len(getattr(signatures, name).args) <= MOST


@pytest.mark.parametrize(
    ("source", "n"),
    [
        ("@njit\ndef f(a, b, c, d, e, f, g, h, i, j, k): pass", 11),
        ("@checked\n@njit(parallel=True)\ndef f(a, b, c, d, e, f, g, h, i, j, *, k): pass", 11),
        ("@numba.jit\ndef f(a, *rest): pass", 11),
        ("@njit\ndef f(a, b): pass", 2),
    ],
)
def test_the_reader_counts(source, n):
    """The negative control."""
    assert compiled(source) == {"f": n}
    assert compiled("def f(a, b, c, d, e, f, g, h, i, j, k): pass") == {}
