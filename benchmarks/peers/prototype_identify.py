"""What the paper's prototype does with a window of packets (papers/binary-edge 5.2), by its description.

    prototype = Prototype({mac: tflite, ...}, height=75, width=60)
    confidence = prototype.identify(collected, begin_s)         # {mac: confidence}, of those that spoke
    prototype.seconds                                           # by STEPS, of all windows so far

Packets are split into a list a device, resampled at 10 Hz by summing their sizes and pushed into a buffer;
the FFT of the buffer goes into the device's spectrogram, and the interpreter of its model is run on that.
Where the description leaves a choice, the cheap one is taken: plain loops over short lists, no pandas.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.prototype_capture import Collected, split

STEPS = ("summaries", "resampling", "FFT", "inference")
HERTZ = 10


class Prototype:
    """One interpreter, buffer and spectrogram a device."""

    def __init__(
        self,
        models: dict[str, bytes],
        height: int,
        width: int,
        hertz: float = HERTZ,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self.height, self.width, self.hertz, self._clock = height, width, hertz, clock
        self.seconds = dict.fromkeys(STEPS, 0.0)
        self.interpreters = {}
        for mac, tflite in models.items():
            self.interpreters[mac] = Interpreter(model_content=tflite, num_threads=1)
            self.interpreters[mac].allocate_tensors()
        self.buffers = {mac: [0] * 2 * height for mac in models}
        self.spectrograms: dict[str, list[NDArray]] = {mac: [] for mac in models}

    def identify(self, collected: Collected, begin_s: float) -> dict[str, float]:
        """Take each step for all devices that spoke since `begin_s`, one after the other."""
        with self._step("summaries"):
            devices = {mac: packets for mac, packets in split(collected).items() if mac in self.buffers}
        with self._step("resampling"):
            for mac, packets in devices.items():
                self.buffers[mac] = self.buffers[mac][self.height :] + self._resampled(packets, begin_s)
        with self._step("FFT"):
            for mac in devices:
                amplitudes = np.abs(np.fft.fft(self.buffers[mac]))[: self.height]
                self.spectrograms[mac] = [*self.spectrograms[mac][1 - self.width :], amplitudes]
        with self._step("inference"):
            return {mac: self._inferred(mac) for mac in devices if len(self.spectrograms[mac]) == self.width}

    def _resampled(self, packets: list[tuple[float, int]], begin_s: float) -> list[int]:
        sums = [0] * self.height
        for time_s, size in packets:
            sums[min(max(int((time_s - begin_s) * self.hertz), 0), self.height - 1)] += size
        return sums

    def _inferred(self, mac: str) -> float:
        spectrogram = np.array(self.spectrograms[mac], np.float32).T
        highest = spectrogram.max()
        sample = spectrogram / highest if highest else spectrogram
        interpreter = self.interpreters[mac]
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], sample[None, :, :, None])
        interpreter.invoke()
        return float(interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0, 0])

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        begin = self._clock()
        yield
        self.seconds[name] += self._clock() - begin


def network(height: int, width: int) -> bytes:
    """The TFLite of a network such as the paper's may have been: convolutions, and a dense layer at the end.

    How many, its text does not say. These are those of TensorFlow's own first example of a convolutional
    network; the memory of 40 of them grows with the spectrogram as in the paper's figure 3.
    """
    import keras
    from keras import layers

    from edgeprint.registry import tflite

    return tflite.convert(
        keras.Sequential(
            [
                layers.Input((height, width, 1), batch_size=1),
                layers.Conv2D(32, 3, activation="relu"),
                layers.MaxPooling2D(),
                layers.Conv2D(64, 3, activation="relu"),
                layers.MaxPooling2D(),
                layers.Conv2D(64, 3, activation="relu"),
                layers.Flatten(),
                layers.Dense(64, activation="relu"),
                layers.Dense(1, activation="sigmoid"),
            ]
        )
    )
