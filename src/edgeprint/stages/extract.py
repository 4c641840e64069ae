"""Captures to the three feature sets: decode, split by device, extract; what cannot be read is set aside.

rows = extract_capture(path, "monday.pcap", inventory, params)
report = store([rows, ...], inventory, workspace)
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

from edgeprint import feature_table
from edgeprint.errors import EdgeprintError, NotEnoughData
from edgeprint.feature_table import FeatureTable
from edgeprint.packets.decode import decode_chunks
from edgeprint.packets.inventory import Inventory
from edgeprint.params import Params
from edgeprint.stages.feature_stream import FeatureStream, OutOfOrder
from edgeprint.stages.methods import METHODS
from edgeprint.stages.workspace import Workspace

NOT_CAPTURES = {"devices.csv", "source.json"}


@dataclass
class CaptureRows:
    """What one capture gave: feature rows by method, packets by device, and what the decoder reports."""

    capture: str
    packets: int = 0
    report: dict = field(default_factory=dict)
    devices: dict[str, int] = field(default_factory=dict)
    strangers: dict[str, int] = field(default_factory=dict)
    tables: dict[str, FeatureTable] = field(default_factory=dict)
    refused: str | None = None  # why nothing could be read


def captures_of(folder: Path) -> list[Path]:
    """Every file that may be a capture, in the order of names."""
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.name not in NOT_CAPTURES)


def extract_capture(path: Path, name: str, inventory: Inventory, params: Params) -> CaptureRows:
    """All feature rows of one capture, in the memory of a window where its packets are in time order.

    A file that cannot be read is reported in `refused`, never raised.
    """
    try:
        try:
            return _extract(path, name, FeatureStream(name, inventory, params))
        except OutOfOrder:
            return _extract(path, name, FeatureStream(name, inventory, params, patient=True))
    except EdgeprintError as error:
        return CaptureRows(name, refused=str(error))


def _extract(path: Path, name: str, stream: FeatureStream) -> CaptureRows:
    rows = CaptureRows(name)
    for table, report in decode_chunks(path):
        stream.push(table)
        rows.packets += len(table)
        rows.report = {**asdict(report), "path": name}
        _count(rows.devices, stream.inventory.packets(table))
        _count(rows.strangers, stream.inventory.strangers(table))
    rows.tables = stream.finish()
    return rows


def _count(total: dict[str, int], more: dict[str, int]) -> None:
    for name, packets in more.items():
        total[name] = total.get(name, 0) + packets


def store(everything: list[CaptureRows], inventory: Inventory, workspace: Workspace) -> dict:
    """Write one Parquet file a capture day and method, and return the report of the extraction.

    Raises NotEnoughData when no capture holds a packet of any device of the inventory.
    """
    read = [rows for rows in everything if rows.refused is None]
    refused = [{"capture": r.capture, "reason": r.refused} for r in everything if r.refused]
    if not any(rows.tables for rows in read):
        why = f"; the first of {len(refused)} refused: {refused[0]['reason']}" if refused else ""
        raise NotEnoughData(
            f"no capture in {workspace.captures} holds a packet of a device in devices.csv{why}"
        )
    packets = dict.fromkeys(inventory.devices, 0)
    strangers: dict[str, int] = {}
    for rows in read:
        _count(packets, rows.devices)
        _count(strangers, rows.strangers)
    counts = {device: {"packets": n} for device, n in packets.items()}
    for method in METHODS:
        table = FeatureTable.concatenate([rows.tables[method] for rows in read if method in rows.tables])
        feature_table.write(table, workspace.features / method)
        for device in inventory.devices:
            counts[device][method] = int((table.device == device).sum())
    return {
        "captures": [{"capture": r.capture, "packets": r.packets, **r.report} for r in read],
        "refused": refused,
        "devices": counts,
        "strangers": dict(sorted(strangers.items(), key=lambda item: -item[1])),
    }


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
