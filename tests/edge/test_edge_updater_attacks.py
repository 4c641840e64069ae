"""One test an attack, over a real web server: the error that a Pi gives, and that the models in use stay.

Each story begins with a Pi that has pulled version 1 of the camera's model. Whoever attacks owns the web
server or a cache on the way, and perhaps some of the keys. Attacks of those who may sign stand in
test_edge_updater_attacks_inside.py, those by the connection itself in test_edge_updater_attacks_network.py.
"""

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from simulated_home import Home, write_model
from tuf.api.metadata import Metadata, TargetFile
from updating import CAMERA, now, on_disk, pull, refuses, signed_by_an_insider, signers

from edgeprint import artifact
from edgeprint.edge.updater import Updater
from edgeprint.fleet import files, repository, seal
from edgeprint.fleet.ceremony import rotate
from edgeprint.fleet.chain import Chain
from edgeprint.fleet.keys import Keys


def camera_files(home: Home, ending: str) -> list[Path]:
    return list((home.folder / "targets" / CAMERA).glob(f"*/*.{ending}"))


def keeps_metadata(home: Home, sentence: str, attempt: Callable[[], object] | None = None) -> None:
    before = on_disk(home.state / "metadata")
    refuses(home, sentence, attempt)
    assert on_disk(home.state / "metadata") == before


def test_attack_tampered_target(newer: Home) -> None:
    for path in camera_files(newer, "card.json"):
        path.write_bytes(path.read_bytes().replace(b'"2"', b'"3"'))
    refuses(newer, "a file other than the one that was signed")


def test_attack_truncated_target(newer: Home) -> None:
    for path in camera_files(newer, "model.tflite"):
        path.write_bytes(path.read_bytes()[:-1])
    refuses(newer, "a file other than the one that was signed")


def test_attack_tampered_plan(newer: Home) -> None:
    for path in (newer.folder / "targets/rings").iterdir():
        path.write_bytes(path.read_bytes().replace(b'"stable":2', b'"stable":1'))
    refuses(newer, "a file other than the one that was signed")


def test_attack_rolled_back_metadata(pi: Home) -> None:
    shutil.copytree(pi.folder, pi.folder.parent / "old")
    pi.publish(camera={"revision": "2"})
    pull(pi)
    shutil.rmtree(pi.folder)
    (pi.folder.parent / "old").rename(pi.folder)
    keeps_metadata(pi, "older than")


def test_attack_rolled_back_rings_alone(pi: Home) -> None:
    """A thief of the snapshot and timestamp keys cannot bring back a plan that this Pi has seen replaced."""
    pi.publish(camera={"revision": "2"})
    pull(pi)
    chain, keys = Chain.read(pi.folder), Keys(pi.keys)
    root, snapshot = chain.root.signed, chain.snapshot.signed
    snapshot.meta["rings.json"].version = 1
    snapshot.version += 1
    for role, signed in (("snapshot", snapshot), ("timestamp", chain.timestamp.signed)):
        signers = keys.signers(role, [root.get_key(k) for k in root.roles[role].keyids])
        if role == "timestamp":
            signed.version += 1
            signed.snapshot_meta = seal.named(pi.folder, snapshot, "snapshot")
        seal.store(pi.folder, signed, role, signers, now())
    refuses(pi, "older than")


def test_attack_frozen_metadata(pi: Home) -> None:
    repository.refresh(pi.folder, pi.keys, now() - timedelta(days=8))
    keeps_metadata(pi, "expired metadata: it is frozen")


def test_attack_mix_and_match_of_metadata(newer: Home) -> None:
    shutil.copy(newer.folder / "metadata/2.targets.json", newer.folder / "metadata/3.targets.json")
    refuses(newer, "a file other than the one that was signed")


def test_attack_mix_and_match_of_a_models_role(newer: Home) -> None:
    metadata = newer.folder / "metadata"
    shutil.copy(metadata / f"1.{CAMERA}.json", metadata / f"2.{CAMERA}.json")
    refuses(newer, "a file other than the one that was signed")


def test_attack_mix_and_match_of_two_models_files(pi: Home) -> None:
    pi.publish(camera={"revision": "2"}, plug={})
    digest = artifact.digest(pi.models / "camera")
    plug = Chain.read(pi.folder).roles["binary.plug"].signed.targets
    card = next(target for path, target in plug.items() if path.endswith("card.json"))

    def exchange(targets: dict[str, TargetFile]) -> None:
        path = f"{CAMERA}/{digest}/card.json"
        targets[path] = TargetFile(card.length, card.hashes, path)
        (stored,) = targets[path].get_prefixed_paths()
        (pi.folder / "targets" / stored).write_bytes((pi.models / "plug/card.json").read_bytes())

    signed_by_an_insider(pi, exchange)
    refuses(pi, "the files of binary.camera are not those of")


def test_attack_wrong_key(pi: Home) -> None:
    root = pi.root
    shutil.rmtree(pi.folder)
    repository.init(pi.folder, pi.folder.parent / "other keys", now())
    keeps_metadata(pi, "the trusted keys did not sign", lambda: Updater(pi.url, pi.state, root).refresh())


def test_attack_models_signed_by_the_online_key(newer: Home) -> None:
    """Whoever holds the keys of the online machine cannot sign a model."""
    chain, keys = Chain.read(newer.folder), Keys(newer.keys)
    role = chain.roles[CAMERA].signed
    role.version = seal.next_version(newer.folder, CAMERA)
    targets = chain.targets.signed
    thief = seal.online(keys, "rings", newer.folder, [targets.get_key(k) for k in targets.delegations.keys])
    seal.store(newer.folder, role, CAMERA, thief, now())
    snapshot, timestamp = chain.snapshot.signed, chain.timestamp.signed
    snapshot.meta[f"{CAMERA}.json"] = seal.named(newer.folder, role, CAMERA)
    snapshot.version += 1
    seal.store(newer.folder, snapshot, "snapshot", signers(newer, "snapshot"), now())
    timestamp.version += 1
    timestamp.snapshot_meta = seal.named(newer.folder, snapshot, "snapshot")
    seal.store(newer.folder, timestamp, "timestamp", signers(newer, "timestamp"), now())
    refuses(newer, "the trusted keys did not sign")


def test_attack_too_few_signatures(home: Home, tmp_path: Path) -> None:
    shutil.rmtree(home.folder)
    both = Keys(tmp_path / "a", tmp_path / "b")
    repository.init(home.folder, both, now(), threshold=2)
    model = write_model(home.models / "camera", "camera")
    repository.publish(home.folder, both, {CAMERA: model}, now())
    pull(home)
    targets = Metadata.from_file(str(home.folder / "metadata/2.targets.json"))
    targets.signatures.popitem()
    targets.to_file(str(home.folder / "metadata/2.targets.json"))
    shutil.rmtree(home.state)
    chain = Chain.read(home.folder)
    assert chain.targets.signed.version == 1  # and on this side, what lacks signatures is not sealed
    reseal(home, targets, Keys(tmp_path / "a"))
    refuses(home, "the trusted keys did not sign")


def reseal(home: Home, targets: Metadata, keys: Keys) -> None:
    """What an operator's online machine would do if it did not look: name these targets."""
    timestamp = files.load(home.folder, "timestamp")
    snapshot = files.load(home.folder, "snapshot", timestamp.signed.snapshot_meta.version)
    snapshot.signed.version += 1
    snapshot.signed.meta["targets.json"] = seal.named(home.folder, targets.signed, "targets")
    root = Chain.read(home.folder).root.signed
    for role, signed in (("snapshot", snapshot.signed), ("timestamp", timestamp.signed)):
        if role == "timestamp":
            signed.version += 1
            signed.snapshot_meta = seal.named(home.folder, snapshot.signed, "snapshot")
        held = keys.signers(role, [root.get_key(k) for k in root.roles[role].keyids])
        seal.store(home.folder, signed, role, held, now())


def test_attack_root_replaced_by_one_that_the_old_root_did_not_sign(pi: Home) -> None:
    other = pi.folder.parent / "other"
    repository.init(other, pi.folder.parent / "other keys", now())
    root = Metadata.from_file(str(other / "metadata/1.root.json"))
    root.signed.version = 2
    keys = Keys(pi.folder.parent / "other keys")
    (signer,) = keys.signers("root", [root.signed.get_key(k) for k in root.signed.roles["root"].keyids])
    root.sign(signer)
    root.to_file(str(pi.folder / "metadata/2.root.json"))
    refuses(pi, "the trusted keys did not sign")


def test_attack_with_a_targets_key_that_was_rotated_away(newer: Home) -> None:
    held = signers(newer, "targets")
    rotate(newer.folder, newer.keys, "targets", now())
    pull(newer)
    chain = Chain.read(newer.folder)
    targets = chain.targets.signed
    targets.version += 1
    seal.store(newer.folder, targets, "targets", held, now())
    assert Chain.read(newer.folder).targets.signed.version == targets.version - 1
    reseal(newer, files.load(newer.folder, "targets", targets.version), Keys(newer.keys))
    refuses(newer, "the trusted keys did not sign")
