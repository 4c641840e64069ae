from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeprint import intervals
from edgeprint.errors import NotEnoughData
from edgeprint.feature_table import FeatureTable
from edgeprint.schema import Column, FeatureSchema

SCHEMA = FeatureSchema("one", (Column("bytes", "byte", "both", "here"),))


def rows(device: str, start_ns: list[int]) -> FeatureTable:
    return FeatureTable.of(SCHEMA, device, "a.pcap", np.array(start_ns, "i8"), np.zeros((len(start_ns), 1)))


def day(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


def test_calendar_names_an_empty_quarter_in_between():
    table = rows("plug", [day("2024-12-31T23:30"), day("2025-01-01"), day("2025-07-01")])
    interval, names = intervals.assign(table, "calendar", 4)
    assert names == ["2024Q4", "2025Q1", "2025Q2", "2025Q3"]
    assert interval.tolist() == [0, 1, 3]


def test_auto_is_calendar_where_rows_span_quarters_and_shares_where_not():
    assert intervals.assign(rows("plug", [0, day("2025-05-01")]), "auto", 2)[1][0] == "1970Q1"
    interval, names = intervals.assign(rows("plug", [3, 1, 2, 0]), "auto", 2)
    assert names == ["share 1/2", "share 2/2"]
    assert interval.tolist() == [1, 0, 1, 0]


def test_shares_are_of_each_devices_own_rows():
    table = FeatureTable.concatenate([rows("plug", list(range(8))), rows("camera", [100, 101, 102, 103])])
    assert intervals.assign(table, "shares", 4)[0].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 0, 1, 2, 3]


def test_a_feature_set_that_ends_early_gets_the_names_of_the_whole_data_set():
    early, whole = rows("plug", [day("2025-01-01")]), rows("plug", [day("2025-01-01"), day("2025-05-01")])
    interval, names = intervals.assign(early, "auto", 4, intervals.span([early, whole]))
    assert (interval.tolist(), names) == ([0], ["2025Q1", "2025Q2"])


def test_no_rows_at_all_is_a_sentence():
    with pytest.raises(NotEnoughData, match="no feature set has a row"):
        intervals.assign(rows("plug", []), "auto", 4)


times = st.lists(st.integers(0, 30), min_size=1, max_size=60)


@given(times, st.integers(1, 6))
def test_shares_follow_time_and_never_cut_inside_a_time_stamp(start, count):
    interval, names = intervals.assign(rows("plug", start), "shares", count)
    assert 0 <= interval.min() <= interval.max() < len(names) == count
    assert all(len(set(interval[np.array(start) == t])) == 1 for t in start)
    assert np.all(np.diff(interval[np.argsort(start, kind="stable")]) >= 0)


@given(times, st.floats(0.01, 0.99))
def test_held_out_is_the_end_and_at_least_its_share(start, fraction):
    table = rows("plug", start)
    test = intervals.held_out(table, np.zeros(len(start), "i8"), fraction)
    assert test.sum() >= fraction * len(start) - 1e-9
    assert test.any()
    assert all(kept < table.start_ns[test].min() for kept in table.start_ns[~test])


def test_held_out_is_taken_from_each_device_and_interval():
    table = FeatureTable.concatenate([rows("plug", list(range(10))), rows("camera", list(range(50, 55)))])
    interval = np.array([0] * 5 + [1] * 5 + [0] * 5)
    assert np.flatnonzero(intervals.held_out(table, interval, 0.2)).tolist() == [4, 9, 14]


def test_a_resampled_home_is_cut_at_the_border_of_each_quarter_whatever_the_fraction():
    starts = [day("2025-02-12T18:59:59"), day("2025-02-12T19:00"), day("2025-05-14T03:00")]
    table = FeatureTable.concatenate([rows("plug", starts), rows("camera", starts[1:2])])
    borders = {"2025Q1": day("2025-02-12T19:00"), "2025Q2": day("2025-05-14T19:00")}
    interval, _ = intervals.assign(table, "auto", 4)
    for fraction in (0.01, 0.99):
        assert intervals.held_out(table, interval, fraction, borders).tolist() == [False, True, False, True]


def test_a_quarter_without_a_border_is_named():
    table = rows("plug", [day("2025-02-12"), day("2025-08-13")])
    with pytest.raises(NotEnoughData, match=r"rows of 2025Q3 have no border .* of 2025Q1"):
        intervals.held_out(table, np.zeros(2, "i8"), 0.2, {"2025Q1": 0})
