"""A new repository and two models to publish in it."""

from pathlib import Path

import pytest
from small_fleet import NOW, model

from edgeprint.fleet import keys as fleet_keys
from edgeprint.fleet import repository


@pytest.fixture(autouse=True)
def cheap_passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    """A guess costs nothing in tests."""
    monkeypatch.setattr(fleet_keys, "SCRYPT_N", 2**4)


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
