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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from edgeprint.errors import BadParams
from edgeprint.packets.table import DevicePackets
from edgeprint.schema import Column, FeatureSchema

Ended = tuple[int, NDArray[np.int64], NDArray[np.int64]]  # a frame's number and the sums [h] of its blocks
PUSHED_AT_ONCE = 4096  # packets; bounds the memory of a sparse capture, where each packet has its own frame
NEVER = -(1 << 62)
NORMALISATIONS = ("max", "max+centre", "log+max", "log+max+centre")


@dataclass(frozen=True)
class SpectrogramSpec:
    """`height` h: amplitudes in a column, half of the FFT's bins; `bin_seconds` T: the sampling interval."""

    height: int = 75
    bin_seconds: float = 0.1

    @cached_property
    def bin_ns(self) -> int:
        return round(self.bin_seconds * 1e9)

    @cached_property
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
        self._sums: dict[int, NDArray[np.int64]] = {}  # [h] of the blocks with packets: silence costs nothing

    def push(self, time_ns: NDArray[np.int64], signed_size: NDArray[np.int64]) -> None:
        """Take packets [k] in any order; sizes in bytes, positive where the device sent."""
        push_all([self], np.zeros(len(time_ns), "i8"), time_ns, signed_size)

    def add(self, block: int, sums: NDArray[np.int64], packets: int) -> None:
        """Take so many packets of a block as their sums [h] a bin."""
        if block < self._closed:
            self.late += packets
        elif block in self._sums:
            self._sums[block] = self._sums[block] + sums
        else:
            self._sums[block] = sums

    def advance(self, now_ns: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Every frame that has ended by `now_ns` and was not given before: numbers [m] and columns [m, h].

        Frames without any packet are left out; packets whose sizes cancel to zero are not silence.
        """
        (found,) = advance_all([self], now_ns)
        return found

    def ended(self, now_ns: int) -> list[Ended]:
        """Every frame that `advance` gives, as its blocks."""
        closed, sums = int(now_ns) // self.spec.hop_ns, self._sums
        touched = {frame for block in sums if block < closed for frame in (block - 1, block)}
        begin = self._closed - 2
        silent = _silence(self.spec.height)
        frames = [
            (frame, sums.get(frame, silent), sums.get(frame + 1, silent))
            for frame in sorted(touched)
            if begin < frame <= closed - 2
        ]
        self._sums = {block: sums[block] for block in sums if block >= closed - 1}
        self._closed = max(self._closed, closed)
        return frames

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
        return self.advance((max(self._sums, default=NEVER) + 2) * self.spec.hop_ns)

    def state(self) -> dict[str, NDArray[np.int64]]:
        """What `restore` needs to go on from here as if nothing had happened."""
        about, numbers = np.array([self._closed, self.late], "i8"), sorted(self._sums)
        sums = np.array([self._sums[block] for block in numbers], "i8").reshape(-1, self.spec.height)
        return {"about": about, "numbers": np.array(numbers, "i8"), "sums": sums}

    def restore(self, state: Mapping[str, NDArray[np.int64]]) -> None:
        """Go on where another stream was. Raises ValueError for the state of one of another spec."""
        numbers, sums = (np.asarray(state[name], "i8") for name in ("numbers", "sums"))
        if sums.shape != (len(numbers), self.spec.height):
            raise ValueError(
                f"sums of {sums.shape} are not those of {len(numbers)} x {self.spec.height} bins"
            )
        self._closed, self.late = (int(value) for value in state["about"])
        self._sums = dict(zip(numbers.tolist(), sums, strict=True))


def push_all(
    streams: Sequence[ColumnStream],
    owner: NDArray[np.int64],
    time_ns: NDArray[np.int64],
    signed_size: NDArray[np.int64],
) -> None:
    """Packets [k] in any order, each to `streams[owner]`, all of one spec: as `push` to each, in one go."""
    if not len(time_ns):
        return
    spec = streams[int(owner[0])].spec
    block, offset = np.divmod(np.asarray(time_ns, "i8") // spec.bin_ns, spec.height)
    first = int(block.min())
    span = int(block.max()) - first + 1
    keys, row, packets = _counted(owner * span + block - first)
    sums = np.zeros((len(keys), spec.height), "i8")
    np.add.at(sums, (row, offset), np.asarray(signed_size, "i8"))
    for key, total, count in zip(keys.tolist(), sums, packets.tolist(), strict=True):
        streams[key // span].add(first + key % span, total, count)


def _counted(keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """What np.unique gives with inverse and counts; that would load numpy.ma, a megabyte on a Pi."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    begins = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    first = np.flatnonzero(begins)
    row = np.empty(len(keys), "i8")
    row[order] = np.cumsum(begins) - 1
    return ordered[first], row, np.diff(first, append=len(keys))


def advance_all(
    streams: Sequence[ColumnStream], now_ns: int
) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """What `advance` gives of each stream, all of one spec, with one FFT for all."""
    if not streams:
        return []
    ended, h = [stream.ended(now_ns) for stream in streams], streams[0].spec.height
    frames = [frame for of_one in ended for frame in of_one]
    numbers = np.array([number for number, _, _ in frames], "i8")
    blocks = [block for _, *both in frames for block in both]
    columns = amplitudes(np.array(blocks, "f8").reshape(len(frames), 2 * h))
    ends = np.cumsum([len(of_one) for of_one in ended]).tolist()
    return [(numbers[begin:end], columns[begin:end]) for begin, end in zip([0, *ends], ends, strict=False)]


@lru_cache(maxsize=8)
def _silence(height: int) -> NDArray[np.int64]:
    """A block without packets, which nobody writes to."""
    return np.zeros(height, "i8")


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
