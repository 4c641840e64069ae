"""A live source whose clock is set, with a simulated interface: a kernel stamps by the one clock of all."""

from collections.abc import Callable
from itertools import islice, pairwise

import numpy as np
import pytest
from simulated_home import CAMERA, ROUTER, SPEC
from test_edge_watch import bank, watched

from edgeprint.edge.batch import Batch, Packets
from edgeprint.edge.interface import State
from edgeprint.edge.live import Live
from edgeprint.packets.inventory import Inventory, mac_number

SECOND = 10**9
START = 1_767_614_400 * SECOND
HOUR, YEAR = 3600 * SECOND, 365 * 86_400 * SECOND
EVERY_NS = SECOND // 10  # one packet


class Interface:
    """A packet each tenth of a second, stamped by a clock that is set by `jump` after `when` seconds."""

    backend, notes = "simulated", ()

    def __init__(self, when: int, jump_ns: int, *, stamps_lag: int = 0) -> None:
        self._when, self._jump_ns, self._lag = when * SECOND, jump_ns, stamps_lag
        self.now = 0
        self.sent = 0

    def clock(self, behind: int = 0) -> int:
        now = self.now - behind
        return START + now + (self._jump_ns if now >= self._when else 0)

    def read(self, seconds: float) -> Packets:
        self.now += EVERY_NS
        self.sent += 1
        camera, router = np.array([[mac_number(CAMERA)], [mac_number(ROUTER)]], "u8")
        time_ns = np.array([self.clock(self._lag * EVERY_NS)])
        return Packets(time_ns, np.array([100], "u4"), camera, router)

    def lost(self) -> int:
        return 0

    def close(self) -> None:
        pass


def batches(interface: Interface, seconds: int = 30) -> tuple[Live, list[Batch]]:
    opened: Callable[[str, str], Interface] = lambda *_: interface  # noqa: E731
    source = Live(
        "lo",
        open_reader=opened,  # type: ignore[arg-type]
        state=lambda _: State.UP,
        clock_ns=interface.clock,
        steady_ns=lambda: interface.now,
    )
    found = []
    for batch in source:
        found.append(batch)
        if interface.now >= seconds * SECOND:
            source.stop()
    return source, found


@pytest.mark.parametrize("jump_ns", [0, HOUR, YEAR, -HOUR, -YEAR, SECOND // 2, -SECOND // 2])
def test_every_packet_comes_once_whatever_the_clock_does(jump_ns: int) -> None:
    interface = Interface(12, jump_ns)
    _, found = batches(interface)
    assert sum(len(batch.time_ns) for batch in found) == interface.sent


def test_a_clock_that_is_set_forward_is_followed() -> None:
    source, found = batches(Interface(12, YEAR))
    assert "set forward by 31,536,000 s" in source.notes[-1]
    assert all(before.now_ns <= after.now_ns for before, after in pairwise(found))
    assert found[-2].now_ns > START + YEAR


def test_a_clock_that_is_set_back_begins_time_anew_once() -> None:
    source, found = batches(Interface(12, -HOUR))
    assert "set back by 3,600 s" in source.notes[-1] and source.late == 0
    assert [after.now_ns < before.now_ns for before, after in pairwise(found)].count(True) == 1
    assert found[-2].now_ns < START


def test_a_clock_that_is_corrected_a_little_is_no_event() -> None:
    source, found = batches(Interface(12, -SECOND // 2))
    assert list(source.notes) == []
    assert all(before.now_ns <= after.now_ns for before, after in pairwise(found))


def test_stamps_from_before_the_clock_was_set_back_are_not_held_until_it_is_there_again() -> None:
    interface = Interface(12, -HOUR, stamps_lag=15)  # older than a batch: read after the step is known
    _, found = batches(interface)
    assert sum(len(batch.time_ns) for batch in found[:-1]) > interface.sent - 40


@pytest.mark.parametrize("jump_ns", [YEAR, HOUR, -HOUR, -YEAR])
def test_the_agent_goes_on_at_once_after_the_clock_was_set(
    jump_ns: int, inventory: Inventory, tmp_path_factory: pytest.TempPathFactory
) -> None:
    _, found = batches(Interface(12, jump_ns), seconds=40)
    record = watched(inventory, bank(tmp_path_factory.mktemp("models"), SPEC, camera=4), found)
    assert 38 <= len(record.of("camera")) <= 46  # a hop is a second: no tick a second of the jump
    times = [verdict.time_ns for verdict in record.of("camera")]
    assert abs(times[-1] - (START + jump_ns + 40 * SECOND)) < 5 * SECOND
    before, after = ([t for t in times if (t > START + jump_ns // 2) is side] for side in (False, True))
    assert min(len(before), len(after)) >= 12


def test_a_source_may_be_read_for_a_while_only() -> None:
    interface = Interface(0, 0)
    source = Live(
        "lo", open_reader=lambda *_: interface, clock_ns=interface.clock, steady_ns=lambda: interface.now
    )  # type: ignore[arg-type, return-value]
    assert len(list(islice(source, 3))) == 3
