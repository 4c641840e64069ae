"""Replays: which captures, which part of them, in which batches, and how fast."""

import tracemalloc
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_home import CAMERA, PLUG, ROUTER, write_capture

from edgeprint.edge.source import Batch, Replay, Streamed, newest, open_source
from edgeprint.errors import BadParams, NotACapture
from edgeprint.packets.decode import decode
from edgeprint.packets.table import PacketTable

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SECOND = 10**9
START = 1_767_614_400 * SECOND
HOUR = 3600 * SECOND


def rows(*seconds: float, src: str = CAMERA) -> list[tuple[int, str, str, int]]:
    return [(START + round(second * SECOND), src, ROUTER, 100) for second in seconds]


def seconds(replay: Replay) -> list[float]:
    return [(time - START) / SECOND for batch in replay for time in batch.time_ns.tolist()]


def test_a_capture_is_replayed_in_time_order(tmp_path: Path) -> None:
    path = write_capture(tmp_path / "a.pcap", rows(2, 0.5, 90, 1))
    assert seconds(open_source(f"file:{path}")) == [0.5, 1, 2, 90]


def test_hours_keep_the_end_of_a_capture(tmp_path: Path) -> None:
    path = write_capture(tmp_path / "a.pcap", rows(0, 3600, 7000, 7100))
    assert seconds(open_source(f"file:{path}", hours=1)) == [3600, 7000, 7100]


def test_newest_takes_the_capture_that_ends_last_and_those_beside_it(tmp_path: Path) -> None:
    old = write_capture(tmp_path / "z-old.pcap", rows(0, 100))
    beside = write_capture(tmp_path / "plug/b.pcap", rows(4900, 5500, src=PLUG))
    last = write_capture(tmp_path / "a.pcap", rows(5000, 6000))
    (tmp_path / "devices.csv").write_text("mac,device,category,iot\n")
    assert newest(tmp_path, hours=1) == newest(tmp_path, hours=None) == [last, beside]
    assert sorted(newest(tmp_path, hours=2)) == sorted([last, beside, old])
    assert seconds(open_source(f"newest:{tmp_path}", hours=0.25)) == [5500, 6000]


def test_a_packet_that_two_captures_hold_counts_once(tmp_path: Path) -> None:
    write_capture(tmp_path / "a.pcap", rows(1, 2, 2, 3))
    write_capture(tmp_path / "b.pcap", rows(2, 3, 4))
    assert seconds(open_source(f"newest:{tmp_path}")) == [1, 2, 3, 4]


def test_a_folder_without_captures_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotACapture, match="holds no capture with packets"):
        open_source(f"newest:{tmp_path}")


def test_a_file_that_is_no_capture_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.pcap").write_text("mac,device")
    with pytest.raises(NotACapture, match=r"a\.pcap"):
        open_source(f"file:{tmp_path}/a.pcap")


def test_a_capture_that_breaks_off_is_replayed_and_said_to(tmp_path: Path) -> None:
    path = write_capture(tmp_path / "a.pcap", rows(1, 2, 3))
    path.write_bytes(path.read_bytes()[:-1])
    replay = open_source(f"file:{path}")
    assert seconds(replay) == [1, 2] and "a.pcap: the capture ends in the middle" in replay.notes[0]


@pytest.mark.parametrize("source", ["monday.pcap", "eth0", "nic:eth0", ""])
def test_another_kind_of_source_is_refused(source: str) -> None:
    with pytest.raises(BadParams, match="is not a source"):
        open_source(source)


def test_a_capture_without_packets_gives_no_batch(tmp_path: Path) -> None:
    replay = open_source(f"file:{write_capture(tmp_path / 'a.pcap', [])}", hours=1)
    assert len(replay) == 0 and list(replay) == []


@given(st.lists(st.integers(0, 10**12), min_size=1))
def test_every_packet_comes_once_and_none_after_the_time_that_a_batch_promised(times: list[int]) -> None:
    replay = Replay(PacketTable.from_columns({"time_ns": np.array(times)}))
    batches: list[Batch] = list(replay)
    assert np.concatenate([batch.time_ns for batch in batches]).tolist() == sorted(times)
    for before, after in pairwise(batches):
        assert before.time_ns.max() < before.now_ns <= after.time_ns.min()
    assert len(batches) == len(replay)


def shuffled(tmp_path: Path, *, seconds: int) -> Path:
    """Packets that stand up to so many seconds behind the place of their time in the file."""
    random = np.random.default_rng(4)
    times = np.sort(random.uniform(0, 900, 400))
    late = times + random.uniform(0, seconds, 400)
    return write_capture(tmp_path / "a.pcap", rows(*times[np.argsort(late, kind="stable")]))


@pytest.mark.parametrize("speed", [None, 1e9])
@pytest.mark.parametrize("hours", [None, 0.1])
def test_a_streamed_capture_gives_the_batches_of_one_in_memory(
    tmp_path: Path, speed: float | None, hours: float | None
) -> None:
    path = shuffled(tmp_path, seconds=50)
    table = decode(path)[0]
    if hours:
        table = table.select(table.time_ns > table.time_ns.max() - round(hours * HOUR))
    streamed = Streamed(path, hours=hours, speed=speed, block_bytes=1000)
    found, expected = list(streamed), list(Replay(table, speed=speed))
    assert streamed.in_order and len(found) == len(streamed) == len(expected) > 5
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.now_ns == theirs.now_ns
        for column in ("time_ns", "wire_len", "src", "dst"):
            np.testing.assert_array_equal(getattr(ours, column), getattr(theirs, column))


def test_what_a_streamed_capture_takes_is_bounded_by_its_blocks(tmp_path: Path) -> None:
    path = write_capture(tmp_path / "a.pcap", rows(*range(40_000)))
    tracemalloc.start()
    try:
        assert sum(len(batch.time_ns) for batch in Streamed(path)) == 40_000
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 8e6  # bytes: a block, and what is made of it


def test_a_capture_far_out_of_order_is_sorted_in_memory(tmp_path: Path) -> None:
    path = write_capture(tmp_path / "a.pcap", rows(500, 1, 2))
    assert not Streamed(path).in_order
    assert seconds(open_source(f"file:{path}")) == [1, 2, 500]


def test_real_captures_are_streamed_as_they_are_decoded() -> None:
    if not DATA.is_dir():
        pytest.skip("needs ../shared/data with the real captures")
    for path in [
        *sorted(DATA.glob("ucl-quarters/*.pcap"))[:4],
        *sorted(DATA.glob("robustness/tcpdump/*"))[:40],
    ]:
        try:
            expected = list(Replay(decode(path)[0]))
        except NotACapture:
            continue
        found = list(open_source(f"file:{path}"))
        assert [b.now_ns for b in found] == [b.now_ns for b in expected], path
        for column in ("time_ns", "wire_len", "src", "dst"):
            ours, theirs = ([getattr(b, column).tolist() for b in some] for some in (found, expected))
            assert ours == theirs, path


def test_a_speed_paces_the_replay_by_the_packets_times() -> None:
    clock = [100.0]
    table = PacketTable.from_columns({"time_ns": np.array([0, 5, 9]) * SECOND})

    def sleep(duration: float) -> None:
        clock[0] += duration

    replay = Replay(table, speed=2, clock=lambda: clock[0], sleep=sleep)
    assert [clock[0] for _ in replay] == [100.5, 103.0, 105.0]
