"""The agent on a real broker: what it sends, and that neither may take the other down."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from brokers import Ear, free_port, mosquitto, program, until
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from household import household, models
from test_edge_metrics import CAMERA

from edgeprint.edge import mqtt as module
from edgeprint.edge.alarms import Alarm
from edgeprint.edge.board import STRANGER
from edgeprint.edge.mqtt import AGAIN_NS, Broker, Publisher, broker, discovery, is_news
from edgeprint.edge.outlets import Outlets
from edgeprint.edge.verdicts import Standing
from edgeprint.errors import BadParams

STATE = "edgeprint/camera/state"


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    port = free_port()
    with mosquitto(tmp_path / "broker", port):
        yield port


def publisher(port: int, said: list[str] | None = None, **options: object) -> Publisher:
    say = (said if said is not None else []).append
    return Publisher(Broker("127.0.0.1", port, **options), say=say)


def test_a_state_is_there_for_whoever_comes_later(port: int) -> None:
    one = publisher(port)
    one.device(CAMERA)
    until(lambda: one.connected)
    with Ear(port) as ear:
        state = ear.json(STATE)
        assert state["verdict"] == "recognised" and state["confidence"] == 0.97 and not state["deviates"]
        assert ear.last["edgeprint/status"] == "online"
        one.close()
        until(lambda: ear.last["edgeprint/status"] == "offline")


def test_home_assistant_is_told_of_two_sensors_of_each_device(port: int) -> None:
    one = publisher(port)
    one.device(CAMERA)
    with Ear(port) as ear:
        problem = ear.json("homeassistant/binary_sensor/edgeprint_camera/problem/config")
        confidence = ear.json("homeassistant/sensor/edgeprint_camera/confidence/config")
    one.close()
    assert problem["device_class"] == "problem" and problem["availability_topic"] == "edgeprint/status"
    assert problem["state_topic"] == confidence["state_topic"] == STATE
    assert problem["device"] == confidence["device"] and problem["unique_id"] != confidence["unique_id"]


def test_templates_of_the_discovery_give_on_off_and_percent() -> None:
    jinja2 = pytest.importorskip("jinja2")
    problem, confidence = discovery(CAMERA, "edgeprint").values()
    for standing, confident, expected in (
        (Standing.DEVIATES, 0.126, ("ON", "13.0")),
        (Standing.RECOGNISED, 0.97, ("OFF", "97.0")),
        (Standing.UNKNOWN, None, ("OFF", "")),
    ):
        value = module.state(replace(CAMERA, verdict=standing, confidence=confident))
        said = [
            jinja2.Template(each["value_template"]).render(value_json=value) for each in (problem, confidence)
        ]
        assert tuple(said) == expected


def test_a_killed_agent_is_reported_offline_by_its_last_will(port: int) -> None:
    code = (
        "import time; from edgeprint.edge.mqtt import *;"
        f"Publisher(Broker('127.0.0.1', {port}), say=print); time.sleep(60)"
    )
    agent = subprocess.Popen([sys.executable, "-c", code])
    with Ear(port) as ear:
        until(lambda: ear.last.get("edgeprint/status") == "online")
        agent.kill()
        agent.wait()
        until(lambda: ear.last["edgeprint/status"] == "offline")


def test_a_deviation_is_one_alarm_not_one_a_tick(port: int, tmp_path: Path) -> None:
    outlets = Outlets(mqtt=f"mqtt://127.0.0.1:{port}")
    with Ear(port) as ear, household(tmp_path, models(tmp_path), outlets) as home:
        until(lambda: home.service.state().mqtt_connected)
        home.live()
        until(lambda: any(topic == "edgeprint/alarm" for topic, _ in ear.all))
        until(lambda: "deviates" in ear.last.get("edgeprint/plug/state", ""))
        home.service.close()
        until(lambda: ear.last["edgeprint/status"] == "offline")
        alarms = [text for topic, text in ear.all if topic == "edgeprint/alarm"]
    assert len(alarms) == 1 and '"event": "began"' in alarms[0] and '"device": "plug"' in alarms[0]


def test_the_broker_may_go_and_come_back(tmp_path: Path) -> None:
    port, said = free_port(), []
    alarms = [Alarm("camera", begin, begin, None, 3, 0.1) for begin in range(5)]
    with mosquitto(tmp_path / "first", port):
        one = publisher(port, said)
        one.device(CAMERA)
        until(lambda: one.connected)
    until(lambda: not one.connected)
    one.device(replace(CAMERA, verdict=Standing.DEVIATES))
    for alarm in alarms:
        one.alarm(alarm)
    with mosquitto(tmp_path / "second", port), Ear(port) as ear:  # it has forgotten everything
        until(lambda: sum(topic == "edgeprint/alarm" for topic, _ in ear.all) == len(alarms))
        assert ear.json(STATE)["deviates"]
        assert ear.json("homeassistant/sensor/edgeprint_camera/confidence/config")
        one.close()
    assert [sentence.split(" ", 4)[4] for sentence in said][-1] == "is back"
    assert sum("trying again" in sentence for sentence in said) == 1 and one.lost == 0


def test_without_a_broker_the_queue_is_bounded_and_the_agent_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_QUEUED", 10)
    said: list[str] = []
    one = publisher(free_port(), said)
    for begin in range(100):
        one.alarm(Alarm("camera", begin, begin, None, 3, 0.1))
        one.device(replace(CAMERA, seen_ns=begin * AGAIN_NS))
    until(lambda: said)
    assert one.lost == 90 and len(said) == 1
    one.close()


def test_a_password_and_tls_are_used(tmp_path: Path) -> None:
    port, files = free_port(), certificates(tmp_path)
    passwords = tmp_path / "passwords"
    subprocess.run([program("mosquitto_passwd"), "-b", "-c", str(passwords), "me", "secret"], check=True)
    lines = [f"{name} {tmp_path / f'{name}.pem'}" for name in ("certfile", "keyfile")]
    with mosquitto(tmp_path / "broker", port, f"password_file {passwords}", *lines):
        right, wrong = [], []
        url = f"mqtts://me@localhost:{port}/attic"
        one = Publisher(broker(url, password="secret", ca=files), say=right.append)
        until(lambda: one.connected)
        two = Publisher(replace(broker(url, password="guess", ca=files), base="two"), say=wrong.append)
        until(lambda: wrong)
        three = Publisher(replace(broker(url, password="secret"), base="three"), say=wrong.append)
        until(lambda: len(wrong) == 2)
        assert right == [] and "refuses this agent" in wrong[0] and "cannot be reached" in wrong[1]
        for each in (one, two, three):
            each.close()


def certificates(folder: Path) -> Path:
    """A self-signed certificate of localhost with its key; the certificate is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "keyfile.pem").write_bytes(key.private_bytes(pem, *plain))
    (folder / "certfile.pem").write_bytes(certificate.public_bytes(pem))
    return folder / "certfile.pem"


def test_another_verdict_is_news_at_once_and_another_confidence_after_a_minute() -> None:
    now = CAMERA.seen_ns or 0
    assert is_news(CAMERA, None) and not is_news(CAMERA, CAMERA)
    assert is_news(replace(CAMERA, verdict=Standing.DEVIATES), CAMERA)
    assert not is_news(replace(CAMERA, confidence=0.1, seen_ns=now + AGAIN_NS - 1), CAMERA)
    assert is_news(replace(CAMERA, confidence=0.1, seen_ns=now + AGAIN_NS), CAMERA)


def test_strangers_do_not_flood_a_home_with_sensors(port: int) -> None:
    one = publisher(port)
    one.device(replace(CAMERA, name="02:00:00:00:00:77", category=STRANGER))
    one.device(CAMERA)
    with Ear(port) as ear:
        ear.json(STATE)
        assert not [topic for topic in ear.last if "02" in topic]
    one.close()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mqtt://broker.lan", Broker("broker.lan", 1883)),
        ("mqtts://me@broker.lan:99/home/attic", Broker("broker.lan", 99, "home/attic", True, username="me")),
    ],
)
def test_a_url_says_where_and_under_what(url: str, expected: Broker) -> None:
    assert broker(url) == expected


@pytest.mark.parametrize(
    "url", ["http://broker", "mqtt://", "mqtt://a:b@broker", "mqtt://broker:port", "mqtt://broker/#"]
)
def test_a_url_that_cannot_be_used_is_refused(url: str) -> None:
    with pytest.raises(BadParams, match="--mqtt"):
        broker(url)


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(broker("mqtt://me@broker", password="secret"))
