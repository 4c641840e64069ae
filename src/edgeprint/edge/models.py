"""This Pi's models: pulled from the repository where that succeeds, otherwise the last known good ones.

models = pull("https://models.example/edgeprint", state, devices, root=Path("root.json"), now=now)
models.artifacts["camera-a"]
models.stale, models.refused                       # what went wrong, as sentences
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from edgeprint import artifact
from edgeprint.artifact import Artifact
from edgeprint.edge.bank import prove
from edgeprint.edge.updater import Updater, is_url, remembered_release
from edgeprint.edge.versions import Versions
from edgeprint.errors import BadArtifact, EdgeprintError, UntrustedModel
from edgeprint.schema import FeatureSchema
from edgeprint.whole_file import write_whole

FAMILY = "binary"
MINUTE = "%Y-%m-%d %H:%M"
NOTHING_KNOWN: Mapping[str, Artifact] = {}


@dataclass
class Models:
    """Proven artifacts by device, and in one sentence each what went wrong."""

    artifacts: dict[str, Artifact] = field(default_factory=dict)
    refreshed: datetime | None = None  # when the repository was last heard
    stale: str | None = None  # why the repository was not heard
    refused: dict[str, str] = field(default_factory=dict)  # by device: why its newest model is not used
    failed: set[str] = field(default_factory=set)  # those whose model came as signed, and does not work
    trials: dict[str, Artifact] = field(default_factory=dict)  # `artifacts` has the ones before them
    release: int = 0  # of the fleet, that this Pi runs


def pull(
    repository: str,
    state: Path,
    devices: Iterable[str],
    *,
    root: Path | None,
    now: datetime,
    pi: str | None = None,
    known: Mapping[str, Artifact] = NOTHING_KNOWN,
) -> Models:
    """The models of these devices, as new as can be trusted; a device without one is left out.

    `pi` is this Pi's id in its fleet, `known` by digest the models that this process has proven already.
    Raises UntrustedModel when the repository cannot be trusted or reached and no model was pulled before.
    """
    models, versions = Models(), Versions(state)
    try:
        trusted = trusted_root(repository, state, root)
        updater = Updater(repository, state, trusted, pi=pi)
        updater.refresh()
        write_whole(state / "root.json", trusted)
        _update(models, updater, devices)
        write_whole(state / "refreshed", f"{now:{MINUTE}} UTC".encode())
    except (UntrustedModel, OSError) as error:
        if not (state / "refreshed").is_file():
            raise UntrustedModel(f"no model was ever pulled, and {error}") from error
        models.stale = f"models as of {(state / 'refreshed').read_text()}, for {error}"
    models.refreshed = _refreshed(state)
    models.release = remembered_release(state)
    for device in devices:
        model = f"{FAMILY}.{device}"
        before, newest = versions.confirmed(model), versions.current(model)
        on_trial = newest and versions.on_trial(model)
        if newest and on_trial and (found := _load(models, device, newest, known)) is not None:
            models.trials[device] = found
        if before and (found := _load(models, device, before, known)) is not None:
            models.artifacts[device] = found
        elif device in models.trials:
            models.artifacts[device] = models.trials[device]
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


def _update(models: Models, updater: Updater, devices: Iterable[str]) -> None:
    """Pull every model; one that is refused does not stop the others."""
    for device in devices:
        try:
            updater.pull(f"{FAMILY}.{device}")
        except (UntrustedModel, BadArtifact, OSError) as error:
            models.refused[device] = str(error)
            if isinstance(error, BadArtifact):
                models.failed.add(device)
    updater.finish()


def _load(models: Models, device: str, folder: Path, known: Mapping[str, Artifact]) -> Artifact | None:
    """Read a model; a damaged one is left out, before the runtime sees a byte of it."""
    if folder.name in known:
        return known[folder.name]
    try:
        found = artifact.read(folder)
        if artifact.digest(folder) != folder.name:
            raise BadArtifact(f"{folder} is no longer as it was signed: the disk has changed it")
        prove(found)
        return proven(found)
    except (EdgeprintError, OSError) as error:
        models.refused.setdefault(device, str(error))
        return None


def proven(found: Artifact) -> Artifact:
    """Without the golden rows, which are of no more use, and with one schema for all that have the same."""
    inputs, outputs = found.golden_inputs[:0].copy(), found.golden_outputs[:0].copy()
    return replace(found, golden_inputs=inputs, golden_outputs=outputs, schema=_shared(found.schema))


@lru_cache(maxsize=8)
def _shared(schema: FeatureSchema) -> FeatureSchema:
    """The first that was equal: a schema of 75 columns takes 30 kB."""
    return schema
