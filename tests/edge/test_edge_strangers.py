"""Strangers by the million: the first are followed, the rest counted, and a silent one makes room."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeprint.binary.features import SpectrogramSpec
from edgeprint.edge.bank import Bank
from edgeprint.edge.batch import Batch
from edgeprint.edge.strangers import FORGOTTEN_NS, MOST
from edgeprint.edge.watch import Watch
from edgeprint.packets.inventory import Device, Inventory, mac_text

START = 1_767_614_400 * 10**9
SPEC = SpectrogramSpec()
OWN, ROUTER, FIRST = 0x0200_0000_0001, 0x0200_0000_0099, 0x0600_0000_0000
INVENTORY = Inventory({"own": Device("own", "", True, frozenset({OWN}))})


class Seen:
    """A watch and whom it forgot."""

    def __init__(self) -> None:
        self.forgotten: list[str] = []
        self.watch = Watch(
            INVENTORY, Bank({}), streak=3, on_verdict=lambda _: None, on_forget=self.forgotten.append
        )

    def hears(self, macs: list[int], after_ns: int = 0) -> "Seen":
        """A packet of each MAC, a nanosecond apart."""
        n, time_ns = len(macs), START + after_ns + np.arange(len(macs))
        columns = (np.full(n, 100, "u4"), np.array(macs, "u8"), np.full(n, ROUTER, "u8"))
        self.watch.take(Batch(time_ns, *columns, now_ns=int(time_ns[-1]) + 1))
        return self

    @property
    def followed(self) -> list[str]:
        return [watched.device for watched in self.watch.strangers.everyone]


def flood(first: int, many: int) -> list[int]:
    return list(range(FIRST + first, FIRST + first + many))


def test_a_stranger_that_was_silent_for_an_hour_makes_room_and_nobody_else_does() -> None:
    seen = Seen().hears(flood(0, MOST))
    seen.hears([FIRST + 1], FORGOTTEN_NS)  # one is heard again
    seen.hears([ROUTER], FORGOTTEN_NS + 10**9)
    assert seen.forgotten == [mac_text(FIRST)] and seen.followed[-1] == mac_text(ROUTER)
    seen.hears(flood(1000, 5000), FORGOTTEN_NS + 2 * 10**9)
    assert {mac_text(FIRST + 1), mac_text(ROUTER)} <= set(seen.followed)
    assert len(seen.followed) == MOST


def test_without_need_nobody_is_forgotten_however_silent() -> None:
    seen = Seen().hears(flood(0, MOST - 1)).hears([ROUTER], 100 * FORGOTTEN_NS)
    assert seen.forgotten == [] and len(seen.followed) == MOST


def test_a_flood_within_the_hour_drives_nobody_out() -> None:
    seen = Seen().hears([ROUTER]).hears(flood(0, 10_000), FORGOTTEN_NS // 2)
    assert seen.followed[0] == mac_text(ROUTER) and seen.forgotten == []
    assert seen.watch.strangers.packets_beyond == 10_000 - (MOST - 1)


macs = st.integers(0, 1 << 48) | st.integers(FIRST, FIRST + 200) | st.just(OWN)


@settings(deadline=None, max_examples=60)
@given(waves=st.lists(st.tuples(st.lists(macs, min_size=1, max_size=150), st.integers(0, 3)), max_size=6))
def test_every_packet_of_a_stranger_is_counted_and_none_more_are_followed_than_may_be(
    waves: list[tuple[list[int], int]],
) -> None:
    seen, sent, forgotten = Seen(), 0, 0
    for hours, (addresses, more) in enumerate(waves):
        before = {w.device: w.packets for w in seen.watch.strangers.everyone}
        gone = len(seen.forgotten)
        addresses = [mac & ((1 << 48) - 1) for mac in addresses]
        seen.hears(addresses, (hours * 4 + more) * FORGOTTEN_NS // 2)
        sent += sum(mac not in (0, OWN) and not mac >> 40 & 1 for mac in addresses)
        forgotten += sum(before[device] for device in seen.forgotten[gone:])
        followed = {w.device: w.packets for w in seen.watch.strangers.everyone}
        assert len(followed) <= MOST
        assert sum(followed.values()) + forgotten + seen.watch.strangers.packets_beyond == sent
        assert set(seen.forgotten[gone:]) <= set(before)


@pytest.mark.parametrize("mac", [0, 0x0100_5E00_0001, 0xFFFF_FFFF_FFFF])
def test_nobody_s_and_everybody_s_addresses_are_no_strangers(mac: int) -> None:
    assert Seen().hears([mac]).followed == []
