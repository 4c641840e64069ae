"""What the online keys do: say which release a Pi runs, and under one timestamp what is the newest of all.

    refresh(folder, keys, now)                       # again and again, before the timestamp expires
    change_plan(folder, keys, lambda plan: plan.pause("by hand"), now)

A Pi sees nothing of what was written until a timestamp names it, and timestamp.json comes last: a reader, or
whoever comes after a crash, finds the old state or the new one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from securesystemslib.signer import Key, Signer
from tuf.api.metadata import Metadata, MetaFile, Signed, Snapshot, TargetFile, Targets, Timestamp

from edgeprint.fleet import files
from edgeprint.fleet.chain import PLAN, Chain, is_signed, lifetime, named
from edgeprint.fleet.keys import Keys, SigningFailed, shown
from edgeprint.rings import NO_RELEASE, Plan
from edgeprint.whole_file import write_whole


def refresh(folder: Path, keys: Keys, now: datetime) -> None:
    """Sign a new timestamp, and what else is due; a release that waits for it begins its way.

    Raises SigningFailed for a key that is missing or wrong.
    """
    with files.locked(folder):
        begin_newest(folder, keys, now)
        seal(folder, keys, now)


def begin_newest(folder: Path, keys: Keys, now: datetime) -> None:
    """Open the first ring to a release that has not begun; with one ring alone it is everybody's at once."""
    chain = Chain.read(folder)
    plan, newest = chain.plan(), max(chain.releases(), default=NO_RELEASE)
    if newest > max([plan.stable, plan.candidate or NO_RELEASE, *plan.stopped]):
        begun = plan.begin(newest, moment(now))
        store_plan(chain, keys, begun.open_next(moment(now)) if len(plan.rings) == 1 else begun, now)
    elif is_half_expired(chain.roles["rings"].signed, "rings", now):
        store_plan(chain, keys, plan, now)


def change_plan(folder: Path, keys: Keys, change: Callable[[Plan], Plan], now: datetime) -> Plan:
    """Sign another plan, where the change makes one. Raises SigningFailed and BadPlan."""
    with files.locked(folder):
        chain = Chain.read(folder)
        before = chain.plan()
        after = change(before)
        offered = {NO_RELEASE, *chain.releases()}
        if missing := {after.stable, after.candidate or after.stable} - offered:
            raise SigningFailed(f"release {missing.pop()} is not offered: publish its models again")
        if after != before:
            store_plan(chain, keys, after, now)
            seal(folder, keys, now)
        return after


def store_plan(chain: Chain, keys: Keys, plan: Plan, now: datetime) -> None:
    """A new version of the `rings` role, not yet sealed."""
    data = plan.to_json()
    target = TargetFile.from_data(PLAN, data)
    (stored,) = target.get_prefixed_paths()
    write_whole(chain.folder / "targets" / stored, data)
    rings = Targets(version=next_version(chain.folder, "rings"), targets={PLAN: target})
    delegator = chain.targets.signed
    signers = online(keys, "rings", chain.folder, [delegator.get_key(k) for k in key_ids(delegator, "rings")])
    store(chain.folder, rings, "rings", signers, now)


def seal(folder: Path, keys: Keys, now: datetime) -> None:
    """Let a new timestamp name the newest of everything."""
    chain = Chain.read(folder)
    root = chain.root.signed
    signers = {
        role: online(keys, role, folder, [root.get_key(k) for k in key_ids(root, role)])
        for role in ("snapshot", "timestamp")
    }
    meta = {
        f"{role}.json": named(folder, metadata.signed, role)
        for role, metadata in {"targets": chain.targets, **chain.roles}.items()
    }
    snapshot = chain.snapshot.signed if chain.snapshot else None
    if snapshot is None or _is_due(chain, snapshot, meta, now):
        snapshot = Snapshot(version=next_version(folder, "snapshot"), meta=meta)
        store(folder, snapshot, "snapshot", signers["snapshot"], now)
    version = chain.timestamp.signed.version + 1 if chain.timestamp else 1
    timestamp = Timestamp(version=version, snapshot_meta=named(folder, snapshot, "snapshot"))
    store(folder, timestamp, files.TIMESTAMP, signers["timestamp"], now)


def _is_due(chain: Chain, snapshot: Snapshot, meta: dict[str, MetaFile], now: datetime) -> bool:
    """Whether a new snapshot has something to say, or a new key to say it with."""
    assert chain.snapshot is not None
    signed = is_signed(chain.snapshot, "snapshot", chain.root.signed)
    return snapshot.meta != meta or not signed or is_half_expired(snapshot, "snapshot", now)


def online(keys: Keys, role: str, folder: Path, public: list[Key]) -> list[Signer]:
    """The one key of an online role. Raises SigningFailed where it is not among these keys."""
    signers = keys.signers(role, public)
    if not signers:
        wanted = " or ".join(f"{role}-{shown(key.keyid)}" for key in public)
        places = ", ".join(map(str, keys.folders))
        raise SigningFailed(f"the {role} key that {folder} names ({wanted}) is not in {places}")
    return signers[:1]


def store(folder: Path, signed: Signed, role: str, signers: list[Signer], now: datetime) -> None:
    """Sign and write metadata that expires a lifetime from now."""
    signed.expires = now.replace(microsecond=0) + lifetime(role)
    metadata: Metadata[Any] = Metadata(signed)
    for signer in signers:
        metadata.sign(signer, append=True)
    write_whole(files.path(folder, role, signed.version), metadata.to_bytes())


def key_ids(delegator: Any, role: str) -> list[str]:
    return list(delegator.get_delegated_role(role).keyids)


def next_version(folder: Path, role: str) -> int:
    """Never one that was written before, sealed or not."""
    return max(files.versions(folder, role), default=0) + 1


def is_half_expired(signed: Signed, role: str, now: datetime) -> bool:
    return signed.expires - now < lifetime(role) / 2


def moment(now: datetime) -> str:
    return now.replace(microsecond=0).isoformat()
