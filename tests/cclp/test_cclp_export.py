"""The same network in torch, Keras and TFLite."""

import json

import numpy as np
import pytest

from edgeprint.cclp.calibrate import Calibration
from edgeprint.cclp.export import load, save, to_keras
from edgeprint.cclp.network import CclpNetwork, Model, predict, uncalibrated
from edgeprint.errors import BadArtifact
from edgeprint.lightning_fit import seeded
from edgeprint.schema import Column, FeatureSchema

SCHEMA = FeatureSchema("cclp", tuple(Column(f"f{i}", "1", "both", "test") for i in range(219)))
RAW = np.random.default_rng(2).normal(0, 1, (16, 219)) * 10.0 ** np.arange(-4, 12)[:, None]
RAW = RAW.astype("f4")  # each row of another scale: fractions of a second to terabytes


@pytest.fixture(scope="module")
def model():
    """Random weights, but statistics as after training."""
    with seeded(1):
        network = CclpNetwork(219, classes=5)
        network.standardise.fit(RAW)
        for _ in range(20):
            network(network.standardise.mean.new_tensor(RAW))
    calibration = Calibration(1.7, 0.4, np.array([0.3, 0.5, 0.9]))
    return Model(network.eval(), list("abcde"), SCHEMA, {"f": 1}, calibration)


def test_keras_gives_what_torch_gives(model):
    twin = to_keras(model)
    assert twin.input_shape == (1, 219) and twin.output_shape == (1, 6)
    found = np.concatenate([twin(row[None]).numpy() for row in RAW])
    np.testing.assert_allclose(found, predict(model, RAW), atol=1e-5)


def test_tflite_gives_what_torch_gives(model):
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    content = tf.lite.TFLiteConverter.from_keras_model(to_keras(model)).convert()
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    for row, expected in zip(RAW, predict(model, RAW), strict=True):
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], row[None])
        interpreter.invoke()
        found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_saved_model_predicts_the_same(model, tmp_path):
    save(model, tmp_path)
    loaded = load(tmp_path)
    assert (loaded.devices, loaded.schema, loaded.left_out) == (model.devices, model.schema, model.left_out)
    assert np.array_equal(predict(loaded, RAW), predict(model, RAW))
    assert (loaded.calibration.temperature, loaded.calibration.level) == (1.7, 0.4)
    assert np.array_equal(loaded.calibration.known, model.calibration.known)


def test_a_model_saved_without_calibration_is_read_as_it_is(model, tmp_path):
    save(model, tmp_path)
    facts = json.loads((tmp_path / "model.json").read_text())
    del facts["calibration"]
    (tmp_path / "model.json").write_text(json.dumps(facts))
    loaded = load(tmp_path)
    assert (loaded.calibration.temperature, loaded.calibration.level) == (1.0, 0.0)
    assert np.array_equal(predict(loaded, RAW), predict(uncalibrated(model), RAW))


def test_a_calibration_that_holds_other_things_is_refused(model, tmp_path):
    save(model, tmp_path)
    text = (tmp_path / "model.json").read_text().replace('"temperature"', '"heat"')
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(BadArtifact, match="heat"):
        load(tmp_path)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(BadArtifact, match="holds no CCLP model"):
        load(tmp_path)


def test_weights_of_another_width_are_refused(model, tmp_path):
    save(Model(model.network, model.devices, FeatureSchema("cclp", SCHEMA.columns[:9])), tmp_path)
    with pytest.raises(BadArtifact, match="size mismatch"):
        load(tmp_path)
