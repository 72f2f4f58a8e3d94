"""The figures of docs/paper/fuzz.md: ``python -m fuzzing --seconds 600``, in the folder of the tests."""

import argparse

import matplotlib

matplotlib.use("Agg")

from . import runs


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=[""], help="beginnings of names, such as theory. or sgd")
    parser.add_argument("--seconds", type=float, default=600.0, help="of the processor's time")
    parser.add_argument("--seed", type=int, default=0, help="of the order of the calls")
    options = parser.parse_args()
    outcomes = runs.run(runs.cases(options.seed, options.names), options.seconds)
    for case, verdict in sorted(runs.faults(outcomes).items()):
        print(f"{case.name}({case.argument} = <{case.kind}>) {verdict.what}: {verdict.words[:160]!a}")
    print(runs.figures(outcomes))


if __name__ == "__main__":
    main()
