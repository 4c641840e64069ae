"""The main job: make a workspace ready, let DVC decide what is stale, and let it run beside a Prefect server.

job = prepare(Path("."), data=None)      # the repository itself, with its simulated home
run(job)
"""

from __future__ import annotations

import filecmp
import json
import shutil
from pathlib import Path

import yaml

from edgeprint.errors import BadInventory, EdgeprintError, NotACapture, NotEnoughData
from edgeprint.packets import inventory
from edgeprint.packets.capture_file import CaptureFile
from edgeprint.stages import layout, page, prefect_server
from edgeprint.stages.programs import commit, dvc, dvc_says
from edgeprint.stages.turn import turn
from edgeprint.stages.workspace import Workspace

CAPTURE_SUFFIXES = (".pcap", ".pcapng", ".cap", ".pcap.gz", ".pcapng.gz")


class StageFailed(EdgeprintError):
    """A stage of the pipeline ended with an error."""


def prepare(repository: Path, data: Path | None, workspaces: Path = Path("workspaces")) -> Workspace:
    """The workspace to run in: the repository for the simulated home, else `workspaces`/<name of DIR>.

    A params.yaml in DIR replaces the keys that it names. Raises BadInventory or NotACapture when DIR lacks
    devices.csv or holds no capture.
    """
    if data is None or data.resolve() == repository.resolve():
        return Workspace(repository)
    if layout.is_workspace(data):
        workspace = Workspace(data)
        with turn(workspace):
            layout.lay_out(workspace, repository, data / "params.yaml")
        return workspace
    if not (data / "devices.csv").is_file():
        raise BadInventory(f"{data} holds no devices.csv (columns mac,device,category,iot)")
    inventory.read(data / "devices.csv")
    captures = captures_in(data)
    if not captures:
        raise NotACapture(f"{data} holds no capture (pcap or pcapng)")
    workspace = Workspace(workspaces / data.resolve().name)
    with turn(workspace):
        layout.claim(workspace, data)
        layout.lay_out(workspace, repository, data / "params.yaml")
        _mirror(workspace, data, captures)
    return workspace


def captures_in(data: Path) -> list[Path]:
    """Every file that is a capture, or is named like one, in the order of names."""
    return [p for p in sorted(data.rglob("*")) if p.is_file() and _is_capture(p)]


def _is_capture(path: Path) -> bool:
    """A capture by its first bytes, or a file named like one: extraction says what is wrong with it."""
    if path.name.lower().endswith(CAPTURE_SUFFIXES):
        return True
    try:
        next(iter(CaptureFile(path, block_bytes=1 << 16)), None)
    except NotACapture:
        return False
    return True


def _mirror(workspace: Workspace, data: Path, captures: list[Path]) -> None:
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
    dvc_says(workspace, "add", "data/captures")


def run(workspace: Workspace, *, force: bool = False, until: str | None = None) -> bool:
    """Reproduce what is stale, all of it or what leads to the stage `until`; returns whether anything was.

    `until` may also be "train", of all methods. Waits for another run of the workspace. Raises StageFailed
    with a stage that failed or is unknown.
    """
    workspace.params()
    targets = _targets(workspace, until)
    with turn(workspace):
        lost = _lost(workspace)
        if not force and not lost and not _is_stale(workspace, targets):
            return False
        options = ["--force"] if force or lost else []
        workspace.stopped.unlink(missing_ok=True)
        with prefect_server.beside(workspace) as variables:
            code = dvc(workspace, "repro", "--no-run-cache", *options, *targets, **variables)
        if code:
            raise StageFailed(_stopped(workspace))
        _remember_store(workspace)
        commit(workspace, f"Reproduced {until or 'everything'}")
    return True


def _targets(workspace: Workspace, until: str | None) -> list[str]:
    known = list(yaml.safe_load((workspace.root / "dvc.yaml").read_text())["stages"])
    if until is None:
        return []
    found = [name for name in known if name == until or name.startswith(f"{until}-")]
    if not found:
        raise StageFailed(f"there is no stage {until!r}; the stages are {', '.join(known)}")
    return found


def _is_stale(workspace: Workspace, targets: list[str]) -> bool:
    """What DVC says, which takes it a second or two: it is not asked where captures have come since."""
    added = workspace.root / "data/captures.dvc"
    if added.is_file():
        (now,) = yaml.safe_load(added.read_text())["outs"]
        deps = _locked(workspace).get("extract", {}).get("deps", [])
        if now["md5"] not in {dep.get("md5") for dep in deps}:
            return True
    upstream = ["--with-deps"] if targets else []  # without it DVC looks at the targets alone
    return dvc(workspace, "status", "--quiet", *upstream, *targets) != 0


def _locked(workspace: Workspace) -> dict:
    """The stages of dvc.lock; none before the first run."""
    lock = workspace.root / "dvc.lock"
    return yaml.safe_load(lock.read_text()).get("stages", {}) if lock.exists() else {}


def _stopped(workspace: Workspace) -> str:
    """A sentence on where the run stopped; the page shows what was made before."""
    if not workspace.stopped.exists():
        workspace.stopped.write_text("a stage failed; its own message is on the console")
    sentence = f"the pipeline stopped in {workspace.root.resolve()}; what was finished before is kept"
    try:
        return f"{sentence}, and shown in {page.write(workspace).resolve()}"
    except NotEnoughData:
        return sentence


def _lost(workspace: Workspace) -> bool:
    """Whether the store is not the last run's: the reports would describe models that nobody has."""
    known = workspace.state / "store.txt"
    if not any(name.startswith(("train", "retrain")) for name in _locked(workspace)):
        _remember_store(workspace)
        return False
    uri = workspace.mlflow() or ""
    before = known.read_text() if known.is_file() else ""
    return uri != before or not (uri or (workspace.state / "mlflow.db").exists())


def _remember_store(workspace: Workspace) -> None:
    (workspace.state / "store.txt").write_text(workspace.mlflow() or "")
