"""How soon the agent knows devices again that changed their MAC: python docs/follow_addresses.py HOME

HOME is a folder of captures with a devices.csv. Models are trained on twelve hours of the third day; of the
sixth, four hours are replayed through the agent, and after the first of them every device with a model sends
under a made-up address. Printed is, for two streaks, who each address was told to be, from when to when.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from draw_agent_page import HOUR_NS, models

from edgeprint.artifact import Artifact
from edgeprint.binary.features import SpectrogramSpec, extract
from edgeprint.edge.bank import Bank
from edgeprint.edge.source import Replay
from edgeprint.edge.watch import Watch
from edgeprint.packets import inventory as inventories
from edgeprint.packets.decode import decode
from edgeprint.packets.inventory import Inventory, mac_text
from edgeprint.packets.table import PacketTable

TRAINED_HOURS, REPLAYED_HOURS = (48, 60), (132, 136)  # since the first packet
MADE_UP = 0x0600_0000_0000
STREAKS = (5, 20)
FEWEST_COLUMNS = 200  # of a device, to be trained on


def main(folder: Path) -> None:
    """Train, replay, print a row an address and streak."""
    home = inventories.read(folder / "devices.csv")
    files = [path for path in sorted(folder.rglob("*.pcap*")) if path.is_file()]
    table = PacketTable.concatenate([decode(path)[0] for path in files]).in_time_order()
    trained, replayed = (between(table, hours) for hours in (TRAINED_HOURS, REPLAYED_HOURS))
    packets = home.split(trained)
    busy = {name for name in packets if len(extract(packets[name], SpectrogramSpec())[0]) >= FEWEST_COLUMNS}
    listed = Inventory({name: device for name, device in home.devices.items() if name in busy and device.iot})
    changed, truth, when_ns = with_made_up_addresses(replayed, listed)
    with tempfile.TemporaryDirectory() as name:
        found = models(trained, listed, Path(name)).artifacts
        for streak in STREAKS:
            for (address, device), (first, last) in told(changed, listed, found, streak).items():
                from_to = [round((time_ns - when_ns) / 60e9) for time_ns in (first, last)]
                right = "right" if truth.get(address) == device else "WRONG"
                print(
                    f"streak {streak}: {truth.get(address)} told to be {device}, minutes {from_to}: {right}"
                )


def between(table: PacketTable, hours: tuple[int, int]) -> PacketTable:
    begin, end = (int(table.time_ns.min()) + hour * HOUR_NS for hour in hours)
    return table.select((table.time_ns >= begin) & (table.time_ns < end))


def with_made_up_addresses(table: PacketTable, home: Inventory) -> tuple[PacketTable, dict[str, str], int]:
    """After an hour every device has an address of its own making: the table, whose they are, and when."""
    when_ns = int(table.time_ns.min()) + HOUR_NS
    late, truth = table.time_ns >= when_ns, {}
    for number, device in enumerate(home.devices.values()):
        truth[mac_text(MADE_UP + number)] = device.name
        for column in (table.src, table.dst):
            column[late & np.isin(column, np.array(sorted(device.macs), "u8"))] = MADE_UP + number
    return table, truth, when_ns


def told(
    table: PacketTable, home: Inventory, found: dict[str, Artifact], streak: int
) -> dict[tuple[str, str], tuple[int, int]]:
    """First and last tick (ns) at which an address was told to be a device."""
    seen: dict[tuple[str, str], tuple[int, int]] = {}

    def tick(now_ns: int) -> None:
        for address, link in watch.strangers.rotation.links.items():
            first_ns, _ = seen.get((address, link.device), (now_ns, now_ns))
            seen[address, link.device] = first_ns, now_ns

    watch = Watch(home, Bank(found), streak=streak, on_verdict=lambda _: None, on_tick=tick)
    for batch in Replay(table):
        watch.take(batch)
    watch.finish()
    return seen


if __name__ == "__main__":
    main(Path(sys.argv[1]))
