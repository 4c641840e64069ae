"""A running agent follows its fleet: it finds a release, tries it, and says how it stands."""

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from simulated_home import CAMERA, ROUTER, Home
from updating import now

from edgeprint.artifact import Artifact
from edgeprint.edge.bank import Bank
from edgeprint.edge.models import Models, pull
from edgeprint.edge.probation import Limits
from edgeprint.edge.source import Replay
from edgeprint.edge.updates import Following, Updates
from edgeprint.edge.watch import Watch
from edgeprint.fleet import repository
from edgeprint.packets.inventory import Device, Inventory, mac_number
from edgeprint.packets.table import PacketTable
from edgeprint.standing import Phase, Standing, read

INVENTORY = Inventory({"camera": Device("camera", "camera", True, frozenset({mac_number(CAMERA)}))})
START = 1_767_614_400 * 10**9


class Agent:
    """The parts of an agent that an update touches."""

    def __init__(self, home: Home) -> None:
        self.home, self.said, self.fed = home, [], 0
        self.root = home.models.parent / "root.json"
        self.root.write_bytes(home.root)
        self.models = self.look({})
        bank = Bank(self.models.artifacts)
        self.verdicts: list[float] = []
        following = Following(pi="pi-1", check_seconds=0.05, limits=Limits(ticks=4))
        self.updates = Updates(
            self.models,
            bank,
            home.state,
            pi="pi-1",
            look=self.look,
            following=following,
            say=self.said.append,
            health=lambda: ["the attic is hot"],
        )
        self.watch = Watch(
            INVENTORY, bank, streak=3, on_verdict=lambda v: self.verdicts.append(v.confidence or 0)
        )
        self.updates.begin(self.watch)

    def look(self, known: Mapping[str, Artifact]) -> Models:
        home = self.home
        return pull(home.url, home.state, ["camera"], root=self.root, now=now(), pi="pi-1", known=known)

    def feed(self, seconds: int = 1) -> None:
        spoken = np.arange(self.fed * 10, (self.fed + seconds) * 10)
        sizes = np.random.default_rng(0).integers(60, 1500, 100_000)[spoken]
        columns = {"time_ns": START + spoken * 10**8, "src": np.full(len(spoken), mac_number(CAMERA), "u8")}
        columns |= {"dst": np.full(len(spoken), mac_number(ROUTER), "u8"), "wire_len": sizes}
        for batch in Replay(PacketTable.from_columns(columns), speed=10**6):
            self.watch.take(batch)
            self.updates.between_batches()
        self.fed += seconds

    def until(self, fact: Callable[[Standing], object]) -> Standing:
        """Live on until the agent says that it stands so."""
        end = time.monotonic() + 60
        while not ((said := read(self.home.state)) and fact(said)):
            assert time.monotonic() < end, (said, self.said)
            self.feed()
            time.sleep(0.02)
        return said


@pytest.fixture
def agent(home: Home) -> Iterator[Agent]:
    home.publish(camera={})
    found = Agent(home)
    with found.updates:
        yield found


def test_the_first_model_is_on_trial_and_then_in_use(agent: Agent) -> None:
    assert agent.until(lambda said: said.phase is Phase.TRIAL).trials.keys() == {"binary.camera"}
    said = agent.until(lambda said: said.phase is Phase.IN_USE)
    assert said.models.keys() == {"binary.camera"} and not said.trials and said.release == 1
    assert said.health == ("the attic is hot",) and said.refreshed and said.stale is None


def test_a_new_release_is_found_tried_and_used_without_a_restart(agent: Agent) -> None:
    old = agent.until(lambda said: said.phase is Phase.IN_USE).models["binary.camera"]
    agent.home.publish(camera={"bias": 3.0})
    said = agent.until(lambda said: said.release == 2 and said.phase is Phase.IN_USE)
    assert said.models["binary.camera"] != old
    agent.feed(3)
    assert round(agent.verdicts[-1], 2) == 0.95


def test_a_worse_release_is_said_to_have_failed_and_the_old_model_speaks(agent: Agent) -> None:
    old = agent.until(lambda said: said.phase is Phase.IN_USE).models
    agent.home.publish(camera={"bias": -4})
    said = agent.until(lambda said: said.phase is Phase.FAILED)
    assert said.models == old and "says otherwise" in said.refused["binary.camera"]
    time.sleep(0.3)  # some looks later it is not pulled again
    agent.feed(2)
    assert read(agent.home.state).phase is Phase.FAILED and min(agent.verdicts[-3:]) > 0.9


def test_a_release_that_was_taken_back_is_left_at_once(agent: Agent) -> None:
    from edgeprint.fleet.keys import Keys
    from edgeprint.fleet.seal import change_plan, moment

    first = agent.until(lambda said: said.phase is Phase.IN_USE).models
    agent.home.publish(camera={"bias": 3.0})
    agent.until(lambda said: said.release == 2 and said.phase is Phase.IN_USE)
    change_plan(
        agent.home.folder, Keys(agent.home.keys), lambda plan: plan.return_to(1, "x", moment(now())), now()
    )
    said = agent.until(lambda said: said.release == 1 and said.phase is Phase.IN_USE)
    assert said.models == first and not said.trials


def test_a_withdrawn_model_is_no_longer_used(agent: Agent) -> None:
    agent.until(lambda said: said.phase is Phase.IN_USE)
    agent.home.publish(plug={})
    assert agent.until(lambda said: said.release == 2).models == {}


def test_a_repository_that_expires_leaves_the_models_and_says_so(agent: Agent) -> None:
    from datetime import timedelta

    models = agent.until(lambda said: said.phase is Phase.IN_USE).models
    repository.refresh(agent.home.folder, agent.home.keys, now() - timedelta(days=8))
    said = agent.until(lambda said: said.phase is Phase.BEHIND)
    assert "expired metadata: it is frozen" in str(said.stale) and said.models == models


def test_a_trial_that_a_restart_interrupts_begins_anew(home: Home) -> None:
    home.publish(camera={})
    with (first := Agent(home)).updates:
        first.until(lambda said: said.phase is Phase.IN_USE)
    home.publish(camera={"bias": 3.0})
    second = Agent(home)  # ends without a word
    assert second.models.trials.keys() == {"camera"}
    with (third := Agent(home)).updates:
        third.feed(8)
        assert third.until(lambda said: said.phase is Phase.IN_USE).release == 2


def test_the_state_of_an_agent_says_who_it_is(agent: Agent, tmp_path: Path) -> None:
    assert agent.until(lambda said: True).pi == "pi-1"
