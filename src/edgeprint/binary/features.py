"""Spectrograms of signed packet sizes (papers/binary-edge 3.1): one code for captures and for the live agent.

    spec = SpectrogramSpec(height=75, bin_seconds=0.1)
    start_ns, values = extract(packets, spec)            # a whole capture

    stream = ColumnStream(spec)                          # packets as they come
    stream.push(time_ns, signed_size)
    frames, columns = stream.advance(now_ns)

Bins and frames are counted from the epoch, so both ways give the same columns bit for bit. Frame i is the FFT
of the bins [i*h, i*h + 2h): consecutive frames overlap by half. Before the first and after the last packet a
capture counts as silent. This module runs on the Pi and needs numpy alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeprint.errors import BadParams
from edgeprint.packets.table import DevicePackets
from edgeprint.schema import Column, FeatureSchema

PUSHED_AT_ONCE = 4096  # packets; bounds the memory of a sparse capture, where each packet has its own frame
NEVER = -(1 << 62)
NORMALISATIONS = ("max", "max+centre", "log+max", "log+max+centre")


@dataclass(frozen=True)
class SpectrogramSpec:
    """`height` h: amplitudes in a column, half of the FFT's bins; `bin_seconds` T: the sampling interval."""

    height: int = 75
    bin_seconds: float = 0.1

    @property
    def bin_ns(self) -> int:
        return round(self.bin_seconds * 1e9)

    @property
    def hop_ns(self) -> int:
        """From one frame to the next, t_s of the paper: 7.5 s at 75 bins of 0.1 s."""
        return self.height * self.bin_ns

    def schema(self) -> FeatureSchema:
        """One column an FFT coefficient, the constant term first."""
        hertz = 1 / (2 * self.height * self.bin_seconds)
        columns = tuple(
            Column(f"amplitude_{k * hertz:.4f}_hz", "byte", "both", "papers/binary-edge 3.1.1")
            for k in range(self.height)
        )
        settings = (("height", self.height), ("bin_seconds", self.bin_seconds))
        return FeatureSchema("binary", columns, settings)

    @classmethod
    def from_schema(cls, schema: FeatureSchema) -> SpectrogramSpec:
        settings = dict(schema.settings)
        return cls(int(settings["height"]), float(settings["bin_seconds"]))


class ColumnStream:
    """Turns one device's packets into spectrogram columns; only moves forward in time.

    Sizes are summed as integers in blocks of h bins, so neither the order of the packets nor how they are
    cut into batches shows in the result. Frame i is made of blocks i and i + 1. A packet of a block that an
    emitted frame has used is late: it is dropped and counted in `late`.
    """

    def __init__(self, spec: SpectrogramSpec) -> None:
        self.spec = spec
        self.late = 0
        self._closed = NEVER  # blocks below this one take no more packets
        self._numbers = np.empty(0, "i8")  # of the blocks with packets, ascending: silence costs nothing
        self._sums = np.empty((0, spec.height), "i8")

    def push(self, time_ns: NDArray[np.int64], signed_size: NDArray[np.int64]) -> None:
        """Take packets [k] in any order; sizes in bytes, positive where the device sent."""
        bins = np.asarray(time_ns, "i8") // self.spec.bin_ns
        block, offset = np.divmod(bins, self.spec.height)
        on_time = block >= self._closed
        self.late += len(bins) - int(np.count_nonzero(on_time))
        before = len(self._numbers)
        numbers, row = np.unique(np.concatenate([self._numbers, block[on_time]]), return_inverse=True)
        sums = np.zeros((len(numbers), self.spec.height), "i8")
        sums[row[:before]] = self._sums
        np.add.at(sums, (row[before:], offset[on_time]), np.asarray(signed_size, "i8")[on_time])
        self._numbers, self._sums = numbers, sums

    def advance(self, now_ns: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Every frame that has ended by `now_ns` and was not given before: numbers [m] and columns [m, h].

        Frames without any packet are left out; packets whose sizes cancel to zero are not silence.
        """
        closed = int(now_ns) // self.spec.hop_ns
        ended = self._numbers[self._numbers < closed]
        touched = np.unique(np.concatenate([ended - 1, ended]))
        frames = touched[(self._closed - 2 < touched) & (touched <= closed - 2)]
        columns = amplitudes(self._signal(frames))
        kept = self._numbers >= closed - 1
        self._numbers, self._sums = self._numbers[kept], self._sums[kept]
        self._closed = max(self._closed, closed)
        return frames, columns

    def follow(
        self, time_ns: NDArray[np.int64], signed_size: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Take packets [k] in time order and give the frames that have ended by the last of them."""
        parts = [(np.empty(0, "i8"), np.empty((0, self.spec.height), np.float32))]
        for begin in range(0, len(time_ns), PUSHED_AT_ONCE):
            batch = slice(begin, begin + PUSHED_AT_ONCE)
            self.push(time_ns[batch], signed_size[batch])
            parts.append(self.advance(time_ns[batch][-1]))
        frames, columns = zip(*parts, strict=True)
        return np.concatenate(frames), np.concatenate(columns)

    def finish(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The frames that are left when no packet will follow."""
        return self.advance((max(self._numbers.tolist(), default=NEVER) + 2) * self.spec.hop_ns)

    def state(self) -> dict[str, NDArray[np.int64]]:
        """What `restore` needs to go on from here as if nothing had happened."""
        about = np.array([self._closed, self.late], "i8")
        return {"about": about, "numbers": self._numbers, "sums": self._sums}

    def restore(self, state: Mapping[str, NDArray[np.int64]]) -> None:
        """Go on where another stream was. Raises ValueError for the state of one of another spec."""
        numbers, sums = (np.asarray(state[name], "i8") for name in ("numbers", "sums"))
        if sums.shape != (len(numbers), self.spec.height):
            raise ValueError(
                f"sums of {sums.shape} are not those of {len(numbers)} x {self.spec.height} bins"
            )
        self._closed, self.late = (int(value) for value in state["about"])
        self._numbers, self._sums = numbers, sums

    def _signal(self, frames: NDArray[np.int64]) -> NDArray[np.float64]:
        """Sums per bin [m, 2h] of the frames [m]; zeros where a block had no packet."""
        h = self.spec.height
        signal = np.zeros((len(frames), 2 * h))
        for half in (0, 1):
            place = np.searchsorted(self._numbers, frames + half)
            there = np.append(self._numbers, NEVER)[place] == frames + half
            signal[there, half * h : (half + 1) * h] = self._sums[place[there]]
        return signal


def amplitudes(signal: NDArray[np.float64]) -> NDArray[np.float32]:
    """First half of the FFT's amplitudes [m, h] of the sums per bin [m, 2h].

    Written out because np.abs rounds otherwise on numpy's scalar path than on its vector path.
    """
    half = np.fft.rfft(signal, axis=1)[:, :-1]
    return np.sqrt(half.real * half.real + half.imag * half.imag).astype("f4")


def columns(packets: DevicePackets, spec: SpectrogramSpec) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Frame numbers [k] and columns [k, h] of one device's packets in time order."""
    stream = ColumnStream(spec)
    frames, values = stream.follow(packets.table.time_ns, packets.signed_size)
    last_frames, last_values = stream.finish()
    return np.concatenate([frames, last_frames]), np.concatenate([values, last_values])


def extract(packets: DevicePackets, spec: SpectrogramSpec) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """When each column's frame begins [k] (ns since the epoch) and the columns [k, h]."""
    frames, values = columns(packets, spec)
    return frames * spec.hop_ns, values


def samples(columns: NDArray[np.float32], width: int, starts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Network inputs [n, h, w], not yet normalised: `width` consecutive columns [k, h] from each start [n].

    Columns are consecutive as the device lived them: silence and the pause between captures are skipped.
    """
    window = np.asarray(starts)[:, None] + np.arange(width)
    return np.ascontiguousarray(columns[window].transpose(0, 2, 1))


def normalise(samples: NDArray[np.float32], how: str) -> NDArray[np.float32]:
    """Each sample [h, w] of [n, h, w] by itself, in one of the NORMALISATIONS of section 3.1.2.

    The logarithm is log10(1 + x), for an amplitude may be 0; a sample of nothing but zeros stays zero before
    it is centred. The results lie in [0, 1], centred in [-1, 1].
    """
    x: NDArray = logarithm(samples, how)
    highest = x.max(axis=(1, 2), keepdims=True, initial=0)
    x = x / np.where(highest > 0, highest, 1)
    return (2 * x - 1 if "centre" in how else x).astype("f4", copy=False)


def logarithm(values: NDArray[np.float32], how: str) -> NDArray[np.float32]:
    """The step of a normalisation that looks at no neighbour: it can be taken of all columns at once."""
    if how not in NORMALISATIONS:
        raise BadParams(f"{how!r} is not a normalisation; there are {', '.join(NORMALISATIONS)}")
    return np.log10(1 + values) if "log" in how else values
