"""Attacks of an insider, who signs with the right keys what harms: names that lead out of a folder, releases
that are none, another device's model. The signatures hold; what a Pi does with the content counts here.
"""

import json

import pytest
from simulated_home import Home
from tuf.api.metadata import TargetFile
from updating import CAMERA, now, pull, refuses, release_by_an_insider, signed_by_an_insider, signers

from edgeprint import artifact
from edgeprint.fleet import files, seal
from edgeprint.fleet.chain import Chain
from edgeprint.fleet.keys import Keys
from edgeprint.rings import Plan, Ring
from edgeprint.whole_file import write_whole


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
