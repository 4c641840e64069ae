"""This Pi's models: pulled from the repository where that succeeds, otherwise the last known good ones.

models = pull("https://models.example/edgeprint", state, devices, root=Path("root.json"), now=now)
models.artifacts["camera-a"]
models.stale, models.refused                       # what went wrong, as sentences
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from edgeprint import artifact
from edgeprint.artifact import Artifact
from edgeprint.edge.bank import prove
from edgeprint.edge.updater import Updater, current, is_url
from edgeprint.errors import BadArtifact, EdgeprintError, UntrustedModel
from edgeprint.whole_file import write_whole

FAMILY = "binary"
MINUTE = "%Y-%m-%d %H:%M"


@dataclass
class Models:
    """Proven artifacts by device, and in one sentence each what went wrong."""

    artifacts: dict[str, Artifact] = field(default_factory=dict)
    refreshed: datetime | None = None  # when the repository was last heard
    stale: str | None = None  # why the repository was not heard
    refused: dict[str, str] = field(default_factory=dict)  # by device: why its newest model is not used


def pull(repository: str, state: Path, devices: Iterable[str], *, root: Path | None, now: datetime) -> Models:
    """The models of these devices, as new as can be trusted; a device without one is left out.

    Raises UntrustedModel when the repository cannot be trusted or reached and no model was pulled before.
    """
    models = Models()
    try:
        trusted = trusted_root(repository, state, root)
        updater = Updater(repository, state, trusted)
        updater.refresh()
        write_whole(state / "root.json", trusted)
        models.refused = _update(updater, devices)
        write_whole(state / "refreshed", f"{now:{MINUTE}} UTC".encode())
    except (UntrustedModel, OSError) as error:
        if not (state / "refreshed").is_file():
            raise UntrustedModel(f"no model was ever pulled, and {error}") from error
        models.stale = f"models as of {(state / 'refreshed').read_text()}, for {error}"
    models.refreshed = _refreshed(state)
    for device in devices:
        _load(models, device, current(state, f"{FAMILY}.{device}"))
    return models


def pull_one(name: str, repository: str, state: Path, *, root: Path | None) -> Artifact | None:
    """One more model, for a device that a person just named; None where the repository offers none.

    Raises UntrustedModel, BadArtifact, and OSError of this Pi's own disk.
    """
    updater = Updater(repository, state, trusted_root(repository, state, root))
    updater.refresh()
    folder = updater.pull(f"{FAMILY}.{name}")
    return None if folder is None else artifact.read(folder)


def trusted_root(repository: str, state: Path, root: Path | None) -> bytes:
    """The first root.json: given by hand, or remembered, or for a folder of this machine its own first one.

    Raises UntrustedModel when there is none: what a server says of itself is no ground for trust.
    """
    remembered = state / "root.json"
    if root is None and not remembered.exists() and not is_url(repository):
        root = Path(repository) / "metadata/1.root.json"
    try:
        return (root or remembered).read_bytes()
    except OSError as error:
        raise UntrustedModel(f"no root.json to trust {repository} by: {error}") from error


def _refreshed(state: Path) -> datetime | None:
    """To the minute, UTC."""
    try:
        return datetime.strptime((state / "refreshed").read_text(), f"{MINUTE} UTC").replace(tzinfo=UTC)
    except (OSError, ValueError):
        return None


def _update(updater: Updater, devices: Iterable[str]) -> dict[str, str]:
    """Pull every model; one that is refused does not stop the others."""
    refused = {}
    for device in devices:
        try:
            updater.pull(f"{FAMILY}.{device}")
        except (UntrustedModel, BadArtifact, OSError) as error:
            refused[device] = str(error)
    return refused


def _load(models: Models, device: str, folder: Path | None) -> None:
    """Read the model in use; a damaged one is left out."""
    if folder is None:
        return
    try:
        found = artifact.read(folder)
        prove(found)
        models.artifacts[device] = found
    except EdgeprintError as error:
        models.refused.setdefault(device, str(error))
