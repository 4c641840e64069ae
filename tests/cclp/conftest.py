"""A small home of clustered windows: four IoT devices, two computers, 24 features."""

from pathlib import Path

import numpy as np
import pytest

from edgeprint import params
from edgeprint.cclp.columns import schema
from edgeprint.feature_table import FeatureTable
from edgeprint.packets.inventory import Device, Inventory
from edgeprint.params import Cclp
from edgeprint.schema import Column, FeatureSchema

WINDOW_NS = 1800 * 10**9
SCHEMA = FeatureSchema("cclp", tuple(Column(f"f{i}", "1", "both", "test") for i in range(24)))
IOT = ["bulb", "camera", "plug", "speaker"]


@pytest.fixture(scope="session")
def inventory() -> Inventory:
    names = [*IOT, "laptop", "phone"]
    return Inventory({n: Device(n, n, n in IOT, frozenset({mac})) for mac, n in enumerate(names)})


@pytest.fixture(scope="session")
def windows(inventory: Inventory) -> FeatureTable:
    """60 windows a device: three states each, noise, heavy tails of both signs."""
    random = np.random.default_rng(5)
    tables = []
    for name in inventory.devices:
        states = random.normal(0, 3, (3, 24))
        logged = states[random.integers(3, size=60)] + random.normal(0, 0.5, (60, 24))
        values = np.sign(logged) * np.expm1(np.abs(logged))
        tables.append(FeatureTable.of(SCHEMA, name, "monday", np.arange(60) * WINDOW_NS, values))
    return FeatureTable.concatenate(tables)


@pytest.fixture(scope="session")
def training(windows: FeatureTable) -> FeatureTable:
    return windows.select(windows.start_ns < 40 * WINDOW_NS)


@pytest.fixture(scope="session")
def validation(windows: FeatureTable) -> FeatureTable:
    return windows.select(windows.start_ns >= 40 * WINDOW_NS)


@pytest.fixture(scope="session")
def small() -> Cclp:
    """The project's parameters, with less of everything."""
    section = params.load(Path(__file__).parents[2] / "params.yaml").cclp
    less = {
        "label_fraction": 0.2,
        "iterations": 60,
        "decay_every": 24,
        "ramp": 60,
        "labelled_per_class": 8,
        "unlabelled": 30,
    }
    return section.model_copy(update={"train": section.train.model_copy(update=less)})


@pytest.fixture(scope="session")
def full_windows(inventory: Inventory) -> FeatureTable:
    """30 windows a device of all 219 columns, none below zero; each device is one cluster."""
    random = np.random.default_rng(6)
    tables = []
    for name in inventory.devices:
        logged = random.uniform(1, 6, 219) + random.normal(0, 0.3, (30, 219))
        tables.append(
            FeatureTable.of(schema(), name, "monday", np.arange(30) * WINDOW_NS, np.expm1(np.abs(logged)))
        )
    return FeatureTable.concatenate(tables)
