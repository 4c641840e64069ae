"""What people say of devices, on top of the list that the household wrote."""

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st
from simulated_home import CAMERA, PLUG, ROUTER

from edgeprint.edge.confirmed import NAMED_HERE, Confirmed
from edgeprint.packets.inventory import Device, Inventory, mac_number

MACS = {"camera": CAMERA, "plug": PLUG}
LISTED = Inventory({n: Device(n, "", n == "plug", frozenset({mac_number(mac)})) for n, mac in MACS.items()})


class Said(NamedTuple):
    device: str
    mac: str | None
    label: str


def home(*said: Said) -> Confirmed:
    return Confirmed(LISTED, said)


def test_a_stranger_becomes_the_device_that_it_is() -> None:
    assert home(Said(ROUTER, ROUTER, "plug")).inventory.by_mac[mac_number(ROUTER)] == "plug"
    assert len(home(Said(ROUTER, ROUTER, "plug")).inventory.devices) == 2


def test_a_stranger_with_a_new_name_becomes_a_new_device() -> None:
    found = home(Said(ROUTER, ROUTER, "hub"))
    assert found.inventory["hub"] == Device("hub", NAMED_HERE, True, frozenset({mac_number(ROUTER)}))
    assert found.wanted == ["hub", "plug"]


def test_what_was_named_wrongly_can_be_named_again() -> None:
    found = home(Said(ROUTER, ROUTER, "hub"), Said("hub", None, "bridge"))
    assert [*found.inventory.devices] == ["camera", "plug", "bridge"]


def test_a_listed_device_is_judged_as_what_people_say_unless_it_has_a_model() -> None:
    found = home(Said("plug", None, "tapo-plug"))
    assert found.inventory == LISTED and found.wanted == ["plug", "tapo-plug"]
    assert found.by_device({"tapo-plug": 1}) == {"plug": 1}
    assert found.by_device({"tapo-plug": 1, "plug": 2}) == {"plug": 2}
    assert home(Said("plug", None, "tapo-plug"), Said("plug", None, "plug")).models == {}


def test_the_list_goes_before_what_people_said() -> None:
    assert home(Said(CAMERA, CAMERA, "hub")).inventory == LISTED


names = st.sampled_from(["camera", "plug", "hub", "bridge"])
labels = st.builds(
    lambda mac, label: Said(mac, mac, label), st.sampled_from([ROUTER, "02:00:00:00:00:77"]), names
)
corrections = st.builds(lambda device, label: Said(device, None, label), names, names)


@given(said=st.lists(labels | corrections, max_size=12))
def test_whatever_is_said_the_list_stands_and_every_address_has_one_owner(said: list[Said]) -> None:
    found = home(*said)
    owners = [mac for device in found.inventory.devices.values() for mac in device.macs]
    assert len(owners) == len(set(owners)) == 2 + len({s.mac for s in said if s.mac})
    assert all(LISTED[name].macs <= found.inventory[name].macs for name in MACS)
    assert all(device.macs for device in found.inventory.devices.values())
    last = {s.mac: s.label for s in said if s.mac}
    if not any(s.mac is None for s in said):
        assert {found.inventory.by_mac[mac_number(mac)] for mac in last} == set(last.values())
