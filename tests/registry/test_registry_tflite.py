import itertools

import numpy as np
import pytest

from edgeprint.errors import BadArtifact
from edgeprint.registry import tflite


@pytest.fixture(scope="module")
def runner(tflite_bytes):
    return tflite.Runner(tflite_bytes)


def test_tflite_and_keras_agree(keras_model, runner):
    inputs = np.random.default_rng(1).normal(size=(20, 6))
    assert tflite.parity(keras_model, runner, inputs) < 1e-6


def test_parity_is_the_largest_difference(keras_model, runner):
    off = runner(np.zeros((1, 6)))
    wrong = tflite.parity(lambda row, training: off + [[0, 0, 0.25]], runner, np.zeros((3, 6)))
    assert wrong == pytest.approx(0.25)


def test_converting_prints_nothing(keras_model, capfd):
    tflite.convert(keras_model)
    assert capfd.readouterr().out == ""


def test_runner_gives_one_output_row_for_each_input_row(runner):
    outputs = runner(np.zeros((7, 6)))
    assert outputs.shape == (7, 3)
    assert outputs.dtype == np.float32
    assert outputs.sum(1) == pytest.approx(np.ones(7))


def test_runner_takes_no_rows_at_all(runner):
    assert runner(np.zeros((0, 6))).shape == (0, 3)


def test_rows_of_another_shape_are_refused_with_both_shapes(runner):
    with pytest.raises(BadArtifact, match=r"rows of shape \(5,\) given, the model takes \(6,\)"):
        runner(np.zeros((2, 5)))


def test_bytes_that_are_no_model_are_refused():
    with pytest.raises(BadArtifact, match="9 bytes are no TFLite model"):
        tflite.Runner(b"not a one")


def test_latency_is_the_95th_percentile_in_ms_after_warming_up(runner):
    # a clock read twice a repeat, once in each of ten warm-ups: nineteen steps of 1 ms, then one of 99 ms
    steps = itertools.chain([0.0] * 10, *[(0.0, 0.001)] * 19, (0.0, 0.099))
    ms = tflite.latency_ms(runner, np.zeros((3, 6)), repeats=20, clock=lambda: next(steps))
    assert ms == pytest.approx(np.percentile([1] * 19 + [99], 95))
