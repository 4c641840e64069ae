"""Releases on their way to three Pis over SSH: the canary, a quarter, all; and back where one is not healthy.

`make rollout-test` runs this; elsewhere it is skipped. Playbooks, sshd, engines and registry are real.
"""

import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import engine
import pytest
from pi_fleet import Fleet, pi_fleet

from edgeprint.fleet import repository
from tests.edge.simulated_home import CAMERA, write_model

# The image's own health check at a pace for tests.
PACE = "HEALTHCHECK --interval=2s --timeout=60s --start-period=60s --retries=4 CMD"
NOT_ON_PI2 = (
    "import os, socket; s = socket.socket(type=socket.SOCK_DGRAM); s.connect(('10.77.0.1', 9)); "
    "s.getsockname()[0] == '10.77.0.12' and exit('no'); os.execvp('healthy', ['healthy'])"
)
RELEASES = {
    "first": f'{PACE} ["healthy"]\nLABEL release=first',
    "second": f'{PACE} ["healthy"]\nLABEL release=second',
    "broken": f'{PACE} ["healthy"]\nENTRYPOINT ["edgeprint", "--no-such-option"]',
    "not on pi2": f'{PACE} ["/usr/local/bin/python", "-c", "{NOT_ON_PI2}"]',
}


@pytest.fixture(scope="module")
def image() -> str:
    return engine.image(engine.OWN)


@pytest.fixture(scope="module")
def fleet(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    public, keys = folder / "public", folder / "keys"
    repository.init(public, keys, datetime.now(UTC))
    repository.publish(
        public, keys, {"binary.camera": write_model(folder / "camera", "camera")}, datetime.now(UTC)
    )
    household = folder / "household"
    household.mkdir()
    (household / "root.json").write_bytes((public / "metadata/1.root.json").read_bytes())
    (household / "devices.csv").write_text(f"mac,device,category,iot\n{CAMERA},camera,camera,1\n")
    with pi_fleet(folder / "net", 3, public, household) as made:
        yield made


@pytest.fixture(scope="module")
def releases(image: str, fleet: Fleet) -> dict[str, str]:
    """References of releases that differ from the image in how they start and what they call healthy."""
    found = {}
    for name, lines in RELEASES.items():
        tag = f"edgeprint-edge:test-{name.replace(' ', '-')}"
        made = f"FROM {image}\n{lines}\n"
        subprocess.run(["docker", "build", "-q", "-t", tag, "-"], input=made, text=True, check=True)
        found[name] = fleet.push(tag)
    return found


@pytest.fixture
def on_second(fleet: Fleet, releases: dict[str, str]) -> None:
    """Every Pi runs the second release, whatever the test before left."""
    second = [f"{releases['second']} healthy"] * 3
    if fleet.running() != second:
        fleet.play("provision.yml", f"-eimage={releases['second']}")
    assert fleet.running() == second


@pytest.fixture
def running(fleet: Fleet, releases: dict[str, str]) -> Callable[[], list[str]]:
    """The release that is healthy on each Pi, by name."""
    names = {f"{reference} healthy": name for name, reference in releases.items()}
    return lambda: [names.get(found, found) for found in fleet.running()]


def test_a_tag_is_refused_for_it_may_mean_something_else_tomorrow(fleet: Fleet) -> None:
    refused = fleet.play("roll-out.yml", "-eimage=10.77.0.1:5000/edgeprint-edge:latest", check=False)
    assert refused.returncode and "is no NAME@sha256:DIGEST" in refused.stdout


def test_a_release_reaches_a_blank_fleet_ring_by_ring(
    fleet: Fleet, releases: dict[str, str], running: Callable[[], list[str]]
) -> None:
    cmdline = fleet.pis[0].folder / "cmdline.txt"
    cmdline.write_text("console=tty1 rootwait\n")
    fleet.play("provision.yml", "--skip-tags=reboot", f"-eimage={releases['first']}")
    assert running() == ["first"] * 3
    assert cmdline.read_text() == "console=tty1 rootwait cgroup_memory=1 cgroup_enable=memory\n"
    said = fleet.play("roll-out.yml", f"-eimage={releases['second']}").stdout
    assert running() == ["second"] * 3
    started = [
        line.split("[")[1].split("]")[0] for line in said.splitlines() if line.startswith("changed: [")
    ]
    assert list(dict.fromkeys(started)) == ["pi1", "pi2", "pi3"]
    again = fleet.play("roll-out.yml", f"-eimage={releases['second']}").stdout
    assert again.count("changed=0 ") == 3
    came = fleet.release(releases["second"])
    assert list(came) == ["pi1", "pi2", "pi3"] and {each["state"] for each in came.values()} == {"done"}


@pytest.mark.usefixtures("on_second")
def test_a_broken_release_stops_at_the_canary_which_returns(
    fleet: Fleet, releases: dict[str, str], running: Callable[[], list[str]]
) -> None:
    said = fleet.play("roll-out.yml", f"-eimage={releases['broken']}", check=False)
    assert said.returncode
    assert (
        f"pi1 did not become healthy on {releases['broken']} and is back on {releases['second']}"
        in said.stdout
    )
    assert "No such option" in said.stdout  # the agent's own words
    assert "pi2" not in said.stdout
    assert running() == ["second"] * 3


@pytest.mark.usefixtures("on_second")
def test_where_one_pi_fails_the_release_it_returns_and_the_ring_behind_is_not_touched(
    fleet: Fleet, releases: dict[str, str], running: Callable[[], list[str]]
) -> None:
    came = fleet.release(releases["not on pi2"])
    assert list(came) == ["pi1", "pi2"] and came["pi1"]["state"] == "done"
    assert came["pi2"]["state"] == "failed" and "pi2 did not become healthy" in came["pi2"]["reason"]
    assert running() == ["not on pi2", "second", "second"]
    fleet.play("roll-back.yml", "--limit", "pi1")
    assert running() == ["second"] * 3


@pytest.mark.usefixtures("on_second")
def test_a_roll_out_that_was_broken_off_is_finished_by_the_next(
    fleet: Fleet, releases: dict[str, str], running: Callable[[], list[str]]
) -> None:
    etc = fleet.pis[0].folder / "etc"
    (etc / "before").mkdir()
    for name in (".env", "compose.yaml"):
        (etc / "before" / name).write_bytes((etc / name).read_bytes())
    (etc / ".env").write_text((etc / ".env").read_text().replace(releases["second"], releases["broken"]))
    fleet.play("roll-out.yml", f"-eimage={releases['broken']}", check=False)
    assert running() == ["second"] * 3
