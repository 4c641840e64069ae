"""Small simulated homes, written once."""

import numpy as np
import pytest
from written_home import Home, home


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
