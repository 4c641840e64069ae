"""An epoch in one call: the samples of `features`, the steps of Keras, nothing shared between two devices."""

import keras
import numpy as np
import pytest
from synthetic_home import SPEC, WIDTH, home

from edgeprint.binary.epoch import NORMED, State, epoch, windows
from edgeprint.binary.features import NORMALISATIONS, logarithm, normalise
from edgeprint.binary.network import A_CONVOLUTION, build
from edgeprint.binary.samples import Streams

STREAMS = Streams.of(home(60), WIDTH)
STARTS = np.random.default_rng(0).integers(0, 50, 40).astype("i4")
ROWS = (STARTS[:, None] + np.arange(WIDTH)).astype("i4")
LABEL = (STARTS % 3 == 0).astype("f4")
WEIGHT, RATE = 5.0, 0.002
FIRST = build(SPEC.height, WIDTH, seed=1).get_weights()


def passed(batch: int, state: State | None = None) -> tuple[State, float]:
    run = epoch(SPEC.height, WIDTH, centred=False)
    begun = state or State.begin(FIRST)
    after, loss = run(begun, STREAMS.columns, ROWS, LABEL, batch, WEIGHT, RATE)
    return after, float(loss)


@pytest.mark.parametrize("how", NORMALISATIONS)
def test_windows_are_cut_and_normalised_as_by_the_agent(how: str) -> None:
    columns = np.vstack([STREAMS.columns, np.zeros((WIDTH, SPEC.height), "f4")])  # the last window is silent
    starts = np.array([0, 7, 30, len(columns) - WIDTH], "i4")
    rows = starts[:, None] + np.arange(WIDTH, dtype="i4")
    got = windows(logarithm(columns, how), rows, centred="centre" in how).numpy()
    whole = Streams(columns, WIDTH, {}, {}, {}).samples(starts)
    np.testing.assert_array_equal(got, normalise(whole, how))


@pytest.mark.parametrize("batch", [40, 16])  # whole batches, and a smaller last one
def test_an_epoch_is_a_plain_keras_fit_over_the_same_batches(batch: int) -> None:
    network = build(SPEC.height, WIDTH, seed=1)
    network.compile(keras.optimizers.Adam(RATE), "binary_crossentropy")
    inputs = normalise(STREAMS.samples(STARTS), "max")[..., None]
    options = {"class_weight": {0: 1.0, 1: WEIGHT}, "shuffle": False, "verbose": 0}
    network.fit(inputs, LABEL[:, None], batch_size=batch, epochs=1, **options)
    state, _ = passed(batch)
    pairs = zip(state.weights(SPEC.height, WIDTH), network.get_weights(), strict=True)
    for place, (ours, theirs) in enumerate(pairs):
        # Keras moves the biased variance, which is less by one part in the places of a batch
        variance = place < NORMED and place % A_CONVOLUTION == A_CONVOLUTION - 1
        np.testing.assert_allclose(ours, theirs, rtol=0.01 if variance else 1e-4, atol=RATE / 20)


def test_weights_go_in_and_come_out_in_keras_order() -> None:
    back = State.begin(FIRST).weights(SPEC.height, WIDTH)
    assert all(np.array_equal(a, b) for a, b in zip(back, FIRST, strict=True))


def test_adams_memory_is_in_the_state() -> None:
    once, _ = passed(16)
    twice, _ = passed(16, once)
    forgetful, _ = passed(16, State.begin(once.weights(SPEC.height, WIDTH)))
    assert int(twice.steps) == 2 * int(once.steps) == 6
    assert not np.array_equal(twice.learned, forgetful.learned)


def test_the_loss_falls() -> None:
    state, first = passed(16)
    for _ in range(5):
        state, last = passed(16, state)
    assert last < first / 2
