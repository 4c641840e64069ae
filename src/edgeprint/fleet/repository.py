"""The signed repository that every Pi pulls from: TUF metadata and models as static files.

    init(folder, keys, now)                                  # once: four keys and version 1 of the metadata
    publish(folder, keys, {"binary.camera-a": model}, now)   # exactly these models, no others
    refresh(folder, keys, now)                               # again and again, with the online keys alone
    status(folder)

metadata/   1.root.json, <n>.targets.json, <n>.snapshot.json, timestamp.json
targets/    <model>/<sha256>.<file>, the four files of an artifact

`folder` is what a web server serves. `keys` lies elsewhere: root and targets belong offline, snapshot and
timestamp with whatever refreshes. Files are written before the metadata that names them and timestamp.json
comes last, so that a reader, or the next publication after a crash, sees the old state or the new one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, MetaFile, Root, Signed, Snapshot, TargetFile, Targets, Timestamp

from edgeprint import artifact
from edgeprint.errors import BadArtifact
from edgeprint.fleet.keys import SigningFailed, make, read
from edgeprint.whole_file import write_whole

# How long a Pi believes each role: the timestamp bounds how long a frozen mirror goes unnoticed, the targets
# outlive the quarter between two trainings.
LIFETIMES = {
    "root": timedelta(days=365),
    "targets": timedelta(days=120),
    "snapshot": timedelta(days=30),
    "timestamp": timedelta(days=7),
}
MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9][A-Za-z0-9_-]*)*")  # a path with no way up


@dataclass(frozen=True)
class Published:
    """What a repository offers: versions and expiry by role, and each model's digest and size in bytes."""

    versions: dict[str, int]
    expires: dict[str, str]
    models: dict[str, dict[str, Any]]
    changed: list[str] = field(default_factory=list)  # models added, replaced or withdrawn just now

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def init(folder: Path, keys: Path, now: datetime) -> Published:
    """Make what is missing of the four keys, and an empty repository.

    Raises SigningFailed where `folder` holds something already or would publish the keys.
    """
    if folder.exists() and any(folder.iterdir()):
        raise SigningFailed(f"{folder} is not empty, and the Pis of a repository trust no root but its first")
    if keys.resolve().is_relative_to(folder.resolve()):
        raise SigningFailed(f"the keys must not lie in {folder}, which is published")
    signers = {role: make(keys, role) for role in LIFETIMES}
    root, targets, snapshot, timestamp = Root(consistent_snapshot=True), Targets(), Snapshot(), Timestamp()
    for role, signer in signers.items():
        root.add_key(signer.public_key, role)
    begun = folder.with_name(f"{folder.name}.begun")
    _store(begun, root, signers["root"], now)
    _store(begun, targets, signers["targets"], now)
    snapshot.meta["targets.json"] = _named(begun, targets)
    _store(begun, snapshot, signers["snapshot"], now)
    timestamp.snapshot_meta = _named(begun, snapshot)
    _store(begun, timestamp, signers["timestamp"], now)
    begun.replace(folder)
    return status(folder)


def publish(folder: Path, keys: Path, artifacts: dict[str, Path], now: datetime) -> Published:
    """Offer exactly these models (name -> artifact folder); what is offered but not given is withdrawn.

    The same models again only refresh. Raises BadArtifact for a folder that is incomplete or another model's,
    SigningFailed for a key that is missing or wrong.
    """
    _, targets, snapshot, timestamp = _newest(folder)
    wanted = {path: target for name, model in artifacts.items() for path, target in _targets(name, model)}
    changed = {name for name, _ in _digests(targets.targets) ^ _digests(wanted)}
    if changed or _is_half_expired(targets, now):
        signer = _signer(folder, keys, "targets")
        for name, model in artifacts.items():
            _store_model(folder, name, model, wanted)
        targets.targets = wanted
        targets.version += 1
        _store(folder, targets, signer, now)
    _seal(folder, keys, targets, snapshot, timestamp, now)
    return replace(status(folder), changed=sorted(changed))


def refresh(folder: Path, keys: Path, now: datetime) -> Published:
    """Sign a new timestamp, and a new snapshot where it is due, lest Pis call the repository frozen."""
    _, targets, snapshot, timestamp = _newest(folder)
    _seal(folder, keys, targets, snapshot, timestamp, now)
    return status(folder)


def status(folder: Path) -> Published:
    """What the repository offers now. Raises SigningFailed when it cannot be read."""
    roles = _newest(folder)
    models: dict[str, dict[str, Any]] = {}
    for target in roles[1].targets.values():
        custom = target.custom
        model = models.setdefault(custom["model"], {"digest": custom["digest"], "bytes": 0})
        model["bytes"] += target.length
    return Published(
        {signed.type: signed.version for signed in roles},
        {signed.type: signed.expires.isoformat() for signed in roles},
        models,
    )


def _seal(
    folder: Path, keys: Path, targets: Targets, snapshot: Snapshot, timestamp: Timestamp, now: datetime
) -> None:
    """Let a new timestamp name the snapshot, and that these targets."""
    if snapshot.meta["targets.json"].version != targets.version or _is_half_expired(snapshot, now):
        snapshot.meta["targets.json"] = _named(folder, targets)
        snapshot.version += 1
        _store(folder, snapshot, _signer(folder, keys, "snapshot"), now)
    timestamp.snapshot_meta = _named(folder, snapshot)
    timestamp.version += 1
    _store(folder, timestamp, _signer(folder, keys, "timestamp"), now)


def _targets(name: str, model: Path) -> Iterator[tuple[str, TargetFile]]:
    """The four targets of an artifact; `custom` says which model and folder digest each belongs to."""
    card = artifact.read(model).card
    if not MODEL_NAME.fullmatch(name) or card.name != name:
        raise BadArtifact(f"{model} holds {card.name!r} and cannot be published as {name!r}")
    digest = artifact.digest(model)
    for file in artifact.FILES:
        target = TargetFile.from_file(f"{name}/{file}", str(model / file))
        target.unrecognized_fields["custom"] = {"model": name, "digest": digest}
        yield target.path, target


def _digests(targets: dict[str, TargetFile]) -> set[tuple[str, str]]:
    return {(target.custom["model"], target.custom["digest"]) for target in targets.values()}


def _store_model(folder: Path, name: str, model: Path, targets: dict[str, TargetFile]) -> None:
    """Copy an artifact's files to where consistent snapshots have them; earlier ones stay."""
    for file in artifact.FILES:
        (path,) = targets[f"{name}/{file}"].get_prefixed_paths()
        write_whole(folder / "targets" / path, (model / file).read_bytes())


def _is_half_expired(signed: Signed, now: datetime) -> bool:
    return signed.expires - now < LIFETIMES[signed.type] / 2


def _metadata_file(folder: Path, role: str, version: int) -> Path:
    name = "timestamp.json" if role == "timestamp" else f"{version}.{role}.json"
    return folder / "metadata" / name


def _named(folder: Path, signed: Signed) -> MetaFile:
    """Version, length and hash of stored metadata, so that no other file of that version can stand in."""
    data = _metadata_file(folder, signed.type, signed.version).read_bytes()
    return MetaFile.from_data(signed.version, data, ["sha256"])


def _newest(folder: Path) -> tuple[Root, Targets, Snapshot, Timestamp]:
    """The newest root, and the chain that timestamp.json names."""

    def load(role: str, version: int = 0) -> Any:
        return Metadata.from_bytes(_metadata_file(folder, role, version).read_bytes()).signed

    try:
        timestamp = load("timestamp")
        snapshot = load("snapshot", timestamp.snapshot_meta.version)
        targets = load("targets", snapshot.meta["targets.json"].version)
        roots = [int(path.name.split(".")[0]) for path in (folder / "metadata").glob("*.root.json")]
        return load("root", max(roots)), targets, snapshot, timestamp
    except (RepositoryError, OSError, ValueError, KeyError) as error:
        raise SigningFailed(f"{folder} holds no whole repository: {error}") from error


def _store(folder: Path, signed: Signed, signer: CryptoSigner, now: datetime) -> None:
    """Sign and write metadata that expires a lifetime from now."""
    signed.expires = now.replace(microsecond=0) + LIFETIMES[signed.type]
    metadata: Metadata = Metadata(signed)  # type: ignore[type-var]
    metadata.sign(signer)
    write_whole(_metadata_file(folder, signed.type, signed.version), metadata.to_bytes())


def _signer(folder: Path, keys: Path, role: str) -> CryptoSigner:
    """The role's key. Raises SigningFailed when it is missing or not the one that the root names."""
    signer = read(keys, role)
    if signer.public_key.keyid not in _newest(folder)[0].roles[role].keyids:
        raise SigningFailed(f"{keys}/{role}.pem is not the {role} key that the root of {folder} names")
    return signer
