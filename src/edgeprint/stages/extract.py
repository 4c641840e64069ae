"""Captures to the three feature sets: decode, split by device, extract; what cannot be read is set aside.

rows = extract_capture(path, "monday.pcap", inventory, params)
report = store([rows, ...], inventory, workspace)
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

from edgeprint import feature_table
from edgeprint.binary import features as spectrogram
from edgeprint.cclp import features as windows
from edgeprint.errors import EdgeprintError, NotEnoughData
from edgeprint.feature_table import FeatureTable
from edgeprint.lstm_cnn import features as segments
from edgeprint.packets.decode import decode
from edgeprint.packets.inventory import Inventory
from edgeprint.packets.table import DevicePackets
from edgeprint.params import Params
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
    """All feature rows of one capture. A file that cannot be read is reported in `refused`, never raised."""
    try:
        table, report = decode(path)
    except EdgeprintError as error:
        return CaptureRows(name, refused=str(error))
    found = inventory.split(table)
    rows = CaptureRows(
        name,
        len(table),
        {**asdict(report), "path": name},
        {d: len(p) for d, p in found.items()},
        inventory.strangers(table),
    )
    parts: dict[str, list[FeatureTable]] = {method: [] for method in METHODS}
    for packets in found.values():
        for method, part in _features(packets, name, params).items():
            parts[method].append(part)
    rows.tables = {method: FeatureTable.concatenate(some) for method, some in parts.items() if some}
    return rows


def _features(packets: DevicePackets, capture: str, params: Params) -> dict[str, FeatureTable]:
    minutes, segment = params.cclp.features.window_minutes, params.lstm_cnn.features
    spec = spectrogram.SpectrogramSpec(params.binary.features.height, params.binary.features.bin_seconds)
    of = FeatureTable.of
    columns = tuple(segment.columns)
    return {
        "cclp": of(
            windows.schema(minutes),
            packets.device,
            capture,
            *windows.extract(packets, window_minutes=minutes),
        ),
        "lstm_cnn": of(
            segments.schema(segment.segment_minutes, columns),
            packets.device,
            capture,
            *segments.extract(packets, segment_minutes=segment.segment_minutes, columns=columns),
        ),
        "binary": of(spec.schema(), packets.device, capture, *spectrogram.extract(packets, spec)),
    }


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
    counts: dict[str, dict[str, int]] = {name: {"packets": 0} for name in inventory.devices}
    for rows in read:
        for device, packets in rows.devices.items():
            counts[device]["packets"] += packets
    for method in METHODS:
        table = FeatureTable.concatenate([rows.tables[method] for rows in read if method in rows.tables])
        feature_table.write(table, workspace.features / method)
        for device in inventory.devices:
            counts[device][method] = int((table.device == device).sum())
    return {
        "captures": [{"capture": r.capture, "packets": r.packets, **r.report} for r in read],
        "refused": refused,
        "devices": counts,
        "strangers": _total(read),
    }


def _total(read: list[CaptureRows]) -> dict[str, int]:
    total: dict[str, int] = {}
    for rows in read:
        for mac, packets in rows.strangers.items():
            total[mac] = total.get(mac, 0) + packets
    return dict(sorted(total.items(), key=lambda item: -item[1]))


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
