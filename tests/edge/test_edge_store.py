"""The history survives what disks do: full, read-only, locked, damaged, and a process that is killed."""

import signal
import sqlite3
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from disks import fill, mounted, remount

from edgeprint.edge import store as module
from edgeprint.edge.alarms import Alarm
from edgeprint.edge.history_schema import VERSION, Label
from edgeprint.edge.store import Store
from edgeprint.edge.verdicts import Standing, Verdict
from edgeprint.errors import BadStore

ALARM = Alarm("camera", 5, 7, None, 3, 0.1)


def verdict(tick: int, device: str = "camera", confidence: float | None = 0.9) -> Verdict:
    return Verdict(tick, device, None, Standing.RECOGNISED, confidence, tick, 1)


def label(tick: int = 1, name: str = "kettle") -> Label:
    columns = np.arange(6, dtype="f4").reshape(2, 3)
    return Label(tick, "camera", None, "recognised", name, "a" * 64, columns)


class Kept:
    """A store and what it said."""

    def __init__(self, folder: Path, megabytes: float = 4) -> None:
        self.said: list[str] = []
        self.path = folder / "history.db"
        self.store = Store(self.path, megabytes=megabytes, say=self.said.append)

    def tick(self, number: int) -> None:
        self.store.verdict(verdict(number))
        self.store.flush()

    def until_written(self, number: int) -> int:
        """Ticks from that one on until the store is at ease again; the last of them."""
        while True:
            self.tick(number)
            if self.store.trouble is None:
                return number
            number += 1

    def ticks(self) -> list[int]:
        return [row[0] for row in self.store.history("camera")]


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


def test_a_tick_is_one_transaction_that_others_see_whole(kept: Kept) -> None:
    kept.store.verdict(verdict(1))
    kept.store.verdict(verdict(2))
    assert kept.ticks() == []
    kept.store.flush()
    assert kept.store.history("camera") == [(1, "recognised", 0.9, 1, 1), (2, "recognised", 0.9, 2, 1)]
    assert kept.store.history("camera", since_ns=2) == [(2, "recognised", 0.9, 2, 1)]
    assert kept.store.history("camera", most=1) == [(2, "recognised", 0.9, 2, 1)]
    assert kept.said == []


def test_an_alarm_that_changes_and_ends_stays_one_row(kept: Kept) -> None:
    later = Alarm("camera", 5, 7, 99, 8, 0.05)
    for alarm in (ALARM, later, Alarm("plug", 6, 7, None, 3, 0.2)):
        kept.store.alarm(alarm)
        kept.store.flush()
    assert kept.store.alarms() == [Alarm("plug", 6, 7, None, 3, 0.2), later]


def test_labels_come_back_with_their_columns(kept: Kept) -> None:
    kept.store.label(label())
    (back,) = kept.store.labels()
    assert back.label == "kettle" and np.array_equal(back.columns, label().columns)
    assert back.as_json()["columns"] == [[0, 1, 2], [3, 4, 5]]


def test_the_file_stays_below_its_bound_and_the_oldest_rows_go_first(tmp_path: Path) -> None:
    kept = Kept(tmp_path, megabytes=4)
    kept.store.alarm(ALARM)
    kept.store.label(label())
    largest = 0
    for first in range(0, 120_000, 500):
        for tick in range(first, first + 500):
            kept.store.verdict(verdict(tick))
        kept.store.flush()
        largest = max(largest, sum(file.stat().st_size for file in tmp_path.iterdir()))
    ticks = [row[0] for row in kept.store.history("camera", most=10**6)]
    assert largest <= 4e6
    assert ticks == list(range(ticks[0], 120_000)) and ticks[0] > 50_000
    assert len(ticks) > 20_000  # it uses what it may
    assert kept.store.alarms() and list(kept.store.labels())


def test_verdicts_are_read_one_at_a_time(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    for tick in range(10_000):
        kept.store.verdict(verdict(tick))
    kept.store.flush()
    tracemalloc.start()
    try:
        assert sum(1 for _ in kept.store.verdicts("camera")) == 10_000
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 100_000  # bytes; all rows at once are 3 MB


def test_a_full_disk_costs_nothing_but_the_wait(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "512k") as disk:
        kept = Kept(disk)
        kept.tick(0)
        ballast = fill(disk)
        for tick in range(1, 3000):
            kept.tick(tick)
        assert kept.store.trouble and len(kept.said) == 1
        assert "history is not written for now" in kept.said[0] and "full" in kept.said[0]
        ballast.unlink()
        last = kept.until_written(3000)
        assert last < 3000 + module.LONGEST_PAUSE
        assert kept.ticks() == list(range(last + 1)) and kept.store.lost == 0
        assert kept.said[1:] == ["history is written again; 0 rows were lost so far"]
        kept.store.close()


def test_a_read_only_disk_is_said_once_and_what_is_too_much_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 10)
    with mounted(tmp_path / "disk", "2m") as disk:
        kept = Kept(disk)
        kept.tick(0)
        kept.store.close()
        remount(disk, "ro")
        for tick in range(1, 16):
            kept.tick(tick)
        assert kept.store.lost == 5
        assert len(kept.said) == 1 and "read-only" in kept.said[0]
        with pytest.raises(BadStore, match="does not take the label"):
            kept.store.label(label())
        assert kept.ticks() in ([0], [])  # SQLite may refuse to read a log that it cannot share
        remount(disk, "rw")
        last = kept.until_written(16)
        assert kept.ticks() == [0, *range(last - 9, last + 1)]
        kept.store.close()


def test_a_locked_database_is_waited_for_over_the_ticks(kept: Kept) -> None:
    kept.tick(0)
    other = sqlite3.connect(kept.path)
    other.execute("BEGIN IMMEDIATE")
    kept.tick(1)
    kept.tick(2)
    assert kept.store.trouble == "database is locked" and len(kept.said) == 1
    other.rollback()
    last = kept.until_written(3)
    assert kept.ticks() == list(range(last + 1)) and kept.store.lost == 0


@pytest.mark.parametrize("damage", ["not a database", "header only"])
def test_a_damaged_file_is_set_aside_and_a_new_one_begun(kept: Kept, damage: str) -> None:
    kept.tick(0)
    kept.store.close()
    data = kept.path.read_bytes()
    broken = b"x" * 5000 if damage == "not a database" else data[:4096] + b"\xff" * (len(data) - 4096)
    kept.path.write_bytes(broken)
    for tick in (1, 2):
        kept.tick(tick)
    assert kept.ticks() == [1, 2]
    assert kept.path.with_suffix(".damaged").read_bytes() == broken
    assert "history.damaged" in kept.said[0]


def test_tables_of_another_version_are_left_as_they_are(kept: Kept) -> None:
    with sqlite3.connect(kept.path) as other:
        other.execute(f"PRAGMA user_version = {VERSION + 1}")
    before = kept.path.read_bytes()
    kept.tick(1)
    assert f"of version {VERSION + 1}" in kept.said[0] and kept.path.read_bytes() == before


def test_what_a_closing_store_cannot_write_is_counted(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "no folder.txt")
    kept.path.parent.write_text("a file stands where the folder should be")
    kept.tick(1)
    kept.store.close()
    assert kept.store.lost == 1 and len(kept.said) == 1


WRITER = """
import sys
from pathlib import Path
from edgeprint.edge.store import Store
from edgeprint.edge.verdicts import Standing, Verdict
store = Store(Path(sys.argv[1]), megabytes=4, say=print)
for tick in range(10**9):
    for device in range(40):
        store.verdict(Verdict(tick, f"device-{device}", None, Standing.RECOGNISED, 0.9, tick, 1))
    store.flush()
    print(tick, flush=True)
"""


def test_a_killed_agent_loses_at_most_the_tick_that_was_open(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    for life in range(5):
        if life:
            path.unlink()
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout
        seen = [writer.stdout.readline() for _ in range(20 + 7 * life)]
        time.sleep(life / 1000)  # somewhere within a tick
        writer.send_signal(signal.SIGKILL)
        written = int([*seen, *writer.communicate()[0].splitlines()][-1])
        store = Store(path, megabytes=4, say=print)
        ticks = [[row[0] for row in store.history(f"device-{number}")] for number in range(40)]
        assert ticks == [ticks[0]] * 40  # no tick by halves
        assert ticks[0] in (list(range(written + 1)), list(range(written + 2)))
        with sqlite3.connect(path) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        store.verdict(verdict(1))
        store.flush()
        assert store.trouble is None
        store.close()
