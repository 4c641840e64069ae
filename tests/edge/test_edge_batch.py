"""The order in which packets are let through."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgeprint.edge.batch import Packets, Sluice


def at(*times: int) -> Packets:
    n = len(times)
    return Packets(np.array(times, "i8"), np.arange(n).astype("u4"), np.zeros(n, "u8"), np.zeros(n, "u8"))


def test_what_is_young_is_held_until_its_time_has_come() -> None:
    sluice = Sluice()
    sluice.take(at(3, 9, 5))
    assert sluice.until(5).time_ns.tolist() == [3]
    assert sluice.until(10).time_ns.tolist() == [5, 9]


def test_packets_of_one_instant_keep_their_order() -> None:
    sluice = Sluice()
    sluice.take(at(2, 1, 2, 2))
    assert sluice.until(3).wire_len.tolist() == [1, 0, 2, 3]


def test_a_late_packet_comes_all_the_same_and_is_counted() -> None:
    sluice = Sluice()
    sluice.until(10)
    sluice.take(at(4, 12))
    assert sluice.until(11).time_ns.tolist() == [4] and sluice.late == 1


def test_time_never_goes_back_by_itself() -> None:
    sluice = Sluice()
    assert [sluice.until(now).now_ns for now in (5, 3, 6)] == [5, 5, 6]


def test_where_the_clock_is_set_back_what_came_before_is_let_through_first() -> None:
    sluice = Sluice()
    sluice.until(100)
    sluice.take(at(103, 102, 7))
    before = sluice.before_set_back(8)
    assert (before.time_ns.tolist(), before.now_ns) == ([102, 103], 100)
    after = sluice.until(9)
    assert (after.time_ns.tolist(), after.now_ns, sluice.late) == ([7], 9, 0)


@given(
    packets=st.lists(st.lists(st.integers(0, 1000), max_size=8), max_size=12),
    steps=st.lists(st.integers(-50, 200), min_size=12, max_size=12),
)
def test_every_packet_comes_once_and_on_time_unless_it_is_counted_late(
    packets: list[list[int]], steps: list[int]
) -> None:
    sluice, batches, now = Sluice(), [], 0
    for times, step in zip(packets, steps, strict=False):
        sluice.take(at(*times))
        now += step
        batches.append(sluice.until(now))
    batches.append(sluice.rest())
    given_on = [time for batch in batches for time in batch.time_ns.tolist()]
    assert sorted(given_on) == sorted(time for times in packets for time in times)
    early = [int((after.time_ns < before.now_ns).sum()) for before, after in pairwise(batches)]
    assert sum(early) == sluice.late
    assert all(np.all(np.diff(batch.time_ns) >= 0) for batch in batches)
