"""Small simulated homes, written once."""

from pathlib import Path

import numpy as np
import pytest
from real_home import renamed_home, setups, week
from written_home import Home, home

from edgeprint.testbed import sources
from edgeprint.testbed.sources import RealHome


@pytest.fixture(scope="session")
def evening(tmp_path_factory) -> Home:
    """Eight devices for two hours around bedtime in each of four quarters."""
    return home(tmp_path_factory.mktemp("evening"), devices=8, quarters=4, hours=2, seed=3)


@pytest.fixture(scope="session")
def half_hour(tmp_path_factory) -> Home:
    """Four devices for half an hour: few enough packets for a slow reader."""
    return home(tmp_path_factory.mktemp("half_hour"), devices=4, quarters=1, hours=0.5, seed=3)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def tagged(tmp_path_factory) -> list[Path]:
    """Two folders of captures in which no two frames have the same length."""
    folder = tmp_path_factory.mktemp("tagged")
    return [setups(folder / "setups"), week(folder / "week")]


@pytest.fixture(scope="session")
def renamed(tmp_path_factory) -> Path:
    """A folder with DNS, TLS, ARP, DHCP and IPv6 of six devices under real-looking MACs."""
    return renamed_home(tmp_path_factory.mktemp("renamed"))


@pytest.fixture(scope="session")
def read_home(renamed) -> RealHome:
    return sources.read([renamed])
