"""One test an attack, over a real web server: the error that a Pi gives, and that the models in use stay.

Each story begins with a Pi that has pulled version 1 of the camera's model. Whoever attacks owns the web
server or a cache on the way; an insider has a key too.
"""

import json
import shutil
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from simulated_home import Home, Quiet, served
from tuf.api.metadata import Metadata, TargetFile
from updating import CAMERA, now, on_disk, pull, refuses, release_by_an_insider, signed_by_an_insider

from edgeprint import artifact
from edgeprint.edge.fetch import Web
from edgeprint.edge.updater import Updater
from edgeprint.fleet import files, repository, seal
from edgeprint.fleet.chain import Chain
from edgeprint.fleet.keys import Keys
from edgeprint.rings import Plan, Ring
from edgeprint.whole_file import write_whole

SHORT = {"file_s": 1.0, "all_s": 3.0, "silence_s": 0.6}


@pytest.fixture
def pi(home: Home) -> Home:
    home.publish(camera={})
    pull(home)
    return home


@pytest.fixture
def newer(pi: Home) -> Home:
    """A second version is published that the Pi has not seen."""
    pi.publish(camera={"revision": "2"})
    return pi


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


def signers(home: Home, role: str) -> list:
    root = Chain.read(home.folder).root.signed
    return Keys(home.keys).signers(role, [root.get_key(k) for k in root.roles[role].keyids])


def test_attack_too_few_signatures(home: Home, tmp_path: Path) -> None:
    shutil.rmtree(home.folder)
    both = Keys(tmp_path / "a", tmp_path / "b")
    repository.init(home.folder, both, now(), threshold=2)
    model = repository_model(home)
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


def repository_model(home: Home) -> Path:
    from simulated_home import write_model

    return write_model(home.models / "camera", "camera")


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
    from edgeprint.fleet.ceremony import rotate

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


def test_attack_path_traversal_in_a_targets_name(pi: Home) -> None:
    def add(targets: dict[str, TargetFile]) -> None:
        for path in ("../../outside", f"{CAMERA}/../../outside", "/outside"):
            targets[path] = TargetFile.from_data(path, b"evil")

    signed_by_an_insider(pi, add)
    pull(pi)
    assert not list(pi.state.parent.rglob("outside"))


@pytest.mark.parametrize("digest", ["../../outside", "/outside", "", "A" * 64, None, ["x"], {"x": 1}])
def test_attack_path_traversal_in_a_releases_digest(pi: Home, digest: object) -> None:
    release_by_an_insider(pi, json.dumps({"release": 1, "models": {CAMERA: digest}}).encode())
    refuses(pi, "is no digest of a model")
    assert not list(pi.state.parent.rglob("outside"))


@pytest.mark.parametrize("model", ["../outside", "binary.camera/..", "binary..camera", ""])
def test_attack_path_traversal_in_a_models_name(pi: Home, model: str) -> None:
    refuses(pi, "is not a model's name", lambda: pull(pi, model=model))


@pytest.mark.parametrize("manifest", [b"", b"[]", b"{}", b'{"models": 3}', b"[" * 100_000, b"\xff"])
def test_attack_release_that_is_none(pi: Home, manifest: bytes) -> None:
    release_by_an_insider(pi, manifest)
    refuses(pi, "offers no release that can be read")


def test_attack_plan_that_is_none(pi: Home) -> None:
    class Hostile(Plan):
        def to_json(self) -> bytes:
            return b'{"stable": "../../etc"}'

    with files.locked(pi.folder):
        plan = Hostile(rings=(Ring("all", 1.0),))
        seal.store_plan(Chain.read(pi.folder), Keys(pi.keys), plan, now())
        seal.seal(pi.folder, Keys(pi.keys), now())
    refuses(pi, "offers no release that can be read")


def test_attack_another_models_folder_under_this_name(pi: Home) -> None:
    pi.publish(camera={"revision": "2"}, plug={})
    plug = pi.models / "plug"
    digest = artifact.digest(plug)

    def rename(targets: dict[str, TargetFile]) -> None:
        for file in artifact.FILES:
            path = f"{CAMERA}/{digest}/{file}"
            targets[path] = TargetFile.from_file(path, str(plug / file))
            (stored,) = targets[path].get_prefixed_paths()
            write_whole(pi.folder / "targets" / stored, (plug / file).read_bytes())

    signed_by_an_insider(pi, rename)
    only_release(pi, digest)
    refuses(pi, "offers 'binary.plug' under the name 'binary.camera'")


def only_release(home: Home, digest: str) -> None:
    """The newest release names that digest for the camera, signed with the right keys."""
    chain, keys = Chain.read(home.folder), Keys(home.keys)
    targets = chain.targets.signed
    path = f"releases/{chain.plan().stable}.json"
    manifest = json.dumps({"models": {CAMERA: digest}}).encode()
    targets.targets[path] = TargetFile.from_data(path, manifest)
    (stored,) = targets.targets[path].get_prefixed_paths()
    write_whole(home.folder / "targets" / stored, manifest)
    targets.version = seal.next_version(home.folder, "targets")
    seal.store(home.folder, targets, "targets", signers(home, "targets"), now())
    seal.seal(home.folder, keys, now())


def test_attack_release_of_a_version_that_nobody_signed(pi: Home) -> None:
    release_by_an_insider(pi, json.dumps({"models": {CAMERA: "0" * 64}}).encode())
    refuses(pi, "does not offer binary.camera/0000")


def test_attack_target_that_is_larger_than_a_pi(pi: Home) -> None:
    pi.publish(camera={"revision": "2"})

    def enlarge(targets: dict[str, TargetFile]) -> None:
        for target in targets.values():
            target.length = 10**12

    signed_by_an_insider(pi, enlarge)
    refuses(pi, "has 1,000,000,000,000 bytes, more than")


@contextmanager
def raw_server(answer: Callable[[socket.socket, str], None], folder: Path, at: str) -> Iterator[str]:
    """A web server of that folder, but for paths that end with `at`: these `answer` writes by hand."""

    class Handler(Quiet):
        def do_GET(self) -> None:
            if not self.path.endswith(at):
                return super().do_GET()
            self.close_connection = True
            try:
                answer(self.connection, self.path)
            except OSError:
                return None
            return None

    with served(folder, Handler) as url:
        yield url


@pytest.mark.parametrize("at", ["timestamp.json", "snapshot.json", "model.tflite"])
def test_attack_endless_data(newer: Home, at: str) -> None:
    def endless(connection: socket.socket, _: str) -> None:
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        while True:
            connection.sendall(bytes(65536))

    with raw_server(endless, newer.folder, at) as url:
        refuses(newer, "sends more than was signed", lambda: pull(newer, url))


def test_attack_endless_compressed_data(newer: Home) -> None:
    import gzip

    def bomb(connection: socket.socket, _: str) -> None:
        data = gzip.compress(bytes(50_000_000))
        head = f"HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(data)}\r\n\r\n"
        connection.sendall(head.encode() + data)

    with raw_server(bomb, newer.folder, "timestamp.json") as url:
        refuses(newer, "sends more than was signed|does not hold", lambda: pull(newer, url))


@pytest.mark.parametrize("slow", ["body", "headers", "silence"])
def test_attack_slow_server(newer: Home, slow: str) -> None:
    """Each byte comes in time, and all of them never: only the deadline of the whole file ends it."""

    def trickle(connection: socket.socket, _: str) -> None:
        connection.sendall(b"HTTP/1.0 200 OK\r\n" + (b"\r\n" if slow == "body" else b""))
        while slow != "silence":
            connection.sendall(b"{" if slow == "body" else b"X-More: 1\r\n")
            time.sleep(0.05)
        connection.recv(1)

    with raw_server(trickle, newer.folder, "timestamp.json") as url:
        begun = time.monotonic()
        refuses(newer, "is too slow", lambda: pull(newer, url, fetcher=Web(**SHORT)))
        assert time.monotonic() - begun < 30


def test_attack_server_that_is_slow_over_many_files(newer: Home) -> None:
    """Every file comes just in time: the deadline of the whole look ends it."""

    class Dawdling(Quiet):
        def do_GET(self) -> None:
            time.sleep(0.5)
            super().do_GET()

    with served(newer.folder, Dawdling) as url:
        refuses(newer, "is too slow", lambda: pull(newer, url, fetcher=Web(file_s=1, all_s=1.2)))


def test_attack_connection_dropped_in_the_middle(newer: Home) -> None:
    def drop(connection: socket.socket, _: str) -> None:
        connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 1000\r\n\r\n{")

    with raw_server(drop, newer.folder, "timestamp.json") as url:
        refuses(newer, "cannot be reached", lambda: pull(newer, url))


def test_attack_redirect_in_a_circle(newer: Home) -> None:
    def round_and_round(connection: socket.socket, path: str) -> None:
        connection.sendall(f"HTTP/1.0 302 Found\r\nLocation: {path}\r\n\r\n".encode())

    with raw_server(round_and_round, newer.folder, "timestamp.json") as url:
        refuses(newer, "cannot be reached", lambda: pull(newer, url))


def test_attack_metadata_that_is_no_json(pi: Home) -> None:
    (pi.folder / "metadata/timestamp.json").write_bytes(b"<html>captive portal</html>")
    refuses(pi, "metadata that does not hold")


def test_attack_server_that_speaks_something_else(pi: Home) -> None:
    class Greeting(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(b"220 smtp.example ESMTP\r\n")

    with socketserver.TCPServer(("127.0.0.1", 0), Greeting) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        refuses(pi, "cannot be reached", lambda: pull(pi, url))
        server.shutdown()
