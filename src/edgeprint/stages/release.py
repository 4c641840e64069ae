"""Publish the champions of the registry as signed targets, and name the container that goes to the Pis."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from edgeprint import artifact
from edgeprint.errors import BadParams, GateRefused
from edgeprint.fleet import repository
from edgeprint.fleet.rings_file import read as read_rings
from edgeprint.fleet.roll_out import RollOut
from edgeprint.registry import flavor, promote, tracking
from edgeprint.stages.workspace import Workspace


def champions(workspace: Workspace, into: Path, family: str = "binary") -> dict[str, Path]:
    """The artifact folder of every model of a family that has a champion, fetched from the registry."""
    tracking.open_store(workspace.state, workspace.mlflow())
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
    """Sign and write the champions into state/fleet/repository, and register them together as `identify`.

    Raises GateRefused when there is none.
    """
    folder, keys = places(workspace)
    wanted = workspace.params().release.rings
    rings = read_rings(workspace.root / wanted) if wanted else None
    with tempfile.TemporaryDirectory() as fetched:
        found = champions(workspace, Path(fetched))
        if not found:
            raise GateRefused("no binary model passed the gate: nothing to publish; see reports/retrain.json")
        if not folder.exists():
            repository.init(folder, keys, now)
        published = repository.publish(folder, keys, found, now, rings=rings).to_dict()
        together = promote.offer_identify(alike(found), {"data_version": workspace.data_version()})
        return {**published, "identify": together.number}


def places(workspace: Workspace) -> tuple[Path, Path]:
    """The signed repository and its keys."""
    return workspace.state / "fleet/repository", workspace.state / "fleet/keys"


def alike(found: dict[str, Path]) -> dict[str, Path]:
    """Those of most models that take the same columns: only they can be asked together."""
    schemas = {name: artifact.read(folder).schema.hash for name, folder in found.items()}
    most = Counter(schemas.values()).most_common(1)[0][0]
    return {name: folder for name, folder in found.items() if schemas[name] == most}


def container(workspace: Workspace) -> RollOut | None:
    """What params.yaml wants rolled out; None where it names nothing. Raises BadParams for half of it."""
    wanted = workspace.params().release
    if not wanted.image and not wanted.inventory:
        return None
    if not (wanted.image and wanted.inventory):
        missing = "inventory" if wanted.image else "image"
        raise BadParams(f"release.{missing} of params.yaml is empty: a roll-out needs image and inventory")
    return RollOut(wanted.image, workspace.root / wanted.inventory)


def made_of(image: str, records: Path) -> list[dict[str, Any]]:
    """What `make images` wrote down in images.json of that folder about this very release.

    Digest, bytes and bill of materials of each processor's image; nothing where another machine made it.
    """
    try:
        record = json.loads((records / "images.json").read_bytes())
    except FileNotFoundError:
        return []
    return list(record["images"]) if record["reference"] == image else []
