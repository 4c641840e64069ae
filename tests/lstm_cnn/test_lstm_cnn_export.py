"""The same network in torch, Keras and TFLite."""

import numpy as np
import pytest

from edgeprint.errors import BadArtifact
from edgeprint.lightning_fit import seeded
from edgeprint.lstm_cnn.export import load, save, to_keras
from edgeprint.lstm_cnn.features import schema
from edgeprint.lstm_cnn.network import UNSEEN, LstmCnnNetwork, Model, predict

COLUMNS = [
    "user_packets",
    "user_length_mean",
    "user_length_max",
    "control_packets",
    "control_length_variance",
]
RAW = np.random.default_rng(2).exponential(1, (12, 6, 5)) * 10.0 ** np.arange(-2, 10)[:, None, None]
RAW = RAW.astype("f4")  # each window of another scale
RAW[0] = 0  # a silent one


def model_of(window: int = 6, units: int = 32) -> Model:
    """Random weights, but statistics as after training."""
    with seeded(1):
        network = LstmCnnNetwork(5, window, 4, units=units)
    network.standardise.fit(RAW)
    return Model(network.eval(), list("abcd"), schema(5, COLUMNS), ["x"], UNSEEN, {"y": 1})


@pytest.fixture(scope="module")
def model():
    return model_of()


def test_keras_gives_what_torch_gives(model):
    twin = to_keras(model)
    assert twin.input_shape == (1, 6, 5) and twin.output_shape == (1, 4)
    found = np.concatenate([twin(one[None]).numpy() for one in RAW])
    np.testing.assert_allclose(found, predict(model, RAW), atol=1e-5)


@pytest.mark.parametrize(("window", "units"), [(2, 2), (3, 5), (4, 8)])
def test_odd_and_even_sizes_pool_alike(window, units):
    model = model_of(window, units)
    found = np.concatenate([to_keras(model)(one[None]).numpy() for one in RAW[:2, :window]])
    np.testing.assert_allclose(found, predict(model, RAW[:2, :window].copy()), atol=1e-5)


def test_tflite_gives_what_torch_gives(model):
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    content = tf.lite.TFLiteConverter.from_keras_model(to_keras(model)).convert()
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    for one, expected in zip(RAW, predict(model, RAW), strict=True):
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], one[None])
        interpreter.invoke()
        found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_saved_model_predicts_the_same(model, tmp_path):
    save(model, tmp_path)
    loaded = load(tmp_path)
    assert np.array_equal(predict(loaded, RAW), predict(model, RAW))
    for name in ("labels", "schema", "held_out", "split", "left_out"):
        assert getattr(loaded, name) == getattr(model, name)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(BadArtifact, match="holds no LSTM-CNN model"):
        load(tmp_path)
