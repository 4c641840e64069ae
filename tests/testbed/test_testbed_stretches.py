"""Recordings cut into stretches, and stretches dealt into pools."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeprint.errors import NotEnoughData
from edgeprint.packets.inventory import Device
from edgeprint.testbed.layout import FRAME
from edgeprint.testbed.sources import SECOND, Recording
from edgeprint.testbed.stretches import connections_over_pools, cut, deal

HOUR = 3600


def recording(*sessions: list[float], flows: list[int] | None = None) -> Recording:
    """Frames at the seconds of each session, which begins with the first and ends with the last."""
    frames = np.zeros(sum(map(len, sessions)), FRAME)
    frames["time"] = np.array([t for session in sessions for t in session]) * SECOND
    frames["session"] = np.repeat(np.arange(len(sessions)), [len(s) for s in sessions])
    frames["flow"] = 0 if flows is None else flows
    spans = np.array([[min(s), max(s)] for s in sessions]) * SECOND
    device = Device("plug", "plug", True, frozenset({1}))
    return Recording(device, frames, np.empty(0, "u1"), spans.astype("i8"), np.empty((0, 2), "i8"))


sessions = st.lists(
    st.lists(st.floats(0, 9000).map(lambda t: round(t, 3)), min_size=1, max_size=40, unique=True).map(sorted),
    min_size=1,
    max_size=6,
)


@given(sessions, st.integers(1, 12))
def test_stretches_hold_every_frame_and_every_second_once(found, pools):
    apart = [[t + 10_000 * i for t in session] for i, session in enumerate(found)]
    whole = recording(*apart)
    try:
        pieces = cut(whole, pools)
    except NotEnoughData:
        return
    assert pieces[0].first == 0 and pieces[-1].last == len(whole.frames)
    for piece in pieces:
        times = whole.frames["time"][piece.first : piece.last]
        assert piece.begin < piece.end
        assert ((piece.begin <= times) & (times < piece.end)).all()
    for before, after in pairwise(pieces):
        assert before.last == after.first and before.end <= after.begin
    spans = sum(int(end + 1 - begin) for begin, end in whole.sessions)
    assert sum(p.end - p.begin for p in pieces) == spans
    assert sum(p.share for p in pieces) == pytest.approx(len(apart))
    assert sum(not p.silent for p in pieces) >= pools


def test_a_short_session_stays_whole():
    assert len(cut(recording([0, 5, 60], [1000, 1060, 1080]), 2)) == 2


def test_a_long_session_is_cut_into_half_hours():
    pieces = cut(recording(list(range(0, 12 * HOUR, 10))), 2)
    lengths = [(p.end - p.begin) / SECOND for p in pieces]
    assert min(lengths) >= 900 and max(lengths) <= 2700 and 16 <= len(lengths) <= 32


def test_sessions_are_cut_finer_where_pools_would_stay_empty():
    whole = recording(list(range(0, 300, 2)))
    assert len(cut(whole, 1)) == 1
    assert len(cut(whole, 4)) >= 4


def test_a_session_is_cut_in_a_gap_that_no_connection_crosses():
    times = [i * 10.0 for i in range(400)]
    flows = [1 + i // 25 for i in range(400)]  # each 250 s long; between two, nobody is connected
    for piece in cut(recording(times, flows=flows), 2)[1:]:
        assert piece.first % 25 == 0


def test_the_silence_before_a_connection_s_last_frame_is_not_free():
    times = [*range(0, 1700, 10), 1760, *range(1770, 4000, 10)]
    flows = [1 + (t > 1760) for t in times]
    assert cut(recording(times, flows=flows), 2)[1].begin == 1770 * SECOND


def test_of_two_free_gaps_the_longer_one_is_taken():
    times = [*range(0, 1700, 10), *range(2000, 4000, 10)]
    assert cut(recording(times), 2)[1].begin == 2000 * SECOND


def test_frames_less_than_a_second_apart_are_never_parted():
    times = [i * 60 + j * 0.2 for i in range(100) for j in range(4)]
    assert all(piece.first % 4 == 0 for piece in cut(recording(times), 8))


def test_a_long_silence_is_a_run_of_silent_stretches():
    pieces = cut(recording([0, 1, 2, 10 * HOUR, 10 * HOUR + 1]), 2)
    assert sum(p.silent for p in pieces) > 10
    assert max(p.end - p.begin for p in pieces) <= 2700 * SECOND


def test_too_few_stretches_are_named():
    with pytest.raises(NotEnoughData, match="plug: 3 packets in 1 sessions give 1 stretches, and 8 parts"):
        cut(recording([0, 0.1, 0.2]), 8)


@given(st.integers(1, 6), st.floats(0.05, 0.95), st.data())
def test_pools_are_disjoint_in_order_and_none_is_empty(quarters, test_fraction, data):
    silent = st.booleans()
    n = data.draw(st.integers(2 * quarters, 60))
    times, at = [], 0.0
    for _ in range(n):
        times.append([at, at + 1])
        at += 3 * HOUR if data.draw(silent) else 100
    whole = recording(*times)
    pieces = cut(whole, 2 * quarters)
    dealt = deal(pieces, quarters, test_fraction)
    pools = [part for quarter in dealt for part in quarter]
    assert [i for part in pools for i in part] == list(range(len(pieces)))
    assert all(any(not pieces[i].silent for i in part) for part in pools)


def test_a_fifth_of_each_quarter_s_stretches_is_held_out():
    pieces = cut(recording(*[[1000.0 * i, 1000.0 * i + 5] for i in range(40)]), 8)
    assert [[len(part) for part in quarter] for quarter in deal(pieces, 4, 0.2)] == [[8, 2]] * 4


def test_connections_that_stay_open_from_pool_to_pool_are_counted():
    whole = recording([0, 10], [1000, 1010], flows=[5, 6, 6, 7])
    pieces = cut(whole, 2)
    assert connections_over_pools(whole.frames, pieces, deal(pieces, 1, 0.2)) == 1
