"""A repository on disk: what stands in it, what changes when, and what must never be in it."""

import json
import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from small_fleet import LATER, NOW, files, model, seen_by_pis
from tuf.api.metadata import Metadata

from edgeprint import artifact
from edgeprint.errors import BadArtifact
from edgeprint.fleet import repository
from edgeprint.fleet.chain import Chain
from edgeprint.fleet.keys import Keys, SigningFailed
from edgeprint.fleet.seal import change_plan
from edgeprint.rings import Ring


def test_a_new_repository_is_at_version_one_and_offers_nothing(folder: Path) -> None:
    found = repository.status(folder)
    assert found.versions == dict.fromkeys(("root", "targets", "rings", "snapshot", "timestamp"), 1)
    assert found.models == {}


def test_expiry_is_counted_from_the_given_time(folder: Path) -> None:
    assert repository.status(folder).expires["timestamp"] == "2026-01-12T12:00:00+00:00"


def test_each_role_has_its_own_key_that_only_its_owner_can_read(folder: Path, keys: Path) -> None:
    root = Metadata.from_file(str(folder / "metadata/1.root.json")).signed
    assert len({role.keyids[0] for role in root.roles.values()}) == 4
    assert len(list(keys.glob("*.pem"))) == 5
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
    stored = folder / "targets/binary.camera" / artifact.digest(camera)
    names = sorted(path.name.split(".", 1)[1] for path in stored.iterdir())
    assert names == sorted(artifact.FILES)


def test_the_metadata_verifies_from_the_root_down(folder: Path, keys: Path, camera: Path) -> None:
    repository.publish(folder, keys, {"binary.camera": camera}, NOW)
    root = Metadata.from_file(str(folder / "metadata/1.root.json"))
    root.verify_delegate("root", root)
    for role, name in (("targets", "2.targets"), ("snapshot", "2.snapshot"), ("timestamp", "timestamp")):
        root.verify_delegate(role, Metadata.from_file(str(folder / f"metadata/{name}.json")))
    targets = Metadata.from_file(str(folder / "metadata/2.targets.json"))
    for role, name in (("binary.camera", "1.binary.camera"), ("rings", "2.rings")):
        targets.verify_delegate(role, Metadata.from_file(str(folder / f"metadata/{name}.json")))


def test_publishing_the_same_again_changes_the_timestamp_alone(
    folder: Path, keys: Path, camera: Path
) -> None:
    repository.publish(folder, keys, {"binary.camera": camera}, NOW)
    before = files(folder)
    again = repository.publish(folder, keys, {"binary.camera": camera}, LATER)
    after = files(folder)
    assert [name for name in after if after[name] != before.get(name)] == ["metadata/timestamp.json"]
    versions = {"root": 1, "targets": 2, "rings": 2, "snapshot": 2, "timestamp": 3}
    assert again.changed == [] and again.versions == versions


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
    for key in (*keys.glob("root-*"), *keys.glob("targets-*")):
        key.unlink()
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
    (targets,), (snapshot,) = keys.glob("targets-*"), keys.glob("snapshot-*")
    targets.write_bytes(snapshot.read_bytes())
    with pytest.raises(SigningFailed, match="holds another key than its name says"):
        repository.publish(folder, keys, {"binary.camera": camera}, NOW)
    assert files(folder) == before


def test_a_missing_key_is_named(folder: Path, keys: Path, camera: Path) -> None:
    for key in keys.glob("targets-*"):
        key.unlink()
    with pytest.raises(SigningFailed, match="none of the targets keys"):
        repository.publish(folder, keys, {"binary.camera": camera}, NOW)


@pytest.mark.parametrize("name", ["binary.plug", "../binary.camera", "binary..camera", "/etc", ""])
def test_a_model_is_published_under_its_own_safe_name_only(
    folder: Path, keys: Path, camera: Path, name: str
) -> None:
    card = replace(artifact.read(camera).card, name=name if name != "binary.plug" else "binary.camera")
    (camera / "card.json").write_text(json.dumps(card.__dict__))
    with pytest.raises(BadArtifact, match="cannot be published"):
        repository.publish(folder, keys, {name: camera}, NOW)
    assert not list((folder / "targets").glob("binary*"))


def test_a_crash_before_the_timestamp_leaves_the_old_state_and_a_refresh_brings_the_new_one(
    folder: Path, keys: Path, camera: Path, plug: Path
) -> None:
    repository.publish(folder, keys, {"binary.camera": camera}, NOW)
    old = (folder / "metadata/timestamp.json").read_bytes()
    repository.publish(folder, keys, {"binary.plug": plug}, NOW)
    (folder / "metadata/timestamp.json").write_bytes(old)
    assert seen_by_pis(folder) == 2
    assert list(repository.refresh(folder, keys, LATER).models) == ["binary.plug"]
    assert seen_by_pis(folder) == 3


def test_a_release_is_numbered_and_the_stable_one_stays_on_offer(
    folder: Path, keys: Path, camera: Path
) -> None:
    for revision in (b"1", b"2", b"3"):
        model(camera, "binary.camera", revision)
        found = repository.publish(folder, keys, {"binary.camera": camera}, NOW)
    assert found.release == 3
    assert list(Chain.read(folder).releases()) == [2, 3]
    digests = {path.split("/")[1] for path in Chain.read(folder).roles["binary.camera"].signed.targets}
    assert len(digests) == 2


def test_with_one_ring_a_release_is_everybodys_at_once(folder: Path, keys: Path, camera: Path) -> None:
    repository.publish(folder, keys, {"binary.camera": camera}, NOW)
    plan = Chain.read(folder).plan()
    assert (plan.stable, plan.candidate) == (1, None)


def test_with_several_rings_a_release_begins_in_the_first(folder: Path, keys: Path, camera: Path) -> None:
    rings = (Ring("canary", 0.1), Ring("all", 1.0))
    repository.publish(folder, keys, {"binary.camera": camera}, NOW, rings=rings)
    plan = Chain.read(folder).plan()
    assert (plan.stable, plan.candidate, plan.reached, plan.rings) == (0, 1, 1, rings)


def test_a_release_that_was_stopped_does_not_begin_again(folder: Path, keys: Path, camera: Path) -> None:
    rings = (Ring("canary", 0.1), Ring("all", 1.0))
    repository.publish(folder, keys, {"binary.camera": camera}, NOW, rings=rings)
    change_plan(folder, Keys(keys), lambda plan: plan.roll_back("bad", "2026-01-05T12:00:00"), NOW)
    repository.publish(folder, keys, {"binary.camera": camera}, LATER)
    assert Chain.read(folder).plan().candidate is None


def test_a_plan_cannot_name_a_release_that_is_not_offered(folder: Path, keys: Path) -> None:
    with pytest.raises(SigningFailed, match="release 7 is not offered"):
        change_plan(folder, Keys(keys), lambda plan: replace(plan, stable=7), NOW)


def test_a_folder_without_a_repository_is_named(tmp_path: Path) -> None:
    with pytest.raises(SigningFailed, match="nowhere holds no whole repository"):
        repository.status(tmp_path / "nowhere")
