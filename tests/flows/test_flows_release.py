"""The release flow brings a container to the Pis: the real playbook, by a real ansible, over three folders.

Each folder is a Pi that this machine plays itself, with a stand-in for its Docker engine; `make rollout-test`
has real engines behind sshd. What the flow publishes before is the matter of test_flows_main_job.py.
"""

import shutil
import sys
from pathlib import Path

import pytest
import yaml
from prefect.testing.utilities import prefect_test_harness

from edgeprint.errors import BadParams, RollOutFailed
from edgeprint.stages import release as stage
from edgeprint.stages.workspace import Workspace
from flows.release import release

SHIPPED = Path(__file__).resolve().parents[2] / "params.yaml"
OLD, NEW = (f"registry.example/edgeprint-edge@sha256:{digit * 64}" for digit in "ab")
DOCKER = """#!/bin/sh
# An engine that remembers which image runs. A Pi with a file `bad` is healthy on the first one alone.
cd "$PI"
image() { sed -n s/^EDGEPRINT_IMAGE=//p .env; }
case $1 in
inspect) [ -f running ] && echo "$(cat running) healthy" ;;
compose) image > running; [ ! -f bad ] || image | grep -q aaaa ;;
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


def wanting(root: Path, image: str, inventory: str) -> Workspace:
    numbers = yaml.safe_load(SHIPPED.read_text())
    numbers["release"] = {"image": image, "inventory": inventory}
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
def test_a_container_that_fails_on_one_pi_stops_there_and_fails_the_flow(workspace: Workspace) -> None:
    (workspace.root / "pi-2/bad").touch()
    with pytest.raises(RollOutFailed, match=r"pi-2 did not become healthy .* is back on"):
        release(workspace.root)
    assert running(workspace) == [NEW, OLD, OLD]
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
