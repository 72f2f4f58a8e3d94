"""The scripts under derivations/ run, print in every format, and fail loudly when a step is false."""

import contextlib
import importlib
import inspect
import io
import os
import re
import runpy
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest
from proved import proved

from derivations import noise_scale
from derivations.__main__ import main, modules
from sdetheory.errors import SdeTheoryError
from sdetheory.symbolic import lecture_notes, present

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "derivations" / "noise_scale.py"


def run(*arguments, cwd=ROOT):
    environment = {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "PATH": ""}
    return subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=cwd, env=environment, capture_output=True, text=True, timeout=600
    )


@pytest.fixture(scope="module")
def outputs():
    """Return what the script prints, as text in a process of its own."""
    done = run(SCRIPT, "--format", "text")
    assert done.returncode == 0, done.stderr
    printed, lines = {"text": done.stdout}, noise_scale.meet_numerics(proved("noise_scale"))
    for name in ("markdown", "latex"):
        with contextlib.redirect_stdout(io.StringIO()) as output:
            assert present(lambda: proved("noise_scale"), lambda _: lines, ["--format", name]) == 0
        printed[name] = output.getvalue()
    return printed


def test_every_format_ends_by_meeting_the_numerics(outputs):
    for output in outputs.values():
        assert "400.4 = 400.4 (every batch listed)" in output
        assert "3.025 = 3.025 (sdetheory.noise" in output.replace("\\_", "_")


def test_text_holds_no_markup(outputs):
    assert "$" not in outputs["text"]
    assert "\\" not in outputs["text"]


def test_markdown_mathematics_is_closed(outputs):
    assert outputs["markdown"].count("$$") % 2 == 0
    assert re.findall(r"\\tag\{(\d+)\}", outputs["markdown"])[:3] == ["1", "2", "3"]


def test_latex_is_balanced_and_in_characters_that_compile(outputs):
    latex = outputs["latex"]
    assert latex.count("{") == latex.count("}")
    assert latex.count(r"\begin{") == latex.count(r"\end{")
    assert latex.replace(r"\$", "").count("$") % 2 == 0
    outside_ascii = {c for c in latex if ord(c) > 127}
    assert outside_ascii <= {"ô"}, outside_ascii
    # No bare underscore outside mathematics.
    prose = re.sub(r"\\begin\{dmath\}.*?\\end\{dmath\}", "", latex, flags=re.DOTALL)
    prose = re.sub(r"\$[^$]*\$", "", prose)
    assert not re.search(r"(?<!\\)[_^&#%]", prose)


def test_unknown_format_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--format", "word"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(SCRIPT), run_name="__main__")
    assert ended.value.code == 2


def test_all_derivations_are_listed(monkeypatch, capsys):
    """With ``SDETHEORY_GALLERY=DIR`` their pages are left in a folder of it, for the site."""
    for module in modules():
        sound = proved(module.__name__.rpartition(".")[2])
        monkeypatch.setattr(module, "derive", lambda sound=sound: sound)
    gallery = os.environ.get("SDETHEORY_GALLERY")
    assert main(["--markdown", str(Path(gallery) / "derivations")] if gallery else []) == 0
    output = capsys.readouterr().out
    assert "g = epsilon*(-1 + N/B)" in output
    assert all(f"{module.__name__.rpartition('.')[2]}: " in output for module in modules())


FAILING = [
    ("/ (n - 1)", "/ n"),  # the wrong covariance misses the listed batches
    ("formula(epsilon=learning_rate,", "formula(epsilon=learning_rate / 2,"),
    ("formula(epsilon=learning_rate, N=train_size", "formula(epsilon=learning_rate, N=train_size + 1"),
]


def source_of(name):
    return (SCRIPT.parent / f"{name}.py").read_text(encoding="utf-8")


def with_passage(name, old, new):
    """Return the source of a page with a passage replaced."""
    assert source_of(name).count(old) == 1
    return source_of(name).replace(old, new)


def as_module(source, name):
    module = types.ModuleType("corrupted")
    exec(compile(source, f"corrupted_{name}.py", "exec"), vars(module))
    return module


@pytest.mark.parametrize(("old", "new"), FAILING)
def test_a_comparison_that_fails_is_reported(capsys, old, new):
    corrupted = as_module(with_passage("noise_scale", old, new), "noise_scale")
    assert present(lambda: proved("noise_scale"), corrupted.meet_numerics, []) == 1
    assert capsys.readouterr().err.startswith("error: ")


def test_a_comparison_that_fails_gives_a_non_zero_exit(tmp_path):
    copy = tmp_path / "noise_scale.py"
    copy.write_text(with_passage("noise_scale", *FAILING[0]), encoding="utf-8")
    result = run(copy)
    assert result.returncode == 1
    assert "error: " in result.stderr
    assert "Traceback" not in result.stderr


def test_a_false_step_in_one_module_fails_the_whole_run_but_not_the_others(tmp_path):
    folder = tmp_path / "derivations"
    folder.mkdir()
    for name in ("__init__", "__main__", "random_reshuffling"):
        shutil.copy(SCRIPT.parent / f"{name}.py", folder)
    result = run("-m", "derivations", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    (folder / "broken.py").write_text(
        "import sympy\nfrom sdetheory.symbolic import Derivation\n"
        "def derive():\n    x = sympy.Symbol('x', positive=True)\n    d = Derivation('broken')\n"
        "    d.assume(x, 'a number')\n    d.step('half dropped', x**2 / 2, x**2, by='slip')\n",
        encoding="utf-8",
    )
    result = run("-m", "derivations", cwd=tmp_path)
    assert result.returncode == 1
    assert "broken: FAILED" in result.stdout
    assert "random_reshuffling: " in result.stdout


PAGES = ("momentum", "optimum_batch_size", "modified_equations", "gibbs_law", "ornstein_uhlenbeck")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_prints_in_every_format_and_ends_by_meeting_the_numerics(name, capsys):
    module = importlib.import_module(f"derivations.{name}")
    derived = proved(name)
    lines = module.meet_numerics(derived)
    assert len(lines) >= 4
    for chosen in ("text", "markdown", "latex"):
        assert present(lambda: derived, module.meet_numerics, ["--format", chosen]) == 0
        output = capsys.readouterr().out
        assert all(derivation.title in output for derivation in derived)
        assert lines[-1].replace("_", r"\_" if chosen != "text" else "_") in output
        if chosen == "latex":
            assert output.count("{") == output.count("}")
            assert output.replace(r"\$", "").count("$") % 2 == 0
            assert all(ord(c) < 128 or c in "äöüßéèôø" for c in output)
        if chosen == "text":
            assert "$" not in output


# What is replaced by what, and the message that says so; one line for each step that matters.
CORRUPTED = [
    ("momentum", 'level / 2, "the temperature"', 'level, "the temperature"', "keeps this density"),
    ("momentum", "(FRICTION * TIME) ** 2 * G", "(FRICTION * TIME) * G", "variances of the change of v agree"),
    ("momentum", "(2 * (2 - MU) - pull))\n    first", "(2 * (2 - MU) + pull))\n    first", "that of v′² is r again"),
    ("momentum", '(N / B - 1) * NU / MU, "the', '(N / B) * NU / MU, "the', "the noise scale"),
    ("momentum", "kappa=rate, V=v, mu=1 - m", "kappa=rate, V=v, mu=m", "theory.sgd_covariance says"),
    ("optimum_batch_size", "solution=(1 + G * MU", "solution=(1 - G * MU", "the batch size has the best noise scale"),
    ("optimum_batch_size", "batch / simple, 1 - batch / N", "batch / simple, 1", "too much by the share"),
    (
        "optimum_batch_size",
        "rate * (N / size - 1)\n",
        "rate * ((N - 1) / size - 1)\n",
        "the noise scale stays but for r",
    ),
    ("optimum_batch_size", "solution=1 / (sympy.sqrt(K) * rate)", "solution=1 / (K * rate)", "the drifts agree"),
    ("optimum_batch_size", "batch_size=size)", "batch_size=size + 1)", "theory.sgd_covariance says"),
    ("optimum_batch_size", "epsilon=epsilon, k=factor, a=a", "epsilon=epsilon, k=factor, a=a / 2", "sgd_covariance"),
    ("modified_equations", "ETA**2 / 2 * (L.diff", "ETA**2 * (L.diff", "in order of the derivatives"),
    (
        "modified_equations",
        "(L + ETA / 4 * L.diff(X) ** 2).diff",
        "(L + ETA / 2 * L.diff(X) ** 2).diff",
        "now they agree",
    ),
    ("modified_equations", "p2 / p1, 1 - ETA", "p2 / p1, 1 + ETA", "says that it varies less"),
    ("modified_equations", "unknown=c, solution=1,", "unknown=c, solution=0,", "the terms with η agree"),
    ("modified_equations", "noise, 2 * rate * p", "noise, rate * p", "that of one step"),
    ("modified_equations", "[[exact(**values) / 2]]", "[[exact(**values)]]", "sdetheory.ornstein_uhlenbeck says"),
    ("gibbs_law", "unknown=heat, solution=G * level / 2", "unknown=heat, solution=G * level", "they cancel if"),
    (
        "gibbs_law",
        "at_start = sympy.exp(-2 * phi / G) / F",
        "at_start = sympy.exp(-2 * phi / G) / sympy.sqrt(F)",
        "has no current",
    ),
    (
        "gibbs_law",
        "half_way = sympy.exp(-2 * phi / G) / sympy.sqrt(F)",
        "half_way = sympy.exp(-2 * phi / G) / F",
        "has no current",
    ),
    ("gibbs_law", "-k * X + G * growth * X / 2", "-k * X", "its mean of x² does not change"),
    ("gibbs_law", "sympy.Derivative(root, X) / 2", "sympy.Derivative(root, X)", "pushes towards large noise"),
    ("gibbs_law", "np.exp(-2 * inner / g) / (f + s * x2)", "np.exp(-2 * inner / g)", "integrals over the density says"),
    ("ornstein_uhlenbeck", "unknown=S1, solution=D1 / H1", "unknown=S1, solution=D1 / H1 / 2", "along the first axis"),
    ("ornstein_uhlenbeck", "(P2, S1), (P12, -S12)", "(P2, S1), (P12, S12)", "this covariance is stationary"),
    ("ornstein_uhlenbeck", "2 * NOISE, [X, Y]", "NOISE, [X, Y]", "this covariance is stationary"),
    ("ornstein_uhlenbeck", "flow[1, 0], -q,", "flow[1, 0], q,", "the other one is its negative"),
    ("ornstein_uhlenbeck", "entropy, q**2 * (H1", "entropy, q**2 / 2 * (H1", "it is"),
    ("ornstein_uhlenbeck", "flow[0, 1], how)", "flow[1, 0], how)", "theory.ornstein_uhlenbeck says"),
]


def reuse_what_is_sound(module, name, old):
    """Let a corrupted page derive only what it may derive otherwise: the part where the passage was, or all."""
    source = source_of(name)
    parts = re.findall(r"(\w+)\(\)", inspect.getsource(importlib.import_module(f"derivations.{name}").derive))[1:]
    heads = re.findall(r"^def (\w+)", source[: source.index(old)], flags=re.MULTILINE)
    if heads[-1] in parts or "meet_numerics" in heads:
        for part, sound in zip(parts, proved(name), strict=True):
            if part != heads[-1]:
                setattr(module, part, lambda sound=sound: sound)


@pytest.mark.parametrize(("name", "old", "new", "message"), CORRUPTED)
def test_a_corrupted_page_is_caught(name, old, new, message):
    module = as_module(with_passage(name, old, new), name)
    reuse_what_is_sound(module, name, old)
    with pytest.raises(SdeTheoryError, match=re.escape(message)):
        module.meet_numerics(module.derive())


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex (texlive-latex-recommended, lmodern)")
def test_lecture_notes_compile_within_the_margins(tmp_path):
    notes = lecture_notes("All", [d for module in modules() for d in proved(module.__name__.rpartition(".")[2])])
    (tmp_path / "notes.tex").write_text(notes, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "notes.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120)
    log = (tmp_path / "notes.log").read_text(encoding="latin-1")
    assert done.returncode == 0, log[-2000:]
    # TeX reports each line that runs off the page; a point is a third of a millimetre.
    assert [line for line in log.splitlines() if re.match(r"Overfull \\hbox \(\d{2,}", line)] == []
    assert all(f"{title}" in notes for title in ("Itô and Stratonovich", r"\tableofcontents"))


def test_lecture_notes_and_pages_are_written(tmp_path, monkeypatch, capsys):
    one = importlib.import_module("derivations.random_reshuffling")
    monkeypatch.setattr("derivations.__main__.modules", lambda: [one])
    latex, pages = tmp_path / "notes.tex", tmp_path / "pages"
    assert main(["--latex", str(latex), "--markdown", str(pages)]) == 0
    assert "random_reshuffling: " in capsys.readouterr().out
    text = latex.read_text(encoding="utf-8")
    assert r"\hyperlink{eq:1.1}{(1.1)}" in text
    assert set(re.findall(r"\\hyperlink\{(.*?)\}", text)) <= set(re.findall(r"\\hypertarget\{(.*?)\}", text))
    assert (pages / "random_reshuffling.md").read_text(encoding="utf-8").count("$$") % 2 == 0
