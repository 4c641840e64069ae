"""The signed repository that every Pi pulls from: TUF metadata and models as static files.

    init(folder, keys, now)                                  # once: the keys and version 1 of the metadata
    publish(folder, keys, {"binary.camera-a": model}, now)   # exactly these models, no others
    sign(folder, keys)                                       # where a publication waits for further people
    refresh(folder, keys, now)                               # again and again, with the online keys alone
    status(folder)

metadata/   1.root.json, <n>.targets.json, <n>.<model>.json, <n>.rings.json, <n>.snapshot.json, timestamp.json
targets/    <model>/<digest>/<sha256>.<file>, releases/<sha256>.<n>.json, rings/<sha256>.plan.json

`folder` is what a web server serves. `keys` lie elsewhere: root and targets offline, the others with whatever
refreshes. Without the online keys, what is published waits in the folder until `refresh` has them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from tuf.api.metadata import DelegatedRole, Delegations, Root, TargetFile, Targets

from edgeprint.fleet import chain as chains
from edgeprint.fleet import files, seal
from edgeprint.fleet.chain import OFFLINE, Chain, is_signed, waiting
from edgeprint.fleet.keys import Keys, SigningFailed
from edgeprint.fleet.release import Release, next_release
from edgeprint.rings import EVERYBODY, Plan, Ring
from edgeprint.whole_file import write_whole


@dataclass(frozen=True)
class Published:
    """Versions and expiry by role, and the newest release's models with their digest and bytes."""

    versions: dict[str, int]
    expires: dict[str, str]
    models: dict[str, dict[str, Any]]
    release: int = 0
    changed: list[str] = field(default_factory=list)  # models added, replaced or withdrawn just now
    waiting: dict[str, int] = field(default_factory=dict)  # roles that lack so many signatures

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def init(
    folder: Path,
    keys: Keys | Path,
    now: datetime,
    *,
    online: Keys | Path | None = None,
    threshold: int = 1,
    rings: tuple[Ring, ...] = EVERYBODY,
) -> Published:
    """Make the keys and an empty repository: a root and a targets key in each of the folders of `keys`.

    `threshold`: of how many of those keys the signatures are needed. The online keys go into the first
    folder where `online` names none. Raises SigningFailed where `folder` holds something already or would
    publish the keys.
    """
    keys, online = Keys.of(keys), Keys.of(online or keys)
    _refuse(folder, keys, online, threshold)
    begun = folder.with_name(f"{folder.name}.begun")
    root = Root(consistent_snapshot=True)
    for role in OFFLINE:
        for place in keys.folders:
            root.add_key(keys.make(role, place), role)
        root.roles[role].threshold = threshold
    for role in ("snapshot", "timestamp"):
        root.add_key(online.make(role), role)
    rings_key = online.make("rings")
    seal.store(begun, root, "root", _signers(keys, root, "root"), now)
    targets = Targets()
    targets.delegations = Delegations({}, {"rings": DelegatedRole("rings", [], 1, True, ["rings/*"])})
    targets.add_key(rings_key, "rings")
    seal.store(begun, targets, "targets", _signers(keys, root, "targets"), now)
    empty = Chain(begun, chains.newest_root(begun), files.load(begun, "targets", 1), {}, None, None)
    seal.store_plan(empty, online, Plan(rings=rings), now)
    seal.seal(begun, online, now)
    begun.replace(folder)
    return status(folder)


def _refuse(folder: Path, keys: Keys, online: Keys, threshold: int) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise SigningFailed(f"{folder} is not empty, and the Pis of a repository trust no root but its first")
    for place in {*keys.folders, *online.folders}:
        if place.resolve().is_relative_to(folder.resolve()):
            raise SigningFailed(f"the keys must not lie in {folder}, which is published")
    if not 1 <= threshold <= len(keys.folders):
        count = len(keys.folders)
        raise SigningFailed(f"a threshold of {threshold} needs as many folders of keys, {count} were named")


def publish(
    folder: Path,
    keys: Keys | Path,
    artifacts: dict[str, Path],
    now: datetime,
    *,
    rings: tuple[Ring, ...] | None = None,
) -> Published:
    """Offer exactly these models (name -> artifact folder) as a new release; what is not given is withdrawn.

    The release begins in the first ring of the plan, or of `rings`, as soon as enough keys have signed and
    the online ones have sealed it. The same models again only refresh. Raises BadArtifact for a folder that
    is incomplete or another model's, SigningFailed for a key that is missing or wrong.
    """
    keys = Keys.of(keys)
    with files.locked(folder):
        chain = Chain.read(folder)
        release = next_release(chain, artifacts)
        if release.changed or seal.is_half_expired(chain.targets.signed, "targets", now):
            _write_release(chain, keys, release, now)
    if rings is not None:
        seal.change_plan(folder, keys, lambda plan: replace(plan, rings=rings), now)
    if not _is_offline(folder, keys):
        seal.refresh(folder, keys, now)
    return replace(status(folder), changed=release.changed)


def _write_release(chain: Chain, keys: Keys, release: Release, now: datetime) -> None:
    """Files first, then the models' roles, then the targets that make a release of them."""
    root, folder = chain.root.signed, chain.folder
    if not (signers := _signers(keys, root, "targets")):
        raise SigningFailed(f"none of the targets keys that {folder} names is in {keys}")
    for path, data in release.files():
        write_whole(folder / "targets" / path, data)
    for model, role in release.roles.items():
        known = chain.roles.get(model)
        if (
            known is None
            or known.signed.targets != role
            or seal.is_half_expired(known.signed, model, now)
            or not is_signed(known, "targets", root)
        ):
            version = seal.next_version(folder, model)
            seal.store(folder, Targets(version=version, targets=role), model, signers, now)
    targets = Targets(version=seal.next_version(folder, "targets"), targets=release.manifests)
    targets.delegations = _delegations(chain, list(release.roles))
    seal.store(folder, targets, "targets", signers, now)


def _delegations(chain: Chain, models: list[str]) -> Delegations:
    """To `rings` as before, and by the targets keys to a role a model: a Pi reads those of its devices."""
    root, before = chain.root.signed, chain.targets.signed.delegations
    assert before is not None and before.roles is not None
    by = root.roles["targets"]
    roles = {"rings": before.roles["rings"]}
    for model in models:
        roles[model] = DelegatedRole(model, list(by.keyids), by.threshold, True, [f"{model}/*/*"])
    keys = {key: before.keys[key] for key in roles["rings"].keyids}
    return Delegations({**keys, **{key: root.keys[key] for key in by.keyids}}, roles)


def sign(folder: Path, keys: Keys | Path) -> list[str]:
    """Add the signatures of these keys to what waits for them; the roles that were signed.

    Raises SigningFailed where these keys have nothing to sign.
    """
    keys, signed = Keys.of(keys), []
    with files.locked(folder):
        for found in waiting(folder):
            for signer in keys.signers("targets", found.keys.values()):
                found.metadata.sign(signer, append=True)
                signed.append(found.role)
            version = found.metadata.signed.version
            write_whole(files.path(folder, found.role, version), found.metadata.to_bytes())
    if not signed:
        raise SigningFailed(f"nothing in {folder} waits for a key of {keys}")
    return sorted(set(signed))


def refresh(folder: Path, keys: Keys | Path, now: datetime) -> Published:
    """Sign a new timestamp, and what else is due, lest Pis call the repository frozen."""
    seal.refresh(folder, Keys.of(keys), now)
    return status(folder)


def status(folder: Path) -> Published:
    """What the repository offers now. Raises SigningFailed when it cannot be read."""
    chain = Chain.read(folder)
    parts: dict[str, Any] = {"root": chain.root, "targets": chain.targets, "rings": chain.roles["rings"]}
    parts |= {"snapshot": chain.snapshot, "timestamp": chain.timestamp}
    releases = chain.releases()
    newest = max(releases, default=0)
    return Published(
        {role: part.signed.version for role, part in parts.items() if part},
        {role: part.signed.expires.isoformat() for role, part in parts.items() if part},
        {model: _about(chain, model, digest) for model, digest in releases.get(newest, {}).items()},
        newest,
        waiting={found.role: found.missing for found in waiting(folder)},
    )


def _about(chain: Chain, model: str, digest: str) -> dict[str, Any]:
    sizes: dict[str, TargetFile] = chain.roles[model].signed.targets
    files_of = [target.length for path, target in sizes.items() if path.split("/")[1] == digest]
    return {"digest": digest, "bytes": sum(files_of)}


def _signers(keys: Keys, root: Root, role: str) -> list:
    return keys.signers(role, [root.get_key(key) for key in root.roles[role].keyids])


def _is_offline(folder: Path, keys: Keys) -> bool:
    """Whether these folders hold no timestamp key at all: the ceremony's machine has none."""
    return not any(path for place in keys.folders for path in place.glob("timestamp-*"))
