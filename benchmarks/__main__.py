"""Run benchmarks and print one JSON line for each figure and peer.

python -m benchmarks                      # all but memory and retrain
python -m benchmarks decode --quick       # one, on little input: to see that it works
python -m benchmarks memory --mb 200
"""

import argparse
import tempfile
import warnings
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from benchmarks.measure import say

FAMILIES = (
    "decode",
    "features",
    "adf",
    "extract",
    "scale",
    "linear",
    "inference",
    "train-binary",
    "cclp-step",
    "edge-capture",
    "edge-delay",
    "edge-rss",
    "testbed",
    "update",
    "fleet",
    "images",
)
ONLY_IF_ASKED = ("memory", "retrain")  # the one writes gigabytes, the other trains for most of an hour


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("only", nargs="*", metavar="NAME", help=", ".join([*FAMILIES, *ONLY_IF_ASKED]))
    parser.add_argument("--quick", action="store_true", help="little input: the figures mean nothing")
    parser.add_argument("--mb", type=int, default=4000, help="size of memory's capture")
    chosen = parser.parse_args()
    if unknown := set(chosen.only) - {*FAMILIES, *ONLY_IF_ASKED}:
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}")
    warnings.simplefilter("ignore")
    for name in chosen.only or FAMILIES:
        say(f"{name}: begins")
        options = {"megabytes": chosen.mb} if name == "memory" else {}
        with tempfile.TemporaryDirectory(prefix="edgeprint-benchmark-") as folder:
            for result in import_module(f"benchmarks.{name.replace('-', '_')}").run(
                Path(folder), chosen.quick, **options
            ):
                if chosen.quick:
                    result = replace(result, data=f"QUICK, no figure to show: {result.data}")
                print(result.line(), flush=True)


if __name__ == "__main__":
    main()
