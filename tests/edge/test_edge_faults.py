"""The whole agent in trouble: it goes on or says why, and keeps what it can."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from brokers import free_port
from disks import fill, mounted, remount
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_home import CAMERA, PLUG, Home
from test_edge_live_clock import START, Interface
from test_edge_service import capture, history

from edgeprint.edge import agent
from edgeprint.edge.bank import Bank
from edgeprint.edge.batch import NOTHING, Packets
from edgeprint.edge.interface import State
from edgeprint.edge.live import Live
from edgeprint.edge.outlets import HISTORY, Outlets
from edgeprint.edge.strangers import MOST
from edgeprint.edge.verdicts import Standing
from edgeprint.edge.watch import Watch
from edgeprint.errors import UntrustedModel
from edgeprint.packets.inventory import Device, Inventory, mac_number

SECOND = 10**9
INVENTORY = Inventory(
    {n: Device(n, "", True, frozenset({mac_number(m)})) for n, m in (("camera", CAMERA), ("plug", PLUG))}
)


class OnDisk:
    """An agent whose state and verdicts lie on a small disk."""

    def __init__(self, home: Home, devices_csv: Path, folder: Path, disk: Path) -> None:
        self.home, self._devices_csv, self._folder = home, devices_csv, folder
        self.state, self.out, self._runs = disk / "state", disk / "verdicts.jsonl", 0
        home.state = self.state

    def runs(self) -> dict[str, Standing]:
        """Half a minute of traffic, later than the one before."""
        source = capture(self._folder / f"{self._runs}.pcap", 40 * self._runs, 30)
        self._runs += 1
        rows = agent.main(
            source=f"file:{source}",
            repository=str(self.home.folder),
            inventory=self._devices_csv,
            state=self.state,
            streak=3,
            quiet=True,
            remember=True,
            out=self.out,
            summary=self.state / "agent.json",
            outlets=Outlets(store_mb=4),
        )
        return {row.device: row.verdict for row in rows}


def test_an_agent_on_a_full_disk_judges_as_ever_and_says_what_it_cannot_keep(
    home: Home, devices_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home.publish(camera={}, plug={"bias": -4})
    with mounted(tmp_path / "disk", "1m") as disk:
        pi = OnDisk(home, devices_csv, tmp_path, disk)
        first = pi.runs()
        pi.out.unlink()
        capsys.readouterr()
        ballast = fill(disk)
        assert pi.runs() == first == {"camera": "recognised", "plug": "deviates", **pi_router(first)}
        said = capsys.readouterr().err
        for what in ("history is not", "a restart will cost the bootstrap", "verdicts are not"):
            assert said.count(what) == 1
        ballast.unlink()
        before = len(history(home))
        assert pi.runs() == first and len(history(home)) > before
        assert [json.loads(line)["device"] for line in pi.out.read_text().splitlines()].count("camera") > 20


def pi_router(rows: dict[str, Standing]) -> dict[str, Standing]:
    """The stranger among them."""
    return {name: standing for name, standing in rows.items() if standing is Standing.UNKNOWN}


def test_an_agent_on_a_read_only_disk_goes_on_with_the_models_that_it_has(
    home: Home, devices_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home.publish(camera={}, plug={"bias": -4})
    with mounted(tmp_path / "disk", "4m") as disk:
        pi = OnDisk(home, devices_csv, tmp_path, disk)
        first = pi.runs()
        pi.out = tmp_path / "verdicts.jsonl"  # what cannot even be opened is said at once
        remount(disk, "ro")
        capsys.readouterr()
        assert pi.runs() == first
        said = capsys.readouterr().err
        assert "stale: models as of" in said and "Read-only" in said
        assert "the summary is not written" in said and "(the disk is read-only)" in said
        assert "a restart will cost the bootstrap" in said
        remount(disk, "rw")
        assert pi.runs() == first


def test_an_agent_that_never_had_a_model_and_cannot_keep_one_says_so(
    home: Home, devices_csv: Path, tmp_path: Path
) -> None:
    home.publish(camera={})
    with mounted(tmp_path / "disk", "1m") as disk:
        pi = OnDisk(home, devices_csv, tmp_path, disk)
        remount(disk, "ro")
        with pytest.raises(UntrustedModel, match=r"no model was ever pulled, and .*Read-only"):
            pi.runs()
        remount(disk, "rw")


def test_an_agent_with_a_locked_history_and_no_broker_judges_as_ever(
    home: Home, devices_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home.publish(camera={}, plug={"bias": -4})
    home.state.mkdir(parents=True)
    with sqlite3.connect(home.state / HISTORY) as other:
        other.execute("CREATE TABLE somebody (else_ TEXT)")
        other.commit()
        other.execute("BEGIN EXCLUSIVE")
        source = capture(tmp_path / "a.pcap", 0, 30)
        rows = agent.main(
            source=f"file:{source}",
            repository=str(home.folder),
            inventory=devices_csv,
            state=home.state,
            streak=3,
            quiet=True,
            outlets=Outlets(store_mb=4, mqtt=f"mqtt://127.0.0.1:{free_port()}"),
        )
    said = capsys.readouterr().err
    assert [row.verdict for row in rows][:2] == [Standing.RECOGNISED, Standing.DEVIATES]
    assert said.count("history is not written for now") == 1 and "database is locked" in said
    assert said.count("cannot be reached; trying again") <= 1


class Wild(Interface):
    """An interface that gives what it likes, and a clock that jumps as it likes."""

    def __init__(self, frames: list[Packets], jumps: dict[int, int]) -> None:
        super().__init__(10**6, 0)
        self._frames, self._jumps = frames, jumps

    def clock(self, behind: int = 0) -> int:
        jumped = sum(by for when, by in self._jumps.items() if self.now >= when * SECOND)
        return START + self.now + jumped

    def read(self, seconds: float) -> Packets:
        self.now += SECOND // 2
        return self._frames.pop() if self._frames else NOTHING


mac = st.integers(0, (1 << 48) - 1) | st.sampled_from([0, mac_number(CAMERA), mac_number(PLUG)])
offset = st.integers(-(10**18), 10**18) | st.integers(-(10**10), 10**10)
frame = st.tuples(offset, st.integers(0, 2**32 - 1), mac, mac)
jump = st.integers(-(10**8), 10**8).map(lambda seconds: seconds * SECOND)


def packets(rows: list[tuple[int, int, int, int]]) -> Packets:
    time_ns, size, src, dst = zip(*rows, strict=True)
    return Packets(START + np.array(time_ns), np.array(size, "u4"), np.array(src, "u8"), np.array(dst, "u8"))


@settings(deadline=None, max_examples=80)
@given(
    frames=st.lists(st.lists(frame, min_size=1, max_size=12).map(packets), max_size=20),
    jumps=st.dictionaries(st.integers(0, 12), jump, max_size=4),
)
def test_whatever_comes_and_whatever_the_clock_does_every_packet_comes_once_in_bounded_memory(
    frames: list[Packets], jumps: dict[int, int]
) -> None:
    sent = sum(len(some.time_ns) for some in frames)
    wild = Wild(list(frames), jumps)
    opened: Callable[[str, str], Wild] = lambda *_: wild  # noqa: E731
    source = Live(
        "lo",
        open_reader=opened,  # type: ignore[arg-type]
        state=lambda _: State.UP,
        say=lambda _: None,
        clock_ns=wild.clock,
        steady_ns=lambda: wild.now,
    )
    watch, came, judged = Watch(INVENTORY, Bank({}), streak=3, on_verdict=lambda _: None), 0, 0
    for batch in source:
        came += len(batch.time_ns)
        watch.take(batch)
        judged += 1
        if wild.now > 15 * SECOND:
            source.stop()
    assert came == source.received == sent and judged < 100
    assert len(watch.everyone) <= len(INVENTORY.devices) + MOST
    assert all(len(watched.stream.state()["numbers"]) <= sent for watched in watch.everyone)
