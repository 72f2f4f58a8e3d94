"""``python -m sdetheory`` says what is installed, and notices a package that computes wrongly."""

import runpy
import sys

import pytest

import sdetheory as st


def run(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["sdetheory"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("sdetheory", run_name="__main__")
    return ended.value.code, capsys.readouterr().out


def test_it_names_the_machine_and_finds_all_right(monkeypatch, capsys):
    code, shown = run(monkeypatch, capsys)
    assert code == 0
    assert f"sdetheory {st.__version__}, Python " in shown and " threads" in shown
    assert shown.count("right  ") == 4 and "WRONG" not in shown


@pytest.mark.parametrize("wrong", ["temperature", "responses"])
def test_it_notices_what_is_wrong(monkeypatch, capsys, wrong):
    if wrong == "temperature":
        langevin = st.langevin
        monkeypatch.setattr(st, "langevin", lambda landscape, temperature: langevin(landscape, 1.1 * temperature))
    else:
        model = st.evidence.LinearModel
        monkeypatch.setattr(st.evidence, "LinearModel", lambda inputs, y: model(inputs, 1.001 * y))
    code, shown = run(monkeypatch, capsys)
    assert code == 1 and shown.count("WRONG: ") == 1
