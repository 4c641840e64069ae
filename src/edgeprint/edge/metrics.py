"""The agent's figures in the text format of Prometheus, and the reasons why it would not call itself healthy.

    text(state)              # for /metrics
    reasons(state, now_s)    # [] when all is well, for /healthz

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edgeprint.edge.board import Device
from edgeprint.edge.verdicts import Standing

OLDEST_MODELS_S = 14 * 86_400.0  # since the repository was last heard
SILENCE_S = 300.0  # without any packet
DROPS_S = 300.0  # for which a drop is worth a word
PREFIX = "edgeprint"


@dataclass(frozen=True)
class State:
    """The agent at a moment; `_s` are seconds of a clock that only runs forward, ages are seconds."""

    devices: list[Device]
    packets: int = 0
    dropped: int = 0
    ticks: int = 0
    inferences: int = 0
    alarms: Mapping[str, int] = field(default_factory=dict)  # begun, by device
    open_alarms: int = 0
    models: int = 0
    models_age_s: float | None = None  # since the repository was last heard; None where it never was
    stale: str | None = None  # why the repository was not heard
    heard_s: float | None = None  # when the last packet came
    dropped_s: float | None = None  # when the last drop was seen
    started_s: float = 0.0
    store_lost: int = 0
    store_trouble: str | None = None
    mqtt_connected: bool | None = None  # None without a broker
    mqtt_lost: int = 0
    finished: bool = False  # a replay at its end
    backend: str = "replay"
    heard: tuple[str, ...] = ()  # what the source has to say
    refused: tuple[str, ...] = ()  # why models are not used
    packets_beyond: int = 0  # of strangers that are too many to be followed
    not_identified: str | None = None  # why the identify server cannot be asked


@dataclass(frozen=True)
class Metric:
    name: str
    kind: str  # counter or gauge
    help: str
    samples: tuple[tuple[tuple[tuple[str, str], ...], float], ...]


def text(state: State) -> str:
    """The whole exposition, with its last line ended."""
    return "".join(line + "\n" for metric in metrics(state) for line in _lines(metric))


def metrics(state: State) -> Iterator[Metric]:
    yield _one("packets_total", "counter", "Packets received.", state.packets)
    yield _one("packets_dropped_total", "counter", "Packets the capture lost.", state.dropped)
    yield _one("packets_beyond_total", "counter", "Packets of strangers not followed.", state.packets_beyond)
    yield _one("ticks_total", "counter", "Ticks closed.", state.ticks)
    yield _one("inferences_total", "counter", "Samples judged by a model.", state.inferences)
    yield _each(
        "device_packets_total", "counter", "Packets of a device.", ((d, d.packets) for d in state.devices)
    )
    yield _each(
        "device_confidence",
        "gauge",
        "Confidence of the last sample, 0 to 1.",
        ((d, d.confidence) for d in state.devices if d.confidence is not None),
    )
    yield _each("device_run", "gauge", "Hits in a row; misses below 0.", ((d, d.run) for d in state.devices))
    yield Metric(
        f"{PREFIX}_device_verdict",
        "gauge",
        "1 for the verdict that stands.",
        tuple(
            ((("device", d.name), ("verdict", each.name.lower())), float(each is d.verdict))
            for d in state.devices
            for each in Standing
        ),
    )
    alarms = tuple(((("device", device),), float(count)) for device, count in sorted(state.alarms.items()))
    yield Metric(f"{PREFIX}_alarms_total", "counter", "Alarms begun since the start.", alarms)
    yield _one("alarms_open", "gauge", "Alarms that last.", state.open_alarms)
    yield _one("models", "gauge", "Devices with a model.", state.models)
    if state.models_age_s is not None:
        yield _one("models_age_seconds", "gauge", "Since the repository was heard.", state.models_age_s)
    yield _one("history_lost_rows_total", "counter", "Rows that the disk did not take.", state.store_lost)
    if state.mqtt_connected is not None:
        yield _one("mqtt_connected", "gauge", "1 while the broker is there.", state.mqtt_connected)
        yield _one("mqtt_lost_messages_total", "counter", "Messages beyond the queue.", state.mqtt_lost)
    if (rss := resident_bytes()) is not None:
        memory = "process_resident_memory_bytes"
        yield Metric(memory, "gauge", "Memory of the agent in RAM.", (((), float(rss)),))


def reasons(state: State, now_s: float) -> list[str]:
    """Sentences on what is wrong."""
    found = []
    if state.models_age_s is None:
        found.append("no model was ever pulled")
    elif state.models_age_s > OLDEST_MODELS_S:
        days = state.models_age_s / 86_400
        found.append(f"the models are stale: the repository was last heard {days:.0f} days ago")
    quiet_s = now_s - (state.started_s if state.heard_s is None else state.heard_s)
    if quiet_s > SILENCE_S and not state.finished:
        found.append(f"no packet for {quiet_s / 60:.0f} minutes")
    if state.dropped_s is not None and now_s - state.dropped_s < DROPS_S:
        found.append(f"packets are dropped: {state.dropped:,} so far")
    if state.store_trouble:
        found.append(f"history is not written: {state.store_trouble}")
    return found


def notes(state: State) -> list[str]:
    """Sentences that a person may want to know of, though the agent is well."""
    found = [*state.heard, *([f"stale: {state.stale}"] if state.stale else [])]
    found += [f"a model is not used: {why}" for why in state.refused]
    found += losses(state)
    if state.not_identified:
        found.append(f"unknown devices are not identified for now: {state.not_identified}")
    if state.mqtt_connected is False:
        found.append("the MQTT broker is gone")
    return found


def losses(state: State) -> list[str]:
    """Sentences on what was not seen or not kept since the start."""
    lost = {
        "packets were lost: the kernel had no room for them": state.dropped,
        "packets of further strangers, beyond those that are followed": state.packets_beyond,
        "rows of the history were lost: the disk did not take them": state.store_lost,
        "messages to the MQTT broker were lost": state.mqtt_lost,
    }
    return [f"{count:,} {what}" for what, count in lost.items() if count]


def resident_bytes() -> int | None:
    """Memory of this process in RAM; None where the kernel does not say."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


def _one(name: str, kind: str, explained: str, value: float) -> Metric:
    return Metric(f"{PREFIX}_{name}", kind, explained, (((), float(value)),))


def _each(name: str, kind: str, explained: str, values: Iterable[tuple[Device, float | None]]) -> Metric:
    samples = tuple(((("device", d.name),), float(value)) for d, value in values if value is not None)
    return Metric(f"{PREFIX}_{name}", kind, explained, samples)


def _lines(metric: Metric) -> Iterator[str]:
    yield f"# HELP {metric.name} {metric.help}"
    yield f"# TYPE {metric.name} {metric.kind}"
    for labels, value in metric.samples:
        inside = ",".join(f'{name}="{_escaped(content)}"' for name, content in labels)
        yield f"{metric.name}{f'{{{inside}}}' if inside else ''} {value:.17g}"


def _escaped(content: str) -> str:
    return content.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
