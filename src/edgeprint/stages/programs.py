"""The programs that a workspace is kept with: dvc and, where it is a git repository of its own, git.

    dvc(workspace, "push")            its exit status; what it says goes to the console
    commit(workspace, "Captures of 2026Q4")

No library of the stack phones home; databases lie under state/, or on the servers that params.yaml names.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from edgeprint.errors import EdgeprintError
from edgeprint.stages.workspace import Workspace

QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "DVC_NO_ANALYTICS": "1",
}
DEFAULTS = {  # a person who sets one of these has a reason
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",  # 14 s; the flow's own tries come on top
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "OMP_NUM_THREADS": "1",  # a second thread for arrays this small waits more than it works
}
LIBC = ctypes.CDLL(None)  # opened here, not in a new process, which may begin with locks that nobody opens
PR_SET_PDEATHSIG = 1  # linux/prctl.h
KEPT = (".dvc", ".dvcignore", ".gitignore", "dvc.yaml", "dvc.lock", "params.yaml", "data", "reports")


class ProgramFailed(EdgeprintError):
    """dvc or git ended with an error; what it said is in the message."""


def environment(workspace: Workspace, **more: str) -> dict[str, str]:
    """Telemetry off, this interpreter's programs first, stores where the workspace has them."""
    scripts = Path(sys.executable).parent
    named = workspace.params().servers.prefect
    server = {"PREFECT_API_URL": named} if named else {}
    places = {
        "PATH": f"{scripts}{os.pathsep}{os.environ.get('PATH', '')}",
        "PREFECT_HOME": str(workspace.state.resolve() / "prefect"),
    }
    return {**DEFAULTS, **server, **os.environ, **places, **QUIET, **more}


def end_with_parent() -> None:
    """For subprocess' `preexec_fn`: Linux ends the new process when this one is killed, however hard."""
    if sys.platform == "linux":
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def dvc(workspace: Workspace, *arguments: str, **variables: str) -> int:
    """Run dvc in the workspace and return its exit status."""
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(command, cwd=workspace.root, env=environment(workspace, **variables)).returncode


def dvc_says(workspace: Workspace, *arguments: str) -> str:
    """What dvc prints. Raises ProgramFailed with its own words, which --quiet would hide."""
    return _said([sys.executable, "-m", "dvc", *arguments], workspace)


def is_git(workspace: Workspace) -> bool:
    """Whether the workspace is a git repository of its own, not a folder in another.

    One that ignores dvc.lock keeps no runs: it is a checkout of edgeprint, where nobody commits for a person.
    """
    if not (workspace.root / ".git").exists() or shutil.which("git") is None:
        return False
    asked = ["git", "check-ignore", "--quiet", "dvc.lock"]
    return subprocess.run(asked, cwd=workspace.root, check=False).returncode != 0


def commit(workspace: Workspace, message: str) -> bool:
    """Commit what describes data, numbers and results; False where nothing changed or there is no git."""
    if not is_git(workspace):
        return False
    present = [name for name in KEPT if (workspace.root / name).exists()]
    _git(workspace, "add", "--", *present)
    if not _git(workspace, "status", "--porcelain", "--untracked-files=no", "--", *present):
        return False
    _git(workspace, *_author(workspace), "commit", "--quiet", "-m", message, "--", *present)
    return True


def _author(workspace: Workspace) -> list[str]:
    """A schedule commits where nobody has told git a name."""
    try:
        _git(workspace, "config", "user.email")
    except ProgramFailed:
        return ["-c", "user.name=edgeprint", "-c", "user.email=edgeprint@localhost"]
    return []


def _git(workspace: Workspace, *arguments: str) -> str:
    return _said(["git", *arguments], workspace)


def _said(command: list[str], workspace: Workspace) -> str:
    done = subprocess.run(
        command, cwd=workspace.root, env=environment(workspace), capture_output=True, text=True
    )
    if done.returncode:
        name = Path(command[0]).name if command[0] == "git" else command[2]
        words = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.strip()]
        errors = [w for line, w in zip(done.stderr.splitlines(), words, strict=False) if "ERROR" in line]
        raise ProgramFailed(f"{name} {' '.join(command[3:5])}: {'; '.join(errors or words[-2:])}")
    return done.stdout.strip()
