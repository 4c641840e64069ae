"""The frames of listed devices out of folders of real captures, device by device.

    home = read([Path("fit-week"), Path("ucl-quarters")])
    home.recordings["lock-a"].frames      # FRAME rows in time order
    home.recordings["lock-a"].sessions    # spans in which somebody captured

A folder holds captures, also in subfolders, and a devices.csv. Only frames that a listed device sent or got
are taken; one between two listed devices belongs to its sender. Captures that overlap in time are one
session of the device: what is silent inside was silent, what lies between sessions is not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeprint.errors import BadInventory, NotACapture
from edgeprint.packets import inventory
from edgeprint.packets.capture_file import CaptureFile
from edgeprint.packets.decode import Decoder
from edgeprint.packets.inventory import Device
from edgeprint.packets.link_layer import ETHERNET
from edgeprint.packets.rows import Followed, fill
from edgeprint.packets.table import HandshakeTable
from edgeprint.progress import track
from edgeprint.testbed.layout import FRAME, kept_bytes, lay_out, mixed
from edgeprint.testbed.pool import spread

SECOND = 1_000_000_000  # ns
NOT_CAPTURES = {"devices.csv", "source.json"}


@dataclass(frozen=True)
class Recording:
    """All that was captured of one device, in time order."""

    device: Device
    frames: NDArray  # FRAME [n]
    pool: NDArray[np.uint8]  # the kept bytes of its frames
    sessions: NDArray[np.int64]  # [s, 2] first and last ns of the captures, apart and in order
    handshakes: NDArray[np.int64]  # [h, 2] ns from ClientHello to the client's next flight


@dataclass(frozen=True)
class RealHome:
    """The devices of all folders by name, in the order of the folders."""

    recordings: dict[str, Recording]
    captures: list[Path]
    unread: dict[str, str]  # captures that were passed over, and why


@dataclass
class _Gathered:
    """What the captures read so far have given: parts to be concatenated."""

    frames: list[NDArray] = field(default_factory=list)
    pools: list[NDArray[np.uint8]] = field(default_factory=list)
    handshakes: list[tuple[NDArray, NDArray]] = field(default_factory=list)  # client [h], times [h, 2]
    spans: list[tuple[int, int]] = field(default_factory=list)  # of each capture
    octets: int = 0


def read(folders: Sequence[Path]) -> RealHome:
    """Read all captures of the folders.

    Raises BadInventory where a devices.csv is missing, or where two folders contradict each other.
    """
    devices = _devices(folders)
    owners = {mac: number for number, device in enumerate(devices) for mac in device.macs}
    files = [(number, path) for number, folder in enumerate(folders) for path in _captures(folder)]
    found = _Gathered()
    captures: list[Path] = []
    unread: dict[str, str] = {}
    for folder, path in track(files, "reading captures"):
        try:
            _read_capture(path, folder, len(captures), owners, found)
        except NotACapture as error:
            unread[str(path.relative_to(folders[folder]))] = str(error)
            continue
        captures.append(path)
    recordings = dict(_recordings(devices, owners, found))
    return RealHome(recordings, captures, unread)


def _devices(folders: Sequence[Path]) -> list[Device]:
    devices: dict[str, Device] = {}
    owners: dict[int, str] = {}
    for folder in folders:
        for device in inventory.read(folder / "devices.csv").devices.values():
            strange = [owners[mac] for mac in device.macs if owners.get(mac, device.name) != device.name]
            if device.name in devices or strange:
                other = strange[0] if strange else device.name
                raise BadInventory(f"{folder}/devices.csv: {device.name} is {other} of another folder")
            devices[device.name] = device
            owners.update(dict.fromkeys(device.macs, device.name))
    return list(devices.values())


def _captures(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.name not in NOT_CAPTURES)


def _read_capture(path: Path, folder: int, number: int, owners: dict[int, int], found: _Gathered) -> None:
    """Append what the capture holds of the devices; nothing of it where it is no capture."""
    decoder, followed, before = Decoder(), Followed.none(), 0
    parts, pools, shakes, span = [], [], [], []
    for block in CaptureFile(path):
        ethernet = np.flatnonzero(block.link_type == ETHERNET)
        if not len(ethernet):
            continue
        frames = block.select(ethernet)
        table = decoder.decode(frames)
        _, marked, _ = fill(frames, followed)
        rows = lay_out(frames, table, marked)
        rows["capture"], rows["folder"], rows["row"] = number, folder, before + ethernet
        rows["device"] = _owner(table.src, table.dst, owners)
        before += len(block)
        span += [int(frames.time_ns.min()), int(frames.time_ns.max())]
        mine = np.flatnonzero(rows["device"] >= 0)
        rows = rows[mine]
        pools.append(kept_bytes(frames.select(mine), rows))
        parts.append(rows)
        shakes.append(table.handshakes)
    if not span:
        raise NotACapture(f"{path} holds no Ethernet frame")
    found.spans.append((min(span), max(span)))
    for rows, pool, handshakes in zip(parts, pools, shakes, strict=True):
        rows["at"] += found.octets
        found.octets += len(pool)
        found.frames.append(rows)
        found.pools.append(pool)
        found.handshakes.append(_times(handshakes))


def _times(handshakes: HandshakeTable) -> tuple[NDArray, NDArray]:
    return handshakes.client, np.stack([handshakes.start_ns, handshakes.client_ns], 1)


def _owner(src: NDArray, dst: NDArray, owners: dict[int, int]) -> NDArray[np.int64]:
    """The number [n] of the device whose frame it is: the sender's before the receiver's; -1 for none."""
    macs = np.array(sorted(owners), "u8")
    numbers = np.array([owners[int(mac)] for mac in macs])
    owner = np.full(len(src), -1)
    for side in (dst, src):
        place = np.minimum(np.searchsorted(macs, side), len(macs) - 1)
        owner = np.where(macs[place] == side, numbers[place], owner)
    return owner


def _recordings(
    devices: list[Device], owners: dict[int, int], found: _Gathered
) -> Iterator[tuple[str, Recording]]:
    frames = np.concatenate([np.empty(0, FRAME), *found.frames])
    pool = np.concatenate([np.empty(0, "u1"), *found.pools])
    clients = np.concatenate([np.empty(0, "u8"), *(c for c, _ in found.handshakes)])
    times = np.concatenate([np.empty((0, 2), "i8"), *(t for _, t in found.handshakes)])
    spans = np.array(found.spans, "i8").reshape(-1, 2)
    for number, device in enumerate(devices):
        mine = frames[frames["device"] == number]
        mine = mine[np.argsort(mine["time"], kind="stable")]
        sessions = _merged(spans[np.unique(mine["capture"])])
        mine["session"] = np.searchsorted(sessions[:, 0], mine["time"], "right") - 1
        tcp = mine["flow"] > 0  # no connection outlives its session
        mine["flow"][tcp] = mixed(mine["flow"][tcp] + mine["session"][tcp].astype("u8"))
        own = pool[spread(mine["at"], mine["kept"])]
        mine["at"] = np.cumsum(mine["kept"], dtype="i8") - mine["kept"]
        shakes = times[np.isin(clients, list(device.macs))]
        yield device.name, Recording(device, mine, own, sessions, shakes[np.argsort(shakes[:, 0])])


def _merged(spans: NDArray[np.int64]) -> NDArray[np.int64]:
    """Spans [s, 2] with those that overlap made one, in order."""
    merged: list[list[int]] = []
    for begin, end in sorted(spans.tolist()):
        if merged and begin <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([begin, end])
    return np.array(merged, "i8").reshape(-1, 2)
