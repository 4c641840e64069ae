"""One at a time: whoever changes a workspace waits until nobody else does.

    with turn(workspace):
        ...

The lock is the kernel's (flock), so that a process that is killed holds none.
"""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from edgeprint.stages.workspace import Workspace


@contextmanager
def turn(workspace: Workspace) -> Iterator[None]:
    """Wait for the workspace, saying for whom, and keep it until the body has ended."""
    workspace.state.mkdir(parents=True, exist_ok=True)
    with (workspace.state / "turn").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            print(f"waiting for process {file.read()}, which works in {workspace.root}", file=sys.stderr)
            fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
