"""One tiny real Keras model, its folder, and one real SQLite store for all tests of the registry."""

from pathlib import Path

import numpy as np
import pytest

from edgeprint import artifact
from edgeprint.litert import Runner
from edgeprint.registry import tflite, tracking
from edgeprint.schema import Column, FeatureSchema

SCHEMA = FeatureSchema("six", tuple(Column(f"c{i}", "1", "both", "here") for i in range(6)))
INPUTS = np.random.default_rng(0).normal(size=(5, 6)).astype("f4")


@pytest.fixture(scope="session")
def keras_model():
    import keras

    keras.utils.set_random_seed(0)
    layers = [
        keras.Input((6,), batch_size=1),
        keras.layers.Dense(4, "relu"),
        keras.layers.Dense(3, "softmax"),
    ]
    return keras.Sequential(layers)


@pytest.fixture(scope="session")
def tflite_bytes(keras_model) -> bytes:
    return tflite.convert(keras_model)


@pytest.fixture(scope="session")
def write_folder(tflite_bytes):
    """write_folder(path, name, note): a model's folder; another note gives another digest."""

    def write(folder: Path, name: str = "cclp", note: str = "") -> Path:
        card = artifact.ModelCard(
            family=name.partition(".")[0],
            name=name,
            labels=["camera", "plug", "iot"],
            input_shape=[6],
            schema_hash=SCHEMA.hash,
            data={"version": "md5-1", "simulated": True, "note": note},
        )
        golden = INPUTS, Runner(tflite_bytes)(INPUTS)
        artifact.write(folder, tflite=tflite_bytes, card=card, schema=SCHEMA, golden=golden)
        return folder

    return write


@pytest.fixture(scope="session")
def folder(write_folder, tmp_path_factory) -> Path:
    return write_folder(tmp_path_factory.mktemp("cclp"))


@pytest.fixture(scope="session")
def state(tmp_path_factory) -> Path:
    """The folder of an open store."""
    path = tmp_path_factory.mktemp("state")
    tracking.open_store(path)
    return path


@pytest.fixture(scope="session")
def run_id(state) -> str:
    with tracking.training_run("cclp", "cclp trained on 2025Q1", {}, {}) as run:
        return run.id
