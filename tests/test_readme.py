"""What the README says is so, and the table of schemes."""

import math
import re
from pathlib import Path

import pytest

import sdetheory as st
from sdetheory.simulators import SCHEMES

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_its_code_runs(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.S)
    namespace = {}
    exec(code, namespace)
    assert namespace["hp"].with_learning_rate(0.2).batch_size == 62
    linear = st.evidence.LinearModel(namespace["model"].X, namespace["model"].y)
    assert namespace["best"].log_evidence > linear.log_evidence(1.0, noise_variance=1.0)
    assert abs(namespace["sample"].mean.z_score(st.theory.gibbs(namespace["well"], 0.25).mean)[0]) < 5
    assert "±" in capsys.readouterr().out


def order(text):
    return {"–": None, "∞": math.inf}[text] if text in "–∞" else float(text)


SCHEMES_PAGE = (Path(__file__).parent.parent / "docs" / "lookup" / "schemes.md").read_text(encoding="utf-8")
TABLE = SCHEMES_PAGE.split("| --- |", 1)[1]
ROWS = {row[0]: row[1:] for row in re.findall(r"^\| `([\w-]+)`.*? \| (.*) \|$", TABLE, flags=re.M)}


@pytest.mark.parametrize("name", SCHEMES)
def test_the_table_of_schemes(name):
    strong, weak, stationary, calculus, drifts = ROWS[name][0].split(" | ")
    scheme = SCHEMES[name]
    declared = [scheme.strong_order.get(noise) for noise in ("additive", "scalar", "general")]
    assert declared == [order(text) for text in strong.split(", ")]
    assert (scheme.weak_order, scheme.stationary_order) == (order(weak), order(stationary))
    if calculus == "either":
        assert set(scheme.strong_order) == {"additive"}
    else:
        assert scheme.calculus == {"Itô": "ito", "Stratonovich": "stratonovich"}[calculus]
    assert scheme.drift_evaluations == int(drifts)


def test_the_table_has_no_other_rows():
    assert set(ROWS) == set(SCHEMES)
