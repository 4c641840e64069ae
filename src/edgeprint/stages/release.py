"""Publish the champions of the registry as signed targets."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from edgeprint.errors import GateRefused
from edgeprint.fleet import repository
from edgeprint.registry import flavor, promote, tracking
from edgeprint.stages.workspace import Workspace


def champions(workspace: Workspace, into: Path, family: str = "binary") -> dict[str, Path]:
    """The artifact folder of every model of a family that has a champion, fetched from the registry."""
    tracking.open_store(workspace.state)
    names = [f"{family}.{device}" for device in workspace.inventory().iot]
    found = {name: promote.champion(name) for name in names}
    return {
        name: flavor.load_model(version.uri, _made(into / name)).artifact.folder
        for name, version in found.items()
        if version
    }


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def publish(workspace: Workspace, now: datetime) -> dict[str, Any]:
    """Sign and write the champions into state/fleet/repository. Raises GateRefused when there is none."""
    folder, keys = workspace.state / "fleet/repository", workspace.state / "fleet/keys"
    with tempfile.TemporaryDirectory() as fetched:
        found = champions(workspace, Path(fetched))
        if not found:
            raise GateRefused("no binary model passed the gate: nothing to publish; see reports/retrain.json")
        if not folder.exists():
            repository.init(folder, keys, now)
        return repository.publish(folder, keys, found, now).to_dict()
