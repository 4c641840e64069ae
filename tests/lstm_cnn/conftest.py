"""Segments of a small home: three kinds of IoT devices, two of each, each with its own bursts; a laptop."""

from pathlib import Path

import numpy as np
import pytest

from edgeprint import params
from edgeprint.feature_table import FeatureTable
from edgeprint.lstm_cnn.features import MINUTE_NS, schema
from edgeprint.packets.inventory import Device, Inventory
from edgeprint.params import LstmCnn

SEGMENT_NS = 5 * MINUTE_NS
SIX = [f"{kind}_{what}" for kind in ("user", "control") for what in ("packets", "length_mean", "length_max")]


@pytest.fixture(scope="session")
def section() -> LstmCnn:
    """The project's parameters with the features and the network of the paper."""
    whole = params.load(Path(__file__).parents[2] / "params.yaml")
    papers = whole.changed("lstm_cnn", "features", columns=SIX)
    return papers.changed("lstm_cnn", "train", input_dropout=0).lstm_cnn


@pytest.fixture(scope="session")
def small(section: LstmCnn) -> LstmCnn:
    """The project's parameters, with less of everything."""
    return section.model_copy(update={"train": section.train.model_copy(update={"epochs": 8, "batch": 8})})


@pytest.fixture(scope="session")
def inventory() -> Inventory:
    kinds = {"camera-a": "camera", "camera-b": "camera", "hub-a": "hub", "hub-b": "hub"}
    kinds |= {"plug-a": "plug", "plug-b": "plug", "laptop": "computer"}
    devices = [Device(n, k, n != "laptop", frozenset({i})) for i, (n, k) in enumerate(kinds.items())]
    return Inventory({device.name: device for device in devices})


@pytest.fixture(scope="session")
def segments(section: LstmCnn, inventory: Inventory) -> FeatureTable:
    """150 segments a device: packets and lengths of the category, a burst every few segments."""
    random = np.random.default_rng(3)
    columns = schema(5, section.features.columns)
    level = {"camera": (400, 900, 2), "hub": (40, 200, 3), "plug": (6, 90, 5), "computer": (90, 700, 7)}
    tables = []
    for name, device in inventory.devices.items():
        packets, length, period = level[device.category]
        burst = 1 + 3.0 * (random.random((150, 1)) < 1 / period)
        base = np.array([packets, length, length * 1.5, packets / 5, 90, 120]) * random.uniform(0.8, 1.25, 6)
        values = base * burst * random.lognormal(0, 0.2, (150, 6))
        tables.append(FeatureTable.of(columns, name, "monday", np.arange(150) * SEGMENT_NS, values))
    return FeatureTable.concatenate(tables)


@pytest.fixture(scope="session")
def training(segments: FeatureTable) -> FeatureTable:
    return segments.select(segments.start_ns < 100 * SEGMENT_NS)


@pytest.fixture(scope="session")
def later(segments: FeatureTable) -> FeatureTable:
    return segments.select(segments.start_ns >= 100 * SEGMENT_NS)
