"""One home for all tests of the agent."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from household import Household, household, models
from page_client import TOKEN
from simulated_home import CAMERA, PLUG, Home, served
from updating import pull

from edgeprint.edge.outlets import Outlets
from edgeprint.fleet import repository
from edgeprint.packets.inventory import Inventory, read
from edgeprint.testbed.home import simulate


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    folder, keys = tmp_path / "public", tmp_path / "keys"
    repository.init(folder, keys, datetime.now(UTC))
    with served(folder) as url:
        yield Home(folder, keys, url, tmp_path / "models", tmp_path / "state")


@pytest.fixture
def pi(home: Home) -> Home:
    """The Pi has pulled version 1 of the camera's model."""
    home.publish(camera={})
    pull(home)
    return home


@pytest.fixture
def newer(pi: Home) -> Home:
    """A second version is published that the Pi has not seen."""
    pi.publish(camera={"revision": "2"})
    return pi


@pytest.fixture
def devices_csv(tmp_path: Path) -> Path:
    path = tmp_path / "devices.csv"
    path.write_text(f"mac,device,category,iot\n{CAMERA},camera,camera,1\n{PLUG},plug,plug,1\n")
    return path


@pytest.fixture
def inventory(devices_csv: Path) -> Inventory:
    return read(devices_csv)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("homes")


@pytest.fixture(scope="module")
def page(folder: Path) -> Iterator[Household]:
    """A page on loopback, without a token."""
    with household(folder / "open", models(folder), Outlets(listen="127.0.0.1:0")) as found:
        yield found.live()


@pytest.fixture(scope="module")
def locked(folder: Path) -> Iterator[Household]:
    """A page with a token."""
    token = folder / "token"
    token.write_text(TOKEN + "\n")
    token.chmod(0o600)
    outlets = Outlets(listen="127.0.0.1:0", token_file=token, page_names=("pi.example",))
    with household(folder / "locked", models(folder), outlets) as found:
        yield found.live()


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six minutes of two made-up devices."""
    folder = tmp_path_factory.mktemp("home")
    made = simulate(folder, devices=2, quarters=1, hours=0.1, seed=3)
    return folder / made.files[0]
