"""The feature rows of one capture from its tables as they come, in the memory of a window or two.

    stream = FeatureStream("monday.pcap", inventory, params)
    for table, report in decode_chunks(path):
        stream.push(table)
    tables = stream.finish()

Rows are made once ENOUGH packets wait and the capture's time has passed their window by PATIENCE; they are
those of the whole capture at once, bit for bit. A packet that comes later than that raises OutOfOrder: such a
capture is read again with `patient=True`, which keeps all of its packets to the end.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgeprint.binary.features import ColumnStream, SpectrogramSpec
from edgeprint.cclp import features as windows
from edgeprint.feature_table import FeatureTable
from edgeprint.lstm_cnn import features as segments
from edgeprint.packets.inventory import Inventory
from edgeprint.packets.table import DevicePackets, PacketTable
from edgeprint.params import Params
from edgeprint.schema import FeatureSchema

ENOUGH = 500_000  # packets, 25 MB: rows of many windows at a time are made faster
PATIENCE = 60 * 10**9  # ns that packets, and the ends of handshakes, may come late
Rows = tuple[NDArray[np.int64], NDArray]  # start_ns [k], values [k, d]


class OutOfOrder(Exception):
    """A packet or handshake came after the rows of its window were made."""


class FeatureStream:
    """Takes the tables of one capture in turn; gives the rows of all devices of the inventory."""

    def __init__(self, capture: str, inventory: Inventory, params: Params, *, patient: bool = False) -> None:
        self.capture = capture
        self.inventory = inventory
        self.params = params
        self.patient = patient
        minutes = math.lcm(params.cclp.features.window_minutes, params.lstm_cnn.features.segment_minutes)
        self._step = minutes * segments.MINUTE_NS
        self._spec = SpectrogramSpec(params.binary.features.height, params.binary.features.bin_seconds)
        self._waiting: list[PacketTable] = []
        self._done: int | None = None  # all before this time is in rows
        self._streams: dict[str, ColumnStream] = {}
        self._rows: dict[tuple[str, str], list[Rows]] = {}  # by method and device

    def push(self, table: PacketTable) -> None:
        """Take the capture's next packets. Raises OutOfOrder."""
        if self._done is not None and self._done > min(_times(table), default=self._done):
            raise OutOfOrder
        self._waiting.append(table)
        if not self.patient and sum(map(len, self._waiting)) >= ENOUGH:
            waiting = PacketTable.concatenate(self._waiting)
            ripe = (int(waiting.time_ns.max()) - PATIENCE) // self._step * self._step
            self._waiting = [self._make_rows(waiting, ripe)]

    def finish(self) -> dict[str, FeatureTable]:
        """All rows by method, device by device as the inventory has them; none if no device sent a packet."""
        self._make_rows(PacketTable.concatenate(self._waiting), None)
        for device, stream in self._streams.items():
            self._add("binary", device, _starts(*stream.finish(), self._spec))
        schemas = self._schemas() if self._rows else {}
        return {method: self._table(method, schema) for method, schema in schemas.items()}

    def _make_rows(self, waiting: PacketTable, before_ns: int | None) -> PacketTable:
        """Rows of the packets before a time, or of all; returns the others."""
        self._done = before_ns
        handshakes = waiting.handshakes
        ripe = np.full(len(waiting), True) if before_ns is None else waiting.time_ns < before_ns
        ended = np.full(len(handshakes), True) if before_ns is None else handshakes.client_ns < before_ns
        for packets in self.inventory.split(_part(waiting, ripe, ended)).values():
            for method, rows in self._features(packets).items():
                self._add(method, packets.device, rows)
        return _part(waiting, ~ripe, ~ended)

    def _features(self, packets: DevicePackets) -> dict[str, Rows]:
        segment = self.params.lstm_cnn.features
        stream = self._streams.setdefault(packets.device, ColumnStream(self._spec))
        return {
            "cclp": windows.extract(packets, window_minutes=self.params.cclp.features.window_minutes),
            "lstm_cnn": segments.extract(
                packets, segment_minutes=segment.segment_minutes, columns=tuple(segment.columns)
            ),
            "binary": _starts(*stream.follow(packets.table.time_ns, packets.signed_size), self._spec),
        }

    def _add(self, method: str, device: str, rows: Rows) -> None:
        self._rows.setdefault((method, device), []).append(rows)

    def _table(self, method: str, schema: FeatureSchema) -> FeatureTable:
        minutes = self.params.lstm_cnn.features.segment_minutes
        parts = []
        for device in self.inventory.devices:
            rows = self._rows.get((method, device), [])
            if rows:
                start_ns, values = (np.concatenate(column) for column in zip(*rows, strict=True))
                if method == "lstm_cnn":  # a silence may lie between two parts
                    start_ns, values = segments.fill_silence(start_ns, values, minutes)
                parts.append(FeatureTable.of(schema, device, self.capture, start_ns, values))
        return FeatureTable.concatenate(parts)

    def _schemas(self) -> dict[str, FeatureSchema]:
        segment = self.params.lstm_cnn.features
        return {
            "cclp": windows.schema(self.params.cclp.features.window_minutes),
            "lstm_cnn": segments.schema(segment.segment_minutes, tuple(segment.columns)),
            "binary": self._spec.schema(),
        }


def _starts(frames: NDArray[np.int64], values: NDArray, spec: SpectrogramSpec) -> Rows:
    return frames * spec.hop_ns, values


def _times(table: PacketTable) -> list[int]:
    """The earliest packet and the earliest end of a handshake."""
    return [int(column.min()) for column in (table.time_ns, table.handshakes.client_ns) if len(column)]


def _part(table: PacketTable, rows: NDArray[np.bool_], handshakes: NDArray[np.bool_]) -> PacketTable:
    return replace(table.select(rows), handshakes=table.handshakes.select(handshakes))
