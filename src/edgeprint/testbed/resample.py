"""A home resampled from real captures: long spans of many devices out of short sessions of few.

    summary = resample(Path("captures"), [Path("fit-week")], Plan(quarters=4, hours=24, seed=7))

The same files as a simulated home: one pcap a capture day, devices.csv, source.json. A device's stretches are
dealt into one pool for each part of each quarter before anything is drawn, and each part is laid out from its
own pool alone. A device's times depend on the seed and on its name, never on the other devices.
"""

from __future__ import annotations

import csv
import json
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeprint.errors import BadParams, NotEnoughData
from edgeprint.packets.inventory import HEADER, mac_text
from edgeprint.progress import track
from edgeprint.testbed import drift as drifts
from edgeprint.testbed import sources, stretches
from edgeprint.testbed.addresses import Addresses
from edgeprint.testbed.album import Album
from edgeprint.testbed.bootstrap import Tracks, lay_down, sent
from edgeprint.testbed.drift import Change, Drift
from edgeprint.testbed.home import Summary, capture_days, clear_captures, quarter_name
from edgeprint.testbed.rewrite import Take, rewrite
from edgeprint.testbed.sources import RealHome, Recording
from edgeprint.testbed.stretches import Stretch

MICROSECONDS = 1_000_000
WINDOW = 1800.0  # seconds of the longest window that a method looks at


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much is written, and from which draw. Raises BadParams for a number out of range."""

    quarters: int = 4
    hours: float = 24  # of traffic in each
    seed: int = 7
    test_fraction: float = 0.2  # of a quarter's time, at its end, that shares no packet with the rest
    pause_minutes: float = 10.0  # mean silence between two sessions, of which no capture tells anything

    def __post_init__(self) -> None:
        size = self.quarters >= 1 and 0 < self.hours <= 24 * 90 and self.seed >= 0
        if not size or not 0 < self.test_fraction < 1 or not 0 < self.pause_minutes <= 24 * 60:
            asked = ", ".join(f"{key} = {value}" for key, value in asdict(self).items())
            raise BadParams(f"no home can be resampled from {asked}")

    @property
    def border(self) -> float:
        """Seconds of a quarter's capture before its held-out part.

        On the half hour where that part still has an hour or more: no window of 30 minutes is of both.
        """
        border = self.hours * 3600 * (1 - self.test_fraction)
        return border - border % WINDOW if self.hours * 3600 * self.test_fraction >= 2 * WINDOW else border


@dataclass
class Player:
    """A device on its way through the quarters: its recording, cut and dealt, and its last frames."""

    recording: Recording
    pieces: list[Stretch]
    dealt: list[list[list[int]]]  # [quarters][2] indices of stretches
    last: tuple[Drift, Take] | None = None

    def take(self, addresses: Addresses, drift: Drift) -> Take:
        """Its frames under the drift; made anew only where the drift is another than before."""
        if self.last is None or self.last[0] != drift:
            self.last = drift, rewrite(self.recording, addresses, drift)
        return self.last[1]

    def lay(self, drift: Drift, quarter: int, plan: Plan) -> tuple[Tracks, NDArray[np.int64]]:
        """Its stretches in one quarter, and when each frame [n] passes after its stretch began, in us."""
        since, lengths = drifts.timeline(self.recording, self.pieces, drift)
        whole = round(plan.hours * 3600 * MICROSECONDS)
        border = round(plan.border * MICROSECONDS)
        rest = drift.periods * plan.pause_minutes * 60 * MICROSECONDS
        parts = []
        for part, (begin, end) in enumerate([(0, border), (border, whole)]):
            pool = np.array(self.dealt[quarter - 1][part])
            # In proportion: sessions lie as far apart however finely they were cut.
            pauses = rest * np.array([self.pieces[i].share for i in pool])
            key = (zlib.crc32(self.recording.device.name.encode()), quarter, part)
            rng = np.random.default_rng(np.random.SeedSequence(plan.seed, spawn_key=key))
            parts.append(lay_down(pool, lengths[pool], pauses, begin, end, rng))
        return Tracks.concatenate(parts), since


def resample(out: Path, folders: Sequence[Path], plan: Plan, drift: Path | None = None) -> Summary:
    """Write a home of the devices of all folders; `drift` is a file as drift.read takes it.

    The same captures, plan and drift give the same bytes. Raises BadParams where `out` holds captures that
    may be real, BadInventory, NotEnoughData where no device is left, UnknownDevice for a device of the drift.
    """
    home = sources.read(folders)
    players, left_out = _players(home, plan)
    changes = drifts.read(drift, players, plan.quarters) if drift else []
    for change in changes:
        if change.handshakes != 1 and not len(players[change.device].recording.handshakes):
            raise BadParams(f"{drift}: no TLS handshake of {change.device} was captured, none can be scaled")
    addresses = Addresses([player.recording for player in players.values()])
    clear_captures(out)
    _write_inventory(out / "devices.csv", players, addresses)
    origin = {"simulated": False, "resampled": True, "from": [folder.resolve().name for folder in folders]}
    about = {**origin, **asdict(plan), **_account(players, changes, plan), "left_out": left_out}
    (out / "source.json").write_text(json.dumps({**about, "unread": home.unread}, indent=2) + "\n")
    return _write(out, players, addresses, changes, plan)


def _players(home: RealHome, plan: Plan) -> tuple[dict[str, Player], dict[str, str]]:
    """The devices that have a stretch for each part of each quarter, and why others are left out."""
    players, left_out = {}, {}
    for name, recording in home.recordings.items():
        try:
            pieces = stretches.cut(recording, 2 * plan.quarters)
        except NotEnoughData as error:
            left_out[name] = str(error)
            continue
        dealt = stretches.deal(pieces, plan.quarters, plan.test_fraction)
        players[name] = Player(recording, pieces, dealt)
    if not players:
        raise NotEnoughData(f"no device is left for a home: {'; '.join(left_out.values())}")
    return players, left_out


def _account(players: dict[str, Player], changes: list[Change], plan: Plan) -> dict[str, Any]:
    """What a reader of figures must know: what drifts, where last parts begin, what stands behind each."""
    begins, own, over = {}, {}, {}
    for quarter in range(1, plan.quarters + 1):
        day = capture_days(quarter, plan.hours)[0]
        border = timedelta(seconds=day.begin + plan.border)
        begins[quarter_name(quarter)] = f"{day.midnight + border:%Y-%m-%dT%H:%M:%SZ}"
    for name, player in players.items():
        parts = [part for quarter in player.dealt for part in quarter]
        busy = [sum(not player.pieces[i].silent for i in part) for part in parts]
        own[name] = " ".join(f"{first}+{last}" for first, last in zip(busy[::2], busy[1::2], strict=True))
        over[name] = stretches.connections_over_pools(player.recording.frames, player.pieces, player.dealt)
    return {
        "changes": [
            {"device": c.device, "quarter": quarter_name(c.quarter), "what": c.describe()} for c in changes
        ],
        "held_out_from": begins,
        "stretches": own,
        "connections_in_two_pools": {name: n for name, n in over.items() if n},
    }


def _write(
    out: Path, players: dict[str, Player], addresses: Addresses, changes: list[Change], plan: Plan
) -> Summary:
    days = [day for quarter in range(1, plan.quarters + 1) for day in capture_days(quarter, plan.hours)]
    size, total, packets = 0, 0, Counter[str]()
    for day in track(days, "testbed"):
        if day.first:
            drift = {name: drifts.at(changes, name, day.quarter) for name in players}
            album = Album.of([player.take(addresses, drift[name]) for name, player in players.items()])
            laid = {name: player.lay(drift[name], day.quarter, plan) for name, player in players.items()}
            passed = 0  # us of the quarter
        until = passed + round((day.end - day.begin) * MICROSECONDS)
        parts = []
        for (name, (tracks, since)), begin in zip(laid.items(), album.begins.tolist(), strict=True):
            rows = sent(players[name].pieces, tracks, since, passed, until)
            rows["time"] += round(day.begin * MICROSECONDS) - passed
            rows["frame"] += begin
            packets[name] += len(rows)
            parts.append(rows)
        passed = until
        rows = np.concatenate(parts)
        rows = rows[np.argsort(rows["time"], kind="stable")]
        size += album.write(out / day.file, int(day.midnight.replace(tzinfo=UTC).timestamp()), rows)
        total += len(rows)
    return Summary(total, size, [day.file for day in days], dict(packets))


def _write_inventory(path: Path, players: dict[str, Player], addresses: Addresses) -> None:
    with path.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(HEADER)
        for player in players.values():
            device = player.recording.device
            for mac in sorted(device.macs):
                row = [mac_text(addresses.mac(mac)), device.name, device.category, int(device.iot)]
                table.writerow(row)
