"""Feature rows survive the way to Parquet and back, a file a day."""

from pathlib import Path

import numpy as np
import pytest

from edgeprint import feature_table
from edgeprint.errors import NotEnoughData
from edgeprint.feature_table import DAY_NS, FeatureTable
from edgeprint.schema import Column, FeatureSchema

SCHEMA = FeatureSchema("toy", (Column("a", "s", "both", "none"), Column("b", "s", "both", "none")))


def table(device: str, capture: str, starts: list[int]) -> FeatureTable:
    return FeatureTable.of(SCHEMA, device, capture, np.array(starts), np.arange(2 * len(starts)))


def test_rows_come_back_as_written(tmp_path: Path) -> None:
    written = FeatureTable.concatenate([table("b", "x", [1, 2]), table("a", "x", [3])])
    feature_table.write(written, tmp_path)
    read = feature_table.read(tmp_path)
    assert read.schema == SCHEMA and list(read.device) == ["b", "b", "a"]
    assert np.array_equal(read.values, written.values) and np.array_equal(read.start_ns, written.start_ns)


def test_there_is_one_file_a_day(tmp_path: Path) -> None:
    paths = feature_table.write(table("a", "x", [0, DAY_NS - 1, DAY_NS]), tmp_path)
    assert [p.name for p in paths] == ["1970-01-01.parquet", "1970-01-02.parquet"]


def test_an_empty_folder_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(NotEnoughData, match=str(tmp_path)):
        feature_table.read(tmp_path)


def test_stream_order_keeps_captures_whole_in_the_order_they_began() -> None:
    mixed = FeatureTable.concatenate([table("a", "late", [5, 6]), table("a", "early", [1, 7])])
    assert list(mixed.in_stream_order().start_ns) == [1, 7, 5, 6]
