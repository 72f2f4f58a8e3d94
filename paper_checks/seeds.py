"""How often does a true claim look false? ``python -m paper_checks.seeds`` decides the random checks for 20 root seeds.

What was found is kept in ``seeds.csv`` beside this file: a line a seed, with the claims that were decided and those
that turned red. A seed that is there is not run again. If all is well, one run of the suite in a thousand has a red.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT_SEED = int(os.environ.get("SDETHEORY_SEED", "1710"))
"""From which every check has a generator of its own."""

FILE = Path(__file__).with_name("seeds.csv")
FIELDS = ("seed", "claims", "red", "false_alarm_rate")


def decide(seed: int) -> tuple[int, list[str], str]:
    """Return how many claims were decided, which turned red, and the false-alarm rate that was spent."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "paper_checks", "--random"]
    done = subprocess.run(
        command,
        cwd=FILE.parents[1],
        env=os.environ | {"SDETHEORY_SEED": str(seed)},
        capture_output=True,
        text=True,
        check=False,
    )
    table = done.stdout.partition(" verdicts ")[2]
    claims = re.findall(r"^[A-Z]+\d{2,3} .*$", table, flags=re.MULTILINE)
    if not claims:
        raise RuntimeError(f"pytest decided no claim:\n{done.stdout}{done.stderr}")
    spent = re.findall(r"^false-alarm rate spent: (\S+)", table, flags=re.MULTILINE)
    return len(claims), [line.split()[0] for line in claims if "  RED " in line], spent[0]


def main() -> None:
    """Run the seeds that are missing."""
    parser = argparse.ArgumentParser(prog="python -m paper_checks.seeds", description="The claims for many root seeds.")
    parser.add_argument("--seeds", type=int, nargs=2, default=(1, 20), metavar=("FIRST", "LAST"), help="root seeds")
    first, last = parser.parse_args().seeds
    wanted = range(first, last + 1)
    if not FILE.exists():
        FILE.write_text(",".join(FIELDS) + "\n", encoding="utf-8")
    with FILE.open(encoding="utf-8", newline="") as file:
        done = {int(row["seed"]): row["red"] for row in csv.DictReader(file)}
    for seed in wanted:
        if seed not in done:
            claims, red, spent = decide(seed)
            done[seed] = " ".join(red)
            with FILE.open("a", encoding="utf-8", newline="") as file:
                csv.writer(file, lineterminator="\n").writerow([seed, claims, done[seed], spent])
            print(f"root seed {seed}: {claims} claims, {len(red)} red {done[seed]}", flush=True)
    print(f"{len(done)} root seeds, {sum(bool(red) for red in done.values())} of them with a red claim")


if __name__ == "__main__":
    main()
