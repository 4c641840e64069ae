"""The agent's history on this Pi's disk: SQLite in WAL mode, of bounded size, written once a tick.

    store = Store(Path("/var/lib/edgeprint/history.db"), megabytes=64, say=print)
    store.verdict(verdict); store.alarm(alarm)            # wait in memory
    store.flush()                                         # one transaction
    store.history("camera", since_ns), store.alarms(), store.labels()

A disk that is full or read-only, or a database that another process locks, stops nothing: rows wait in memory
for the next tick, the oldest of too many are dropped and counted in `lost`, and `say` gets one sentence when
it begins and one when it is over. `kill -9` costs what was not flushed: the tick that was open.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from edgeprint.edge.alarms import Alarm
from edgeprint.edge.history_schema import Label, columns_blob, label_of, prepare
from edgeprint.edge.verdicts import Verdict
from edgeprint.errors import BadStore

MOST_WAITING = 20_000  # rows in memory while the disk takes none: a quarter of an hour of 40 devices at 2 s
CACHE_KB = 256  # of the database in memory, where SQLite would let 2 MB grow: rows are only added
MOST_ROWS = 10_000  # of a device in an answer
BUSY_S = 0.2  # for which a tick waits for another process; captured packets queue up meanwhile
PERSON_BUSY_S = 5.0  # for which a person who presses a button waits
LONGEST_PAUSE = 32  # ticks between two tries while the disk takes nothing: all that waits is tried anew
LOOK_EVERY = 2048  # rows between two looks at the size: about 300 kB
PRUNED_AT_ONCE = 512  # rows a transaction: what is deleted goes through the log too
FILL = 0.8  # of the bound, for the database; the rest is for the log and what is written between two looks
WAL_PAGES = 128  # after which SQLite moves the log into the database: half a megabyte

VERDICT = "INSERT INTO verdict VALUES (?, ?, ?, ?, ?, ?, ?)"
ALARM = "INSERT OR REPLACE INTO alarm VALUES (?, ?, ?, ?, ?, ?)"


class Store:
    """Written by the agent's thread; `history`, `alarms`, `labels` and `label` may be called by any."""

    def __init__(self, path: Path, *, megabytes: float, say: Callable[[str], None]) -> None:
        """Opens lazily: what is wrong with the disk is said at the first flush, not raised."""
        self.path, self._say = path, say
        self._bytes = round(megabytes * 1e6)
        self._waiting: deque[tuple[str, tuple]] = deque()
        self._connection: sqlite3.Connection | None = None
        self._unseen = 0  # rows written since the last look at the size
        self._pause = self._failures = 0  # flushes to let pass, and that failed one after the other
        self.trouble: str | None = None  # why nothing is written at the moment
        self.lost = 0  # rows that were dropped unwritten

    def verdict(self, verdict: Verdict) -> None:
        v = verdict
        self._wait(VERDICT, (v.time_ns, v.device, v.mac, v.verdict, v.confidence, v.columns, v.run))

    def alarm(self, alarm: Alarm) -> None:
        """An alarm that began, changed or ended: always the same row."""
        a = alarm
        self._wait(ALARM, (a.device, a.begin_ns, a.noticed_ns, a.end_ns, a.longest, a.lowest))

    def flush(self) -> None:
        """Write what waits, as one transaction; keep it for later, and for ever longer, where that fails."""
        self._pause -= 1
        if not self._waiting or self._pause > 0:
            return
        try:
            connection = self._open()
            with connection:
                for statement, row in self._waiting:
                    connection.execute(statement, row)
            self._unseen += len(self._waiting)
            self._waiting.clear()
            if self._unseen >= LOOK_EVERY:
                self._prune(connection)
        except (sqlite3.Error, OSError, BadStore) as error:
            self._failed(error)
            return
        self._recovered()

    def close(self) -> None:
        """Flush, and let SQLite fold its log into the database."""
        self._pause = 0
        self.flush()
        if self._connection:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
        self.lost += len(self._waiting)
        self._waiting.clear()

    def label(self, label: Label) -> None:
        """Keep what a person said of a device, at once. Raises BadStore where that fails."""
        row = (label.time_ns, label.device, label.mac, label.verdict, label.label, label.schema_hash)
        try:
            with contextlib.closing(self._connect(PERSON_BUSY_S)) as connection, connection:
                prepare(connection)
                connection.execute(
                    "INSERT INTO label VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*row, *columns_blob(label.columns))
                )
        except (sqlite3.Error, OSError) as error:
            raise BadStore(f"{self.path} does not take the label: {error}") from error

    def history(self, device: str, since_ns: int = 0, most: int = MOST_ROWS) -> list[tuple]:
        """The device's last verdicts, oldest first: (time_ns, verdict, confidence, columns, run)."""
        return list(self.verdicts(device, since_ns, most))

    def verdicts(self, device: str, since_ns: int = 0, most: int = MOST_ROWS) -> Iterator[tuple]:
        """The same, read one at a time."""
        last = (
            "SELECT rowid AS written, * FROM verdict "
            "WHERE device = ? AND time_ns >= ? ORDER BY time_ns DESC, rowid DESC LIMIT ?"
        )
        query = f"SELECT time_ns, verdict, confidence, columns, run FROM ({last}) ORDER BY time_ns, written"
        return self._rows(query, (device, since_ns, most))

    def alarms(self, most: int = 200) -> list[Alarm]:
        """The last alarms, newest first; those that last are among them however old."""
        query = "SELECT * FROM alarm ORDER BY end_ns IS NULL DESC, begin_ns DESC LIMIT ?"
        return sorted((Alarm(*row) for row in self._read(query, (most,))), key=lambda a: -a.begin_ns)

    def labels(self) -> Iterator[Label]:
        """What people said, oldest first, with the columns of that moment."""
        yield from map(label_of, self._read("SELECT * FROM label ORDER BY time_ns", ()))

    def _wait(self, statement: str, row: tuple) -> None:
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            self.lost += 1
        self._waiting.append((statement, row))

    def _connect(self, busy_s: float) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self.path, timeout=busy_s, check_same_thread=False)
        connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_PAGES * 4096}")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KB}")
        connection.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost ticks, never the database
        return connection

    def _open(self) -> sqlite3.Connection:
        """The writing connection, made where there is none."""
        if self._connection is None:
            connection = self._connect(BUSY_S)
            try:
                prepare(connection)
            except (sqlite3.Error, BadStore):
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _prune(self, connection: sqlite3.Connection) -> None:
        """Drop the oldest rows while the database is over its share: verdicts first, labels last."""
        self._unseen = 0
        for table in ("verdict", "alarm", "label"):
            oldest = f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} ORDER BY rowid LIMIT ?)"
            while size(connection) > FILL * self._bytes:
                with connection:
                    dropped = connection.execute(oldest, (PRUNED_AT_ONCE,)).rowcount
                connection.execute("PRAGMA incremental_vacuum").fetchall()
                if not dropped:
                    break

    def _failed(self, error: Exception) -> None:
        """Say why, once, and try with a new connection later."""
        self._pause = min(1 << self._failures, LONGEST_PAUSE)
        self._failures += 1
        if self._connection:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
        why = str(error) + (" (the disk is read-only)" if _is_read_only(self.path.parent) else "")
        if type(error) is sqlite3.DatabaseError:  # the file's fault; its subclasses are the disk's or ours
            why += f"; what was there is now {self._set_aside().name}"
        if self.trouble is None:
            self._say(f"history is not written for now: {self.path}: {why}")
        self.trouble = why

    def _set_aside(self) -> Path:
        """Give a file that is no database another name, so that a new one can begin."""
        damaged = self.path.with_suffix(".damaged")
        with contextlib.suppress(OSError):
            self.path.replace(damaged)
            for log in ("-wal", "-shm"):
                self.path.with_name(self.path.name + log).unlink(missing_ok=True)
        return damaged

    def _recovered(self) -> None:
        if self.trouble is not None:
            self._say(f"history is written again; {self.lost} rows were lost so far")
        self.trouble, self._failures = None, 0

    def _read(self, query: str, values: tuple) -> list[tuple]:
        return list(self._rows(query, values))

    def _rows(self, query: str, values: tuple) -> Iterator[tuple]:
        """Over a connection of their own; none where there is no database to read.

        It may write, for the log of an agent that was killed has to be folded in before anything can be read.
        """
        try:
            with contextlib.closing(
                sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_S)
            ) as connection:
                yield from connection.execute(query, values)
        except sqlite3.Error:
            return


def _is_read_only(folder: Path) -> bool:
    """What SQLite calls 'unable to open database file'."""
    try:
        return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def size(connection: sqlite3.Connection) -> int:
    """Bytes of the database without its log."""
    pages, page = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    return pages * page
