"""Replacing keys: what is signed anew, by whom, and what a repository without enough keys refuses."""

from pathlib import Path

import pytest
from small_fleet import LATER, NOW, files, model
from tuf.api.metadata import TargetFile

from edgeprint.fleet import repository
from edgeprint.fleet.ceremony import ROLES, rotate
from edgeprint.fleet.chain import Chain, waiting
from edgeprint.fleet.keys import Keys, SigningFailed
from edgeprint.fleet.seal import key_ids, store


@pytest.fixture
def sticks(tmp_path: Path) -> Keys:
    return Keys(*(tmp_path / name for name in "abc"), passphrase=lambda folder: folder.name)


@pytest.fixture
def public(tmp_path: Path, sticks: Keys, camera: Path) -> Path:
    online = Keys(tmp_path / "online")
    repository.init(tmp_path / "public", sticks, NOW, online=online, threshold=2)
    repository.publish(tmp_path / "public", sticks, {"binary.camera": camera}, NOW)
    repository.refresh(tmp_path / "public", online, NOW)
    return tmp_path / "public"


@pytest.fixture
def online(tmp_path: Path) -> Keys:
    return Keys(tmp_path / "online")


def ids(folder: Path, role: str) -> list[str]:
    chain = Chain.read(folder)
    return key_ids(chain.targets.signed if role == "rings" else chain.root.signed, role)


@pytest.mark.parametrize("role", ROLES)
def test_every_key_of_a_role_can_be_replaced(public: Path, sticks: Keys, online: Keys, role: str) -> None:
    before = ids(public, role)
    rotate(public, sticks, role, LATER, online=online)
    after = ids(public, role)
    assert len(after) == len(before) and not {*after} & {*before}
    assert waiting(public) == []


@pytest.mark.parametrize("role", ROLES)
def test_the_models_stay_what_they_were(public: Path, sticks: Keys, online: Keys, role: str) -> None:
    before = repository.status(public).models
    assert rotate(public, sticks, role, LATER, online=online).models == before


def test_one_lost_key_is_replaced_and_the_others_stay(public: Path, sticks: Keys, online: Keys) -> None:
    lost, *others = ids(public, "targets")
    rotate(public, sticks, "targets", LATER, lost=[lost[:8]], online=online)
    after = ids(public, "targets")
    assert lost not in after and {*others} < {*after}


def test_what_a_thief_of_the_online_keys_wrote_is_never_signed_offline(
    public: Path, sticks: Keys, online: Keys, plug: Path
) -> None:
    chain = Chain.read(public)
    assert chain.snapshot and chain.timestamp
    role, snapshot, timestamp = chain.roles["binary.camera"], chain.snapshot.signed, chain.timestamp.signed
    role.signed.version += 1
    role.signed.targets["binary.camera/0/evil"] = TargetFile.from_data("binary.camera/0/evil", b"evil")
    metadata = public / "metadata"
    role.to_file(str(metadata / f"{role.signed.version}.binary.camera.json"))  # with the signatures of before
    snapshot.meta["binary.camera.json"].version = role.signed.version
    snapshot.version = timestamp.snapshot_meta.version = snapshot.version + 1
    for name, signed in (("snapshot", snapshot), ("timestamp", timestamp)):
        public_keys = [chain.root.signed.get_key(key) for key in key_ids(chain.root.signed, name)]
        store(public, signed, name, online.signers(name, public_keys), LATER)
    before = files(public)
    with pytest.raises(SigningFailed, match=r"too few keys have signed binary\.camera"):
        rotate(public, sticks, "targets", LATER, online=online)
    with pytest.raises(SigningFailed, match=r"too few keys have signed binary\.camera"):
        repository.publish(public, sticks, {"binary.plug": plug}, LATER)
    assert files(public) == before


def test_a_lost_stick_is_not_needed_to_replace_its_keys(public: Path, sticks: Keys, online: Keys) -> None:
    held = Keys(*sticks.folders[:2], passphrase=sticks.passphrase)
    names = {path.name.split("-")[1][:8] for path in sticks.folders[2].iterdir()}
    for role in ("targets", "root"):
        (lost,) = [key for key in ids(public, role) if key[:8] in names]
        rotate(public, held, role, LATER, lost=[lost], online=online)
    repository.publish(public, held, {}, LATER)
    assert waiting(public) == []


def test_a_stolen_targets_key_signs_nothing_after_its_rotation(
    public: Path, sticks: Keys, online: Keys, camera: Path
) -> None:
    stolen = Keys(*sticks.folders[:2], passphrase=sticks.passphrase)
    ours = Keys(public.parent / "new", *sticks.folders, passphrase=lambda folder: folder.name)
    old = {path for folder in sticks.folders for path in folder.glob("targets-*")}
    rotate(public, ours, "targets", LATER, online=online)
    for path in {p for folder in sticks.folders for p in folder.glob("targets-*")} - old:
        path.unlink()  # the thief has the old ones only
    model(camera, "binary.camera", b"evil")
    with pytest.raises(SigningFailed, match="none of the targets keys"):
        repository.publish(public, stolen, {"binary.camera": camera}, LATER)


def test_too_few_root_keys_change_nothing(public: Path, sticks: Keys, online: Keys) -> None:
    before = files(public)
    one = Keys(sticks.folders[0], passphrase=sticks.passphrase)
    with pytest.raises(SigningFailed, match=r"1 of 2 root keys are in .*: no Pi would follow"):
        rotate(public, one, "snapshot", LATER, online=online)
    assert files(public) == before


def test_a_key_that_is_not_there_is_named(public: Path, sticks: Keys, online: Keys) -> None:
    with pytest.raises(SigningFailed, match="no targets key begins so; there are"):
        rotate(public, sticks, "targets", LATER, lost=["zzzz"], online=online)


def test_a_role_that_is_none_is_named(public: Path, sticks: Keys) -> None:
    with pytest.raises(SigningFailed, match="'admin' is no role"):
        rotate(public, sticks, "admin", LATER)


def test_old_roots_stay_for_pis_that_were_switched_off(public: Path, sticks: Keys, online: Keys) -> None:
    for _ in range(3):
        rotate(public, sticks, "timestamp", LATER, online=online)
    assert all((public / f"metadata/{version}.root.json").is_file() for version in (1, 2, 3, 4))
