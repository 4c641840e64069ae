"""Spectrogram columns: what they are, and that they do not depend on how packets arrive."""

import subprocess
import sys
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeprint.binary import features
from edgeprint.binary.features import (
    ColumnStream,
    SpectrogramSpec,
    advance_all,
    amplitudes,
    normalise,
    push_all,
    samples,
)
from edgeprint.errors import BadParams
from edgeprint.packets.table import DevicePackets, PacketTable
from edgeprint.schema import FeatureSchema

SPEC = SpectrogramSpec(height=8, bin_seconds=0.1)
HOP = SPEC.hop_ns


def packets(time_ns, signed_size) -> DevicePackets:
    size = np.asarray(signed_size, "i8")
    table = PacketTable.from_columns({"time_ns": np.asarray(time_ns, "i8"), "wire_len": abs(size)})
    return DevicePackets("camera-a", table, size > 0)


def pushed(*batches, spec=SPEC):
    """Frames and columns of a stream that takes (time_ns, size) batches and never waits."""
    stream = ColumnStream(spec)
    for time_ns, size in batches:
        stream.push(np.asarray(time_ns, "i8"), np.asarray(size, "i8"))
    return stream.finish()


def test_a_column_is_the_first_half_of_the_fft_over_two_hops() -> None:
    time_ns = HOP * 3 + np.array([0, 5, 10]) * SPEC.bin_ns
    frames, columns = pushed((time_ns, [100, -60, 40]))
    signal = np.zeros(16)
    signal[[0, 5, 10]] = 100, -60, 40
    assert frames.tolist() == [2, 3, 4]
    assert np.allclose(columns[1], abs(np.fft.fft(signal))[:8], rtol=1e-6)


def test_frames_overlap_by_half_and_are_counted_from_the_epoch() -> None:
    frames, columns = pushed(([10 * HOP], [100]))
    assert frames.tolist() == [9, 10]
    assert np.allclose(columns, 100)  # one packet is as strong at every frequency


def test_packets_of_a_bin_are_summed_with_their_sign() -> None:
    one, other = pushed(([5, 6, 7], [100, 200, -50])), pushed(([0], [250]))
    assert np.array_equal(one[1], other[1])


def test_sizes_that_cancel_are_no_silence() -> None:
    frames, columns = pushed(([0, 1], [60, -60]))
    assert frames.tolist() == [-1, 0]
    assert not columns.any()


def test_frames_without_packets_are_dropped() -> None:
    frames, _ = pushed(([0, 100 * HOP], [60, 60]))
    assert frames.tolist() == [-1, 0, 99, 100]


def test_a_frame_is_given_once_and_only_when_it_has_ended() -> None:
    stream = ColumnStream(SPEC)
    stream.push(np.array([0]), np.array([60]))
    ends = [stream.advance(now)[0].tolist() for now in (HOP - 1, HOP, HOP, 2 * HOP - 1, 2 * HOP, 9 * HOP)]
    assert ends == [[], [-1], [], [], [0], []]


def test_late_packets_are_counted_and_change_nothing() -> None:
    stream = ColumnStream(SPEC)
    stream.push(np.array([0, HOP]), np.array([60, 60]))
    stream.advance(HOP)
    stream.push(np.array([HOP - 1, HOP]), np.array([999, 40]))
    assert stream.late == 1
    assert np.array_equal(stream.finish()[1], pushed(([0, HOP], [60, 100]))[1][1:])


def test_a_clock_that_jumps_back_gives_nothing_twice() -> None:
    stream = ColumnStream(SPEC)
    stream.push(np.array([5 * HOP]), np.array([60]))
    assert stream.advance(8 * HOP)[0].tolist() == [4, 5]
    assert stream.advance(2 * HOP)[0].tolist() == []
    stream.push(np.array([5 * HOP, 8 * HOP]), np.array([60, 60]))
    assert stream.late == 1
    assert stream.finish()[0].tolist() == [7, 8]


def test_a_stream_without_packets_gives_no_columns() -> None:
    frames, columns = ColumnStream(SPEC).finish()
    assert frames.shape == (0,)
    assert columns.shape == (0, 8)


traffic = st.lists(
    st.tuples(st.integers(-20 * HOP, 60 * HOP), st.integers(-1514, 1514).filter(bool)),
    min_size=1,
    max_size=80,
)


@settings(max_examples=150, deadline=None)
@given(traffic, st.data())
def test_columns_do_not_depend_on_how_packets_arrive(rows: list, data: st.DataObject) -> None:
    time_ns, size = map(np.array, zip(*sorted(rows), strict=True))
    whole = features.columns(packets(time_ns, size), SPEC)
    stream, parts, begin = ColumnStream(SPEC), [], 0
    while begin < len(time_ns):
        end = data.draw(st.integers(begin + 1, len(time_ns)))
        order = data.draw(st.permutations(range(begin, end)))
        stream.push(time_ns[order], size[order])
        until = time_ns[end] if end < len(time_ns) else time_ns[-1] + data.draw(st.integers(0, 5 * HOP))
        parts.append(stream.advance(data.draw(st.integers(int(time_ns[0]), int(until)))))
        begin = end
    parts.append(stream.finish())
    assert stream.late == 0
    assert np.concatenate([frames for frames, _ in parts]).tolist() == whole[0].tolist()
    assert np.concatenate([columns for _, columns in parts]).tobytes() == whole[1].tobytes()


@settings(max_examples=50, deadline=None)
@given(traffic, st.data())
def test_streams_together_are_streams_each_by_itself(rows: list, data: st.DataObject) -> None:
    time_ns, size = map(np.array, zip(*rows, strict=True))
    owner = np.array(data.draw(st.lists(st.integers(0, 2), min_size=len(rows), max_size=len(rows))))
    together, alone = ([ColumnStream(SPEC) for _ in range(3)] for _ in range(2))
    cuts = [0, *sorted(data.draw(st.sets(st.integers(0, len(rows)), max_size=4))), len(rows)]
    for begin, end in pairwise(cuts):
        part = slice(begin, end)
        now = data.draw(st.integers(-20 * HOP, 65 * HOP))
        push_all(together, owner[part], time_ns[part], size[part])
        for index, stream in enumerate(alone):
            mine = owner[part] == index
            stream.push(time_ns[part][mine], size[part][mine])
        for (frames, columns), stream in zip(advance_all(together, now), alone, strict=True):
            expected = stream.advance(now)
            assert frames.tolist() == expected[0].tolist() and columns.tobytes() == expected[1].tobytes()
    assert [stream.late for stream in together] == [stream.late for stream in alone]


@settings(max_examples=100, deadline=None)
@given(traffic)
def test_a_frame_is_there_exactly_where_a_packet_is(rows: list) -> None:
    time_ns, size = map(np.array, zip(*sorted(rows), strict=True))
    frames, _ = features.columns(packets(time_ns, size), SPEC)
    blocks = set((time_ns // HOP).tolist())
    assert frames.tolist() == sorted(blocks | {block - 1 for block in blocks})


@pytest.mark.parametrize("height", [8, 13, 75, 150])
def test_a_column_is_the_same_alone_and_among_others(height: int) -> None:
    signal = np.random.default_rng(0).integers(-(10**7), 10**7, (200, 2 * height)).astype(float)
    alone = [amplitudes(row[None]) for row in signal]
    assert amplitudes(signal).tobytes() == np.concatenate(alone).tobytes()


def test_a_long_capture_is_cut_without_a_seam() -> None:
    random = np.random.default_rng(1)
    time_ns = np.sort(random.integers(0, 3000 * HOP, 3 * features.PUSHED_AT_ONCE))
    size = random.choice([-1514, -60, 60, 1514], len(time_ns))
    frames, columns = features.columns(packets(time_ns, size), SPEC)
    expected = pushed((time_ns, size))
    assert np.array_equal(frames, expected[0])
    assert columns.tobytes() == expected[1].tobytes()


def test_years_of_silence_cost_no_memory() -> None:
    quiet = packets([0, 10 * 365 * 86_400 * 10**9], [60, 60])
    tracemalloc.start()
    frames, _ = features.columns(quiet, SPEC)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(frames) == 4
    assert peak < 100_000


def test_extract_says_when_each_frame_begins() -> None:
    start_ns, values = features.extract(packets([10 * HOP], [60]), SPEC)
    assert start_ns.tolist() == [9 * HOP, 10 * HOP]
    assert values.dtype == np.float32


def test_the_schema_has_a_column_a_frequency_and_gives_the_spec_back() -> None:
    spec = SpectrogramSpec(75, 0.1)
    stored = FeatureSchema.from_dict(spec.schema().to_dict())
    assert len(stored.names) == len(set(stored.names)) == 75
    assert SpectrogramSpec.from_schema(stored) == spec
    assert spec.schema().hash != SpectrogramSpec(75, 0.2).schema().hash


def test_a_frame_of_75_bins_of_a_tenth_of_a_second_comes_every_7_5_seconds() -> None:
    assert SpectrogramSpec(75, 0.1).hop_ns == 7_500_000_000


def test_samples_are_consecutive_columns_newest_right() -> None:
    columns = np.arange(12, dtype="f4").reshape(4, 3)  # four columns of height 3
    got = samples(columns, 2, np.array([0, 2]))
    assert got.tolist() == [[[0, 3], [1, 4], [2, 5]], [[6, 9], [7, 10], [8, 11]]]


X = np.array([[[0, 9], [99, 99]]], "f4")


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("max", [[0, 1 / 11], [1, 1]]),
        ("max+centre", [[-1, -9 / 11], [1, 1]]),
        ("log+max", [[0, 0.5], [1, 1]]),
        ("log+max+centre", [[-1, 0], [1, 1]]),
    ],
)
def test_normalisations(how: str, expected: list) -> None:
    got = normalise(X, how)
    assert got.dtype == np.float32
    assert np.allclose(got[0], expected, atol=1e-6)  # the last digit of a logarithm depends on the processor


@pytest.mark.parametrize(("how", "level"), [("max", 0), ("log+max", 0), ("max+centre", -1)])
def test_a_sample_of_zeros_is_normalised_without_nan(how: str, level: float) -> None:
    assert (normalise(np.zeros((2, 3, 4), "f4"), how) == level).all()


def test_each_sample_is_normalised_by_itself() -> None:
    both = normalise(np.stack([X[0], 5 * X[0]]), "max")
    assert np.array_equal(both[0], both[1])


def test_an_unknown_normalisation_is_named() -> None:
    with pytest.raises(BadParams, match="'min' is not a normalisation"):
        normalise(X, "min")


def test_the_pi_needs_numpy_alone() -> None:
    check = "import edgeprint.binary.features, sys; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True).stdout
    heavy = {"tensorflow", "keras", "torch", "scipy", "pandas", "pyarrow", "pydantic", "yaml"}
    assert not heavy & set(loaded.split())
