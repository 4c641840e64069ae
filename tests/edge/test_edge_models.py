"""Which models a Pi runs when the repository answers, and when it does not."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from simulated_home import Home

from edgeprint import artifact
from edgeprint.edge.models import Models, pull
from edgeprint.errors import UntrustedModel
from edgeprint.fleet import repository

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def models_of(home: Home, root: Path | None = None, repository: str | None = None) -> Models:
    return pull(repository or str(home.folder), home.state, ["camera", "plug"], root=root, now=NOW)


def test_each_device_gets_its_model_and_one_without_is_left_out(home: Home) -> None:
    home.publish(camera={})
    models = models_of(home)
    assert list(models.artifacts) == ["camera"] and models.stale is None and not models.refused


def test_without_the_repository_the_last_known_good_models_go_on_and_say_since_when(home: Home) -> None:
    home.publish(camera={})
    good = models_of(home).artifacts["camera"].folder
    home.folder.rename(home.folder.with_name("gone"))
    models = models_of(home)
    assert models.artifacts["camera"].folder == good
    assert models.stale and models.stale.startswith("models as of 2026-01-05 12:00 UTC")


def test_a_frozen_repository_makes_models_stale(home: Home) -> None:
    home.publish(camera={})
    models_of(home)
    repository.refresh(home.folder, home.keys, datetime.now(UTC) - timedelta(days=8))
    models = models_of(home)
    assert "camera" in models.artifacts and models.stale and "expired metadata" in models.stale


def test_without_repository_and_without_models_there_is_nothing_to_run(home: Home) -> None:
    root = home.folder.parent / "root.json"
    root.write_bytes(home.root)
    with pytest.raises(UntrustedModel, match="no model was ever pulled"):
        models_of(home, root=root, repository="http://127.0.0.1:9")


def test_one_refused_model_does_not_stop_the_others(home: Home) -> None:
    home.publish(camera={}, plug={})
    old = models_of(home).artifacts["camera"].folder
    home.publish(camera={"revision": "2"}, plug={"revision": "2"})
    for path in (home.folder / "targets/binary.camera").glob("*/*.golden.npz"):
        path.write_bytes(b"tampered")
    models = models_of(home)
    assert models.artifacts["camera"].folder == old and "camera" in models.refused
    assert artifact.digest(models.trials["plug"].folder) == artifact.digest(home.models / "plug")


def test_a_web_servers_own_word_is_no_ground_for_trust(home: Home) -> None:
    with pytest.raises(UntrustedModel, match=r"no root\.json to trust http"):
        models_of(home, repository=home.url)


def test_a_root_given_once_is_remembered(home: Home) -> None:
    home.publish(camera={})
    given = home.folder.parent / "given.json"
    given.write_bytes(home.root)
    models_of(home, root=given, repository=home.url)
    given.unlink()
    assert "camera" in models_of(home, repository=home.url).artifacts


def test_a_root_that_did_not_open_the_repository_is_not_remembered(home: Home) -> None:
    other = home.folder.parent / "other"
    repository.init(other, home.folder.parent / "other keys", datetime.now(UTC))
    with pytest.raises(UntrustedModel, match="the trusted keys did not sign"):
        models_of(home, root=other / "metadata/1.root.json")
    home.publish(camera={})
    assert "camera" in models_of(home).artifacts


def test_a_folder_that_is_replaced_by_another_repository_is_not_trusted_anew(home: Home) -> None:
    home.publish(camera={})
    models_of(home)
    shutil.rmtree(home.folder)
    shutil.rmtree(home.keys)
    repository.init(home.folder, home.keys, datetime.now(UTC))
    home.publish(camera={"bias": -4})
    stale = models_of(home).stale
    assert stale and "the trusted keys did not sign" in stale


@pytest.mark.parametrize(
    ("file", "at", "says"),
    [
        ("model.tflite", 2000, "no longer as it was signed"),
        ("card.json", 20, "cannot be read"),
        ("golden.npz", 0, "cannot be read"),
        ("golden.npz", 40, "cannot be read"),
        ("golden.npz", 300, "cannot be read"),
    ],
)
def test_a_model_that_the_disk_has_changed_is_left_out(home: Home, file: str, at: int, says: str) -> None:
    home.publish(camera={}, plug={})
    folder = models_of(home).artifacts["camera"].folder
    home.folder.rename(home.folder.with_name("gone"))
    (folder / file).write_bytes((folder / file).read_bytes()[:at])
    models = models_of(home)
    assert list(models.artifacts) == ["plug"] and says in models.refused["camera"]


def test_a_flipped_bit_of_a_network_does_not_come_to_the_runtime(home: Home) -> None:
    home.publish(camera={}, plug={})
    path = models_of(home).artifacts["camera"].folder / "model.tflite"
    home.folder.rename(home.folder.with_name("gone"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert "no longer as it was signed" in models_of(home).refused["camera"]
