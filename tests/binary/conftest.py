"""One trained home for all tests of the binary method."""

import pytest
from synthetic_home import INVENTORY, home, params

from edgeprint.binary.network import Model
from edgeprint.binary.train import train


@pytest.fixture(scope="session")
def models() -> dict[str, Model]:
    """A model of each IoT device, trained on the same 120 columns a device."""
    training, validation = home(120), home(40, seed=1)
    return {name: train(name, training, validation, INVENTORY, params(), seed=7) for name in INVENTORY.iot}
