import itertools
import subprocess
import sys

import numpy as np
import pytest

from edgeprint.errors import BadArtifact
from edgeprint.litert import Runner
from edgeprint.registry import tflite


@pytest.fixture(scope="module")
def runner(tflite_bytes):
    return Runner(tflite_bytes)


def test_tflite_and_keras_agree(keras_model, runner):
    inputs = np.random.default_rng(1).normal(size=(20, 6))
    assert tflite.parity(tflite.answers(keras_model, inputs), runner, inputs) < 1e-6


def test_parity_is_the_largest_difference(keras_model, runner):
    inputs = np.random.default_rng(1).normal(size=(3, 6))
    off = runner(inputs) + [[0, 0, 0.1], [0, 0, -0.25], [0, 0, 0]]
    assert tflite.parity(off, runner, inputs) == pytest.approx(0.25)


def test_converting_prints_nothing(keras_model, capfd):
    tflite.convert(keras_model)
    assert capfd.readouterr() == ("", "")


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
        Runner(b"not a one")


def test_latency_is_the_95th_percentile_in_ms_after_warming_up(runner):
    # a clock read twice a repeat, once in each of ten warm-ups: nineteen steps of 1 ms, then one of 99 ms
    steps = itertools.chain([0.0] * 10, *[(0.0, 0.001)] * 19, (0.0, 0.099))
    ms = tflite.latency_ms(runner, np.zeros((3, 6)), repeats=20, clock=lambda: next(steps))
    assert ms == pytest.approx(np.percentile([1] * 19 + [99], 95))


@pytest.fixture(scope="module")
def exports(keras_model) -> dict[str, bytes]:
    return tflite.convert_all(keras_model, np.random.default_rng(2).normal(size=(50, 6)))


def test_every_export_takes_and_gives_float32_and_is_close_to_its_source(exports, keras_model):
    inputs = np.random.default_rng(3).normal(size=(20, 6))
    expected = tflite.answers(keras_model, inputs)
    apart = {kind: tflite.parity(expected, Runner(exports[kind]), inputs) for kind in tflite.KINDS}
    assert apart["float32"] < 1e-6
    assert 0 < apart["int8"] < 0.1
    assert apart["dynamic-range"] < 0.1


def test_int8_has_no_step_in_float32_but_its_ends(exports):
    from ai_edge_litert.interpreter import Interpreter

    steps = Interpreter(model_content=exports["int8"])._get_ops_details()
    assert {step["op_name"] for step in steps} == {"QUANTIZE", "FULLY_CONNECTED", "SOFTMAX", "DEQUANTIZE"}


def test_the_float32_export_is_the_same_alone_and_among_the_others(exports, keras_model, runner):
    inputs = np.random.default_rng(4).normal(size=(9, 6))
    assert np.array_equal(Runner(exports["float32"])(inputs), runner(inputs))


def test_converting_to_all_three_says_nothing(keras_model, capfd):
    tflite.convert_all(keras_model, np.zeros((3, 6)))
    assert capfd.readouterr() == ("", "")


def test_without_xnnpack_a_float32_model_gives_the_same(tflite_bytes, runner):
    inputs = np.random.default_rng(5).normal(size=(9, 6))
    assert np.allclose(Runner(tflite_bytes, plain=True)(inputs), runner(inputs), atol=1e-6)


def test_the_same_network_gives_the_same_bytes_whatever_was_built_before():
    def bytes_of_one() -> bytes:
        import keras

        tflite.number_anew()
        source = keras.Input((6,), batch_size=1)
        return tflite.convert(keras.Model(source, keras.layers.Dense(2, kernel_initializer="ones")(source)))

    assert bytes_of_one() == bytes_of_one()


def test_what_is_trained_after_an_export_has_one_thread_as_in_a_process_of_its_own():
    code = (
        "from edgeprint.registry import tflite; tflite.number_anew(); import keras, tensorflow as tf; "
        "keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]); "
        "print(tf.config.threading.get_intra_op_parallelism_threads())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "1"
