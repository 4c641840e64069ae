"""A simulated home: one pcap a capture day as the router sees it, devices.csv and source.json.

    summary = simulate(Path("captures"), devices=8, quarters=4, hours=24, seed=7)

Everything in it is made up, and says so: source.json has "simulated": true and lists the firmware updates. A
device's packets depend on the seed and on its own number only, never on which other devices there are.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeprint.errors import BadParams
from edgeprint.packets.inventory import HEADER, mac_text
from edgeprint.progress import track
from edgeprint.testbed import traffic, writer
from edgeprint.testbed.chores import router_day
from edgeprint.testbed.frames import SealedWire, Wire
from edgeprint.testbed.host import mac_of
from edgeprint.testbed.profiles import Member, cast
from edgeprint.testbed.tape import Tape

FIRST_YEAR = 2025
MOST_DEVICES = 40
BEDTIME = 22.0  # hour around which a short capture lies, so that it has evening and night
ROUTER_KEY = 255  # of its randomness


@dataclass(frozen=True)
class Summary:
    """What was written."""

    packets: int
    bytes: int
    files: list[str]
    device_packets: dict[str, int]


@dataclass(frozen=True)
class CaptureDay:
    """One file: seconds [begin, end) of a UTC day; `first` if the quarter's capture starts in it."""

    quarter: int  # 1 is 2025Q1
    midnight: datetime
    begin: float
    end: float
    first: bool

    @property
    def file(self) -> str:
        return f"{self.midnight:%Y-%m-%d}.pcap"


def quarter_name(quarter: int) -> str:
    """1 -> 2025Q1, 5 -> 2026Q1."""
    return f"{FIRST_YEAR + (quarter - 1) // 4}Q{(quarter - 1) % 4 + 1}"


def _first_of_quarter(quarter: int) -> datetime:
    return datetime(FIRST_YEAR + (quarter - 1) // 4, (quarter - 1) % 4 * 3 + 1, 1)


def capture_days(quarter: int, hours: float) -> list[CaptureDay]:
    """The days of a quarter's capture: from the second Wednesday of its middle month, or earlier to fit in.

    A capture of a day or more starts at midnight; a shorter one lies in one day, around bedtime.
    """
    month = (_first_of_quarter(quarter) + timedelta(days=31)).replace(day=1)
    wednesday = month + timedelta(days=(2 - month.weekday()) % 7 + 7)
    latest = _first_of_quarter(quarter + 1) - timedelta(hours=hours)
    start = min(wednesday, latest.replace(hour=0, minute=0, second=0, microsecond=0))
    if hours < 24:
        return [_evening(quarter, start, hours)]
    count = int(-(-hours // 24))
    return [
        CaptureDay(quarter, start + timedelta(days=i), 0.0, min(24.0, hours - 24 * i) * 3600, i == 0)
        for i in range(count)
    ]


def _evening(quarter: int, midnight: datetime, hours: float) -> CaptureDay:
    begin = int(min(BEDTIME - hours / 2, 24 - hours) * 2) / 2
    return CaptureDay(quarter, midnight, begin * 3600, (begin + hours) * 3600, True)


def _random(seed: int, *key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def device_rows(wire: Wire, member: Member, day: CaptureDay, seed: int) -> NDArray:
    """One device's rows [n] of a day, flow by flow."""
    number = (day.midnight - _first_of_quarter(day.quarter)).days
    tape = Tape(wire, _random(seed, member.number, day.quarter, number))
    profile = member.profile(day.quarter)
    traffic.day(tape, member.number, profile, day.begin, day.end, booting=day.first)
    return tape.finish(day.begin, day.end, profile.loss)


def home_rows(
    members: list[Member], day: CaptureDay, seed: int
) -> tuple[SealedWire, NDArray, dict[str, int]]:
    """The day's wire, everyone's rows [n] in time order, and how many each device has."""
    wire = Wire()
    parts = {member.name: device_rows(wire, member, day, seed) for member in members}
    own = _random(seed, ROUTER_KEY, day.quarter, day.midnight.toordinal())
    rows = np.concatenate([*parts.values(), router_day(wire, own, day.begin, day.end)])
    rows = rows[np.argsort(rows["time"], kind="stable")]
    return wire.seal(), rows, {name: len(part) for name, part in parts.items()}


def simulate(
    out: Path,
    *,
    devices: int = 8,
    quarters: int = 4,
    hours: float = 24,
    seed: int = 7,
    members: list[Member] | None = None,
) -> Summary:
    """Write a home of IoT devices, a laptop and a phone; `hours` of traffic in each calendar quarter.

    `members` are who lives there, where it is not the usual cast of so many devices.
    Files: YYYY-MM-DD.pcap, devices.csv, source.json. The same arguments give the same bytes.
    Raises BadParams for a number out of range, and where `out` holds captures that may be real.
    """
    if not 1 <= devices <= MOST_DEVICES or quarters < 1 or not 0 < hours <= 24 * 90 or seed < 0:
        asked = f"devices = {devices}, quarters = {quarters}, hours = {hours}, seed = {seed}"
        raise BadParams(f"no home can be simulated from {asked}")
    members = members or cast(devices)
    clear_captures(out)
    source = {"simulated": True, "seed": seed, "devices": devices, "quarters": quarters, "hours": hours}
    changes = list(_changes(members, quarters))
    (out / "source.json").write_text(json.dumps({**source, "changes": changes}, indent=2) + "\n")
    _write_inventory(out / "devices.csv", members)
    days = [day for quarter in range(1, quarters + 1) for day in capture_days(quarter, hours)]
    size, total, packets = 0, 0, Counter[str]()
    for day in track(days, "testbed"):
        wire, rows, counts = home_rows(members, day, seed)
        size += writer.write(out / day.file, day.midnight, wire, rows)
        total += len(rows)
        packets.update(counts)
    return Summary(total, size, [day.file for day in days], dict(packets))


def clear_captures(out: Path) -> None:
    """An empty folder, but never at the cost of captures that were not written here."""
    out.mkdir(parents=True, exist_ok=True)
    old = sorted(out.glob("*.pcap"))
    if old and not (out / "source.json").exists():
        raise BadParams(f"{out} holds {old[0].name}, which nothing says was made here: choose another folder")
    for path in old:
        path.unlink()


def _write_inventory(path: Path, members: list[Member]) -> None:
    with path.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(HEADER)
        for member in members:
            profile = member.profile(1)
            table.writerow(
                [mac_text(mac_of(member.number)), profile.name, profile.category, int(profile.iot)]
            )


def _changes(members: list[Member], quarters: int) -> Iterator[dict[str, str]]:
    """Firmware updates that fall into the simulated quarters."""
    for member in members:
        for update in member.updates(quarters):
            yield {"device": member.name, "quarter": quarter_name(update["quarter"]), "what": update["what"]}
