"""The release flow brings a container to the Pis: the real playbook, by a real ansible, over three folders.

Each folder is a Pi that this machine plays itself, with a stand-in for its Docker engine; `make rollout-test`
has real engines behind sshd. What the flow publishes before is the matter of test_flows_main_job.py.
"""

import shutil
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from prefect.testing.utilities import prefect_test_harness

from edgeprint.errors import BadParams, RollOutFailed
from edgeprint.fleet.chain import Chain
from edgeprint.rings import Plan
from edgeprint.stages import release as stage
from edgeprint.stages.workspace import Workspace
from edgeprint.standing import Phase, Standing
from flows.release import release
from tests.edge.brokers import free_port, mosquitto
from tests.fleet.small_fleet import model as small_model

SHIPPED = Path(__file__).resolve().parents[2] / "params.yaml"
OLD, NEW = (f"registry.example/edgeprint-edge@sha256:{digit * 64}" for digit in "ab")
PORT = free_port()
DOCKER = """#!/bin/sh
# An engine that remembers which image runs. A Pi with a file `bad` is healthy on the first one alone.
cd "$PI"
image() { sed -n s/^EDGEPRINT_IMAGE=//p .env; }
case $1 in
inspect) [ -f running ] && echo "$(cat running) healthy" ;;
compose) image > running; [ ! -f bad ] || image | grep -q aaaa ;;
rmi) echo "$2" >> removed ;;
*) true ;;
esac
"""


@pytest.fixture(scope="module", autouse=True)
def server():
    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Three Pis that run OLD, pi-1 the canary; params.yaml wants NEW."""
    monkeypatch.setattr(stage, "publish", lambda *_: {"models": {}})
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)
    hosts = {}
    for name in ("pi-1", "pi-2", "pi-3"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / ".env").write_text(f"EDGEPRINT_IMAGE={OLD}\n")
        (folder / "running").write_text(OLD)
        engine = {"PATH": f"{tmp_path}:/usr/bin:/bin", "PI": str(folder)}
        hosts[name] = {"edgeprint_dir": str(folder), "edgeprint_docker": engine}
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "probation_s": 1}
    inventory = {"pis": {"vars": here, "hosts": hosts, "children": {"canary": {"hosts": {"pi-1": None}}}}}
    (tmp_path / "inventory.yml").write_text(yaml.safe_dump(inventory))
    return wanting(tmp_path, NEW, "inventory.yml")


def wanting(root: Path, image: str, inventory: str, **more: object) -> Workspace:
    numbers = yaml.safe_load(SHIPPED.read_text())
    numbers["release"] |= {"image": image, "inventory": inventory, **more}
    (root / "params.yaml").write_text(yaml.safe_dump(numbers))
    return Workspace(root)


def running(workspace: Workspace) -> list[str]:
    return [(workspace.root / f"pi-{number}/running").read_text().strip() for number in (1, 2, 3)]


needs_ansible = pytest.mark.skipif(not shutil.which("ansible-playbook"), reason="needs ansible-playbook")


@needs_ansible
def test_a_release_brings_the_container_to_every_pi_and_says_how_it_goes(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    release(workspace.root)
    assert running(workspace) == [NEW] * 3
    report = workspace.report("release")["containers"]
    assert [came["state"] for came in report["pis"].values()] == ["done"] * 3
    assert any("PLAY RECAP" in line for line in caplog.messages)


@needs_ansible
def test_a_container_that_fails_on_one_pi_stops_there_and_fails_the_flow(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "publish", lambda *_: pytest.fail("models follow a container that works"))
    (workspace.root / "pi-2/bad").touch()
    with pytest.raises(RollOutFailed, match=r"pi-2 did not become healthy .* is back on"):
        release(workspace.root)
    assert running(workspace) == [NEW, OLD, OLD]
    assert (workspace.root / "pi-2/removed").read_text() == f"{NEW}\n"  # it would fill the card in time
    report = workspace.report("release")
    assert report["models"] == {} and list(report["containers"]["pis"]) == ["pi-1", "pi-2"]
    assert report["containers"]["pis"]["pi-2"]["state"] == "failed"


def test_a_release_that_names_no_container_asks_no_pi(workspace: Workspace) -> None:
    wanting(workspace.root, "", "")
    assert release(workspace.root) == workspace.report("release") == {"models": {}}
    assert running(workspace) == [OLD] * 3


@pytest.mark.parametrize(
    ("image", "inventory", "sentence"),
    [
        (NEW, "", "release.inventory of params.yaml is empty"),
        ("", "inventory.yml", "release.image of params.yaml is empty"),
        ("edgeprint-edge:latest", "inventory.yml", r"release.image = 'edgeprint-edge:latest' is refused"),
    ],
)
def test_half_a_roll_out_is_refused_before_anything_is_published(
    workspace: Workspace, image: str, inventory: str, sentence: str
) -> None:
    with pytest.raises(BadParams, match=sentence):
        release(wanting(workspace.root, image, inventory).root)
    assert not (workspace.reports / "release.json").exists()


class Pis:
    """Two Pis that say over MQTT that they run what the plan gives them, or that it fails."""

    def __init__(self, port: int, folder: Path, phase: Phase) -> None:
        self._folder, self._phase = folder, phase
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._over, self._said = threading.Event(), Plan()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> None:
        self._speak()
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()

    def _work(self) -> None:
        while not self._over.wait(0.1):
            self._speak()

    def _speak(self) -> None:
        plan = Chain.read(self._folder).plan()
        if plan == self._said:
            return
        self._said = plan
        for pi in ("pi-1", "pi-2"):
            release = plan.release(pi)
            standing = Standing(pi, release, self._phase if release else Phase.NONE)
            for topic, payload in (("standing", standing.to_json()), ("online", b"online")):
                self._client.publish(f"edgeprint/fleet/{pi}/{topic}", payload, qos=1, retain=True)


@pytest.fixture
def ringed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """params.yaml names two rings and a broker; what is published is one small model."""
    (tmp_path / "rings.toml").write_text(
        '[[ring]]\nname = "canary"\npis = ["pi-1"]\n[[ring]]\nname = "all"\nshare = 1.0\n'
    )
    made = wanting(tmp_path, "", "", rings="rings.toml", broker=f"mqtt://127.0.0.1:{PORT}", soak_hours=0)
    model = small_model(tmp_path / "camera", "binary.camera")
    monkeypatch.setattr(stage, "champions", lambda *_: {"binary.camera": model})
    monkeypatch.setattr(stage.promote, "offer_identify", lambda *_: SimpleNamespace(number=1))
    return made


def test_a_release_is_followed_until_it_is_everybodys(ringed: Workspace) -> None:
    with mosquitto(ringed.root / "broker", PORT):
        stage.publish(ringed, datetime.now(UTC))
        with Pis(PORT, stage.places(ringed)[0], Phase.IN_USE):
            rings = release(ringed.root, every_s=0.2)["rings"]
    assert rings["stopped"] is None and rings["headline"] == "release 1 is everybody's"
    assert "canary" in rings["table"] and (ringed.reports / "rings.svg").read_text().startswith("<svg")


def test_a_release_that_the_canary_fails_is_rolled_back_and_fails_the_flow(ringed: Workspace) -> None:
    with mosquitto(ringed.root / "broker", PORT):
        stage.publish(ringed, datetime.now(UTC))
        with (
            Pis(PORT, stage.places(ringed)[0], Phase.FAILED),
            pytest.raises(RollOutFailed, match="release 1 was rolled back: 1 of 1 Pis of canary failed it"),
        ):
            release(ringed.root, every_s=0.2)
    assert ringed.report("release")["rings"]["stopped"] == "1 of 1 Pis of canary failed it"


def test_a_release_that_takes_longer_than_the_flow_is_left_on_its_way(ringed: Workspace) -> None:
    wanting(ringed.root, "", "", rings="rings.toml", broker=f"mqtt://127.0.0.1:{PORT}", watch_hours=1e-9)
    with mosquitto(ringed.root / "broker", PORT):
        rings = release(ringed.root, every_s=0.2)["rings"]
    assert "reached 1 of 2 rings" in rings["headline"]
