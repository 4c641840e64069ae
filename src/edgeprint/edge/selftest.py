"""The self-test of a model that was just pulled, in a process of its own.

    prove_apart(folder)        # raises BadArtifact

A model that never comes to an end, needs all memory or breaks the runtime must not take the agent with it,
nor may a folder that was made to break whoever reads it. The child is a fork: it has the runtime loaded
already and costs some milliseconds. A fork of many threads may, rarely, hang by no fault of the model: a
second try in a fresh process then decides.
"""

from __future__ import annotations

import math
import os
import resource
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from edgeprint import artifact
from edgeprint.edge.bank import prove
from edgeprint.errors import BadArtifact, EdgeprintError

PATIENCE_S = 5.0
FRESH_PATIENCE_S = 30.0  # with the start of an interpreter on a slow Pi
MORE_BYTES = 512 * 2**20  # of address space, beyond what the agent has
LONGEST_SENTENCE = 1000
FRESH = "import sys; from edgeprint.edge.selftest import answer; answer(sys.argv[1], 1)"


def prove_apart(folder: Path, *, patience_s: float = PATIENCE_S, fresh_s: float = FRESH_PATIENCE_S) -> None:
    """Raises BadArtifact unless the model gives its golden outputs, in time and in bounded memory."""
    said = _in_fork(folder, patience_s)
    if said is None:
        said = _in_fresh_process(folder, fresh_s)
    if said != "ok":
        raise BadArtifact(said)


def answer(folder: str, out: int) -> None:
    """In the child: write `ok` or a sentence to that descriptor."""
    try:
        _bound_memory()
        found = artifact.read(Path(folder))
        for name, value in found.card.thresholds.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise BadArtifact(f"{folder} has {value!r} for the threshold {name}, which is no number")
        prove(found)
        said = "ok"
    except EdgeprintError as error:
        said = str(error)
    except MemoryError:
        said = f"the self-test of {folder} needs more than {MORE_BYTES // 2**20} MB"
    except Exception as error:  # whatever a folder made to do harm can raise: it is refused, by name
        said = f"{folder} breaks its self-test: {type(error).__name__}: {error}"
    os.write(out, said.encode()[:LONGEST_SENTENCE] or b"?")


def _bound_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MORE_BYTES
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard < 0 else min(limit, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _in_fork(folder: Path, patience_s: float) -> str | None:
    """What the child says; None where it did not come to an end."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            answer(str(folder), writing)
        finally:
            os._exit(0)
    os.close(writing)
    try:
        ready = select.select([reading], [], [], patience_s)[0]
        said = os.read(reading, LONGEST_SENTENCE).decode(errors="replace") if ready else None
    finally:
        os.close(reading)
        status = _ended(child)
    if said == "":
        return f"{folder} breaks the runtime: the self-test ended with {_why(status)}"
    return said


def _ended(child: int) -> int:
    """The status of a child that has answered, or is made to end."""
    due = time.monotonic() + 0.2
    while time.monotonic() < due:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def _why(status: int) -> str:
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return f"status {os.waitstatus_to_exitcode(status)}"


def _in_fresh_process(folder: Path, patience_s: float) -> str:
    try:
        done = subprocess.run(
            [sys.executable, "-c", FRESH, str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=patience_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{folder} hangs: its self-test had not ended after {patience_s:g} s"
    return done.stdout.decode(errors="replace") or f"{folder} breaks the runtime: {done.returncode}"
