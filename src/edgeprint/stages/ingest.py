"""A quarter's captures into a workspace: examined, the bad ones set aside, the good ones versioned.

    workspace = open_workspace(repository, Path("workspaces/site"), folder, remote=None)
    for finding in ingest(workspace, folder, "2026Q4"):
        print(finding)

Nothing of the folder is moved or changed. Every step may be done twice: a run that was killed is simply run
again, and a second run adds nothing. Two at once take turns.
"""

from __future__ import annotations

import csv
import filecmp
import json
import re
import shutil
import time
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from edgeprint.errors import BadInventory, BadParams, EdgeprintError, NotACapture
from edgeprint.intervals import quarter_of
from edgeprint.packets import inventory
from edgeprint.packets.decode import decode_chunks
from edgeprint.packets.inventory import Inventory
from edgeprint.progress import track
from edgeprint.stages import layout, programs
from edgeprint.stages.turn import turn
from edgeprint.stages.workspace import Workspace
from edgeprint.whole_file import sync

PUSH_AGAIN_AFTER = (1, 10)  # seconds; a store that is away for longer needs a person
REMOTE = "store"
Outcome = Literal["added", "there already", "quarantined"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


class NotStored(EdgeprintError):
    """Captures are in the workspace, but not in its DVC remote."""


@dataclass(frozen=True)
class Finding:
    """What became of one file; `why` tells a person, of an added one only where something is odd."""

    capture: str
    outcome: Outcome
    why: str = ""

    def __str__(self) -> str:
        return f"{self.capture}: {self.outcome}{self.why and ', ' + self.why}"


def open_workspace(repository: Path, root: Path, folder: Path, remote: str | None = None) -> Workspace:
    """The workspace at `root`, made where it is missing; `remote` is a DVC URL, else a folder in it.

    Raises WrongWorkspace where `root` is the repository, mirrors a folder or holds something else.
    """
    workspace = Workspace(root)
    if root.resolve() == repository.resolve():
        raise layout.WrongWorkspace("the captures of the repository are simulated: name another --data")
    if (root / "mirrors.txt").is_file():
        mirrored = (root / "mirrors.txt").read_text().strip()
        raise layout.WrongWorkspace(
            f"{root} mirrors {mirrored}: put the captures there, or name another --data"
        )
    with turn(workspace):
        if not layout.is_workspace(root):
            if any(path.name != "state" for path in root.iterdir()):
                raise layout.WrongWorkspace(f"{root} is not empty and no workspace: name another --data")
            layout.with_git(workspace)
        own = root / "params.yaml"
        layout.lay_out(workspace, repository, own if own.is_file() else folder / "params.yaml")
        _set_remote(workspace, remote)
    return workspace


def _set_remote(workspace: Workspace, url: str | None) -> None:
    config = ConfigParser()
    config.read(workspace.root / ".dvc/config")
    if url or not config.has_option("core", "remote"):
        place = url or "state/remote"
        programs.dvc_says(workspace, "remote", "add", "--force", "--default", REMOTE, place)


def ingest(workspace: Workspace, folder: Path, quarter: str) -> list[Finding]:
    """Take every capture of `folder` into data/captures/<quarter>, version it and push it.

    Raises BadParams, BadInventory or NotACapture before anything is taken, NotStored where the push fails.
    """
    if not re.fullmatch(r"[12]\d{3}Q[1-4]", quarter):
        raise BadParams(f"--quarter {quarter!r} is no calendar quarter such as 2026Q4")
    captures = sorted(p for p in folder.rglob("*") if p.is_file() and not _describes(p))
    if not captures:
        raise NotACapture(f"{folder} holds no file to ingest")
    with turn(workspace):
        devices = _devices(workspace, folder)
        _sources(workspace, folder)
        findings = [
            _take(workspace, p, p.relative_to(folder), quarter, devices) for p in track(captures, "captures")
        ]
        _store(workspace, quarter)
    return findings


def _describes(path: Path) -> bool:
    return path.name in ("devices.csv", "source.json", "params.yaml") or path.name.startswith(".")


def _take(workspace: Workspace, path: Path, name: Path, quarter: str, devices: Inventory) -> Finding:
    """One file: copied, or set aside with its reason."""
    target, aside = workspace.captures / quarter / name, workspace.root / "quarantine" / quarter / name
    reason = aside.with_name(f"{aside.name}.txt")
    if _same(path, target):
        return Finding(str(name), "there already")
    refusal, oddity = _conflict(workspace, path, target), ""
    if refusal is None:
        refusal, oddity = examine(path, quarter, devices)
    if refusal is None:
        _copy(workspace, path, target)
        aside.unlink(missing_ok=True)  # it was bad, or its device unknown, when it first came
        reason.unlink(missing_ok=True)
        return Finding(str(name), "added", oddity)
    if not _same(path, aside):
        _copy(workspace, path, aside)
    reason.write_text(refusal + "\n")
    return Finding(str(name), "quarantined", refusal)


def examine(path: Path, quarter: str, devices: Inventory) -> tuple[str | None, str]:
    """Why a file is no good as a capture of that quarter (None where it is), and what is odd about it."""
    macs, known = np.array(sorted(devices.by_mac), "u8"), 0
    inside = outside = 0
    try:
        for table, report in decode_chunks(path):  # noqa: B007
            here = quarter_of(table.time_ns) == _number(quarter)
            inside, outside = inside + int(here.sum()), outside + int((~here).sum())
            known += int((np.isin(table.src, macs) | np.isin(table.dst, macs)).sum())
    except NotACapture as error:
        return str(error), ""
    if not report.packets:
        return "it holds no packet", ""
    if not inside:
        return f"none of its {outside:,} packets that can be read is of {quarter}", ""
    if not known:
        return f"none of its {inside + outside:,} packets is of a device in devices.csv", ""
    odd = [report.cut] if report.cut else []
    if outside:
        odd.append(f"{outside:,} of {inside + outside:,} packets are of another quarter")
    return None, "; ".join(odd)


def _number(quarter: str) -> int:
    """Quarters since year 0, as quarter_of counts."""
    return 4 * int(quarter[:4]) + int(quarter[5]) - 1


def _conflict(workspace: Workspace, path: Path, target: Path) -> str | None:
    """Why a sound file must not be added: it would replace another, or count the same packets twice."""
    if target.exists():
        return f"another capture is {target.relative_to(workspace.captures)} already: rename one"
    size = path.stat().st_size
    for other in workspace.captures.rglob("*"):
        if other.is_file() and other.stat().st_size == size and filecmp.cmp(path, other, shallow=False):
            return f"it is the same, byte for byte, as {other.relative_to(workspace.captures)}"
    return None


def _same(path: Path, target: Path) -> bool:
    return target.is_file() and filecmp.cmp(path, target, shallow=False)


def _copy(workspace: Workspace, path: Path, target: Path) -> None:
    """Whole or not there: a copy that is cut short must never be taken for a capture."""
    target.parent.mkdir(parents=True, exist_ok=True)
    begun = workspace.state / "ingest.part"
    shutil.copyfile(path, begun)
    sync(begun)
    begun.replace(target)


def _devices(workspace: Workspace, folder: Path) -> Inventory:
    """The workspace's devices.csv with the rows that the folder's adds. Raises BadInventory."""
    known, given = workspace.captures / "devices.csv", folder / "devices.csv"
    if not known.is_file() and not given.is_file():
        raise BadInventory(
            f"{folder} holds no devices.csv (columns mac,device,category,iot), nor does the workspace"
        )
    rows: dict[int, dict[str, str]] = {}
    for path in (known, given):
        if path.is_file():
            inventory.read(path)
            for row in csv.DictReader(path.read_text().splitlines()):
                rows.setdefault(inventory.mac_number(row["mac"].strip()), row)
    merged = [[(row.get(key) or "").strip() for key in inventory.HEADER] for row in rows.values()]
    begun = workspace.state / "devices.csv"
    begun.write_text("\n".join(",".join(row) for row in [list(inventory.HEADER), *merged]) + "\n")
    found = inventory.read(begun)  # rows that contradict each other are refused here
    if given.is_file():
        _agree(inventory.read(given), found, given)
    workspace.captures.mkdir(parents=True, exist_ok=True)
    begun.replace(known)
    return found


def _agree(given: Inventory, merged: Inventory, path: Path) -> None:
    """A MAC keeps the device that it was first: models of that name stand on its traffic."""
    for mac, name in given.by_mac.items():
        if (before := merged.by_mac[mac]) != name:
            raise BadInventory(
                f"{path}: {inventory.mac_text(mac)} is {name}, but {before} in the workspace's devices.csv"
            )


def _sources(workspace: Workspace, folder: Path) -> None:
    """A workspace that simulated or resampled traffic once came into is called so from then on."""
    paths = (workspace.captures / "source.json", folder / "source.json")
    found = [json.loads(path.read_text()) for path in paths if path.is_file()]
    about = {key: any(each.get(key, False) for each in found) for key in ("simulated", "resampled")}
    paths[0].write_text(json.dumps({**about, "name": workspace.root.resolve().name}))


def _store(workspace: Workspace, quarter: str) -> None:
    programs.dvc_says(workspace, "add", "data/captures")
    programs.commit(workspace, f"Captures of {quarter}")
    for wait in (*PUSH_AGAIN_AFTER, None):
        try:
            programs.dvc_says(workspace, "push", "data/captures.dvc")
            return
        except programs.ProgramFailed as error:
            if wait is None:
                raise NotStored(
                    f"the captures are in {workspace.root}, but its DVC remote did not take them ({error}): "
                    "run the same command again"
                ) from error
            time.sleep(wait)
