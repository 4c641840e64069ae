"""Who must sign before a Pi is offered anything: people, one after the other, then the online machine."""

from pathlib import Path

import pytest
from small_fleet import NOW, seen_by_pis

from edgeprint.fleet import repository
from edgeprint.fleet.chain import Chain
from edgeprint.fleet.keys import Keys, SigningFailed


def ceremony(tmp_path: Path, threshold: int = 2) -> tuple[Path, Keys, Keys]:
    """Three sticks of which two must sign, and an online machine."""
    sticks = Keys(*(tmp_path / name for name in "abc"), passphrase=lambda folder: f"secret of {folder.name}")
    online = Keys(tmp_path / "online")
    repository.init(tmp_path / "public", sticks, NOW, online=online, threshold=threshold)
    return tmp_path / "public", sticks, online


def stick(keys: Keys, index: int) -> Keys:
    return Keys(keys.folders[index], passphrase=keys.passphrase)


def test_what_offline_keys_publish_waits_for_the_online_ones(tmp_path: Path, camera: Path) -> None:
    folder, sticks, online = ceremony(tmp_path)
    repository.publish(folder, sticks, {"binary.camera": camera}, NOW)
    assert seen_by_pis(folder) == 1
    repository.refresh(folder, online, NOW)
    assert seen_by_pis(folder) == 2 and Chain.read(folder).plan().stable == 1


def test_people_sign_one_after_the_other(tmp_path: Path, camera: Path) -> None:
    folder, sticks, online = ceremony(tmp_path)
    first = repository.publish(folder, stick(sticks, 0), {"binary.camera": camera}, NOW)
    assert first.waiting == {"targets": 1, "binary.camera": 1} and first.release == 0
    assert repository.refresh(folder, online, NOW).versions["targets"] == 1
    assert repository.sign(folder, stick(sticks, 2)) == ["binary.camera", "targets"]
    after = repository.refresh(folder, online, NOW)
    assert after.waiting == {} and after.release == 1 and after.versions["targets"] == 2


def test_the_same_key_does_not_sign_twice(tmp_path: Path, camera: Path) -> None:
    folder, sticks, _ = ceremony(tmp_path)
    repository.publish(folder, stick(sticks, 0), {"binary.camera": camera}, NOW)
    with pytest.raises(SigningFailed, match=r"nothing in .* waits for a key of"):
        repository.sign(folder, stick(sticks, 0))


def test_a_threshold_that_cannot_be_reached_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SigningFailed, match="a threshold of 4 needs as many folders of keys, 3 were named"):
        ceremony(tmp_path, threshold=4)
    assert not list(tmp_path.rglob("*.key"))
