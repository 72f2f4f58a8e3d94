"""Would the tests notice? Changes one operator or number at a time in the formulas, and runs what covers the line.

    python tests/mutation.py --measure        once: which test covers which line, and how long it takes
    python tests/mutation.py --number 300     try mutants, drawn at random; stopped and started again, it goes on
    python tests/mutation.py --part 0 2       half of them; the other half, 1 2, can run beside it

The mutants are Cosmic Ray's (``pip install cosmic-ray coverage``), drawn with equal probability over the places that it
would change. Each runs in a copy of the project, in a process forked from one that has loaded the libraries.
"""

from __future__ import annotations

import argparse
import ast
import csv
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / ".mutation"
TARGETS = ("hyperparameters.py", "symbolic/sgd/minibatches.py", "theory/**/*.py", "evidence/**/*.py")
TESTS = (
    "tests/theory", "tests/evidence", "tests/symbolic/test_sampling.py", "tests/test_hyperparameters.py",
    "tests/symbolic/test_noise_scale_derivation.py", "tests/test_scaling.py", "tests/test_one_source_of_truth.py",
    "paper_checks",
)  # fmt: skip
LONGEST = 90.0  # seconds of tests that a mutant is given, the quick ones first
FIELDS = ("file", "line", "operator", "occurrence", "outcome", "tests", "seconds", "change")


def targets() -> list[Path]:
    """Return the files that are mutated."""
    return sorted(path for pattern in TARGETS for path in (ROOT / "sdetheory").glob(pattern) if path.stem != "__init__")


class Durations:
    """A plugin of pytest that writes how long each test takes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def pytest_runtest_logreport(self, report) -> None:
        """Append a line a phase."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{report.duration:.4f}\t{report.outcome}\t{report.nodeid}\n")


def measure() -> None:
    """Run the tests once with their coverage."""
    WORK.mkdir(exist_ok=True)
    settings = WORK / "coveragerc"
    lines = ["[run]", "dynamic_context = test_function", f"data_file = {WORK / 'coverage'}", "source = sdetheory"]
    settings.write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name in ("coverage", "durations.tsv"):
        (WORK / name).unlink(missing_ok=True)
    program = (
        "import sys; sys.path.insert(0, 'tests'); from pathlib import Path; import mutation, pytest;"
        "sys.exit(pytest.main(['-q', *mutation.TESTS], plugins=[mutation.Durations(Path('.mutation/durations.tsv'))]))"
    )
    script = WORK / "measured.py"
    script.write_text(program, encoding="utf-8")
    command = [sys.executable, "-m", "coverage", "run", f"--rcfile={settings}", str(script)]
    subprocess.run(command, cwd=ROOT, check=True, env=os.environ | {"PYTHONPATH": str(ROOT)})


def durations() -> dict[str, float]:
    """Return the seconds that each test takes."""
    seconds: dict[str, float] = {}
    for line in (WORK / "durations.tsv").read_text(encoding="utf-8").splitlines():
        duration, _, test = line.split("\t")
        seconds[test] = seconds.get(test, 0.0) + float(duration)
    return seconds


def covering() -> dict[tuple[str, int], list[str]]:
    """Return the tests that cover each line of each file, by their function's name, "module.Class.test"."""
    from coverage.numbits import numbits_to_nums

    found: dict[tuple[str, int], list[str]] = {}
    with sqlite3.connect(WORK / "coverage") as data:
        query = (
            "select file.path, context.context, line_bits.numbits from line_bits "
            "join file on file.id = file_id join context on context.id = context_id where context.context != ''"
        )
        for path, context, bits in data.execute(query):
            # What runs at import has no line of its own in a test: line 0 stands for every test of the file.
            for line in (0, *numbits_to_nums(bits)):
                found.setdefault((path, line), []).append(context)
    return found


def tests_of(contexts: list[str], seconds: dict[str, float]) -> list[str]:
    """Return the ids of the tests with these functions, the quick ones first, as many as fit the time."""
    names = {tuple(context.rsplit(".", 2)[-2:]) for context in contexts}
    file_and_function = {
        test: (Path(test.partition("::")[0]).stem, test.split("::")[-1].split("[")[0]) for test in seconds
    }
    some = [test for test, name in file_and_function.items() if name in names]
    kept, total = [], 0.0
    for test in sorted(some, key=seconds.__getitem__):
        total += seconds[test]
        if kept and total > LONGEST:
            break
        kept.append(test)
    return kept


def mutants(number: int, seed: int) -> list[tuple[Path, int, str, int]]:
    """Return file, line, operator and occurrence of mutants, each of another place."""
    from cosmic_ray.commands import init
    from cosmic_ray.work_db import WorkDB, use_db

    with use_db(str(WORK / "places.sqlite"), WorkDB.Mode.create) as places:
        init(targets(), places, {})
        items = [item.mutations[0] for item in places.work_items]
    families: dict[tuple[str, tuple[int, int], str], list] = {}
    for item in items:
        family = item.operator_name.partition("_")[0]
        families.setdefault((str(item.module_path), item.start_pos, family), []).append(item)
    generator = random.Random(seed)
    order = sorted(families)
    generator.shuffle(order)
    chosen = []
    for key in order:
        item = generator.choice(sorted(families[key], key=lambda item: (item.operator_name, item.occurrence)))
        if mutated(Path(item.module_path), item.operator_name, item.occurrence):
            chosen.append((Path(item.module_path), item.start_pos[0], item.operator_name, item.occurrence))
        if len(chosen) == number:
            break
    return chosen


def mutated(path: Path, operator: str, occurrence: int) -> str | None:
    """Return the changed text of a file, or None if only an annotation changes or nothing could be run."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    text = path.read_text(encoding="utf-8")
    changed = mutate_code(text, get_operator(operator)(), occurrence)
    return changed if changed and bare(changed) not in ("", bare(text)) else None


def bare(text: str) -> str:
    """Return what a module does, without its annotations."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return ""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        if isinstance(node, ast.arg):
            node.annotation = None
        if isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
    return ast.dump(tree)


def attempt(copy: Path, tests: list[str], limit: float) -> str:
    """Run tests in a copy of the project, and return "killed", "survived" or "timeout"."""
    child = os.fork()
    if child == 0:
        import pytest

        os.setsid()
        os.chdir(copy)
        sys.path.insert(0, str(copy))
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        os._exit(int(pytest.main(["-x", "-q", *tests])))
    end = time.monotonic() + limit
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return "survived" if os.waitstatus_to_exitcode(status) == 0 else "killed"
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "timeout"


def run(number: int, seed: int, part: int, parts: int) -> None:
    """Try mutants that have not been tried."""
    import matplotlib.pyplot  # noqa: F401 - loaded before the fork, once for all mutants
    import numba  # noqa: F401
    import scipy.stats  # noqa: F401
    import sympy  # noqa: F401

    results = WORK / "results.csv"
    if not results.exists():
        results.write_text(",".join(FIELDS) + "\n", encoding="utf-8")
    with results.open(encoding="utf-8", newline="") as file:
        done = {(row["file"], row["operator"], int(row["occurrence"])) for row in csv.DictReader(file)}
    copy = WORK / f"copy{part}"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "figures", "__pycache__"))
    lines, seconds = covering(), durations()
    for path, line, operator, occurrence in mutants(number, seed)[part::parts]:
        name = str(path.relative_to(ROOT))
        if (name, operator, occurrence) in done:
            continue
        text, changed = path.read_text(encoding="utf-8"), mutated(path, operator, occurrence)
        tests = tests_of(lines.get((str(path), line)) or lines.get((str(path), 0), []), seconds)
        start = time.monotonic()
        outcome = "not covered"
        if tests:
            (copy / name).write_text(changed, encoding="utf-8")
            outcome = attempt(copy, tests, 60 + 5 * LONGEST)
            (copy / name).write_text(text, encoding="utf-8")
        with results.open("a", encoding="utf-8", newline="") as file:
            measured = (outcome, len(tests), f"{time.monotonic() - start:.1f}", change(text, changed))
            csv.writer(file).writerow([name, line, operator, occurrence, *measured])


def change(before: str, after: str) -> str:
    """Return the first line that differs, before and after."""
    pairs = zip(before.splitlines(), after.splitlines(), strict=False)
    first, second = next(pair for pair in pairs if pair[0] != pair[1])
    return f"{first.strip()} -> {second.strip()}"


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description="Mutants of the formulas, and whether the tests notice.")
    parser.add_argument("--measure", action="store_true", help="find out which test covers which line")
    parser.add_argument("--number", type=int, default=300, help="mutants")
    parser.add_argument("--seed", type=int, default=0, help="which mutants")
    parser.add_argument("--part", type=int, nargs=2, default=(0, 1), metavar=("I", "N"), help="the I-th of N shares")
    given = parser.parse_args()
    if given.measure:
        measure()
    else:
        run(given.number, given.seed, *given.part)


if __name__ == "__main__":
    main()
