"""The tables of the agent's history, their version, and what a person said of a device as a row of them."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeprint.errors import BadStore

VERSION = 1
# WITHOUT ROWID is not used: rows are dropped in the order in which they came, which is that of rowid.
TABLES = """
CREATE TABLE IF NOT EXISTS verdict (
    time_ns INTEGER NOT NULL, device TEXT NOT NULL, mac TEXT, verdict TEXT NOT NULL, confidence REAL,
    columns INTEGER NOT NULL, run INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS verdict_of_device ON verdict (device, time_ns);
CREATE TABLE IF NOT EXISTS alarm (
    device TEXT NOT NULL, begin_ns INTEGER NOT NULL, noticed_ns INTEGER NOT NULL, end_ns INTEGER,
    longest INTEGER NOT NULL, lowest REAL NOT NULL, PRIMARY KEY (device, begin_ns));
CREATE TABLE IF NOT EXISTS label (
    time_ns INTEGER NOT NULL, device TEXT NOT NULL, mac TEXT, verdict TEXT NOT NULL, label TEXT NOT NULL,
    schema_hash TEXT NOT NULL, height INTEGER NOT NULL, columns BLOB NOT NULL);
"""


@dataclass(frozen=True)
class Label:
    """What a person said of a device, with its last spectrogram columns [w, h]: features, never payload."""

    time_ns: int  # of the tick that the person saw
    device: str
    mac: str | None  # of a stranger
    verdict: str  # the agent's
    label: str  # the person's: which device it is
    schema_hash: str  # of the columns
    columns: NDArray[np.float32]

    def as_json(self) -> dict:
        """For a line of the export; columns as numbers of four digits."""
        rounded = [[float(f"{value:.4g}") for value in column] for column in self.columns.tolist()]
        names = ("time_ns", "device", "mac", "verdict", "label", "schema_hash")
        return {**{name: getattr(self, name) for name in names}, "columns": rounded}


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables where there are none. Raises BadStore for those of another version."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == VERSION:
        return
    if version != 0:
        raise BadStore(f"its tables are of version {version}, this agent writes version {VERSION}")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # before the first table
    connection.execute("PRAGMA journal_mode = WAL").fetchone()
    connection.executescript(f"BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;")


def columns_blob(columns: NDArray[np.float32]) -> tuple[int, bytes]:
    """Height and little-endian float32 of columns [w, h]."""
    return columns.shape[1], np.ascontiguousarray(columns, "<f4").tobytes()


def label_of(row: tuple) -> Label:
    """A label from its row."""
    time_ns, device, mac, verdict, label, schema_hash, height, blob = row
    columns = np.frombuffer(blob, "<f4").reshape(-1, height)
    return Label(time_ns, device, mac, verdict, label, schema_hash, columns)
