"""Captures to the three feature sets: decode, split by device, extract; what cannot be read is set aside.

    place = place_of(path, "monday.pcap", inventory, params, kept)
    rows = recall(place, parts) or extract_once(path, "monday.pcap", inventory, params, parts, place)
    report = store([rows, ...], inventory, workspace, parts)
    forget(kept, [rows, ...])

Rows go to files of a day in the folder `parts` as they are made, so that neither a long capture nor many of
them need more memory than a day. Those of each capture are kept: when a quarter has come, or after a kill,
only what is new is decoded.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from edgeprint import feature_table
from edgeprint.errors import NotACapture, NotEnoughData
from edgeprint.feature_table import FeatureTable
from edgeprint.packets.decode import decode_chunks
from edgeprint.packets.inventory import Inventory
from edgeprint.params import Params
from edgeprint.stages import checkpoints
from edgeprint.stages.feature_stream import FeatureStream, OutOfOrder
from edgeprint.stages.methods import METHODS
from edgeprint.stages.workspace import Workspace
from edgeprint.whole_file import replace_folder

ABOUT = "rows.json"  # beside a capture's rows, written last
MOST_STRANGERS = 1000
NOT_CAPTURES = {"devices.csv", "source.json"}


@dataclass
class CaptureRows:
    """What one capture gave: packets by device and the decoder's report; its feature rows are in files."""

    capture: str
    packets: int = 0
    report: dict = field(default_factory=dict)
    devices: dict[str, int] = field(default_factory=dict)
    strangers: dict[str, int] = field(default_factory=dict)
    refused: str | None = None  # why nothing could be read
    kept: str = ""  # its folder among those that are kept


def check(params: Params) -> None:
    """Refuse feature settings before any capture is read. Raises BadParams."""
    FeatureStream("", Inventory({}), params).finish()


def captures_of(folder: Path) -> list[Path]:
    """Every file that may be a capture, in the order of names."""
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.name not in NOT_CAPTURES)


def place_of(path: Path, name: str, inventory: Inventory, params: Params, kept: Path) -> Path | None:
    """Where in `kept` the rows lie that this code makes of a capture by these numbers; None of what cannot
    be read.
    """
    try:
        return kept / _fingerprint(path, name, inventory, params)
    except OSError:
        return None


def recall(place: Path | None, parts: Path) -> CaptureRows | None:
    """What an earlier run made of a capture, put among the `parts`; None where it must be read."""
    if place is None or not (place / ABOUT).is_file():
        return None
    _link(place, parts)
    return CaptureRows(**json.loads((place / ABOUT).read_text()))


def _link(place: Path, parts: Path) -> None:
    for made in place.iterdir():
        if made.is_dir():
            link = parts / made.name
            link.unlink(missing_ok=True)  # of a try before this one
            link.symlink_to(made.resolve())


def extract_once(
    path: Path, name: str, inventory: Inventory, params: Params, parts: Path, place: Path | None
) -> CaptureRows:
    """As extract_capture, and kept in `place` for a later run to recall.

    What the disk does not give has none: it is refused by its name, and asked for again next time.
    """
    if place is None:
        return extract_capture(path, name, inventory, params, parts)
    begun = place.with_name(f".{place.name}.{os.getpid()}")
    shutil.rmtree(begun, ignore_errors=True)
    begun.mkdir(parents=True)
    rows = extract_capture(path, name, inventory, params, begun)
    rows.kept = place.name
    (begun / ABOUT).write_text(json.dumps(asdict(rows)))
    replace_folder(begun, place)
    _link(place, parts)
    return rows


def forget(kept: Path, used: list[CaptureRows]) -> None:
    """Remove the rows of captures that are no longer there, and of other code or numbers."""
    for place in set(kept.iterdir()) - {kept / rows.kept for rows in used}:
        shutil.rmtree(place)


def _fingerprint(path: Path, name: str, inventory: Inventory, params: Params) -> str:
    """Of all that decides a capture's rows."""
    numbers = [getattr(params, method).features.model_dump_json() for method in METHODS]
    who = sorted(inventory.by_mac.items())
    digest = hashlib.sha256(checkpoints.code())
    digest.update(repr((os.fsencode(name), numbers, who)).encode())
    with path.open("rb") as file:
        digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:24]


def extract_capture(
    path: Path,
    name: str,
    inventory: Inventory,
    params: Params,
    parts: Path,
    methods: Collection[str] = tuple(METHODS),
) -> CaptureRows:
    """The feature rows of one capture, in the memory of a window where its packets are in time order.

    A file that cannot be read is reported in `refused`, never raised.
    """
    folder = parts / hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
    shown = os.fsencode(name).decode(errors="replace")
    try:
        try:
            return _extract(path, FeatureStream(shown, inventory, params, methods), folder)
        except OutOfOrder:
            _forget(folder)
            return _extract(path, FeatureStream(shown, inventory, params, methods, patient=True), folder)
    except NotACapture as error:
        _forget(folder)
        return CaptureRows(shown, refused=str(error))


def _forget(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _extract(path: Path, stream: FeatureStream, folder: Path) -> CaptureRows:
    rows = CaptureRows(stream.capture)
    for number, (table, report) in enumerate(decode_chunks(path)):
        _keep(stream.push(table), folder / str(number))
        rows.packets += len(table)
        rows.report = {**asdict(report), "path": stream.capture}
        _count(rows.strangers, stream.inventory.strangers(table))
        rows.strangers = _most_frequent(rows.strangers)
    _keep(stream.finish(), folder / "last")
    rows.devices = dict(stream.packets)
    return rows


def _keep(tables: dict[str, FeatureTable], folder: Path) -> None:
    for method, table in tables.items():
        feature_table.write(table, folder / method, compression="lz4")


def _most_frequent(strangers: dict[str, int]) -> dict[str, int]:
    """A flood of made-up addresses must fill neither the memory nor the report."""
    if len(strangers) <= 2 * MOST_STRANGERS:
        return strangers
    return dict(sorted(strangers.items(), key=lambda item: -item[1])[:MOST_STRANGERS])


def _count(total: dict[str, int], more: dict[str, int]) -> None:
    for name, packets in more.items():
        total[name] = total.get(name, 0) + packets


def store(everything: list[CaptureRows], inventory: Inventory, workspace: Workspace, parts: Path) -> dict:
    """Put the parts together, one Parquet file a capture day and method; returns the extraction's report.

    Raises NotEnoughData when no capture holds a packet of any device of the inventory.
    """
    read = [rows for rows in everything if rows.refused is None]
    refused = [{"capture": r.capture, "reason": r.refused} for r in everything if r.refused]
    packets = dict.fromkeys(inventory.devices, 0)
    strangers: dict[str, int] = {}
    for rows in read:
        _count(packets, rows.devices)
        _count(strangers, rows.strangers)
    if not any(packets.values()):
        why = f"; the first of {len(refused)} refused: {refused[0]['reason']}" if refused else ""
        raise NotEnoughData(
            f"no capture in {workspace.captures} holds a packet of a device in devices.csv{why}"
        )
    counts = {device: {"packets": n} for device, n in packets.items()}
    for method in METHODS:
        rows_of = put_together(parts, method, workspace.features / method, list(inventory.devices))
        for device in inventory.devices:
            counts[device][method] = rows_of.get(device, 0)
    return {
        "captures": [{"capture": r.capture, "packets": r.packets, **r.report} for r in read],
        "refused": refused,
        "devices": counts,
        "strangers": dict(sorted(strangers.items(), key=lambda item: -item[1])[:MOST_STRANGERS]),
    }


def put_together(parts: Path, method: str, folder: Path, devices: list[str]) -> dict[str, int]:
    """Write every day of a method, its rows sorted by capture, device and time; returns rows by device."""
    days: dict[str, list[Path]] = {}
    for path in parts.glob(f"*/*/{method}/*.parquet"):
        days.setdefault(path.stem, []).append(path)
    for stale in set(folder.glob("*.parquet")) - {folder / f"{day}.parquet" for day in days}:
        stale.unlink()
    rows: dict[str, int] = {}
    for _, paths in sorted(days.items()):
        table = FeatureTable.concatenate([feature_table.read_file(path) for path in paths])
        place = np.array([devices.index(device) for device in table.device])
        feature_table.write(
            table.select(np.lexsort((table.start_ns, place, table.capture.astype(str)))), folder
        )
        _count(rows, Counter(table.device.tolist()))
    return rows


def sentences(report: dict) -> list[str]:
    """What a person should know of an extraction: refused and cut captures, silent devices, strangers."""
    lines = [f"set aside: {each['reason']}" for each in report["refused"]]
    for each in report["captures"]:
        if each["cut"]:
            lines.append(f"{each['capture']}: {each['cut']}")
        for number, frames in each["unsupported"].items():
            lines.append(f"{each['capture']}: {frames} frames of link type {number} are not supported")
    lines += [
        f"{name} is in devices.csv but sent no packet"
        for name, n in report["devices"].items()
        if not n["packets"]
    ]
    if report["strangers"]:
        macs = list(report["strangers"])
        lines.append(f"{len(macs)} MACs are in no devices.csv (often the router): {', '.join(macs[:4])}")
    return lines
