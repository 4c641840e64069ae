"""Models on disk and as TFLite: nothing changes on the way."""

from pathlib import Path

import numpy as np
import pytest
from synthetic_home import SPEC, WIDTH

from edgeprint.binary.export import load, save, to_keras
from edgeprint.binary.features import SpectrogramSpec, normalise
from edgeprint.binary.network import Model, build, predict
from edgeprint.errors import BadArtifact


@pytest.fixture
def model(models: dict[str, Model]) -> Model:
    return models["camera-a"]


def samples(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).exponential(100, (4, height, width)).astype("f4")


def lite(network: object, inputs: np.ndarray) -> np.ndarray:
    """Outputs [n] of the converted network, one input at a time."""
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=tf.lite.TFLiteConverter.from_keras_model(network).convert())
    interpreter.allocate_tensors()
    outputs = []
    for row in inputs:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], row[None])
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0, 0])
    return np.array(outputs)


def test_a_stored_model_predicts_the_same(model: Model, tmp_path: Path) -> None:
    save(model, tmp_path / "new" / "folder")
    again = load(tmp_path / "new" / "folder")
    assert (again.device, again.inputs, again.threshold) == (model.device, model.inputs, model.threshold)
    x = samples(SPEC.height, WIDTH)
    assert np.array_equal(predict(again, x), predict(model, x))


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadArtifact, match="holds no binary model"):
        load(tmp_path)


def test_a_cut_file_is_refused(model: Model, tmp_path: Path) -> None:
    save(model, tmp_path)
    weights = tmp_path / "weights.npz"
    weights.write_bytes(weights.read_bytes()[:500])
    with pytest.raises(BadArtifact, match="holds no binary model"):
        load(tmp_path)


def test_weights_of_another_shape_are_refused(model: Model, tmp_path: Path) -> None:
    save(model, tmp_path)
    np.savez(tmp_path / "weights.npz", *model.weights[:-1])
    with pytest.raises(BadArtifact, match="holds no binary model"):
        load(tmp_path)


def test_the_exported_network_takes_one_normalised_sample(model: Model) -> None:
    network = to_keras(model)
    assert network.input_shape == (1, SPEC.height, WIDTH, 1)
    assert network.output_shape == (1, 1)


@pytest.mark.parametrize("size", [(SPEC.height, WIDTH), (75, 60)])
def test_tflite_gives_the_same_confidence(models: dict[str, Model], size: tuple[int, int]) -> None:
    height, width = size
    weights = build(height, width, seed=1).get_weights()
    model = Model("camera-a", weights, width, "max", SpectrogramSpec(height).schema())
    x = samples(height, width)
    converted = lite(to_keras(model), normalise(x, "max")[..., None])
    assert np.abs(converted - predict(model, x)).max() <= 1e-5


def test_a_trained_model_gives_the_same_confidence_as_tflite(model: Model) -> None:
    x = samples(SPEC.height, WIDTH)
    converted = lite(to_keras(model), normalise(x, model.normalisation)[..., None])
    assert np.abs(converted - predict(model, x)).max() <= 1e-5
