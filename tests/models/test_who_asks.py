"""Whoever uses a model asks it, never its class: read from the source."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "sdetheory"
MODELS = {
    "Model", "ModelBase", "PredictorModel", "ClassModel", "Regression", "TwoClasses", "LinearRegression",
    "LogisticRegression", "PoissonRegression", "ProbitRegression", "SoftmaxRegression", "ReLUNetwork", "FunctionModel",
    "AdaptedModel", "LinearModel", "WeightModel",
}  # fmt: skip
ABOUT_CLASSES = {"formula_of", "declaring_class"}
"""Of models/_formula.py, for models/ alone."""


def names(node):
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} | {
        n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)
    }


def asked(source):
    """Return the lines in which a source tests whether something is of a model's class."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = names(node.func)
            suspect = bool(called & {"isinstance", "issubclass", "instance"}) and bool(names(node) & MODELS)
        elif isinstance(node, ast.ImportFrom):
            suspect = (node.module or "").endswith("_formula") and bool({a.name for a in node.names} & ABOUT_CLASSES)
        elif isinstance(node, ast.Compare):
            suspect = bool(names(node) & MODELS)
        elif isinstance(node, ast.MatchClass):
            suspect = bool(names(node.cls) & MODELS)
        else:
            continue
        if suspect:
            found.append(node.lineno)
    return found


@pytest.mark.parametrize(
    "source",
    [
        "isinstance(model, LogisticRegression)",
        "isinstance(target.model, (models.LinearModel, int))",
        "issubclass(type(model), SoftmaxRegression)",
        "_validate.instance('model', model, LinearModel | WeightModel)",
        "from ..models._formula import formula_of, overridden",
        "type(model) is PoissonRegression",
        "kind in (LinearRegression, LogisticRegression)",
        "match model:\n    case ReLUNetwork():\n        pass",
    ],
)
def test_the_reader_sees_a_question_about_a_class(source):
    """The negative control."""
    assert len(asked(source)) == 1


def test_the_reader_lets_questions_to_a_model_pass():
    assert asked("likelihood = likelihood_of(model)\nLogisticRegression(X, y)\nisinstance(fit, Laplace)") == []


def test_every_model_is_known_to_the_reader():
    classes = {
        node.name
        for path in (PACKAGE / "models").glob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
        if any(n.name == "cost" for n in node.body if isinstance(n, ast.FunctionDef))
    }
    assert classes and classes <= MODELS


def test_nobody_outside_models_asks_for_a_class():
    elsewhere = [path for path in PACKAGE.rglob("*.py") if (PACKAGE / "models") not in path.parents]
    assert len(elsewhere) > 100
    found = {str(path.relative_to(PACKAGE)): asked(path.read_text(encoding="utf-8")) for path in elsewhere}
    assert {path: lines for path, lines in found.items() if lines} == {}
