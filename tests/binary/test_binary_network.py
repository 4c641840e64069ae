"""The network: its size, its shapes, its weights and that predicting needs no Keras model."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic_home import SPEC, WIDTH

from edgeprint.binary import network
from edgeprint.binary.features import SpectrogramSpec, normalise
from edgeprint.binary.network import Model, build, macs, predict, predict_all, weight_shapes

SAMPLES = np.random.default_rng(0).exponential(100, (5, SPEC.height, WIDTH)).astype("f4")


def model(seed: int) -> Model:
    weights = build(SPEC.height, WIDTH, seed=seed).get_weights()
    return Model("camera-a", weights, WIDTH, "log+max", SPEC.schema())


def test_the_size_at_the_papers_input_is_what_the_module_says() -> None:
    keras_model = build(75, 60, seed=0)
    assert f"{macs(keras_model):,} multiply-accumulates" in (network.__doc__ or "")
    assert f"{keras_model.count_params():,} parameters are" in (network.__doc__ or "")


GOLDEN = {  # height, width: outputs of the convolutions, parameters, their bytes, multiply-accumulates
    (75, 30): ([(19, 15, 8), (10, 8, 16), (5, 4, 32), (3, 2, 32)], 21_737, 86_948, 302_792),
    (75, 60): ([(19, 30, 8), (10, 15, 16), (5, 8, 32), (3, 4, 32)], 21_737, 86_948, 587_888),
    (75, 120): ([(19, 60, 8), (10, 30, 16), (5, 15, 32), (3, 8, 32)], 21_737, 86_948, 1_146_560),
    (150, 60): ([(38, 30, 8), (19, 15, 16), (10, 8, 32), (5, 4, 32)], 25_833, 103_332, 1_119_552),
    (150, 120): ([(38, 60, 8), (19, 30, 16), (10, 15, 32), (5, 8, 32)], 25_833, 103_332, 2_182_752),
}


@pytest.mark.parametrize("size", GOLDEN)
def test_the_papers_input_sizes_have_the_shapes_and_costs_that_are_known(size: tuple[int, int]) -> None:
    network = build(*size, seed=0)
    shapes = [layer.output.shape[1:] for layer in network.layers if layer.name.startswith("conv2d")]
    octets = sum(array.nbytes for array in network.get_weights())
    assert (shapes, network.count_params(), octets, macs(network)) == GOLDEN[size]
    assert network.output_shape == (None, 1)
    assert [array.shape for array in network.get_weights()] == weight_shapes(*size)


def test_the_smallest_input_gives_one_confidence() -> None:
    assert build(8, 8, seed=0).output_shape == (None, 1)


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


def test_all_models_at_once_are_each_by_itself() -> None:
    others = replace(model(2), normalisation="max")
    together = predict_all([model(1), others], SAMPLES)
    assert np.array_equal(together, np.stack([predict(model(1), SAMPLES), predict(others, SAMPLES)], 1))


def test_no_models_and_no_samples_have_a_shape_too() -> None:
    assert predict_all([], SAMPLES).shape == (len(SAMPLES), 0)
    assert predict_all([model(1), model(2)], SAMPLES[:0]).shape == (0, 2)


def test_no_samples_give_no_confidence() -> None:
    assert predict(model(1), SAMPLES[:0]).shape == (0,)


def test_the_height_is_the_schemas() -> None:
    assert Model("camera-a", [], 60, "max", SpectrogramSpec(150).schema()).height == 150
