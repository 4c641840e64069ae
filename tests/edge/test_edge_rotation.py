"""A made-up address is taken for a device only while that device could be it, and after a streak of hits."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_home import CAMERA, PLUG, ROUTER, SPEC, WIDTH
from test_edge_watch import START, STREAK, bank

from edgeprint.edge.bank import Bank
from edgeprint.edge.batch import Batch
from edgeprint.edge.memory import restore, save
from edgeprint.edge.rotation import GIVE_UP, Heard, Link, Rotation
from edgeprint.edge.verdicts import Judgement
from edgeprint.edge.watch import Watch
from edgeprint.packets.inventory import Device, Inventory, mac_number

HIT, MISS = 0.9, 0.1
MADE_UP, LATER, MAKERS = "06:00:00:00:00:07", "0a:00:00:00:00:08", "00:11:22:33:44:55"
MACS = {"camera": CAMERA, "plug": PLUG}
INVENTORY = Inventory({n: Device(n, "", True, frozenset({mac_number(mac)})) for n, mac in MACS.items()})


@dataclass
class Story:
    """Who was heard when, in ticks, and what the models said."""

    rotation: Rotation = field(default_factory=Rotation)
    devices: dict[str, Heard] = field(default_factory=dict)
    strangers: dict[str, Heard] = field(default_factory=dict)
    now: int = 0

    def sends(self, *names: str) -> "Story":
        for name in names:
            heard = self.devices if name in MACS else self.strangers
            first = heard[name].first_ns if name in heard else self.now
            heard[name] = Heard(MACS.get(name, name), first, self.now)
        return self

    def tick(self, says: Callable[[str, str], float] = lambda *_: HIT) -> "Story":
        """Every address that was just heard is tried on every device that it could be."""
        self.rotation.cut(self.strangers, self.devices)
        for address in [a for a, heard in self.strangers.items() if heard.last_ns == self.now]:
            could_be = self.rotation.could_be(address, self.strangers, self.devices)
            for device, former in could_be.items():
                anew = Judgement(0.5, STREAK)
                self.rotation.after(address, device, former, says(address, device), self.now, anew)
        self.now += 1
        return self

    def linked(self) -> dict[str, str]:
        return {address: link.device for address, link in self.rotation.links.items()}


def told(story: Story, address: str = MADE_UP, ticks: int = STREAK) -> Story:
    for _ in range(ticks):
        story.sends(address).tick(lambda _, device: HIT if device == "camera" else MISS)
    return story


def test_an_address_that_a_silent_device_s_model_takes_is_probably_that_device() -> None:
    story = told(Story().sends("camera", "plug").tick())
    assert story.rotation.links == {MADE_UP: Link(MADE_UP, "camera", CAMERA, STREAK, HIT)}


def test_a_streak_that_is_one_hit_short_tells_nothing() -> None:
    assert told(Story().sends("camera").tick(), ticks=STREAK - 1).linked() == {}


def test_a_device_that_goes_on_speaking_is_not_tried() -> None:
    story = Story().sends("camera").tick()
    for _ in range(10):
        story.sends("camera", MADE_UP).tick()
    assert story.linked() == {} and not story.rotation._tried


def test_a_device_that_was_never_heard_has_no_address_to_fall_silent() -> None:
    assert told(Story()).linked() == {}


def test_a_device_that_speaks_again_ends_the_link_for_good() -> None:
    story = told(Story().sends("camera").tick())
    story.sends("camera").tick()
    assert told(story, ticks=10).linked() == {}


def test_a_device_that_changes_its_address_twice_is_followed_through_both() -> None:
    story = told(told(Story().sends("camera").tick()), LATER)
    assert story.linked() == {MADE_UP: "camera", LATER: "camera"}
    assert story.rotation.links[LATER].former == MADE_UP
    story.sends(MADE_UP).tick(lambda *_: MISS)  # both at once: one of them was somebody else
    assert LATER not in story.linked()


def test_two_addresses_at_once_are_not_both_the_same_device() -> None:
    story = Story().sends("camera").tick()
    for _ in range(20):
        story.sends(MADE_UP, LATER).tick()
    assert list(story.linked().values()) == ["camera"]


def test_of_two_devices_the_one_whose_model_is_surer_is_told() -> None:
    story = Story().sends("camera", "plug").tick()
    for _ in range(STREAK):
        story.sends(MADE_UP).tick(lambda _, device: 0.99 if device == "plug" else HIT)
    assert story.linked() == {MADE_UP: "plug"}


def test_a_link_takes_a_streak_of_misses_to_go_and_a_device_is_given_up() -> None:
    story = told(Story().sends("camera").tick())
    for _ in range(STREAK - 1):
        assert story.sends(MADE_UP).tick(lambda *_: MISS).linked()
    assert not story.sends(MADE_UP).tick(lambda *_: MISS).linked()
    for _ in range(GIVE_UP * STREAK):
        story.sends(MADE_UP).tick(lambda *_: MISS)
    assert story.rotation.could_be(MADE_UP, story.strangers, story.devices) == {}


def test_what_is_no_longer_followed_is_forgotten() -> None:
    story = told(Story().sends("camera").tick())
    story.strangers.clear()
    story.tick()
    assert story.linked() == {} and not story.rotation._tried


ticks = st.lists(
    st.tuples(
        st.sets(st.sampled_from(["camera", "plug", MADE_UP, LATER, ROUTER])),
        st.sets(st.tuples(st.sampled_from([MADE_UP, LATER, ROUTER]), st.sampled_from(["camera", "plug"]))),
    ),
    max_size=60,
)


@given(ticks=ticks)
def test_no_device_is_ever_told_to_be_in_two_places_at_once(ticks: list[tuple[set, set]]) -> None:
    story, runs = Story(), dict[tuple[str, str], int]()
    for senders, taken in ticks:
        before = story.linked()

        def says(address: str, device: str, taken: set = taken) -> float:
            hit = (address, device) in taken
            runs[address, device] = runs.get((address, device), 0) + 1 if hit else 0
            return HIT if hit else MISS

        story.sends(*sorted(senders)).tick(says)
        for address, device in story.linked().items():
            own = story.strangers[address]
            assert story.devices[device].last_ns < own.first_ns
            others = [a for a, d in story.linked().items() if d == device and a != address]
            for other in (story.strangers[a] for a in others):
                assert other.last_ns < own.first_ns or own.last_ns < other.first_ns
            if before.get(address) != device:
                assert runs[address, device] >= STREAK and own.last_ns == story.now - 1


def batches(*senders: tuple[str, Iterable[int]]) -> list[Batch]:
    """A packet to the router in each of the seconds of each sender."""
    rows = sorted((START + second * 10**9, mac_number(mac)) for mac, some in senders for second in some)
    router = np.array([mac_number(ROUTER)], "u8")
    return [
        Batch(np.array([t]), np.array([100], "u4"), np.array([mac], "u8"), router, t + 1) for t, mac in rows
    ]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return bank(tmp_path_factory.mktemp("models"), SPEC, camera=4, plug=-4)


def watch(models: Bank) -> Watch:
    return Watch(INVENTORY, models, streak=STREAK, on_verdict=lambda _: None)


def links(watch: Watch, batches: list[Batch]) -> dict[str, str]:
    for batch in batches:
        watch.take(batch)
    return {address: link.device for address, link in watch.strangers.rotation.links.items()}


LONG = WIDTH + STREAK + 3


def test_a_device_that_comes_back_under_a_made_up_address_is_found(models: Bank) -> None:
    traffic = batches((CAMERA, range(10)), (PLUG, range(10)), (MADE_UP, range(20, 20 + LONG)))
    agent = watch(models)
    assert links(agent, traffic) == {MADE_UP: "camera"}
    assert agent.strangers.rotation.links[MADE_UP].former == CAMERA


def test_an_address_that_a_maker_gave_is_nobody_else(models: Bank) -> None:
    assert links(watch(models), batches((CAMERA, range(10)), (MAKERS, range(20, 20 + LONG)))) == {}


def test_a_link_outlives_a_restart(models: Bank, tmp_path: Path) -> None:
    first, second = watch(models), watch(models)
    links(first, batches((CAMERA, range(10)), (MADE_UP, range(20, 20 + LONG))))
    save(first, models, tmp_path / "memory.npz")
    assert restore(second, models, tmp_path / "memory.npz", START + 10**15) == []
    assert second.strangers.rotation.links == first.strangers.rotation.links
    assert links(second, batches((MADE_UP, range(20 + LONG, 25 + LONG)))) == {MADE_UP: "camera"}
    assert links(second, batches((CAMERA, range(60, 65)))) == {}


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_set_does_not_lose_who_fell_silent(models: Bank, hours: int) -> None:
    before = batches((CAMERA, range(10)))
    seconds = range(hours * 3600 + 20, hours * 3600 + 20 + LONG)
    assert links(watch(models), [*before, *batches((MADE_UP, seconds))]) == {MADE_UP: "camera"}
