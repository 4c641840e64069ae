"""A router and a Pi as network namespaces, the whole agent on the Pi, captures sent into its port."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from brokers import until
from household import request
from router_and_pi import Router, router_and_pi
from simulated_home import SPEC, Home
from test_edge_live_columns import REAL, the_two_that_sent_most
from test_edge_service import address
from test_edge_watch import DATA
from wire import captured, excerpt

from benchmarks.veth import LAN
from edgeprint.binary.features import columns
from edgeprint.edge.board import COLUMNS
from edgeprint.edge.outlets import HISTORY
from edgeprint.edge.store import Store
from edgeprint.packets.decode import decode
from edgeprint.packets.inventory import Inventory, mac_text

CLI = [sys.executable, "-c", "from edgeprint.cli import main; main()"]


@pytest.fixture
def router() -> Iterator[Router]:
    with router_and_pi() as found:
        yield found


@pytest.fixture
def repository(router: Router, home: Home) -> Iterator[str]:
    """Models of both devices, on the router's web server."""
    home.publish(a={}, b={})
    (home.folder.parent / "root.json").write_bytes(home.root)
    with router.serves(home.folder) as url:
        yield url


class Pi:
    """The agent as a process, by its page."""

    def __init__(self, home: Home, repository: str, devices: Inventory) -> None:
        self.home, devices_csv = home, home.folder.parent / "listed.csv"
        rows = [f"{mac_text(mac)},{device},,1" for mac, device in devices.by_mac.items()]
        devices_csv.write_text("\n".join(["mac,device,category,iot", *rows]))
        given = {
            "--source": f"live:{LAN}",
            "--repository": repository,
            "--root": home.folder.parent / "root.json",
            "--inventory": devices_csv,
            "--state": home.state,
            "--listen": "127.0.0.1:0",
        }
        self.child = subprocess.Popen(
            [*CLI, "agent", *(str(word) for pair in given.items() for word in pair)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.address = address(self.child)

    def __enter__(self) -> "Pi":
        return self

    def __exit__(self, *_: object) -> None:
        self.child.kill()
        self.child.communicate()

    def row(self, device: str) -> dict:
        found = request(self.address, "GET", "/devices").json
        return next(row for row in found["devices"] if row["name"] == device)

    @property
    def notes(self) -> list[str]:
        return request(self.address, "GET", "/devices").json["agent"]["notes"]

    def label(self, device: str) -> None:
        page = request(self.address, "GET", "/").body.decode()
        csrf = page.partition('name="csrf" content="')[2][:64]
        headers = {
            "Content-Type": "application/json",
            "Origin": f"http://{self.address[0]}:{self.address[1]}",
            "X-Edgeprint-CSRF": csrf,
        }
        body = json.dumps({"label": device}).encode()
        assert request(self.address, "POST", f"/devices/{device}/label", headers, body).status == 200

    def ends(self) -> None:
        self.child.send_signal(signal.SIGTERM)
        assert self.child.wait(30) == 0


def assert_the_pi_sees_what_extraction_does(
    capture: Path, router: Router, repository: str, home: Home, tmp_path: Path, seconds: float, *options: str
) -> None:
    sent = tmp_path / "sent.pcap"
    count = excerpt(capture, sent, seconds=seconds)
    devices = the_two_that_sent_most(decode(sent)[0])
    with Pi(home, repository, devices) as pi:
        with captured(tmp_path / "beside.pcap") as beside:
            router.replays(sent, *options)
            until(lambda: request(pi.address, "GET", "/devices").json["agent"]["packets"] == count)
        offline = {
            d: columns(p, SPEC)[1] for d, p in devices.split(decode(beside)[0].in_time_order()).items()
        }
        for device, made in offline.items():
            until(lambda device=device, made=made: pi.row(device)["columns"] == len(made))  # type: ignore[misc]
            pi.label(device)
        pi.ends()
    store = Store(home.state / HISTORY, megabytes=4, say=print)
    kept = {label.device: label.columns for label in store.labels()}
    assert set(kept) == {"a", "b"}
    for device, made in offline.items():
        assert np.array_equal(kept[device].view("u4"), made[-COLUMNS:].view("u4"))


@pytest.mark.parametrize("capture", REAL)
def test_columns_of_the_whole_agent_are_those_of_extraction_at_top_speed(
    capture: str, router: Router, repository: str, home: Home, tmp_path: Path
) -> None:
    if not DATA.is_dir():
        pytest.skip("needs ../shared/data with the real captures")
    assert_the_pi_sees_what_extraction_does(
        DATA / capture, router, repository, home, tmp_path, 1e9, "--topspeed"
    )


def test_columns_of_the_whole_agent_are_those_of_extraction_at_original_speed(
    router: Router, repository: str, home: Home, tmp_path: Path
) -> None:
    if not DATA.is_dir():
        pytest.skip("needs ../shared/data with the real captures")
    assert_the_pi_sees_what_extraction_does(DATA / REAL[0], router, repository, home, tmp_path, 10)


def test_columns_of_simulated_traffic_are_those_of_extraction_too(
    simulated: Path,
    router: Router,
    repository: str,
    home: Home,
    tmp_path: Path,
) -> None:
    assert_the_pi_sees_what_extraction_does(simulated, router, repository, home, tmp_path, 10)


def test_a_cable_that_is_pulled_and_put_back_is_on_the_page_and_nothing_else_happens(
    simulated: Path,
    router: Router,
    repository: str,
    home: Home,
    tmp_path: Path,
) -> None:
    sent = tmp_path / "sent.pcap"
    count = excerpt(simulated, sent, seconds=3)
    with Pi(home, repository, the_two_that_sent_most(decode(sent)[0])) as pi:
        packets = lambda: request(pi.address, "GET", "/devices").json["agent"]["packets"]  # noqa: E731
        router.replays(sent, "--topspeed")
        until(lambda: packets() == count)
        subprocess.run(["ip", "link", "set", LAN, "down"], check=True)
        until(lambda: f"{LAN} is down" in pi.notes)
        subprocess.run(["ip", "link", "set", LAN, "up"], check=True)
        until(lambda: f"{LAN} is up" in pi.notes)
        router.replays(sent, "--topspeed")
        until(lambda: packets() == 2 * count)
        pi.ends()
