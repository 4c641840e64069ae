"""/metrics as Prometheus reads it, and what makes an agent unhealthy."""

import re
import shutil
import subprocess
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from edgeprint.edge.board import Device
from edgeprint.edge.metrics import OLDEST_MODELS_S, SILENCE_S, State, reasons, text
from edgeprint.edge.verdicts import Standing

CAMERA = Device(
    name="camera",
    category="camera",
    macs=("02:00:00:00:00:01",),
    has_model=True,
    randomised=True,
    verdict=Standing.RECOGNISED,
    confidence=0.97,
    run=4,
    packets=120,
    columns=70,
    needed=60,
    inferences=11,
    seen_ns=10**18,
    recent=(0.9, 0.97),
)
ODD = replace(CAMERA, name='a"b\\c', verdict=Standing.UNKNOWN, confidence=None)
STATE = State(
    devices=[CAMERA, ODD],
    packets=10**9 + 1,
    dropped=3,
    ticks=7,
    inferences=11,
    alarms={"camera": 2},
    open_alarms=1,
    models=1,
    models_age_s=60.0,
    heard_s=95.0,
    mqtt_connected=True,
)


def samples() -> dict[tuple[str, tuple], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text(STATE))
        for sample in family.samples
    }


def test_prometheus_reads_every_figure_exactly() -> None:
    found = samples()
    assert found["edgeprint_packets_total", ()] == 10**9 + 1
    assert found["edgeprint_device_confidence", (("device", "camera"),)] == 0.97
    assert found["edgeprint_alarms_total", (("device", "camera"),)] == 2
    assert found["edgeprint_mqtt_connected", ()] == 1
    assert found["process_resident_memory_bytes", ()] > 10**6


def test_one_verdict_of_a_device_is_1() -> None:
    standing = {
        dict(labels)["verdict"]: value
        for (name, labels), value in samples().items()
        if name == "edgeprint_device_verdict" and dict(labels)["device"] == "camera"
    }
    assert standing == {"not_enough": 0, "recognised": 1, "deviates": 0, "unknown": 0}


def test_names_with_quotes_are_escaped() -> None:
    assert ("edgeprint_device_run", (("device", 'a"b\\c'),)) in samples()


def test_promtool_finds_nothing_to_say() -> None:
    if shutil.which("promtool") is None:
        pytest.skip("needs promtool, of Debian's package prometheus")
    check = subprocess.run(
        ["promtool", "check", "metrics"], input=text(STATE), capture_output=True, text=True
    )
    assert (check.returncode, check.stdout, check.stderr) == (0, "", "")


def test_a_healthy_agent_has_no_reasons() -> None:
    assert reasons(STATE, now_s=100.0) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"models_age_s": None}, "no model was ever pulled"),
        ({"models_age_s": OLDEST_MODELS_S + 86_400}, "the models are stale: .* 15 days ago"),
        ({"heard_s": 100.0 - SILENCE_S - 60}, "no packet for 6 minutes"),
        ({"heard_s": None, "started_s": -SILENCE_S}, "no packet for"),
        ({"dropped_s": 90.0}, "packets are dropped: 3 so far"),
        ({"store_trouble": "database or disk is full"}, "history is not written: database or disk is full"),
    ],
)
def test_each_fault_is_a_sentence(change: dict, reason: str) -> None:
    (sentence,) = reasons(replace(STATE, **change), now_s=100.0 + 1)
    assert re.search(reason, sentence)


def test_old_drops_and_the_silence_after_a_replay_are_no_fault() -> None:
    over = replace(STATE, finished=True, heard_s=0.0, dropped_s=1.0)
    assert reasons(over, now_s=10_000.0) == []
