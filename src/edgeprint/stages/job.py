"""The main job: make a workspace ready, let DVC decide what is stale, and let it run beside a Prefect server.

job = prepare(Path("."), data=None)      # the repository itself, with its simulated home
run(job)
"""

from __future__ import annotations

import contextlib
import filecmp
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import yaml

from edgeprint.errors import BadInventory, EdgeprintError, NotACapture, NotEnoughData
from edgeprint.packets import inventory
from edgeprint.packets.capture_file import CaptureFile
from edgeprint.stages import page
from edgeprint.stages.workspace import Workspace

CAPTURE_SUFFIXES = (".pcap", ".pcapng", ".cap", ".pcap.gz", ".pcapng.gz")
SERVER_SECONDS = 120


class StageFailed(EdgeprintError):
    """A stage of the pipeline ended with an error."""


def prepare(repository: Path, data: Path | None, workspaces: Path = Path("workspaces")) -> Workspace:
    """The workspace to run in: the repository for the simulated home, else `workspaces`/<name of DIR>.

    A params.yaml in DIR replaces the keys that it names. Raises BadInventory or NotACapture when DIR lacks
    devices.csv or holds no capture.
    """
    if data is None:
        return Workspace(repository)
    if not (data / "devices.csv").is_file():
        raise BadInventory(f"{data} holds no devices.csv (columns mac,device,category,iot)")
    inventory.read(data / "devices.csv")
    captures = [p for p in sorted(data.rglob("*")) if p.is_file() and _is_capture(p)]
    if not captures:
        raise NotACapture(f"{data} holds no capture (pcap or pcapng)")
    workspace = Workspace(workspaces / data.resolve().name)
    _lay_out(workspace, repository, data)
    _ingest(workspace, data, captures)
    return workspace


def _is_capture(path: Path) -> bool:
    """A capture by its first bytes, or a file named like one: extraction says what is wrong with it."""
    if path.name.lower().endswith(CAPTURE_SUFFIXES):
        return True
    try:
        next(iter(CaptureFile(path, block_bytes=1 << 16)), None)
    except NotACapture:
        return False
    return True


def _lay_out(workspace: Workspace, repository: Path, data: Path) -> None:
    """A DVC repository of its own: the same stages but the simulated home, the same params but DIR's."""
    workspace.root.mkdir(parents=True, exist_ok=True)
    stages = yaml.safe_load((repository / "dvc.yaml").read_text())
    del stages["stages"]["testbed"]
    stages["vars"] = [{"code": os.path.relpath(repository, workspace.root)}]
    (workspace.root / "dvc.yaml").write_text(yaml.safe_dump(stages, sort_keys=False))
    params = yaml.safe_load((repository / "params.yaml").read_text())
    if (data / "params.yaml").is_file():
        params = _replaced(params, yaml.safe_load((data / "params.yaml").read_text()) or {})
    (workspace.root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    workspace.params()
    if not (workspace.root / ".dvc").exists():
        _dvc(workspace, "init", "--quiet", "--no-scm")


def _replaced(old: dict, new: dict) -> dict:
    """`old` with the keys of `new`, section by section; unknown keys stay in, to be refused later."""
    merged = dict(old)
    for key, value in new.items():
        both = isinstance(value, dict) and isinstance(old.get(key), dict)
        merged[key] = _replaced(old[key], value) if both else value
    return merged


def _ingest(workspace: Workspace, data: Path, captures: list[Path]) -> None:
    """Copy what is new or changed, drop what is gone, and version the whole with DVC."""
    wanted = {p.relative_to(data): p for p in [*captures, data / "devices.csv"]}
    for relative, path in wanted.items():
        target = workspace.captures / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or not filecmp.cmp(path, target, shallow=False):
            target.unlink(missing_ok=True)
            shutil.copyfile(path, target)
    given = data / "source.json"  # a simulated home says so, and stays simulated wherever it is copied
    source = json.loads(given.read_text()) if given.is_file() else {"simulated": False}
    (workspace.captures / "source.json").write_text(json.dumps({**source, "name": data.resolve().name}))
    for path in workspace.captures.rglob("*"):
        relative = path.relative_to(workspace.captures)
        if path.is_file() and relative not in wanted and path.name != "source.json":
            path.unlink()
    _dvc(workspace, "add", "--quiet", "data/captures")


def _environment(workspace: Workspace, **more: str) -> dict[str, str]:
    """Telemetry off, this interpreter's programs first, every database under state/."""
    scripts = Path(sys.executable).parent
    quiet = {
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DVC_NO_ANALYTICS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "OMP_NUM_THREADS": "1",  # a second thread for arrays this small waits more than it works
    }
    places = {
        "PATH": f"{scripts}{os.pathsep}{os.environ.get('PATH', '')}",
        "PREFECT_HOME": str(workspace.state.resolve() / "prefect"),
    }
    return {**os.environ, **quiet, **places, **more}


def _dvc(workspace: Workspace, *arguments: str, **environment: str) -> int:
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(command, cwd=workspace.root, env=_environment(workspace, **environment)).returncode


def run(workspace: Workspace, *, force: bool = False, until: str | None = None) -> bool:
    """Reproduce what is stale, all of it or what leads to the stage `until`; returns whether anything was.

    Raises StageFailed with a stage that failed or is unknown.
    """
    workspace.params()
    known = list(yaml.safe_load((workspace.root / "dvc.yaml").read_text())["stages"])
    if until not in (None, *known):
        raise StageFailed(f"there is no stage {until!r}; the stages are {', '.join(known)}")
    targets = [until] if until else []
    (workspace.state / "prefect").mkdir(parents=True, exist_ok=True)  # its server does not make it
    # Without the registry's database the reports of an earlier run describe models that nobody has.
    lost = not (workspace.state / "mlflow.db").exists() and _has_trained(workspace)
    if not force and not lost and _dvc(workspace, "status", "--quiet", *targets) == 0:
        _dvc(workspace, "repro", "--no-run-cache", *targets)
        return False
    options = ["--force"] if force or lost else []
    workspace.stopped.unlink(missing_ok=True)
    with prefect_server(workspace) as url:
        code = _dvc(workspace, "repro", "--no-run-cache", *options, *targets, PREFECT_API_URL=url)
    if code:
        raise StageFailed(_stopped(workspace))
    return True


def _stopped(workspace: Workspace) -> str:
    """A sentence on where the run stopped; the page shows what was made before."""
    if not workspace.stopped.exists():
        workspace.stopped.write_text("a stage failed; its own message is on the console")
    sentence = f"the pipeline stopped in {workspace.root.resolve()}; what was finished before is kept"
    try:
        return f"{sentence}, and shown in {page.write(workspace).resolve()}"
    except NotEnoughData:
        return sentence


def _has_trained(workspace: Workspace) -> bool:
    lock = workspace.root / "dvc.lock"
    stages = yaml.safe_load(lock.read_text()).get("stages", {}) if lock.exists() else {}
    return any(name.startswith("train") for name in stages)


@contextlib.contextmanager
def prefect_server(workspace: Workspace) -> Iterator[str]:
    """A Prefect server on a free loopback port for the time of the job, its log in state/prefect.log."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api"
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with (workspace.state / "prefect.log").open("w") as log:
        server = subprocess.Popen(command, env=_environment(workspace), stdout=log, stderr=log)
        try:
            _wait_until_healthy(url, server, workspace.state / "prefect.log")
            yield url
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=30)


def _wait_until_healthy(url: str, server: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + SERVER_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=1):
            return
        time.sleep(0.2)
    raise StageFailed(f"the Prefect server did not start within {SERVER_SECONDS} s; see {log}")
