"""The agent's columns, while captures are sent into its port, are bit for bit those of extraction offline."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import wire
from simulated_home import SPEC
from test_edge_watch import DATA, PAPER, assert_same_as_offline, bank, watched
from wire import captured, excerpt, replayed, watching

from benchmarks.veth import LAN
from edgeprint.edge.bank import Bank
from edgeprint.edge.live import Live
from edgeprint.packets.decode import decode
from edgeprint.packets.inventory import Device, Inventory
from edgeprint.packets.table import PacketTable

REAL = (
    "ucl-quarters/latency__xiaomi-cam__base-firewall__wan.pcap",
    "ucl-quarters/latency__smartthings-hub__no-firewall__lan.pcap",
)
SPECS = {"small": SPEC, "paper": PAPER}


@pytest.fixture(scope="module")
def banks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bank]:
    folder = tmp_path_factory.mktemp("models")
    return {name: bank(folder / name, spec, a=4, b=4) for name, spec in SPECS.items()}


@pytest.fixture(autouse=True)
def link() -> Iterator[None]:
    wire.needs("tcpreplay", "tcpdump")
    with wire.link():
        yield


def the_two_that_sent_most(table: PacketTable) -> Inventory:
    senders, packets = np.unique(table.src, return_counts=True)
    a, b = senders[np.argsort(packets)[-2:]].tolist()
    return Inventory({n: Device(n, "", True, frozenset({mac})) for n, mac in (("a", a), ("b", b))})


def assert_same_while_replayed(
    capture: Path, backend: str, banks: dict[str, Bank], tmp_path: Path, *options: str, **limits: float
) -> None:
    sent = tmp_path / "sent.pcap"
    count = excerpt(capture, sent, **limits)
    with watching(Live(LAN, backend)) as seen, captured(tmp_path / "beside.pcap") as beside:
        replayed(sent, *options)
        seen.wait_for(count)
    assert seen.source.dropped == 0 and seen.source.late == 0
    table = decode(beside)[0].in_time_order()
    assert len(table) == count
    inventory = the_two_that_sent_most(table)
    for name, spec in SPECS.items():
        record = watched(inventory, banks[name], seen.batches)
        assert_same_as_offline(record, inventory, table, spec)


@pytest.mark.parametrize("capture", REAL)
def test_of_a_real_capture_at_original_speed(capture: str, banks: dict[str, Bank], tmp_path: Path) -> None:
    if not DATA.is_dir():
        pytest.skip("needs ../shared/data with the real captures")
    assert_same_while_replayed(DATA / capture, "ring", banks, tmp_path, seconds=5)


@pytest.mark.parametrize("backend", ["ring", "recv"])
@pytest.mark.parametrize("capture", REAL)
def test_of_a_real_capture_at_top_speed(
    capture: str, backend: str, banks: dict[str, Bank], tmp_path: Path
) -> None:
    if not DATA.is_dir():
        pytest.skip("needs ../shared/data with the real captures")
    assert_same_while_replayed(DATA / capture, backend, banks, tmp_path, "--topspeed", seconds=1e9)


@pytest.mark.parametrize("backend", ["ring", "recv"])
def test_of_a_simulated_home_at_original_speed(
    simulated: Path, backend: str, banks: dict[str, Bank], tmp_path: Path
) -> None:
    assert_same_while_replayed(simulated, backend, banks, tmp_path, seconds=5)


def test_of_a_simulated_home_at_top_speed(simulated: Path, banks: dict[str, Bank], tmp_path: Path) -> None:
    assert_same_while_replayed(simulated, "ring", banks, tmp_path, "--topspeed", seconds=1e9)
