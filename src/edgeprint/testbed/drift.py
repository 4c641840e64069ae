"""Drift on request: from a quarter on, a device's periods, sizes, servers or handshakes change.

    changes = read(Path("drift.toml"), devices=["plug-a"], quarters=4)
    drift = at(changes, "plug-a", quarter=3)        # all changes so far, as one

A file says which:

    [[change]]
    device = "plug-a"
    quarter = 3          # from the third quarter on
    periods = 1.5        # each silence of more than a second takes 1.5 times as long
    sizes = 1.2          # what TCP and UDP carry is 1.2 times as long; DNS and TLS handshakes are not
    handshakes = 2.0     # the time from a ClientHello to the client's next flight doubles
    servers = true       # other servers, under other names
    what = "firmware 2"  # optional: how the page names it
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeprint.errors import BadParams, UnknownDevice
from edgeprint.testbed.sources import SECOND, Recording
from edgeprint.testbed.stretches import Stretch

FACTORS = {"periods": "silences", "sizes": "payloads", "handshakes": "TLS handshakes"}
LEAST, MOST = 0.1, 10.0  # of a factor
QUIET = SECOND  # a silence longer than this is a period of the device, a shorter one is the network's


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change of one device, from a quarter (1, 2, ...) on."""

    device: str
    quarter: int
    periods: float = 1.0
    sizes: float = 1.0
    handshakes: float = 1.0
    servers: bool = False
    what: str = ""

    def describe(self) -> str:
        """What changes, as the page shows it."""
        parts = [f"{FACTORS[key]} × {getattr(self, key):g}" for key in FACTORS if getattr(self, key) != 1]
        parts += ["other servers"] if self.servers else []
        changed = ", ".join(parts)
        return f"{self.what}: {changed}" if self.what else changed


@dataclass(frozen=True)
class Drift:
    """How a device differs from its recording in one quarter; `renewal` names its set of servers."""

    periods: float = 1.0
    sizes: float = 1.0
    handshakes: float = 1.0
    renewal: str = ""


def read(path: Path, devices: Collection[str], quarters: int) -> list[Change]:
    """The changes of a TOML file, in its order.

    Raises BadParams for a key, number or quarter that cannot be, UnknownDevice for a device not in the home.
    """
    try:
        content = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadParams(f"{path} cannot be read: {error}") from error
    entries = content.pop("change", [])
    if content or not isinstance(entries, list) or not entries:
        raise BadParams(f"{path} must hold [[change]] tables, not {', '.join(content) or 'nothing'}")
    return [_change(f"{path}, change {i}", entry, devices, quarters) for i, entry in enumerate(entries, 1)]


def _change(where: str, entry: Any, devices: Collection[str], quarters: int) -> Change:
    types = {"device": str, "quarter": int, "servers": bool, "what": str, **dict.fromkeys(FACTORS, float)}
    for key, value in entry.items():
        if key not in types:
            raise BadParams(f"{where}: {key} is none of {', '.join(f.name for f in fields(Change))}")
        number = types[key] is float and isinstance(value, int | float) and not isinstance(value, bool)
        if not number and type(value) is not types[key]:
            raise BadParams(f"{where}: {key} = {value!r} is no {types[key].__name__}")
        if number and not LEAST <= value <= MOST:
            raise BadParams(f"{where}: {key} = {value:g} is not between {LEAST:g} and {MOST:g}")
    for key in ("device", "quarter"):
        if key not in entry:
            raise BadParams(f"{where} lacks {key}")
    change = Change(**entry)
    if change.device not in devices:
        raise UnknownDevice(f"{where}: device {change.device!r} is not in the home")
    if not 1 <= change.quarter <= quarters:
        raise BadParams(f"{where}: quarter = {change.quarter} is not between 1 and {quarters}")
    if not change.describe().removeprefix(f"{change.what}: "):
        raise BadParams(f"{where} changes nothing of {change.device}")
    return change


def at(changes: Iterable[Change], device: str, quarter: int) -> Drift:
    """What all changes of the device up to the quarter make together."""
    mine = [c for c in changes if c.device == device and c.quarter <= quarter]
    moves = sum(c.servers for c in mine)
    return Drift(
        periods=math.prod(c.periods for c in mine),
        sizes=math.prod(c.sizes for c in mine),
        handshakes=math.prod(c.handshakes for c in mine),
        renewal=f"{device} {moves}" if moves else "",
    )


def timeline(
    recording: Recording, pieces: list[Stretch], drift: Drift
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Microseconds of each frame [n] since its stretch began, and of each stretch [s] from end to end."""
    since = np.zeros(len(recording.frames), "i8")
    lengths = np.zeros(len(pieces), "i8")
    for number, piece in enumerate(pieces):
        frames = recording.frames["time"][piece.first : piece.last]
        times = np.concatenate([[piece.begin], frames, [piece.end]]) - piece.begin
        if drift.periods != 1 or drift.handshakes != 1:
            times = _warped(times, times + piece.begin, recording.handshakes, drift)
        since[piece.first : piece.last] = times[1:-1] // 1000
        lengths[number] = times[-1] // 1000
    return since, lengths


def _warped(times: NDArray, source: NDArray, handshakes: NDArray, drift: Drift) -> NDArray[np.int64]:
    """Times [n] with longer silences scaled, and what lies within a handshake by its own factor.

    source: the same times since the epoch, as handshakes [h, 2] are.
    """
    gaps = np.diff(times)
    factor = np.where(gaps > QUIET, drift.periods, 1.0)
    begins = np.searchsorted(source[:-1], handshakes, "left")
    change = np.zeros(len(times) + 1, "i8")
    np.add.at(change, begins[:, 0], 1)
    np.add.at(change, begins[:, 1], -1)
    factor = np.where(np.cumsum(change)[: len(gaps)] > 0, drift.handshakes, factor)
    return np.concatenate([[0], np.cumsum(np.rint(gaps * factor).astype("i8"))])
