"""The agent's images, run by a real engine: what they may do, and that they recognise a device on a wire.

`make images-test` builds them first; elsewhere these tests are skipped.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import engine
import pytest
from engine import PROCESSORS
from trained_home import TrainedHome, trained

from benchmarks.veth import LAN
from edgeprint.edge import agent
from edgeprint.fleet import repository
from tests.edge import wire

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
MOST_BYTES = 250_000_000
ON_A_PI = ("--read-only", "--cap-drop", "ALL", "--cap-add", "NET_RAW", "--tmpfs", "/tmp:size=16m")
STREAK = 15  # a model of a minute's training misses more seconds in a row than the default allows
LIMITS = ("--memory", "256m", "--cpus", "1", "--pids-limit", "64")


@pytest.fixture(scope="module", params=PROCESSORS)
def processor(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def image(processor: str) -> str:
    return engine.image(processor)


@pytest.fixture(scope="module")
def home(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrainedHome]:
    made = trained(tmp_path_factory.mktemp("docker") / "home", DATA)
    public = made.capture.with_name("public")
    repository.init(public, made.capture.with_name("keys"), datetime.now(UTC))
    repository.publish(public, made.capture.with_name("keys"), made.models, datetime.now(UTC))
    print(f"models of {made.traffic}; on the wire: {made.device}")
    yield made


def mounts(home: TrainedHome, state: Path) -> list[str]:
    """The household's files in the container, and where its agent may write."""
    state.mkdir()
    state.chmod(0o777)
    names = ("public", "devices.csv", "swapped.csv", "unseen.pcap")
    files = [f"--volume={home.capture.with_name(name)}:/home/{name}:ro" for name in names]
    return [*files, f"--volume={state}:/var/lib/edgeprint"]


def options(source: str, inventory: str = "devices.csv") -> list[str]:
    paths = ["--repository=/home/public", f"--inventory=/home/{inventory}", "--state=/var/lib/edgeprint"]
    asked = [f"--streak={STREAK}", "--summary=/var/lib/edgeprint/summary.json"]
    return ["agent", f"--source={source}", *paths, *asked]


def summary(state: Path) -> dict:
    """The final table that an agent left, by device."""
    return {row["device"]: row for row in json.loads((state / "summary.json").read_text())["devices"]}


def test_an_image_is_small_and_for_its_processor(image: str, processor: str) -> None:
    facts = engine.inspect(image)
    assert facts["Size"] <= MOST_BYTES
    assert facts["Architecture"] == processor


def test_it_runs_as_an_ordinary_user_and_is_asked_for_its_health(image: str) -> None:
    config = engine.inspect(image)["Config"]
    assert config["User"] == "1000:1000"
    assert config["Healthcheck"]["Test"] == ["CMD", "healthy"]


def test_no_program_in_it_changes_users_or_installs_packages(image: str) -> None:
    find = "find / -xdev -perm /6000 -type f; ls /usr/bin/apt /usr/bin/perl /usr/bin/su 2>/dev/null; true"
    assert engine.run("run", "--rm", "--entrypoint", "sh", image, "-c", find).stdout == ""


def test_without_its_one_capability_it_does_not_start(image: str, processor: str) -> None:
    if processor != engine.OWN:
        pytest.skip("the emulator starts without a capability")
    refused = engine.run("run", "--rm", "--cap-drop", "ALL", image, "--help", check=False)
    assert refused.returncode and "operation not permitted" in refused.stderr.lower()


def test_a_replay_gives_what_it_gives_outside_of_the_container(
    image: str, processor: str, home: TrainedHome, tmp_path: Path
) -> None:
    files = mounts(home, tmp_path / "inside")
    command = (*engine.emulated(processor), *ON_A_PI, *LIMITS, "--network", "none", *files, image)
    with engine.container(*command, *options("file:/home/unseen.pcap")) as name:
        assert engine.run("wait", name).stdout == "0\n", engine.logs(name)
    inside = summary(tmp_path / "inside")
    outside = agent.main(
        source=f"file:{home.capture}",
        repository=str(home.capture.with_name("public")),
        inventory=home.devices_csv,
        state=tmp_path / "state",
        streak=STREAK,
        quiet=True,
    )
    assert {row.device: (row.packets, row.verdict.value) for row in outside} == {
        device: (row["packets"], row["verdict"]) for device, row in inside.items()
    }


def test_another_device_under_the_same_name_is_not_recognised(
    image: str, processor: str, home: TrainedHome, tmp_path: Path
) -> None:
    if home.traffic != "real captures":
        pytest.skip("needs ../shared/data with the real captures")
    files = mounts(home, tmp_path / "state")
    command = (*engine.emulated(processor), *ON_A_PI, *LIMITS, "--network", "none", *files, image)
    with engine.container(*command, *options("file:/home/unseen.pcap", "swapped.csv")) as name:
        assert engine.run("wait", name).stdout == "0\n", engine.logs(name)
    assert summary(tmp_path / "state")[home.device]["recognised"] < 0.5


def test_it_recognises_a_device_on_the_wire_and_is_healthy(
    image: str, processor: str, home: TrainedHome, tmp_path: Path
) -> None:
    wire.needs("ip", "nsenter", "tcpreplay")
    with wire.link(), engine.network(engine.image(engine.OWN)) as (network, process):
        engine.plug(LAN, process)
        who = (*engine.emulated(processor), *engine.capturing(processor), "--health-interval=2s")
        command = (*who, *ON_A_PI, *LIMITS, f"--network=container:{network}")
        files = mounts(home, tmp_path / "state")
        heard = [*options("live:eth0"), "--listen=127.0.0.1:8080"]
        with engine.container(*command, *files, image, *heard) as name:
            engine.wait(lambda: "the page is at" in engine.logs(name), name, "the page")
            wire.replayed(home.capture)
            state = engine.inspect(name)["State"]
            engine.wait(
                lambda: engine.inspect(name)["State"]["Health"]["Status"] == "healthy", name, "health"
            )
            engine.run("stop", "--time", "60", name)
            seen = summary(tmp_path / "state")[home.device]
            print(f"{processor}: {engine.logs(name)}")
    assert state["Running"] and not state["OOMKilled"]
    assert seen["verdict"] == "recognised" and seen["recognised"] >= 0.5
