"""Simulated columns of four devices, each with a frequency of its own: small enough to learn in a test."""

import numpy as np

from edgeprint.binary.features import SpectrogramSpec
from edgeprint.feature_table import FeatureTable
from edgeprint.packets.inventory import Device, Inventory
from edgeprint.params import Binary, BinaryEvaluate, BinaryFeatures, BinaryStudy, BinaryTrain

SPEC = SpectrogramSpec(height=12, bin_seconds=0.1)
WIDTH = 8
TONES = {"camera-a": 1, "plug-b": 4, "hub-c": 7, "laptop": 10}  # the laptop is no IoT device
INVENTORY = Inventory(
    {name: Device(name, "some", name != "laptop", frozenset({tone})) for name, tone in TONES.items()}
)
TRAIN = {
    "width": WIDTH,
    "normalisation": "max",
    "samples": 60,
    "negatives": 5,
    "mixed": 0.0,
    "epochs": 10,
    "batch": 32,
    "learning_rate": 0.005,
    "decay": "none",
}


def params(threshold: float = 0.5, **train: object) -> Binary:
    return Binary(
        features=BinaryFeatures(bin_seconds=SPEC.bin_seconds, height=SPEC.height),
        train=BinaryTrain.model_validate({**TRAIN, **train}),
        evaluate=BinaryEvaluate(runs=4, run_length=10),
        study=BinaryStudy(trained=60_000, asked=2_000_000),
        threshold=threshold,
        accepts=0.95,
        alarms_per_day=1,
    )


def stream(device: str, count: int, seed: int = 0) -> FeatureTable:
    """`count` columns of one device, one a frame."""
    random = np.random.default_rng([seed, TONES[device]])
    values = random.exponential(20, (count, SPEC.height))
    values[:, TONES[device]] += 300
    return FeatureTable.of(SPEC.schema(), device, "week.pcap", np.arange(count) * SPEC.hop_ns, values)


def home(count: int = 120, seed: int = 0, **counts: int) -> FeatureTable:
    """`count` columns of each device, or as many as `counts` says (with _ for -)."""
    return FeatureTable.concatenate(
        [stream(name, counts.get(name.replace("-", "_"), count), seed) for name in TONES]
    )
