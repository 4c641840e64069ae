"""The agent as a process with its outlets: stopped, killed and started again."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from brokers import until
from household import Household, request
from simulated_home import CAMERA, PLUG, ROUTER, Home, write_capture

from edgeprint.edge import agent
from edgeprint.edge.outlets import HISTORY, Outlets, kept_labels
from edgeprint.edge.store import Store
from edgeprint.edge.verdicts import Standing
from edgeprint.errors import BadParams, BadStore

START = 1_767_614_400 * 10**9
CLI = [sys.executable, "-c", "from edgeprint.cli import main; main()"]


def capture(path: Path, first: int, seconds: int) -> Path:
    """Camera, plug and router each send once a second."""
    macs = [(CAMERA, ROUTER), (PLUG, ROUTER), (ROUTER, "ff:ff:ff:ff:ff:ff")]
    rows = [
        (START + second * 10**9 + i, *pair, 100)
        for second in range(first, first + seconds)
        for i, pair in enumerate(macs)
    ]
    return write_capture(path, rows)


@contextlib.contextmanager
def process(home: Home, devices_csv: Path, source: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """The agent on a capture, with its page on a free port; killed at the end."""
    given = ["--source", f"file:{source}", "--repository", str(home.folder), "--inventory", str(devices_csv)]
    child = subprocess.Popen(
        [*CLI, "agent", *given, "--state", str(home.state), "--listen", "127.0.0.1:0", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def address(child: subprocess.Popen[str]) -> tuple[str, int]:
    """Where the agent says that its page is."""
    assert child.stderr
    said = []
    for line in child.stderr:
        said.append(line)
        if found := re.search(r"page is at http://([\d.]+):(\d+)", line):
            return found[1], int(found[2])
    pytest.fail("the agent ended without a page: " + "".join(said[-5:]))


def history(home: Home, device: str = "camera") -> list[int]:
    return [row[0] for row in Store(home.state / HISTORY, megabytes=4, say=print).history(device)]


def test_the_page_of_a_replay_stays_until_a_signal(home: Home, devices_csv: Path, tmp_path: Path) -> None:
    home.publish(camera={}, plug={"bias": -4})
    with process(home, devices_csv, capture(tmp_path / "a.pcap", 0, 30)) as child:
        where = address(child)
        until(lambda: request(where, "GET", "/devices").json["agent"]["packets"] == 90)
        until(lambda: request(where, "GET", "/devices").json["alarms"])
        assert request(where, "GET", "/healthz").status == 200
        until(lambda: len(history(home)) > 20)
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 143


def test_an_agent_killed_in_the_middle_leaves_whole_ticks_and_starts_again(
    home: Home, devices_csv: Path, tmp_path: Path
) -> None:
    home.publish(camera={}, plug={"bias": -4})
    source, out = capture(tmp_path / "a.pcap", 0, 600), tmp_path / "verdicts.jsonl"
    with process(home, devices_csv, source, "--speed", "20", "--out", str(out)) as child:
        where = address(child)
        until(lambda: request(where, "GET", "/devices").json["agent"]["ticks"] > 10)
        told_ns = round(request(where, "GET", "/devices").json["agent"]["time"] * 1e9)
        child.kill()
    ticks = history(home)
    assert ticks == history(home, "plug")
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    for written in (ticks, [line["time_ns"] for line in lines if line["device"] == "camera"]):
        assert written[-1] >= told_ns - 10**9  # all but the tick that was open
    with process(home, devices_csv, capture(tmp_path / "b.pcap", 700, 30)) as child:
        where = address(child)
        until(lambda: len(history(home)) > len(ticks))


def main(home: Home, devices_csv: Path, source: Path, **options: object) -> dict[str, Standing]:
    rows = agent.main(
        source=f"file:{source}",
        inventory=devices_csv,
        state=home.state,
        repository=str(home.folder),
        streak=3,
        quiet=True,
        **options,  # type: ignore[arg-type]
    )
    return {row.device: row.verdict for row in rows}


def test_a_restart_goes_on_where_the_last_run_stopped_and_its_alarm_with_it(
    home: Home, devices_csv: Path, tmp_path: Path
) -> None:
    home.publish(camera={}, plug={"bias": -4})
    options = {"remember": True, "outlets": Outlets(store_mb=4)}
    first = main(home, devices_csv, capture(tmp_path / "a.pcap", 0, 30), **options)
    assert first["camera"] is Standing.RECOGNISED and first["plug"] is Standing.DEVIATES
    second = main(home, devices_csv, capture(tmp_path / "b.pcap", 35, 3), **options)
    assert second == first  # three seconds are too short for a bootstrap
    (alarm,) = Store(home.state / HISTORY, megabytes=4, say=print).alarms()
    assert alarm.is_open and alarm.device == "plug" and alarm.longest > 25


def test_without_memory_an_old_alarm_is_over(home: Home, devices_csv: Path, tmp_path: Path) -> None:
    home.publish(camera={}, plug={"bias": -4})
    outlets = Outlets(store_mb=4)
    main(home, devices_csv, capture(tmp_path / "a.pcap", 0, 30), outlets=outlets)
    last = history(home, "plug")[-1]
    main(home, devices_csv, capture(tmp_path / "b.pcap", 35, 3), outlets=outlets)
    (alarm,) = Store(home.state / HISTORY, megabytes=4, say=print).alarms()
    assert alarm.end_ns == last


def test_a_replay_without_outlets_writes_nothing_but_models(
    home: Home, devices_csv: Path, tmp_path: Path
) -> None:
    home.publish(camera={})
    main(home, devices_csv, capture(tmp_path / "a.pcap", 0, 5))
    assert not (home.state / HISTORY).exists() and not (home.state / agent.MEMORY).exists()


def test_labels_are_exported_as_json_lines(page: Household, folder: Path) -> None:
    page.service.label("plug", "kettle")
    (line,) = kept_labels(folder / "open")
    row = json.loads(line)
    assert (row["device"], row["verdict"], row["label"]) == ("plug", "deviates", "kettle")
    assert len(row["columns"][0]) == 10 and "payload" not in row
    done = subprocess.run(
        [*CLI, "agent-labels", "--state", str(folder / "open")], capture_output=True, text=True, check=True
    )
    assert done.stdout == line + "\n"


def test_an_export_without_a_history_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadStore, match=r"holds no history\.db"):
        list(kept_labels(tmp_path))


def test_a_store_that_is_too_small_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadParams, match="--store-mb 1"):
        Outlets(store_mb=1).store(tmp_path, print)
