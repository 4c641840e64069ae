"""What an honest repository gives a Pi, and one test an attack: the error, and that the models in use stay.

Each story begins with a Pi that has pulled version 1 of the camera's model from a real web server.
"""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from simulated_home import Home, Quiet, served
from tuf.api.metadata import Metadata, TargetFile

from edgeprint import artifact
from edgeprint.edge.updater import Updater, current
from edgeprint.errors import BadArtifact, UntrustedModel
from edgeprint.fleet import keys, repository

CAMERA = "binary.camera"
REFUSED = (UntrustedModel, BadArtifact)


@pytest.fixture
def pi(home: Home) -> Home:
    home.publish(camera={})
    pull(home)
    return home


def pull(home: Home, repository: str | None = None, model: str = CAMERA) -> Path | None:
    updater = Updater(repository or home.url, home.state, home.root)
    updater.refresh()
    return updater.pull(model)


def on_disk(*folders: Path) -> dict[str, object]:
    """Every file's bytes and every link's target."""
    paths = [path for folder in folders for path in sorted(folder.rglob("*"))]
    return {str(p): p.readlink() if p.is_symlink() else p.is_file() and p.read_bytes() for p in paths}


def in_use(home: Home) -> dict[str, object]:
    return on_disk(home.state / "versions", home.state / "current")


def refuses(home: Home, sentence: str, attempt: Callable[[], object] | None = None) -> None:
    before = in_use(home)
    with pytest.raises(REFUSED, match=sentence):
        (attempt or (lambda: pull(home)))()
    assert in_use(home) == before


def signed_by_an_insider(home: Home, change: Callable[[dict[str, TargetFile]], None]) -> None:
    """New targets with `change` made to them, signed with the right keys."""
    _, targets, snapshot, timestamp = repository._newest(home.folder)
    change(targets.targets)
    targets.version += 1
    now = datetime.now(UTC)
    repository._store(home.folder, targets, keys.read(home.keys, "targets"), now)
    repository._seal(home.folder, home.keys, targets, snapshot, timestamp, now)


def test_a_pulled_model_is_the_published_one(pi: Home) -> None:
    folder = current(pi.state, CAMERA)
    assert folder is not None and artifact.digest(folder) == artifact.digest(pi.models / "camera")
    assert folder.parent == (pi.state / "versions").resolve()


def test_a_folder_serves_as_well_as_a_web_server(home: Home) -> None:
    home.publish(camera={})
    assert pull(home, str(home.folder)) == home.state / "versions" / artifact.digest(home.models / "camera")


def test_a_new_version_is_swapped_in_and_the_old_one_kept(pi: Home) -> None:
    old = current(pi.state, CAMERA)
    pi.publish(camera={"revision": "2"})
    new = pull(pi)
    assert new != old and current(pi.state, CAMERA) == new.resolve() and old.is_dir()


def test_a_check_that_finds_nothing_new_writes_no_model_and_asks_twice(pi: Home) -> None:
    asked = []

    class Counting(Quiet):
        def log_request(self, *_: object) -> None:
            asked.append(self.path)

    before = in_use(pi)
    with served(pi.folder, Counting) as url:
        pull(pi, url)
    assert in_use(pi) == before
    assert asked == ["/metadata/2.root.json", "/metadata/timestamp.json"]


def test_a_model_that_is_not_offered_is_none(pi: Home) -> None:
    assert pull(pi, model="binary.toaster") is None


def test_a_withdrawn_model_is_no_longer_used(pi: Home) -> None:
    pi.publish(plug={})
    assert pull(pi) is None and current(pi.state, CAMERA) is None


def test_a_model_damaged_on_this_disk_is_pulled_again(pi: Home) -> None:
    folder = current(pi.state, CAMERA)
    (folder / "model.tflite").write_bytes(b"bad sector")
    assert artifact.digest(pull(pi)) == folder.name


def test_what_a_killed_pull_left_behind_does_not_stand_in_the_way(pi: Home) -> None:
    pi.publish(camera={"revision": "2"})
    digest = artifact.digest(pi.models / "camera")
    for leftover in (f"versions/{digest}.begun/model.tflite", f"versions/{digest}/card.json"):
        (pi.state / leftover).parent.mkdir()
        (pi.state / leftover).write_bytes(b"half")
    (pi.state / f"current/.{CAMERA}.begun").symlink_to("../nowhere")
    assert artifact.digest(pull(pi)) == digest


def test_a_model_that_fails_its_self_test_is_not_used(pi: Home) -> None:
    pi.publish(camera={"revision": "2"})
    model = pi.models / "camera"
    shutil.copy(model / "golden.npz", pi.models / "golden.npz")
    pi.publish(camera={"bias": -4})
    shutil.copy(pi.models / "golden.npz", model / "golden.npz")
    repository.publish(pi.folder, pi.keys, {CAMERA: model}, datetime.now(UTC))
    refuses(pi, "binary.camera misses its golden outputs")


def test_attack_tampered_target(pi: Home) -> None:
    pi.publish(camera={"revision": "2"})
    for path in (pi.folder / "targets" / CAMERA).glob("*.card.json"):
        path.write_bytes(path.read_bytes().replace(b'"2"', b'"3"'))
    refuses(pi, "a file other than the one that was signed")


def test_attack_truncated_target(pi: Home) -> None:
    pi.publish(camera={"revision": "2"})
    for path in (pi.folder / "targets" / CAMERA).glob("*.card.json"):
        path.write_bytes(path.read_bytes()[:-1])
    refuses(pi, "a file other than the one that was signed")


def test_attack_rolled_back_metadata(pi: Home) -> None:
    shutil.copytree(pi.folder, pi.folder.parent / "old")
    pi.publish(camera={"revision": "2"})
    pull(pi)
    shutil.rmtree(pi.folder)
    (pi.folder.parent / "old").rename(pi.folder)
    before = on_disk(pi.state / "metadata")
    refuses(pi, "older than")
    assert on_disk(pi.state / "metadata") == before


def test_attack_frozen_metadata(pi: Home) -> None:
    repository.refresh(pi.folder, pi.keys, datetime.now(UTC) - timedelta(days=8))
    before = on_disk(pi.state / "metadata")
    refuses(pi, "expired metadata: it is frozen")
    assert on_disk(pi.state / "metadata") == before


def test_attack_wrong_key(pi: Home) -> None:
    root = pi.root
    shutil.rmtree(pi.folder)
    repository.init(pi.folder, pi.folder.parent / "other keys", datetime.now(UTC))
    before = on_disk(pi.state / "metadata")
    refuses(pi, "the trusted keys did not sign", lambda: Updater(pi.url, pi.state, root).refresh())
    assert on_disk(pi.state / "metadata") == before


def test_attack_root_replaced_by_one_that_the_old_root_did_not_sign(pi: Home) -> None:
    other = pi.folder.parent / "other"
    repository.init(other, pi.folder.parent / "other keys", datetime.now(UTC))
    root = Metadata.from_file(str(other / "metadata/1.root.json"))
    root.signed.version = 2
    root.sign(keys.read(pi.folder.parent / "other keys", "root"))
    root.to_file(str(pi.folder / "metadata/2.root.json"))
    refuses(pi, "the trusted keys did not sign")


def test_attack_mix_and_match_of_metadata(pi: Home) -> None:
    pi.publish(camera={"revision": "2"})
    shutil.copy(pi.folder / "metadata/2.targets.json", pi.folder / "metadata/3.targets.json")
    refuses(pi, "a file other than the one that was signed")


def test_attack_mix_and_match_of_two_models_files(pi: Home) -> None:
    pi.publish(camera={"revision": "2"}, plug={})

    def exchange(targets: dict[str, TargetFile]) -> None:
        targets[f"{CAMERA}/card.json"] = targets["binary.plug/card.json"]

    signed_by_an_insider(pi, exchange)
    refuses(pi, "does not offer binary.camera as one whole model")


@pytest.mark.parametrize("pulled", [False, True])
def test_attack_another_models_folder_under_this_name(pi: Home, pulled: bool) -> None:
    pi.publish(camera={"revision": "2"}, plug={})
    if pulled:
        pull(pi, model="binary.plug")
    digest = artifact.digest(pi.models / "plug")

    def rename(targets: dict[str, TargetFile]) -> None:
        for file in artifact.FILES:
            plug = targets[f"binary.plug/{file}"]
            custom = {"custom": {"model": CAMERA, "digest": digest}}
            targets[f"{CAMERA}/{file}"] = TargetFile(plug.length, plug.hashes, f"{CAMERA}/{file}", custom)
        shutil.copytree(pi.folder / "targets/binary.plug", pi.folder / "targets" / CAMERA, dirs_exist_ok=True)

    signed_by_an_insider(pi, rename)
    refuses(pi, "offers 'binary.plug' under the name 'binary.camera'")


def test_attack_path_traversal_in_a_targets_name(pi: Home) -> None:
    def add(targets: dict[str, TargetFile]) -> None:
        for path in ("../../outside", f"{CAMERA}/../../outside", "/outside"):
            targets[path] = TargetFile.from_data(path, b"evil")

    signed_by_an_insider(pi, add)
    before = in_use(pi)
    pull(pi)
    assert in_use(pi) == before and not list(pi.state.parent.rglob("outside"))


@pytest.mark.parametrize("digest", ["../../outside", "/outside", "", "A" * 64, None])
def test_attack_path_traversal_in_a_targets_digest(pi: Home, digest: object) -> None:
    def point_outside(targets: dict[str, TargetFile]) -> None:
        for file in artifact.FILES:
            targets[f"{CAMERA}/{file}"].custom["digest"] = digest

    signed_by_an_insider(pi, point_outside)
    refuses(pi, "no digest|one whole model")
    assert not list(pi.state.parent.rglob("outside"))


def test_attack_digest_of_other_files(pi: Home) -> None:
    def relabel(targets: dict[str, TargetFile]) -> None:
        for file in artifact.FILES:
            targets[f"{CAMERA}/{file}"].custom["digest"] = "0" * 64

    signed_by_an_insider(pi, relabel)
    refuses(pi, "the files of binary.camera are not those of 000000000000")


@pytest.mark.parametrize("model", ["../outside", "binary.camera/..", "binary..camera", ""])
def test_attack_path_traversal_in_a_models_name(pi: Home, model: str) -> None:
    refuses(pi, "is not a model's name", lambda: pull(pi, model=model))


def test_attack_endless_data(pi: Home) -> None:
    class Endless(Quiet):
        def do_GET(self) -> None:
            if not self.path.endswith("timestamp.json"):
                return super().do_GET()
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(bytes(65536))
            except OSError:
                return None

    with served(pi.folder, Endless) as url:
        refuses(pi, "sends more than was signed", lambda: pull(pi, url))


def test_attack_connection_dropped_in_the_middle(pi: Home) -> None:
    class Dropping(Quiet):
        def do_GET(self) -> None:
            if not self.path.endswith("timestamp.json"):
                return super().do_GET()
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            return self.wfile.write(b"{")  # type: ignore[return-value]

    with served(pi.folder, Dropping) as url:
        refuses(pi, "cannot be reached", lambda: pull(pi, url))


def test_attack_metadata_that_is_no_json(pi: Home) -> None:
    (pi.folder / "metadata/timestamp.json").write_bytes(b"<html>captive portal</html>")
    refuses(pi, "metadata that does not hold")


@pytest.mark.parametrize("missing", ["metadata/timestamp.json", "targets"])
def test_a_repository_with_holes_is_refused(pi: Home, missing: str) -> None:
    pi.publish(camera={"revision": "2"})
    (pi.folder / missing).rename(pi.folder.parent / "taken away")
    refuses(pi, "cannot be reached")
    refuses(pi, "cannot be reached", lambda: pull(pi, str(pi.folder)))


def test_a_server_that_is_down_is_named(pi: Home) -> None:
    with served(pi.folder) as url:
        pass
    refuses(pi, f"{url} cannot be reached", lambda: pull(pi, url))


def test_a_root_that_is_none_is_refused(pi: Home) -> None:
    with pytest.raises(UntrustedModel, match=r"root\.json"):
        Updater(pi.url, pi.state, b"{}")
