"""Publish the champions of the registry as signed targets."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from edgeprint.errors import GateRefused
from edgeprint.fleet import repository
from edgeprint.registry import promote, tracking
from edgeprint.stages.workspace import Workspace


def champions(workspace: Workspace, family: str = "binary") -> dict[str, Path]:
    """The artifact folder of every model of a family that has a champion."""
    tracking.open_store(workspace.state)
    names = [f"{family}.{device}" for device in workspace.inventory().iot]
    folders = workspace.state / "champions"
    return {name: promote.download_champion(name, folders / name) for name in names if promote.champion(name)}


def publish(workspace: Workspace, now: datetime) -> dict[str, Any]:
    """Sign and write the champions into state/fleet/repository. Raises GateRefused when there is none."""
    found = champions(workspace)
    if not found:
        raise GateRefused(
            "no binary model passed the gate, so there is nothing to publish; see reports/retrain.json"
        )
    folder, keys = workspace.state / "fleet/repository", workspace.state / "fleet/keys"
    if not folder.exists():
        repository.init(folder, keys, now)
    return repository.publish(folder, keys, found, now).to_dict()
