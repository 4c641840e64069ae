"""A feature set on disk: Parquet, one file a capture day, all devices of the day in it.

    table = read("data/features/cclp")
    mine = table.select(table.device == "camera-a")

A row is one window, segment or spectrogram column of one device of one capture.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeprint.errors import NotEnoughData
from edgeprint.schema import FeatureSchema

DAY_NS = 86_400 * 10**9


@dataclass(frozen=True)
class FeatureTable:
    """Parallel arrays [n] and the values [n, d]; `start_ns` is when the row's window begins (epoch, UTC)."""

    schema: FeatureSchema
    device: NDArray[np.object_]
    capture: NDArray[np.object_]
    start_ns: NDArray[np.int64]
    values: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.start_ns)

    @property
    def devices(self) -> list[str]:
        return sorted(set(self.device))

    def select(self, rows: NDArray) -> FeatureTable:
        """The given rows: a mask [n] or indices."""
        return FeatureTable(
            self.schema, self.device[rows], self.capture[rows], self.start_ns[rows], self.values[rows]
        )

    @classmethod
    def of(
        cls, schema: FeatureSchema, device: str, capture: str, start_ns: NDArray, values: NDArray
    ) -> FeatureTable:
        """The rows of one device of one capture."""
        n = len(start_ns)
        values = np.asarray(values, "f4").reshape(n, len(schema.columns))
        names = np.full(n, device, object), np.full(n, capture, object)
        return cls(schema, *names, np.asarray(start_ns, "i8"), values)

    @classmethod
    def concatenate(cls, tables: Sequence[FeatureTable]) -> FeatureTable:
        """All rows, in the order given; at least one table, all of the same schema."""
        parts = [[getattr(t, name) for t in tables] for name in ("device", "capture", "start_ns", "values")]
        return cls(tables[0].schema, *map(np.concatenate, parts))

    def in_stream_order(self) -> FeatureTable:
        """Sorted by device, then capture (by its first row), then time: a device's rows as it lived them."""
        first: dict[tuple[str, str], int] = {}
        for key, start in zip(zip(self.device, self.capture, strict=True), self.start_ns, strict=True):
            first[key] = min(first.get(key, start), start)
        begin = np.array([first[key] for key in zip(self.device, self.capture, strict=True)], "i8")
        return self.select(
            np.lexsort((self.start_ns, self.capture.astype(str), begin, self.device.astype(str)))
        )


def day_of(start_ns: int) -> str:
    """The UTC day of a time, as in 2026-01-05."""
    return datetime.fromtimestamp(start_ns // 10**9, UTC).strftime("%Y-%m-%d")


def write(table: FeatureTable, folder: Path, *, compression: str = "zstd") -> list[Path]:
    """One Parquet file a day that has rows, each with the schema in its metadata; returns their paths."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    day = table.start_ns // DAY_NS
    metadata = {"edgeprint.schema": json.dumps(table.schema.to_dict())}
    paths = []
    for d in np.unique(day):
        rows = table.select(day == d)
        width = len(table.schema.columns)
        values = pa.FixedSizeListArray.from_arrays(pa.array(rows.values.ravel()), width)
        columns = {
            "device": pa.array(rows.device.astype(str)).dictionary_encode(),
            "capture": pa.array(rows.capture.astype(str)).dictionary_encode(),
            "start_ns": pa.array(rows.start_ns),
            "values": values,
        }
        stored = pa.table(columns).replace_schema_metadata(metadata)
        path = folder / f"{day_of(int(d) * DAY_NS)}.parquet"
        pq.write_table(stored, path, compression=compression)
        paths.append(path)
    return paths


def read(folder: Path | str) -> FeatureTable:
    """Every day of a feature set. Raises NotEnoughData when the folder holds none."""
    paths = sorted(Path(folder).glob("*.parquet"))
    if not paths:
        raise NotEnoughData(f"{folder} holds no feature file: run the extraction first")
    return FeatureTable.concatenate([read_file(path) for path in paths])


def read_file(path: Path) -> FeatureTable:
    """One file that `write` has written."""
    import pyarrow.parquet as pq

    stored = pq.read_table(path)
    schema = FeatureSchema.from_dict(json.loads(stored.schema.metadata[b"edgeprint.schema"]))
    device, capture = (stored[c].to_numpy().astype(object) for c in ("device", "capture"))
    flat = stored["values"].combine_chunks().flatten().to_numpy()
    values = flat.reshape(len(stored), len(schema.columns))
    return FeatureTable(schema, device, capture, stored["start_ns"].to_numpy(), values)
