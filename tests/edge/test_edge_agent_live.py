"""The whole agent on a network interface, as a person starts and ends it."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import wire
from simulated_home import CAMERA, PLUG, ROUTER, Home
from wire import frame, send

from benchmarks.veth import LAN
from edgeprint.packets.inventory import mac_number

CLI = "from edgeprint.cli import main; main()"


@pytest.fixture(autouse=True)
def link() -> Iterator[None]:
    with wire.link():
        yield


def started(home: Home, devices_csv: Path, source: str, *options: str) -> subprocess.Popen[str]:
    options = ("--repository", str(home.folder), "--state", str(home.state), *options)
    return subprocess.Popen(
        [sys.executable, "-c", CLI, "agent", "--source", source, "--inventory", str(devices_csv), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_agent_with_the_final_table(
    number: signal.Signals, home: Home, devices_csv: Path
) -> None:
    home.publish(camera={})
    summary = home.state / "agent.json"
    child = started(home, devices_csv, f"live:{LAN}", "--summary", str(summary), "--backend", "recv")
    assert child.stderr
    while "have a model" not in (line := child.stderr.readline()):
        assert line, "the agent ended"
    for _ in range(25):
        send(frame(mac_number(CAMERA), mac_number(ROUTER)), frame(mac_number(ROUTER), mac_number(PLUG)))
        time.sleep(0.1)
    child.send_signal(number)
    said, _ = child.communicate(timeout=30)
    assert child.returncode == 0
    table = [line.split() for line in said.splitlines()[-4:]]
    assert table[0][:2] == ["device", "packets"]
    assert [row[:2] for row in table[1:]] == [["camera", "25"], ["plug", "25"], [ROUTER, "25"]]
    stored = json.loads(summary.read_text())
    assert [row["packets"] for row in stored["devices"]] == [25, 25, 25]
    assert stored["devices"][0]["columns"] >= 1  # what is open is remembered, not closed before its time
    assert (home.state / "memory.npz").is_file()


def test_an_interface_that_is_not_there_is_one_sentence(home: Home, devices_csv: Path) -> None:
    child = started(home, devices_csv, "live:eth7")
    _, said = child.communicate(timeout=30)
    assert child.returncode == 1
    assert said.startswith("edgeprint: no interface is called 'eth7'; there are ")
