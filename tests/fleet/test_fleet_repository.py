"""A repository on disk: what stands in it, what changes when, and what must never be in it."""

import json
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from tuf.api.metadata import Metadata

from edgeprint import artifact
from edgeprint.errors import BadArtifact
from edgeprint.fleet import repository
from edgeprint.fleet.keys import SigningFailed
from edgeprint.schema import FeatureSchema

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
SCHEMA = FeatureSchema("binary", ())


def model(folder: Path, name: str, tflite: bytes = b"weights") -> Path:
    card = artifact.ModelCard("binary", name, [name], [1], SCHEMA.hash)
    golden = np.zeros((1, 1), "f4"), np.zeros((1, 1), "f4")
    return artifact.write(folder, tflite=tflite, card=card, schema=SCHEMA, golden=golden).folder


@pytest.fixture
def camera(tmp_path: Path) -> Path:
    return model(tmp_path / "models/camera", "binary.camera")


@pytest.fixture
def plug(tmp_path: Path) -> Path:
    return model(tmp_path / "models/plug", "binary.plug")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    repository.init(tmp_path / "public", tmp_path / "keys", NOW)
    return tmp_path / "public"


@pytest.fixture
def keys(folder: Path) -> Path:
    return folder.parent / "keys"


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_new_repository_is_at_version_one_and_offers_nothing(folder: Path) -> None:
    found = repository.status(folder)
    assert found.versions == {"root": 1, "targets": 1, "snapshot": 1, "timestamp": 1}
    assert found.models == {}


def test_expiry_is_counted_from_the_given_time(folder: Path) -> None:
    assert repository.status(folder).expires["timestamp"] == "2026-01-12T12:00:00+00:00"


def test_each_role_has_its_own_key_that_only_its_owner_can_read(folder: Path, keys: Path) -> None:
    root = Metadata.from_file(str(folder / "metadata/1.root.json")).signed
    assert len({role.keyids[0] for role in root.roles.values()}) == 4
    assert {stat.S_IMODE(p.stat().st_mode) for p in keys.glob("*.pem")} == {0o600}


def test_nothing_published_contains_a_private_key(folder: Path, keys: Path, camera: Path) -> None:
    repository.publish(folder, keys, {"binary.camera": camera}, NOW)
    secrets = [key.read_bytes().splitlines()[1] for key in keys.glob("*.pem")]
    assert not [name for name, data in files(folder).items() if any(secret in data for secret in secrets)]


def test_keys_inside_the_published_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SigningFailed, match="must not lie in"):
        repository.init(tmp_path / "public", tmp_path / "public/keys", NOW)
    assert not list(tmp_path.rglob("*.pem"))


def test_a_repository_is_not_made_anew_over_an_old_one(folder: Path, keys: Path) -> None:
    before = files(folder)
    with pytest.raises(SigningFailed, match="not empty"):
        repository.init(folder, keys, LATER)
    assert files(folder) == before


def test_published_files_carry_their_hash_in_their_name(folder: Path, keys: Path, camera: Path) -> None:
    found = repository.publish(folder, keys, {"binary.camera": camera}, NOW)
    assert found.models["binary.camera"]["digest"] == artifact.digest(camera)
    assert found.changed == ["binary.camera"]
    names = sorted(path.name.split(".", 1)[1] for path in (folder / "targets/binary.camera").iterdir())
    assert names == sorted(artifact.FILES)


def test_the_metadata_verifies_from_the_root_down(folder: Path, keys: Path, camera: Path) -> None:
    repository.publish(folder, keys, {"binary.camera": camera}, NOW)
    root = Metadata.from_file(str(folder / "metadata/1.root.json"))
    root.verify_delegate("root", root)
    for role, name in (("targets", "2.targets"), ("snapshot", "2.snapshot"), ("timestamp", "timestamp")):
        root.verify_delegate(role, Metadata.from_file(str(folder / f"metadata/{name}.json")))


def test_publishing_the_same_again_changes_the_timestamp_alone(
    folder: Path, keys: Path, camera: Path
) -> None:
    repository.publish(folder, keys, {"binary.camera": camera}, NOW)
    before = files(folder)
    again = repository.publish(folder, keys, {"binary.camera": camera}, LATER)
    after = files(folder)
    assert [name for name in after if after[name] != before.get(name)] == ["metadata/timestamp.json"]
    assert again.changed == [] and again.versions == {"root": 1, "targets": 2, "snapshot": 2, "timestamp": 3}


def test_a_new_version_of_a_model_replaces_the_old_one_and_leaves_the_others(
    folder: Path, keys: Path, camera: Path, plug: Path
) -> None:
    before = repository.publish(folder, keys, {"binary.camera": camera, "binary.plug": plug}, NOW)
    model(camera, "binary.camera", b"better weights")
    after = repository.publish(folder, keys, {"binary.camera": camera, "binary.plug": plug}, LATER)
    assert after.changed == ["binary.camera"]
    assert after.models["binary.camera"]["digest"] == artifact.digest(camera)
    assert after.models["binary.plug"] == before.models["binary.plug"]


def test_a_model_that_is_no_longer_given_is_withdrawn(
    folder: Path, keys: Path, camera: Path, plug: Path
) -> None:
    repository.publish(folder, keys, {"binary.camera": camera, "binary.plug": plug}, NOW)
    after = repository.publish(folder, keys, {"binary.plug": plug}, LATER)
    assert after.changed == ["binary.camera"] and list(after.models) == ["binary.plug"]


def test_refreshing_takes_only_the_online_keys(folder: Path, keys: Path, camera: Path) -> None:
    repository.publish(folder, keys, {"binary.camera": camera}, NOW)
    (keys / "root.pem").unlink()
    (keys / "targets.pem").unlink()
    after = repository.refresh(folder, keys, LATER)
    assert after.versions["timestamp"] == 3 and "binary.camera" in after.models


def test_a_snapshot_that_is_half_expired_is_renewed(folder: Path, keys: Path) -> None:
    assert repository.refresh(folder, keys, NOW + timedelta(days=16)).versions["snapshot"] == 2


def test_targets_that_are_half_expired_are_signed_again(folder: Path, keys: Path, camera: Path) -> None:
    repository.publish(folder, keys, {"binary.camera": camera}, NOW)
    after = repository.publish(folder, keys, {"binary.camera": camera}, NOW + timedelta(days=61))
    assert after.versions["targets"] == 3 and after.changed == []


def test_a_key_that_the_root_does_not_name_signs_nothing(folder: Path, keys: Path, camera: Path) -> None:
    before = files(folder)
    (keys / "targets.pem").write_bytes((keys / "snapshot.pem").read_bytes())
    with pytest.raises(SigningFailed, match="not the targets key"):
        repository.publish(folder, keys, {"binary.camera": camera}, NOW)
    assert files(folder) == before


def test_a_missing_key_is_named(folder: Path, keys: Path, camera: Path) -> None:
    (keys / "targets.pem").unlink()
    with pytest.raises(SigningFailed, match=r"targets key .*targets\.pem cannot be read"):
        repository.publish(folder, keys, {"binary.camera": camera}, NOW)


@pytest.mark.parametrize("name", ["binary.plug", "../binary.camera", "binary..camera", "/etc", ""])
def test_a_model_is_published_under_its_own_safe_name_only(
    folder: Path, keys: Path, camera: Path, name: str
) -> None:
    card = replace(artifact.read(camera).card, name=name if name != "binary.plug" else "binary.camera")
    (camera / "card.json").write_text(json.dumps(card.__dict__))
    with pytest.raises(BadArtifact, match="cannot be published"):
        repository.publish(folder, keys, {name: camera}, NOW)
    assert not (folder / "targets").exists()


def test_a_crash_before_the_timestamp_leaves_the_old_state_and_the_next_publication_goes_through(
    folder: Path, keys: Path, camera: Path, plug: Path
) -> None:
    repository.publish(folder, keys, {"binary.camera": camera}, NOW)
    old = (folder / "metadata/timestamp.json").read_bytes()
    repository.publish(folder, keys, {"binary.plug": plug}, NOW)
    (folder / "metadata/timestamp.json").write_bytes(old)
    assert list(repository.status(folder).models) == ["binary.camera"]
    after = repository.publish(folder, keys, {"binary.camera": camera, "binary.plug": plug}, LATER)
    assert sorted(after.models) == ["binary.camera", "binary.plug"]


def test_a_folder_without_a_repository_is_named(tmp_path: Path) -> None:
    with pytest.raises(SigningFailed, match="nowhere holds no whole repository"):
        repository.status(tmp_path / "nowhere")
