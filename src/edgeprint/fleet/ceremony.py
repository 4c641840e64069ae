"""Replacing keys: a new root that the old root keys and the new ones sign, and what hangs on a replaced key.

    rotate(folder, keys, "targets", now)                        # every key of the role
    rotate(folder, keys, "targets", now, lost=["1f3c9a2b"])     # one that was lost or seen by others

Every Pi follows from root to root by itself, as long as a threshold of the root keys before signs the next
(https://theupdateframework.github.io/specification/latest/#key-management-and-migration).
"""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime
from pathlib import Path

from tuf.api.metadata import Metadata, Root

from edgeprint.fleet import files, seal
from edgeprint.fleet.chain import OFFLINE, ONLINE, Chain, lifetime
from edgeprint.fleet.keys import Keys, SigningFailed, shown
from edgeprint.fleet.repository import Published, status
from edgeprint.whole_file import write_whole

ROLES = (*OFFLINE, *ONLINE)


def rotate(
    folder: Path,
    keys: Keys | Path,
    role: str,
    now: datetime,
    *,
    lost: list[str] | None = None,
    online: Keys | Path | None = None,
) -> Published:
    """Replace the keys of a role, or those whose ids begin as in `lost`, each by a new one beside it.

    `keys` hold a threshold of the root keys (for `rings` of the targets keys) and take the new offline
    keys, one a folder in turn; `online` holds and takes the online ones. Raises SigningFailed when too few
    are there.
    """
    if role not in ROLES:
        raise SigningFailed(f"{role!r} is no role: {', '.join(ROLES)}")
    keys, online = Keys.of(keys), Keys.of(online or keys)
    with files.locked(folder):
        chain = Chain.read(folder)
        gone = _gone(chain, role, lost)
        if role == "rings":
            _replace_rings(chain, keys, online, gone, now)
        else:
            _replace_in_root(chain, keys, online if role in ONLINE else keys, role, gone, now)
        seal.seal(folder, online, now)
    return status(folder)


def _gone(chain: Chain, role: str, lost: list[str] | None) -> list[str]:
    """The ids of the keys to be replaced."""
    delegator = chain.targets.signed if role == "rings" else chain.root.signed
    known = seal.key_ids(delegator, role)
    gone = [key for key in known if lost is None or any(key.startswith(begin) for begin in lost if begin)]
    if not gone:
        raise SigningFailed(f"no {role} key begins so; there are {', '.join(map(shown, known))}")
    return gone


def _replace_in_root(chain: Chain, keys: Keys, into: Keys, role: str, gone: list[str], now: datetime) -> None:
    before = chain.root.signed
    root = deepcopy(before)
    root.version = before.version + 1
    for index, key in enumerate(gone):
        root.revoke_key(key, role)
        root.add_key(into.make(role, into.folders[index % len(into.folders)]), role)
    signers = {
        signer.public_key.keyid: signer
        for each in (before, root)
        for signer in keys.signers("root", [each.get_key(k) for k in each.roles["root"].keyids])
    }
    root.expires = now.replace(microsecond=0) + lifetime("root")
    metadata: Metadata[Root] = Metadata(root)
    for signer in signers.values():
        metadata.sign(signer, append=True)
    for each in (before, root):
        result = each.get_verification_result("root", metadata.signed_bytes, metadata.signatures)
        if not result:
            raise SigningFailed(
                f"{len(result.signed)} of {result.threshold} root keys are in {keys}: no Pi would follow"
            )
    if role == "targets":
        _sign_again(chain, keys, root, now)
    write_whole(files.path(chain.folder, "root", root.version), metadata.to_bytes())


def _sign_again(chain: Chain, keys: Keys, root: Root, now: datetime) -> None:
    """The same models and releases, by the targets keys that the new root names."""
    by = root.roles["targets"]
    signers = keys.signers("targets", [root.get_key(key) for key in by.keyids])
    if len(signers) < by.threshold:
        raise SigningFailed(f"{len(signers)} of {by.threshold} targets keys are in {keys} to sign the models")
    targets = deepcopy(chain.targets.signed)
    assert targets.delegations is not None and targets.delegations.roles is not None
    for model in chain.models:
        targets.delegations.roles[model].keyids = list(by.keyids)
        role = deepcopy(chain.roles[model].signed)
        role.version = seal.next_version(chain.folder, model)
        seal.store(chain.folder, role, model, signers, now)
    rings = targets.delegations.roles["rings"].keyids
    kept = {key: targets.delegations.keys[key] for key in rings}
    targets.delegations.keys = {**kept, **({k: root.keys[k] for k in by.keyids} if chain.models else {})}
    targets.version = seal.next_version(chain.folder, "targets")
    seal.store(chain.folder, targets, "targets", signers, now)


def _replace_rings(chain: Chain, keys: Keys, online: Keys, gone: list[str], now: datetime) -> None:
    root = chain.root.signed
    by = root.roles["targets"]
    signers = keys.signers("targets", [root.get_key(key) for key in by.keyids])
    if len(signers) < by.threshold:
        raise SigningFailed(
            f"{len(signers)} of {by.threshold} targets keys are in {keys} to name the rings key"
        )
    plan = chain.plan()
    targets = deepcopy(chain.targets.signed)
    for key in gone:
        targets.revoke_key(key, "rings")
        targets.add_key(online.make("rings"), "rings")
    targets.version = seal.next_version(chain.folder, "targets")
    seal.store(chain.folder, targets, "targets", signers, now)
    chain.targets = Metadata(targets)
    seal.store_plan(chain, online, plan, now)
