"""Models on trial in a running watch, with real traffic and networks: which one speaks, and which stays."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from household import INVENTORY, START
from simulated_home import CAMERA as CAMERA_MAC
from simulated_home import ROUTER, write_model
from strange_models import hanging, not_a_number, write_strange

from edgeprint import artifact
from edgeprint.artifact import Artifact
from edgeprint.binary.features import SpectrogramSpec
from edgeprint.edge.bank import Bank
from edgeprint.edge.probation import Limits
from edgeprint.edge.source import Replay
from edgeprint.edge.trials import Trials
from edgeprint.edge.verdicts import Verdict
from edgeprint.edge.versions import Versions
from edgeprint.edge.watch import Watch
from edgeprint.packets.inventory import mac_number
from edgeprint.packets.table import PacketTable

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
CAMERA, MODEL = "kitchen-camera", "binary.kitchen-camera"


def traffic(first: int, seconds: int) -> Replay:
    """The camera sends ten packets a second, of sizes that vary: its columns are not zero."""
    spoken = np.arange(first * 10, (first + seconds) * 10)
    sizes = np.random.default_rng(0).integers(60, 1500, 10_000)[spoken]
    columns = {"time_ns": START + spoken * 10**8, "src": np.full(len(spoken), mac_number(CAMERA_MAC), "u8")}
    columns |= {"dst": np.full(len(spoken), mac_number(ROUTER), "u8"), "wire_len": sizes}
    return Replay(PacketTable.from_columns(columns), speed=10**6)


@dataclass
class Pi:
    """A watch with one model in use, its state on disk, and what is said."""

    state: Path
    limits: Limits = field(default_factory=lambda: Limits(ticks=5))
    again: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.versions, self.said, self.verdicts = Versions(self.state), [], []
        self.bank, self.seconds = Bank({}), 0
        self.trials = Trials(
            self.state, self.bank, say=self.said.append, limits=self.limits, again=self.again, now=lambda: NOW
        )

    def install(self, **options: object) -> Artifact:
        """A version on this disk, as a pull leaves it."""
        made = write_model(self.state / "made", CAMERA, **options)
        return self.take(made)

    def take(self, made: Path) -> Artifact:
        folder = self.state / "versions" / artifact.digest(made)
        folder.parent.mkdir(exist_ok=True)
        return artifact.read(made.rename(folder))

    def start(self, old: Artifact | None) -> "Pi":
        if old:
            self.versions.swap(MODEL, old.folder.name, trial=False)
            self.bank.members.update(Bank({CAMERA: old}).members)
        self.watch = Watch(INVENTORY, self.bank, streak=3, on_verdict=self.verdicts.append)
        return self

    def try_out(self, old: Artifact | None, new: Artifact) -> None:
        self.versions.swap(MODEL, new.folder.name, trial=True)
        self.trials.begin(CAMERA, old, new, self.watch)

    def live(self, seconds: int) -> list[Verdict]:
        """So much traffic, and the camera's verdicts meanwhile."""
        before = len(self.verdicts)
        for batch in traffic(self.seconds, seconds):
            self.watch.take(batch)
            self.trials.tick(self.watch)
        self.seconds += seconds
        return [v for v in self.verdicts[before:] if v.device == CAMERA and v.confidence is not None]

    @property
    def used(self) -> str:
        folder = self.versions.current(MODEL)
        return folder.name if folder else ""


@pytest.fixture
def pi(tmp_path: Path) -> Pi:
    return Pi(tmp_path)


def test_a_model_that_agrees_is_confirmed_and_speaks_from_then_on(pi: Pi) -> None:
    old, new = pi.install(), pi.install(bias=3.0)
    pi.start(old).live(10)
    pi.try_out(old, new)
    during = pi.live(4)
    assert {round(v.confidence, 2) for v in during} == {0.98}  # the old one's
    assert pi.versions.on_trial(MODEL)
    after = pi.live(10)
    assert round(after[-1].confidence, 2) == 0.95
    assert pi.used == new.folder.name and not pi.versions.on_trial(MODEL)
    assert "passed its trial: 5 ticks, the model before it agreed at 5 of 5" in pi.said[-1]


def test_a_confirmed_model_goes_on_with_the_columns_and_the_standing_of_the_old_one(pi: Pi) -> None:
    old, new = pi.install(), pi.install(bias=3.0)
    pi.start(old).live(12)
    pi.try_out(old, new)
    verdicts = pi.live(12)
    assert len(verdicts) == 12  # no bootstrap, a verdict a tick
    assert {str(v.verdict) for v in verdicts} == {"recognised"} and verdicts[-1].run > 12


def test_a_worse_model_never_speaks_and_is_quarantined(pi: Pi) -> None:
    old, worse = pi.install(), pi.install(bias=-4)
    pi.start(old).live(10)
    pi.try_out(old, worse)
    verdicts = pi.live(15)
    assert min(v.confidence for v in verdicts) > 0.9
    assert pi.used == old.folder.name
    assert "says otherwise than the model before it" in pi.versions.quarantined()[worse.folder.name]["reason"]


def test_a_model_that_gives_no_number_is_swapped_back_at_once(pi: Pi) -> None:
    old = pi.install()
    bad = pi.take(write_strange(pi.state / "made", CAMERA, not_a_number()))
    pi.start(old).live(10)
    pi.try_out(old, bad)
    pi.live(2)
    assert pi.used == old.folder.name
    assert "which is no confidence" in pi.versions.quarantined()[bad.folder.name]["reason"]


def test_a_model_that_is_too_slow_is_swapped_back(tmp_path: Path) -> None:
    pi = Pi(tmp_path, Limits(ticks=5, slowest_s=0.0))
    old, new = pi.install(), pi.install(bias=3.0)
    pi.start(old).live(10)
    pi.try_out(old, new)
    pi.live(5)
    assert "was slower than 0 s" in pi.versions.quarantined()[new.folder.name]["reason"]


def test_a_model_that_hangs_is_quarantined_and_the_agent_started_again(tmp_path: Path) -> None:
    started_again, over = threading.Event(), threading.Event()
    pi = Pi(tmp_path, Limits(ticks=5, hang_s=0.3), again=started_again.set)
    old = pi.install()
    bad = pi.take(write_strange(pi.state / "made", CAMERA, hanging(live_only=True)))
    pi.start(old).live(10)
    pi.try_out(old, bad)

    def sleeps_for_ever(*_: object) -> float:
        over.wait()
        return 0.0

    # The network itself would keep this process busy to its end; the same wait can be ended here.
    pi.trials._trials[CAMERA].new.confidence = sleeps_for_ever
    threading.Thread(target=lambda: pi.live(3), daemon=True).start()
    assert started_again.wait(20)
    over.set()
    assert pi.used == old.folder.name
    assert "had not ended after 0.3 s" in pi.versions.quarantined()[bad.folder.name]["reason"]


def test_a_devices_first_model_speaks_at_once_and_is_withdrawn_if_it_fails(pi: Pi) -> None:
    bad = pi.take(write_strange(pi.state / "made", CAMERA, not_a_number()))
    pi.start(None).live(3)
    pi.try_out(None, bad)
    pi.live(10)
    assert pi.used == "" and CAMERA not in pi.bank.members
    pi.live(20)
    assert [str(v.verdict) for v in pi.verdicts if v.device == CAMERA][-1] == "unknown"


def test_a_first_model_that_runs_already_is_in_memory_once_and_goes_if_it_fails(pi: Pi) -> None:
    bad = pi.take(write_strange(pi.state / "made", CAMERA, not_a_number()))
    pi.bank.add(CAMERA, bad)  # as an agent starts: what was just pulled is all there is
    running = pi.bank.members[CAMERA]
    pi.start(None)
    pi.try_out(None, bad)
    assert pi.bank.members[CAMERA].new is running and pi.bank.members[CAMERA].old is None
    pi.live(20)
    assert pi.used == "" and CAMERA not in pi.bank.members


def test_a_devices_first_good_model_is_confirmed(pi: Pi) -> None:
    new = pi.install()
    pi.start(None).live(3)
    pi.try_out(None, new)
    assert str(pi.live(20)[-1].verdict) == "recognised" and not pi.versions.on_trial(MODEL)


def test_a_model_of_other_columns_speaks_at_once_and_the_old_one_returns_if_it_fails(pi: Pi) -> None:
    old = pi.install()
    bad = pi.take(write_strange(pi.state / "made", CAMERA, not_a_number()))
    other = pi.install(bias=3.0, spec=SpectrogramSpec(height=20, bin_seconds=0.1))
    pi.start(old).live(10)
    pi.try_out(old, other)
    pi.live(30)
    assert pi.used == other.folder.name and not pi.versions.on_trial(MODEL)
    pi.try_out(other, bad)
    pi.live(30)
    assert pi.used == other.folder.name and pi.bank.members[CAMERA].spec.height == 20


def test_a_better_version_that_comes_during_a_trial_takes_its_place(pi: Pi) -> None:
    old, second, third = pi.install(), pi.install(bias=-4), pi.install(bias=3.0)
    pi.start(old).live(10)
    pi.try_out(old, second)
    pi.live(1)
    pi.try_out(old, third)
    pi.live(10)
    assert pi.used == third.folder.name and pi.versions.quarantined() == {}


def test_a_device_that_hardly_speaks_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    pi = Pi(tmp_path, Limits(ticks=5, longest_s=0.0))
    old, new = pi.install(), pi.install(bias=3.0)
    pi.start(old).live(10)
    pi.try_out(old, new)
    pi.live(1)
    assert pi.used == new.folder.name and not pi.versions.on_trial(MODEL)


def test_an_agent_that_ends_in_order_has_not_failed_the_trial(pi: Pi) -> None:
    old, new = pi.install(), pi.install(bias=3.0)
    pi.start(old).live(10)
    pi.try_out(old, new)
    for _ in range(9):
        pi.versions.survive(NOW, say=pi.said.append)
        pi.trials.close()
    assert pi.used == new.folder.name and pi.versions.on_trial(MODEL)
