"""The binary network as a Pi runs it, one sample at a time, beside keras.predict."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.measure import RUNS, Result, best, one_core

HEIGHT, WIDTH = 75, 60
SAMPLES, KERAS_SAMPLES = 200, 10


def run(folder: Path, quick: bool) -> Iterator[Result]:
    from edgeprint.binary.network import build
    from edgeprint.litert import Runner
    from edgeprint.registry import tflite

    with one_core():
        network = build(HEIGHT, WIDTH, seed=0)
        runner = Runner(tflite.convert(network))
        rows = np.random.default_rng(0).random((SAMPLES, HEIGHT, WIDTH, 1), "f4")
        ours = SAMPLES / best(lambda: runner(rows))
        keras = best(lambda: [network.predict(rows[:1], verbose=0) for _ in range(KERAS_SAMPLES)])
    data = f"random samples of {HEIGHT} x {WIDTH}, one at a time; best of {RUNS} runs"
    yield Result.alone("inference", ours, "samples/s", data).against("keras.predict", KERAS_SAMPLES / keras)
