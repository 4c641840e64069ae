"""The chain of trust of a repository on this disk, and what a new link of it looks like.

    chain = Chain.read(folder)            # the newest of each role that enough of the right keys have signed
    chain.releases(), chain.plan()
    waiting(folder)                       # what was written and lacks signatures

root ──► targets ──► <model>, one a model: the files of its versions         offline keys, a threshold of them
  │         ├─────► releases/<n>.json: which version of each model
  │         └─────► rings ──► rings/plan.json: which release a Pi runs       online keys, one each
  └────► timestamp ──► snapshot: which version of each of these

Offline keys say what may run at all. The online `rings` key only chooses among those releases, so that a
roll-out needs nobody with a passphrase, and a thief of it cannot bring in a model.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Key, Metadata, MetaFile, Root, Signed, Snapshot, TargetFile, Targets, Timestamp

from edgeprint.errors import BadPlan
from edgeprint.fleet import files
from edgeprint.fleet.keys import SigningFailed
from edgeprint.rings import LARGEST_BYTES, Plan

OFFLINE, ONLINE = ("root", "targets"), ("rings", "snapshot", "timestamp")
PLAN = "rings/plan.json"
# How long a Pi believes each role: the timestamp bounds how long a frozen mirror goes unnoticed, the targets
# and the models' roles outlive the quarter between two trainings.
LIFETIMES = {
    "root": timedelta(days=365),
    "targets": timedelta(days=120),
    "rings": timedelta(days=30),
    "snapshot": timedelta(days=30),
    "timestamp": timedelta(days=7),
}


def lifetime(role: str) -> timedelta:
    """A model's role lives as long as the targets that delegate to it."""
    return LIFETIMES.get(role, LIFETIMES["targets"])


@dataclass
class Chain:
    """Verified metadata: root, targets, and as `roles` the models' and `rings`.

    `snapshot` and `timestamp` only say which of these was sealed last: nothing is signed because of them.
    """

    folder: Path
    root: Metadata[Root]
    targets: Metadata[Targets]
    roles: dict[str, Metadata[Targets]]
    snapshot: Metadata[Snapshot] | None
    timestamp: Metadata[Timestamp] | None

    @classmethod
    def read(cls, folder: Path) -> Chain:
        """Raises SigningFailed."""
        root = newest_root(folder)
        targets = newest(folder, "targets", root.signed)
        timestamp, snapshot = _sealed(folder)
        chain = cls(folder, root, targets, {}, snapshot, timestamp)
        for role in delegated(targets.signed):
            chain.roles[role] = chain._role(role)
        return chain

    @property
    def models(self) -> list[str]:
        return [role for role in self.roles if role != "rings"]

    def _role(self, role: str) -> Metadata[Targets]:
        """As sealed while the targets are: files of a publication that broke off are not of this state."""
        meta = self.snapshot.signed.meta if self.snapshot else {}
        same = "targets.json" in meta and meta["targets.json"].version == self.targets.signed.version
        if role == "rings" or not same or f"{role}.json" not in meta:
            return newest(self.folder, role, self.targets.signed)
        sealed = files.load(self.folder, role, meta[f"{role}.json"].version)
        if not is_signed(sealed, role, self.targets.signed):  # or a ceremony would sign what a thief wrote
            raise SigningFailed(f"{self.folder} holds no whole repository: too few keys have signed {role}")
        return sealed

    def releases(self) -> dict[int, dict[str, str]]:
        """By number, the digest of each model. Raises SigningFailed."""
        return releases(self.folder, self.targets.signed)

    def plan(self) -> Plan:
        """Raises SigningFailed and BadPlan."""
        data = read_target(self.folder, self.roles["rings"].signed.targets[PLAN])
        if len(data) > LARGEST_BYTES:
            raise BadPlan(f"the plan of {self.folder} has {len(data):,} bytes, more than {LARGEST_BYTES:,}")
        return Plan.from_json(data)


def newest_root(folder: Path) -> Metadata[Root]:
    """The newest root that itself and the one before it vouch for. Raises SigningFailed."""
    for version in files.versions(folder, "root"):
        root = files.load(folder, "root", version)
        before = root if version == 1 else files.load(folder, "root", version - 1)
        if is_signed(root, "root", root.signed) and is_signed(root, "root", before.signed):
            return root
    raise SigningFailed(f"{folder} holds no whole repository: it has no root")


def newest(folder: Path, role: str, delegator: Root | Targets) -> Metadata[Any]:
    """The newest metadata of a role with enough signatures. Raises SigningFailed."""
    for version in files.versions(folder, role):
        metadata = files.load(folder, role, version)
        if is_signed(metadata, role, delegator):
            return metadata
    raise SigningFailed(f"{folder} holds no whole repository: no {role} that enough keys have signed")


def is_signed(metadata: Metadata[Any], role: str, delegator: Root | Targets) -> bool:
    return bool(delegator.get_verification_result(role, metadata.signed_bytes, metadata.signatures))


@dataclass(frozen=True)
class Waiting:
    """Metadata that was written and is not yet signed by enough keys."""

    role: str
    metadata: Metadata[Any]
    missing: int
    keys: dict[str, Key]  # that may sign it and have not


def waiting(folder: Path) -> list[Waiting]:
    """What is not yet signed by enough keys, of the newest targets and the models that they name."""
    root = newest_root(folder)
    targets = files.load(folder, "targets", files.versions(folder, "targets")[0])
    models = [role for role in delegated(targets.signed) if role != "rings"]
    judges = {"targets": root.signed, **dict.fromkeys(models, targets.signed)}
    found = []
    for role, delegator in judges.items():
        metadata = files.load(folder, role, files.versions(folder, role)[0])
        result = delegator.get_verification_result(role, metadata.signed_bytes, metadata.signatures)
        if not result:
            found.append(Waiting(role, metadata, result.missing, result.unsigned))
    return found


def releases(folder: Path, targets: Targets) -> dict[int, dict[str, str]]:
    """Those that targets name: by number, the digest of each model. Raises SigningFailed."""
    try:
        found = {
            int(Path(name).stem): dict(json.loads(read_target(folder, target))["models"])
            for name, target in targets.targets.items()
        }
    except (ValueError, TypeError, KeyError) as error:
        raise SigningFailed(f"{folder} holds a release that cannot be read: {error}") from error
    return dict(sorted(found.items()))


def delegated(targets: Targets) -> list[str]:
    """The roles that targets name."""
    return list(targets.delegations.roles or {}) if targets.delegations else []


def named(folder: Path, signed: Signed, role: str) -> MetaFile:
    """Version, length and hash of stored metadata, so that no other file of that version can stand in."""
    return MetaFile.from_data(
        signed.version, files.path(folder, role, signed.version).read_bytes(), ["sha256"]
    )


def read_target(folder: Path, target: TargetFile) -> bytes:
    """A target's bytes, as the metadata describes them. Raises SigningFailed."""
    (stored,) = target.get_prefixed_paths()
    try:
        data = (folder / "targets" / stored).read_bytes()
        target.verify_length_and_hashes(data)
    except (OSError, RepositoryError) as error:
        raise SigningFailed(f"{folder} holds no whole repository: {error}") from error
    return data


def _sealed(folder: Path) -> tuple[Metadata[Timestamp] | None, Metadata[Snapshot] | None]:
    """timestamp.json and the snapshot that it names; nothing before the first.

    Whoever signed them, their versions count: the next ones must be higher, also by keys that replace others.
    """
    if not files.path(folder, files.TIMESTAMP, 0).exists():
        return None, None
    timestamp = files.load(folder, files.TIMESTAMP)
    snapshot = files.load(folder, "snapshot", timestamp.signed.snapshot_meta.version)
    return timestamp, snapshot
