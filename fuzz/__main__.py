"""python -m fuzz [MINUTES]: fuzz the reader, then say what was executed, covered and found.

The corpus is kept in fuzz/corpus/, which git ignores, since it grows from other people's captures where these
are at hand. Loops run interpreted, so that the fuzzer sees their branches.
"""

import argparse
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from fuzz.findings import fault, minimise
from fuzz.reader import FileInMemory, check
from fuzz.seeds import write_seeds

FOLDER = Path(__file__).parent
CORPUS, MADE, FINDINGS = FOLDER / "corpus", FOLDER / "corpus-made", FOLDER / "findings"
# Bytes and seconds of an input; MiB of memory, of which atheris itself takes half a KiB more an execution.
LIMITS = ["-max_len=4096", "-timeout=20", "-rss_limit_mb=8192"]
PROGRESS = re.compile(r"#(\d+)\s.*cov: (\d+) .*corp: (\d+)")


def main(minutes: float) -> int:
    if not find_spec("atheris"):
        print("atheris is not installed: it has wheels for Linux on x86-64 only", file=sys.stderr)
        return 2
    for folder in (CORPUS, FINDINGS):
        folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "fuzz.target", str(FINDINGS), str(CORPUS), *map(str, write_seeds(MADE))]
    command += [*LIMITS, f"-artifact_prefix={FINDINGS}/", f"-max_total_time={round(minutes * 60)}"]
    executions, covered, corpus = 0, 0, 0
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace") as run:
        for line in run.stderr or ():
            if seen := PROGRESS.search(line):
                executions, covered, corpus = (int(number) for number in seen.groups())
            if not seen or "pulse" in line:
                print(line, end="", flush=True)
    print(f"{executions:,} executions, {covered:,} points covered, {corpus:,} inputs in the corpus")
    found = sorted(FINDINGS.iterdir())
    for path in found:
        print(described(path))
    print(f"{len(found)} findings in {FINDINGS}")
    return 1 if found or run.returncode else 0


def described(path: Path) -> str:
    """What is wrong with an input that was kept, and the shortest one with which it is."""
    file = FileInMemory()
    content = path.read_bytes()
    wrong = fault(lambda content: check(content, file), content)
    if wrong is None:
        return f"{path.name}: too slow or too large, {len(content)} bytes"
    return f"{wrong}: {minimise(lambda content: check(content, file), content)!r}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m fuzz", description="Look for captures that break the reader."
    )
    parser.add_argument("minutes", nargs="?", type=float, default=10, help="how long (default: 10)")
    sys.exit(main(parser.parse_args().minutes))
