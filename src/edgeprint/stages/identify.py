"""Which device is this? Every champion is asked about each device of a capture.

found = identify(workspace, Path("guest.pcap"))
found[0].ranking[0].device, found[0].iot, found[0].category

CCLP says IoT or not and which device, from windows; LSTM-CNN the category, from segments; each device's own
network whether it recognises the spectrogram. What a method has too little traffic for, or no champion of, is
left out and said.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeprint import feature_table
from edgeprint.artifact import Artifact
from edgeprint.errors import NotACapture, NotEnoughData, UnknownDevice, UnknownModel
from edgeprint.feature_table import FeatureTable
from edgeprint.litert import Runner
from edgeprint.lstm_cnn import features as segments
from edgeprint.packets.decode import decode_chunks
from edgeprint.packets.inventory import Device, Inventory, mac_number, mac_text
from edgeprint.params import Params
from edgeprint.registry import flavor, promote, tracking
from edgeprint.registry.identify import Member, rank
from edgeprint.stages import extract
from edgeprint.stages.methods import METHODS
from edgeprint.stages.workspace import Workspace

MOST_DEVICES = 64  # of a capture, those that sent the most packets
IOT = "iot"  # the label of CCLP's last output
KEYS = {method.family: key for key, method in METHODS.items()}


@dataclass(frozen=True)
class Candidate:
    """A known device: the mean of what the methods say of it, and what each says."""

    device: str
    confidence: float
    category: str
    by: dict[str, float]  # family: its confidence


@dataclass(frozen=True)
class Identity:
    """What a device of the capture is, as far as its traffic tells; None where nothing could be asked, and
    the category of what is not IoT.

    `name` is what the workspace's devices.csv calls it. `known`: whether any method recognises it as one of
    the devices that it has learned.
    """

    mac: str
    name: str | None
    packets: int
    iot: bool | None = None
    iot_confidence: float | None = None
    category: str | None = None
    category_confidence: float | None = None
    known: bool | None = None
    ranking: list[Candidate] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def identify(workspace: Workspace, capture: Path, device: str | None = None) -> list[Identity]:
    """All devices of a capture, or the one with a MAC, by packets sent.

    Raises NotACapture, UnknownModel where no model has a champion, UnknownDevice where the MAC sent nothing.
    """
    with tempfile.TemporaryDirectory() as scratch:
        models = champions(workspace, Path(scratch) / "models")
        people = spoke(capture)
        if device is not None:
            people = {mac: n for mac, n in people.items() if mac == mac_text(mac_number(device))}
            if not people:
                raise UnknownDevice(f"{device} sent no packet in {capture}")
        rows = _rows(capture, list(people), as_trained(workspace.params(), models), models, Path(scratch))
        names = _names(workspace)
        return [_identity(Identity(mac, names.get(mac), n), models, rows) for mac, n in people.items()]


def champions(workspace: Workspace, into: Path) -> dict[str, Artifact]:
    """Every champion of the registry by name. Raises UnknownModel where there is none."""
    tracking.open_store(workspace.state, workspace.mlflow())
    found = {}
    for name in promote.names():
        version = promote.champion(name) if name.partition(".")[0] in KEYS else None
        if version:
            (into / name).mkdir(parents=True)
            found[name] = flavor.load_model(version.uri, into / name).artifact
    if not found:
        raise UnknownModel(f"no model in {workspace.state} has a champion: edgeprint run trains and promotes")
    return found


def as_trained(params: Params, models: dict[str, Artifact]) -> Params:
    """The params with the feature settings that the champions were trained with."""
    for name, stored in models.items():
        key, settings = KEYS[name.partition(".")[0]], dict(stored.schema.settings)
        wanted = {
            "cclp": ("window_minutes",),
            "lstm_cnn": ("segment_minutes",),
            "binary": ("height", "bin_seconds"),
        }
        numbers: dict[str, Any] = {setting: settings[setting] for setting in wanted[key]}
        if key == "lstm_cnn":
            numbers["columns"] = stored.schema.names
        params = params.changed(key, "features", **numbers)
    return params


def spoke(capture: Path) -> dict[str, int]:
    """Packets sent by each MAC, most first. Raises NotACapture."""
    packets: Counter[int] = Counter()
    for table, _ in decode_chunks(capture):
        group = ((table.src >> np.uint64(40)) & np.uint64(1)) == 1
        macs, counts = np.unique(table.src[~group], return_counts=True)
        packets.update(dict(zip(macs.tolist(), counts.tolist(), strict=True)))
    packets.pop(0, None)  # a link layer without MACs
    return {mac_text(mac): n for mac, n in packets.most_common(MOST_DEVICES)}


def _names(workspace: Workspace) -> dict[str, str]:
    path = workspace.captures / "devices.csv"
    known = workspace.inventory().by_mac if path.is_file() else {}
    return {mac_text(mac): name for mac, name in known.items()}


def _rows(
    capture: Path, macs: list[str], params: Params, models: dict[str, Artifact], scratch: Path
) -> dict[str, FeatureTable]:
    """The rows of every device, under its MAC, by method."""
    devices = {mac: Device(mac, "", True, frozenset({mac_number(mac)})) for mac in macs}
    keys = sorted({KEYS[name.partition(".")[0]] for name in models})
    parts = scratch / "parts"
    done = extract.extract_capture(capture, capture.name, Inventory(devices), params, parts, keys)
    if done.refused:
        raise NotACapture(done.refused)
    found = {}
    for key in keys:
        extract.put_together(parts, key, scratch / key, macs)
        if any((scratch / key).glob("*.parquet")):
            found[key] = feature_table.read(scratch / key).in_stream_order()
    return found


def _identity(found: Identity, models: dict[str, Artifact], rows: dict[str, FeatureTable]) -> Identity:
    """Ask every family that has a champion."""
    asked: dict[str, Callable[..., Identity]] = {
        "cclp": _by_cclp,
        "lstm-cnn": _by_lstm_cnn,
        "binary": _by_binary,
    }
    for family, ask in asked.items():
        own = {name: stored for name, stored in models.items() if name.partition(".")[0] == family}
        if not own:
            found = _noted(found, f"{family} has no champion")
            continue
        try:
            found = ask(found, own, _of(rows.get(KEYS[family]), found.mac))
        except NotEnoughData as error:
            found = _noted(found, f"{family}: {error}")
    if found.iot is False:  # LSTM-CNN has learned the categories of IoT devices alone
        return replace(found, category=None, category_confidence=None)
    best = found.ranking[0] if found.ranking else None
    if found.category is None and best and found.known:
        found = replace(found, category=best.category, category_confidence=best.confidence)
    return found


def _of(table: FeatureTable | None, mac: str) -> FeatureTable:
    mine = table.select(table.device == mac) if table is not None else None
    if mine is None or not len(mine):
        raise NotEnoughData("too little traffic for a single row of features")
    return mine


def _by_cclp(found: Identity, own: dict[str, Artifact], table: FeatureTable) -> Identity:
    """IoT or not, and which device, over all windows."""
    (stored,) = own.values()
    says = Runner(stored.tflite)(table.values).mean(axis=0)
    iot = float(says[-1])
    shares = dict(zip(stored.card.labels[:-1], says[:-1].tolist(), strict=True))
    thresholds, best = stored.card.thresholds, max(shares.values())
    is_iot = iot >= thresholds.get(IOT, 0.5)
    known = is_iot and best >= thresholds.get("confidence", 0.0)
    found = replace(found, iot=is_iot, iot_confidence=iot, known=known)
    return replace(found, ranking=_merged(found.ranking, "cclp", shares, _categories(own)))


def _by_lstm_cnn(found: Identity, own: dict[str, Artifact], table: FeatureTable) -> Identity:
    """The category, over all windows of segments that are not silent."""
    (stored,) = own.values()
    window = int(stored.card.preprocessing["window"])
    x = segments.windows(table, window, window // 2)[2]
    x = x[x.any(axis=(1, 2))]
    if not len(x):
        raise NotEnoughData(f"{len(table)} segments hold no {window} in a row")
    says: NDArray[np.float32] = Runner(stored.tflite)(x).mean(axis=0)
    best = int(says.argmax())
    return replace(found, category=stored.card.labels[best], category_confidence=float(says[best]))


def _by_binary(found: Identity, own: dict[str, Artifact], table: FeatureTable) -> Identity:
    """Each device's own network, over samples spread evenly over the columns."""
    ranked = rank(table.values, {name: Member.of(stored) for name, stored in own.items()})
    recognised = any(candidate.iot for candidate in ranked)
    shares = {candidate.device: candidate.confidence for candidate in ranked}
    known = bool(found.known) or recognised
    iot = recognised if found.iot is None else found.iot
    ranking = _merged(found.ranking, "binary", shares, _categories(own))
    return replace(found, known=known, iot=iot, ranking=ranking)


def _categories(own: dict[str, Artifact]) -> dict[str, str]:
    found: dict[str, str] = {}
    for stored in own.values():
        categories: Any = stored.card.data.get("categories", {})
        found |= categories
    return found


def _merged(
    ranking: list[Candidate], family: str, shares: dict[str, float], categories: dict[str, str]
) -> list[Candidate]:
    """The ranking with what one more family says of each device, the most confident first."""
    by = {candidate.device: candidate.by for candidate in ranking}
    category = {candidate.device: candidate.category for candidate in ranking} | categories
    for device, share in shares.items():
        by[device] = {**by.get(device, {}), family: share}
    made = [
        Candidate(device, float(np.mean(list(said.values()))), category.get(device, "unknown"), said)
        for device, said in by.items()
    ]
    return sorted(made, key=lambda candidate: (-candidate.confidence, candidate.device))


def _noted(found: Identity, note: str) -> Identity:
    return replace(found, notes=[*found.notes, note])
