"""How often does a true claim look false? ``python -m sdetheory.claims.seeds`` tries many root seeds.

What was found is kept in a CSV file: a line a seed, with the claims that were decided and those that turned red. A seed
that is there is not run again.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import subprocess
import sys
from pathlib import Path

FIELDS = ("seed", "claims", "red", "false_alarm_rate")


def decide(folder: Path, seed: int, ids: tuple[str, ...] = ()) -> tuple[int, list[str], str]:
    """Return how many claims of a folder were decided, which turned red, and the false-alarm rate that was spent."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder), "--random"]
    command += [f"--claim={identity}" for identity in ids]
    done = subprocess.run(
        command,
        env=os.environ | {"SDETHEORY_SEED": str(seed), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    table = done.stdout.partition(" verdicts ")[2]
    claims = re.findall(r"^[A-Z]+\d+ .*$", table, flags=re.MULTILINE)
    if not claims:
        raise RuntimeError(f"pytest decided no claim:\n{done.stdout}{done.stderr}")
    spent = re.findall(r"^false-alarm rate spent: (\S+)", table, flags=re.MULTILINE)
    return len(claims), [line.split()[0] for line in claims if "  RED " in line], spent[0]


def main(arguments: list[str] | None = None) -> None:
    """Run the seeds that are missing."""
    parser = argparse.ArgumentParser(
        prog="python -m sdetheory.claims.seeds", description="The random claims of a folder for many root seeds."
    )
    parser.add_argument("folder", type=Path, help="what pytest collects")
    parser.add_argument("file", type=Path, help="CSV file in which the seeds are kept")
    parser.add_argument("--seeds", type=int, nargs=2, default=(1, 20), metavar=("FIRST", "LAST"), help="root seeds")
    parser.add_argument("--claim", action="append", default=[], metavar="ID", help="this claim only (repeatable)")
    asked = parser.parse_args(arguments)
    if not asked.file.exists():
        asked.file.write_text(",".join(FIELDS) + "\n", encoding="utf-8")
    with asked.file.open(encoding="utf-8", newline="") as file:
        done = {int(row["seed"]): row["red"] for row in csv.DictReader(file)}
    first, last = asked.seeds
    for seed in [seed for seed in range(first, last + 1) if seed not in done]:
        claims, red, spent = decide(asked.folder, seed, tuple(asked.claim))
        done[seed] = " ".join(red)
        with asked.file.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow([seed, claims, done[seed], spent])
        print(f"root seed {seed}: {claims} claims, {len(red)} red {done[seed]}", flush=True)
    print(f"{len(done)} root seeds, {sum(bool(red) for red in done.values())} of them with a red claim")


if __name__ == "__main__":
    main()
