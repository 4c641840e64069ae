"""The network: its size, its shapes, its weights and that predicting needs no Keras model."""

import numpy as np
import pytest
from synthetic_home import SPEC, WIDTH

from edgeprint.binary import network
from edgeprint.binary.features import SpectrogramSpec, normalise
from edgeprint.binary.network import Model, build, macs, predict

SAMPLES = np.random.default_rng(0).exponential(100, (5, SPEC.height, WIDTH)).astype("f4")


def model(seed: int) -> Model:
    weights = build(SPEC.height, WIDTH, seed=seed).get_weights()
    return Model("camera-a", weights, WIDTH, "log+max", SPEC.schema())


def test_the_size_at_the_papers_input_is_what_the_module_says() -> None:
    keras_model = build(75, 60, seed=0)
    assert f"{macs(keras_model):,} multiply-accumulates" in (network.__doc__ or "")
    assert f"{keras_model.count_params():,} parameters are" in (network.__doc__ or "")


@pytest.mark.parametrize("size", [(75, 30), (75, 120), (150, 60), (150, 120), (8, 8)])
def test_the_papers_input_sizes_and_the_smallest_give_one_confidence(size: tuple[int, int]) -> None:
    assert build(*size, seed=0).output_shape == (None, 1)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others() -> None:
    one, same, other = (model(seed).weights for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[0], other[0])


def test_predict_is_the_network_on_normalised_samples() -> None:
    keras_model = build(SPEC.height, WIDTH, seed=3)
    expected = keras_model(normalise(SAMPLES, "log+max")[..., None]).numpy()[:, 0]
    assert np.allclose(predict(model(3), SAMPLES), expected, atol=1e-6)


def test_two_models_of_a_shape_keep_their_own_weights() -> None:
    one, other = predict(model(1), SAMPLES), predict(model(2), SAMPLES)
    assert not np.allclose(one, other)
    assert np.array_equal(predict(model(1), SAMPLES), one)


def test_many_samples_are_predicted_as_few_are() -> None:
    many = np.tile(SAMPLES, (network.CHUNK // 2, 1, 1))
    assert np.allclose(predict(model(1), many)[-5:], predict(model(1), SAMPLES), atol=1e-6)


def test_no_samples_give_no_confidence() -> None:
    assert predict(model(1), SAMPLES[:0]).shape == (0,)


def test_the_height_is_the_schemas() -> None:
    assert Model("camera-a", [], 60, "max", SpectrogramSpec(150).schema()).height == 150
