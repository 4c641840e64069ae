"""Releases on their way through a real fleet: three Pis, a broker, a static web server, and traffic.

One story, in order: each test finds the fleet as the one before left it. The Pis run the real agent on an
interface into which a capture of a real device is replayed (simulated traffic where ../shared is not there);
the models are small stand-ins that recognise everything, or nothing.
"""

import csv
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pi_network import CANARY, EARLY, LATE, PIS, RINGS, Running, running, until
from simulated_home import CAMERA, ROUTER, write_capture, write_model
from strange_models import hanging, write_strange

from edgeprint.fleet import repository
from edgeprint.fleet.chain import Chain
from edgeprint.fleet.keys import Keys
from edgeprint.fleet.rings_file import read
from edgeprint.rings import Plan

MODEL = "binary.camera"
DATA = Path(__file__).resolve().parents[3] / "shared/data"
REAL = "sentinel-setup/WeMoSwitch2/Setup-C-2-STA.pcap"


def traffic(folder: Path) -> tuple[Path, str]:
    """A capture and the MAC of its device."""
    if (DATA / REAL).is_file():
        with (DATA / "captures.csv").open(newline="") as file:
            return DATA / REAL, next(row["mac"] for row in csv.DictReader(file) if row["path"] == REAL)
    begin = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp()) * 10**9
    rows = [(begin + n * 10**8, CAMERA, ROUTER, 60 + n * 37 % 1400) for n in range(36_000)]
    return write_capture(folder / "simulated.pcap", rows), CAMERA


class Fleet:
    """What the stories do and ask."""

    def __init__(self, run: Running) -> None:
        self.run, self.folder, self.public = run, run.folder, run.folder / "public"
        self.keys, self.online = Keys(run.folder / "keys"), Keys(run.folder / "online")

    def publish(self, made: Path) -> int:
        now = datetime.now(UTC)
        release = repository.publish(self.public, self.keys, {MODEL: made}, now).release
        repository.refresh(self.public, self.online, now)
        return release

    def plan(self) -> Plan:
        return Chain.read(self.public).plan()

    def model(self, revision: str, bias: float = 4) -> Path:
        return write_model(self.folder / "made", "camera", bias=bias, revision=revision)

    def stands(self, pi: str, release: int, phase: str = "in use") -> bool:
        found = self.run.standing(pi)
        return found.get("release") == release and found.get("phase") == phase

    def everybody(self, release: int) -> None:
        until(lambda: self.plan().stable == release, f"release {release} for everybody: {self.logs()}")
        for pi in PIS:
            until(lambda pi=pi: self.stands(pi, release), f"{pi} at {release}: {self.logs()}")

    def logs(self) -> str:
        names = [name for name in ("watch", *PIS) if name in self.run.processes]
        return "\n".join(f"--- {name}\n{self.run.log(name)[-1500:]}" for name in names)

    def stopped_at_the_canary(self, release: int, reason: str) -> None:
        """The release is rolled back, the canary runs the one before again, and nobody else ever had it."""
        until(lambda: release in self.plan().stopped, f"release {release} stopped: {self.logs()}")
        plan = self.plan()
        assert plan.stopped[release] == "1 of 1 Pis of canary failed it" and plan.candidate is None
        until(lambda: self.stands(CANARY, plan.stable), f"the canary back: {self.logs()}")
        assert reason in json.dumps(json.loads((self.folder / CANARY / "quarantine.json").read_bytes()))
        for pi in (EARLY, LATE):
            assert self.stands(pi, plan.stable)
            assert f"{release}" not in (self.folder / pi / "release").read_text()
        assert not list((self.folder / EARLY).glob("quarantine.json"))

    def verdicts(self, pi: str) -> int:
        """So often the camera was recognised there, over all starts of the agent."""
        return sum(line.split()[2:4] == ["camera", "recognised"] for line in self.run.log(pi).splitlines())


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    capture, mac = traffic(folder)
    with running(folder, capture, mac) as run:
        found = Fleet(run)
        (folder / "rings.toml").write_text(RINGS)
        rings, now = read(folder / "rings.toml"), datetime.now(UTC)
        repository.init(found.public, found.keys, now, online=found.online, rings=rings)
        found.publish(found.model("1"))
        run.web()
        run.broker()
        for pi in PIS:
            run.pi(pi)
        until(lambda: all(run.standing(pi) for pi in PIS), f"the Pis are up: {found.logs()}")
        run.watch()
        yield found


def test_a_good_release_reaches_all_rings_one_after_the_other(fleet: Fleet) -> None:
    fleet.everybody(1)
    until(lambda: fleet.run.log("watch").count("go on") >= 3, f"the watch says so: {fleet.run.log('watch')}")
    rings = [line.split(" of ")[-1] for line in fleet.run.log("watch").splitlines() if "go on" in line]
    assert [ring.split()[0] for ring in rings] == ["canary", "quarter", "all"]
    until(lambda: all(fleet.verdicts(pi) for pi in PIS), "every Pi gives verdicts")


def test_a_better_release_replaces_it_after_a_trial_beside_the_old_model(fleet: Fleet) -> None:
    fleet.everybody(fleet.publish(fleet.model("2", bias=3)))
    for pi in PIS:
        assert "passed its trial: 4 ticks, the model before it agreed at 4 of 4" in fleet.run.log(pi)


def test_a_bad_release_that_fails_its_self_test_stops_at_the_canary(fleet: Fleet) -> None:
    good = (fleet.model("2", bias=4) / "golden.npz").read_bytes()
    bad = fleet.model("3", bias=-4)
    (bad / "golden.npz").write_bytes(good)
    fleet.stopped_at_the_canary(fleet.publish(bad), "misses its golden outputs")


def test_a_worse_release_that_fails_its_trial_stops_at_the_canary(fleet: Fleet) -> None:
    worse = fleet.model("4", bias=-4)
    fleet.stopped_at_the_canary(fleet.publish(worse), "says otherwise than the model before it")


def test_a_hanging_release_stops_at_the_canary_which_starts_again_by_itself(fleet: Fleet) -> None:
    hangs = write_strange(fleet.folder / "made", "camera", hanging(live_only=True))
    fleet.stopped_at_the_canary(fleet.publish(hangs), "hangs: an inference had not ended after")
    before = fleet.verdicts(CANARY)
    until(lambda: fleet.verdicts(CANARY) > before, f"the canary goes on: {fleet.logs()}")


def test_a_pi_that_is_killed_goes_on_with_what_it_had(fleet: Fleet) -> None:
    release = fleet.plan().stable
    fleet.run.end(LATE)
    if f"traffic of {LATE}" in fleet.run.processes:
        fleet.run.end(f"traffic of {LATE}")
    fleet.run.pi(LATE)
    before = fleet.verdicts(LATE)
    until(lambda: fleet.verdicts(LATE) > before and fleet.stands(LATE, release), fleet.logs())


def test_a_pi_cut_off_keeps_working_visibly_stale_and_catches_up(fleet: Fleet) -> None:
    if not fleet.run.net.separate:
        pytest.skip("needs network namespaces, to cut one off")
    old = fleet.plan().stable
    fleet.run.net.cut(LATE)
    new = fleet.publish(fleet.model("5"))
    until(lambda: fleet.stands(EARLY, new), f"the others get on: {fleet.logs()}")
    until(lambda: fleet.run.standing(LATE).get("stale"), f"{LATE} says that it is stale: {fleet.logs()}")
    assert fleet.run.standing(LATE)["release"] == old
    before = fleet.verdicts(LATE)
    until(lambda: fleet.verdicts(LATE) > before, f"{LATE} keeps working: {fleet.logs()}")
    fleet.run.net.mend(LATE)
    fleet.everybody(new)
    assert fleet.run.standing(LATE)["stale"] is None


def test_the_state_of_every_ring_is_one_table_and_one_picture(fleet: Fleet) -> None:
    command = [*fleet.run.net.inside("router"), *fleet.run.fleet_command("status"), "--pis"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = {line.split()[0]: line.split() for line in said.splitlines() if line}
    for ring in ("canary", "quarter", "all"):
        assert rows[ring][-7:-5] == ["1", "1"]  # one Pi, confirmed
    assert {*PIS} <= {*rows}
    picture = (fleet.folder / "rings.svg").read_text()
    assert picture.startswith("<svg") and "canary, 1 Pis" in picture


def test_a_pi_cannot_speak_for_another_one(fleet: Fleet) -> None:
    """The broker's rule: a Pi writes below its own id alone."""
    code = "import sys; sys.path[:0] = sys.argv[1:3]; from pi_network import speak; speak(*sys.argv[3:])"
    here = Path(__file__).parent
    forged = json.dumps({**fleet.run.standing(LATE), "phase": "failed"})
    subprocess.run(
        [*fleet.run.net.inside(EARLY), sys.executable, "-c", code]
        + [str(here), str(here.parent / "edge"), fleet.run.net.address, str(fleet.run.mqtt_port)]
        + [str(fleet.folder), EARLY, f"edgeprint/fleet/{LATE}/standing", forged],
        check=True,
    )
    command = [*fleet.run.net.inside("router"), *fleet.run.fleet_command("status"), "--pis"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    (line,) = [line for line in said.splitlines() if line.startswith(LATE)]
    assert "failed" not in line


def test_a_pi_that_ends_in_order_or_not_is_offline_at_once(fleet: Fleet) -> None:
    for pi, number in ((EARLY, signal.SIGTERM), (LATE, signal.SIGKILL)):
        fleet.run.end(pi, number)

    def offline() -> bool:
        command = [*fleet.run.net.inside("router"), *fleet.run.fleet_command("status"), "--pis"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return said.count(" offline ") + said.count(" offline\n") >= 2

    until(offline, "the last will speaks")
