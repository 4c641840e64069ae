"""The Prefect server that a job's flows report to: the one that is named, else one for the time of the job.

    with beside(workspace) as variables:     # in the job: for the environment of its stages
        dvc(workspace, "repro", **variables)
    await_start()                            # in a stage, before its flow

A server takes seconds to start, and so do DVC and the imports of a stage: they go on side by side.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from edgeprint import blank_databases
from edgeprint.errors import EdgeprintError
from edgeprint.stages.programs import end_with_parent, environment
from edgeprint.stages.workspace import Workspace

URL = "PREFECT_API_URL"
LOG = "EDGEPRINT_PREFECT_LOG"  # of a server that may still be starting
START_SECONDS = 120
STOP_SECONDS = 30
ENDED = "the server has ended with status"  # in its log


class ServerFailed(EdgeprintError):
    """The Prefect server of a job did not start."""


@contextlib.contextmanager
def beside(workspace: Workspace) -> Iterator[dict[str, str]]:
    """The variables that lead flows to the server that PREFECT_API_URL or params.yaml names, or to a new one.

    That one is on a free loopback port, its log in state/prefect.log.
    """
    if named := environment(workspace).get(URL):
        yield {URL: named}
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    blank_databases.begin("prefect", workspace.state / "prefect" / "prefect.db")
    (workspace.state / "prefect").mkdir(parents=True, exist_ok=True)  # the server does not make it
    path = workspace.state.resolve() / "prefect.log"
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with path.open("w") as log:
        server = subprocess.Popen(
            command, env=environment(workspace), stdout=log, stderr=log, preexec_fn=end_with_parent
        )
    watcher = threading.Thread(target=_note_end, args=(server, path), daemon=True)
    watcher.start()
    try:
        yield {URL: f"http://127.0.0.1:{port}/api", LOG: str(path)}
    finally:
        server.terminate()
        watcher.join(timeout=STOP_SECONDS)
        if watcher.is_alive():  # what the job came to matters more than how its server ends
            server.kill()
            watcher.join()


def _note_end(server: subprocess.Popen, log: Path) -> None:
    status = server.wait()
    with log.open("a") as file:
        file.write(f"{ENDED} {status}\n")


def await_start() -> None:
    """Wait for the server that the job has started, if it has. Raises ServerFailed."""
    log = os.environ.get(LOG)
    deadline = time.monotonic() + START_SECONDS
    while log and not _answers(os.environ[URL]):
        if ENDED in Path(log).read_text(errors="replace"):
            raise ServerFailed(f"the Prefect server did not start; see {log}")
        if time.monotonic() > deadline:
            raise ServerFailed(f"the Prefect server did not start within {START_SECONDS} s; see {log}")
        time.sleep(0.2)


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(f"{url}/health", timeout=5).close()
    except OSError:
        return False
    return True
