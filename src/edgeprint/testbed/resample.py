"""A home resampled from real captures: long spans of many devices out of short sessions of few.

    summary = resample(Path("captures"), [Path("fit-week")], quarters=4, hours=24, seed=7)

The same files as a simulated home: one pcap a capture day, devices.csv, source.json. A device's stretches are
dealt into one pool for each part of each quarter before anything is drawn; each part of a quarter is laid out
from its own pool alone. A device's times depend on the seed and its name only, never on the other devices.
"""

from __future__ import annotations

import csv
import json
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
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
from edgeprint.testbed.album import SENT, Album
from edgeprint.testbed.drift import Change, Drift
from edgeprint.testbed.home import CaptureDay, Summary, capture_days, clear_captures, quarter_name
from edgeprint.testbed.layout import spread
from edgeprint.testbed.rewrite import Take, rewrite
from edgeprint.testbed.sources import RealHome, Recording
from edgeprint.testbed.stretches import Stretch
from edgeprint.testbed.writer import write_chunks

TEST_FRACTION = 0.2  # as intervals.test_fraction of params.yaml
MICROSECONDS = 1_000_000
PAUSE_MINUTES = 10.0


@dataclass(frozen=True)
class Tracks:
    """Where a device's stretches stand in one quarter: arrays [b], times in us since the capture's start."""

    piece: NDArray[np.int64]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]  # what would be sent from here on is not: another part begins
    shift: NDArray[np.uint32]


@dataclass
class Player:
    """One device on its way through the quarters."""

    recording: Recording
    pieces: list[Stretch]
    dealt: list[list[list[Stretch]]]
    last: tuple[Drift, Take] | None = None

    def take(self, addresses: Addresses, drift: Drift) -> Take:
        """Its frames under the drift; made anew only where the drift is another than before."""
        if self.last is None or self.last[0] != drift:
            self.last = drift, rewrite(self.recording, addresses, drift)
        return self.last[1]


def resample(
    out: Path,
    folders: Sequence[Path],
    *,
    quarters: int = 4,
    hours: float = 24,
    seed: int = 7,
    drift: Path | None = None,
    pause_minutes: float = PAUSE_MINUTES,
) -> Summary:
    """Write a home of the folders' devices; `hours` of traffic in each calendar quarter.

    pause_minutes: the mean of the silence between two sessions of which nothing is known.
    Raises BadParams for a number out of range and for captures in `out` that may be real, BadInventory,
    NotEnoughData where no device is left, UnknownDevice for drift of a device that is not there.
    """
    if quarters < 1 or not 0 < hours <= 24 * 90 or seed < 0 or pause_minutes <= 0:
        asked = f"quarters = {quarters}, hours = {hours}, seed = {seed}, pause = {pause_minutes} minutes"
        raise BadParams(f"no home can be resampled from {asked}")
    home = sources.read(folders)
    players, left_out = _players(home, quarters)
    changes = drifts.read(drift, players, quarters) if drift else []
    addresses = Addresses([player.recording for player in players.values()])
    clear_captures(out)
    _write_inventory(out / "devices.csv", players, addresses)
    about = {
        "simulated": False,
        "resampled": True,
        "from": [folder.resolve().name for folder in folders],
        **{"seed": seed, "quarters": quarters, "hours": hours, "pause_minutes": pause_minutes},
        "changes": [_shown(change) for change in changes],
        "left_out": left_out,
        **_account(players, home, quarters, hours),
    }
    (out / "source.json").write_text(json.dumps(about, indent=2) + "\n")
    return _write(out, players, addresses, changes, quarters, hours, seed, pause_minutes)


def _players(home: RealHome, quarters: int) -> tuple[dict[str, Player], dict[str, str]]:
    """The devices that have a stretch for each part of each quarter, and why others are left out."""
    players, left_out = {}, {}
    for name, recording in home.recordings.items():
        try:
            pieces = stretches.cut(recording, 2 * quarters)
        except NotEnoughData as error:
            left_out[name] = str(error)
            continue
        players[name] = Player(recording, pieces, stretches.deal(pieces, quarters, TEST_FRACTION))
    if not players:
        raise NotEnoughData(f"no device is left for a home: {'; '.join(left_out.values()) or 'none is listed'}")
    return players, left_out


def _shown(change: Change) -> dict[str, str]:
    return {"device": change.device, "quarter": quarter_name(change.quarter), "what": change.describe()}


def _account(players: dict[str, Player], home: RealHome, quarters: int, hours: float) -> dict[str, Any]:
    """What a reader of figures must know: where parts begin, how much stands behind each, what crosses."""
    held_out = {}
    for quarter in range(1, quarters + 1):
        day = capture_days(quarter, hours)[0]
        begin = day.midnight + timedelta(seconds=day.begin + (1 - TEST_FRACTION) * hours * 3600)
        held_out[quarter_name(quarter)] = begin.strftime("%Y-%m-%dT%H:%M:%SZ")
    busy = {n: [[sum(not s.silent for s in part) for part in q] for q in p.dealt] for n, p in players.items()}
    over = {n: stretches.connections_over_pools(p.recording.frames, p.dealt) for n, p in players.items()}
    return {
        "held_out_from": held_out,
        "stretches": busy,
        "connections_in_two_pools": {name: n for name, n in over.items() if n},
        "unread": home.unread,
    }


def _write(
    out: Path,
    players: dict[str, Player],
    addresses: Addresses,
    changes: list[Change],
    quarters: int,
    hours: float,
    seed: int,
    pause: float,
) -> Summary:
    days = [day for quarter in range(1, quarters + 1) for day in capture_days(quarter, hours)]
    size, total, packets = 0, 0, Counter[str]()
    album, laid, since = None, {}, 0
    for day in track(days, "testbed"):
        if day.first:
            takes, laid, since = [], {}, 0
            for name, player in players.items():
                drift = drifts.at(changes, name, day.quarter)
                takes.append(player.take(addresses, drift))
                laid[name] = _lay(name, player, drift, day.quarter, hours, seed, pause)
            album = Album.of(takes)
        parts = []
        length = round((day.end - day.begin) * MICROSECONDS)
        for (name, (tracks, times)), begin in zip(laid.items(), album.begins.tolist(), strict=True):
            rows = _sent(players[name].pieces, tracks, times, since, since + length)
            rows["time"] += round(day.begin * MICROSECONDS) - since
            rows["frame"] += begin
            packets[name] += len(rows)
            parts.append(rows)
        since += length
        rows = np.concatenate(parts)
        rows = rows[np.argsort(rows["time"], kind="stable")]
        seconds = int(day.midnight.replace(tzinfo=UTC).timestamp())
        size += write_chunks(out / day.file, rows, lambda chunk: album.records(chunk, seconds))
        total += len(rows)
    return Summary(total, size, [day.file for day in days], dict(packets))


def _lay(
    name: str, player: Player, drift: Drift, quarter: int, hours: float, seed: int, pause: float
) -> tuple[Tracks, NDArray[np.int64]]:
    """A device's quarter, and the times [n] of its frames since their stretches began."""
    times, lengths = drifts.timeline(player.recording, player.pieces, drift)
    places = {piece: i for i, piece in enumerate(player.pieces)}
    whole = round(hours * 3600 * MICROSECONDS)
    border = round(whole * (1 - TEST_FRACTION))
    found = []
    for part, (begin, end) in enumerate([(0, border), (border, whole)]):
        pool = np.array([places[piece] for piece in player.dealt[quarter - 1][part]])
        share = np.array([player.pieces[i].share for i in pool])
        key = (zlib.crc32(name.encode()), quarter, part)
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
        rest = drift.periods * pause * 60 * MICROSECONDS
        found.append(lay_down(pool, lengths[pool], share * rest, begin, end, rng))
    return Tracks(*(np.concatenate([getattr(t, n) for t in found]) for n in Tracks.__annotations__)), times


def lay_down(
    pool: NDArray[np.int64],
    lengths: NDArray[np.int64],
    pauses: NDArray[np.float64],
    begin: int,
    end: int,
    rng: np.random.Generator,
) -> Tracks:
    """Fill [begin, end) us with stretches of the pool [m], in random order and each once before any again.

    Behind each follows a pause, exponential with its mean of `pauses` [m] us: with a mean in proportion to
    the stretch's share of its session, sessions lie as far apart however finely they were cut.
    """
    at = begin + int(rng.uniform(0, min(pauses.sum(), 0.1 * (end - begin))))
    chosen, starts, deck = [], [], []
    while at < end:
        if not deck:
            deck = rng.permutation(len(pool)).tolist()
        drawn = deck.pop()
        chosen.append(drawn)
        starts.append(at)
        at += max(1, int(lengths[drawn] + rng.exponential(pauses[drawn])))
    shift = rng.integers(0, 1 << 32, len(chosen), dtype="u4")
    return Tracks(pool[np.array(chosen)], np.array(starts), np.full(len(chosen), end), shift)


def _sent(
    pieces: list[Stretch], tracks: Tracks, times: NDArray[np.int64], begin: int, end: int
) -> NDArray:
    """SENT rows of [begin, end) us of the quarter, in the order of the tracks; `frame` in the recording."""
    first = np.array([pieces[i].first for i in tracks.piece])
    count = np.array([pieces[i].last for i in tracks.piece]) - first
    frame = spread(first, count)
    which = np.repeat(np.arange(len(count)), count)
    time = tracks.start[which] + times[frame]
    kept = np.flatnonzero((time >= begin) & (time < np.minimum(end, tracks.stop[which])))
    rows = np.zeros(len(kept), SENT)
    rows["time"], rows["frame"], rows["shift"] = time[kept], frame[kept], tracks.shift[which[kept]]
    return rows


def _write_inventory(path: Path, players: dict[str, Player], addresses: Addresses) -> None:
    with path.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(HEADER)
        for player in players.values():
            device = player.recording.device
            for mac in sorted(device.macs):
                row = [mac_text(addresses.mac(mac)), device.name, device.category, int(device.iot)]
                table.writerow(row)
