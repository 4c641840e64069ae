import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeprint.errors import BadInventory, UnknownDevice
from edgeprint.packets.inventory import mac_number, mac_text, read
from edgeprint.packets.table import PacketTable

HEADER = "mac,device,category,iot\n"
HOME = (
    HEADER
    + "02:00:00:00:00:01,cam,camera,1\n02-00-00-00-00-02,cam,camera,true\n02:00:00:00:00:03,pc,laptop,0\n"
)
ROUTER = 0x0200000000FF


@pytest.fixture
def written(tmp_path):
    def write(text):
        (tmp_path / "devices.csv").write_text(text)
        return read(tmp_path / "devices.csv")

    return write


def packets(*pairs, times=None):
    source, destination = np.array(pairs, "u8").T
    time_ns = np.arange(len(pairs)) if times is None else np.array(times)
    return PacketTable.from_columns({"time_ns": time_ns, "src": source, "dst": destination})


@given(st.integers(0, 2**48 - 1))
def test_a_mac_that_is_written_is_read_back(number):
    assert mac_number(mac_text(number)) == number
    assert mac_number(mac_text(number).upper().replace(":", "-")) == number


@pytest.mark.parametrize(
    "text", ["", "02:00:00:00:00", "02:00:00:00:00:0g", "020000000001", "02:00:00:00:00:01:02"]
)
def test_what_is_no_mac_is_refused(text):
    with pytest.raises(BadInventory, match="not a MAC address"):
        mac_number(text)


def test_several_macs_are_one_device(written):
    inventory = written(HOME)
    assert inventory["cam"].macs == {mac_number("02:00:00:00:00:01"), mac_number("02:00:00:00:00:02")}
    assert inventory.iot == ["cam"]
    assert inventory.by_mac[3 + (2 << 40)] == "pc"


def test_a_device_that_is_not_listed_is_unknown(written):
    with pytest.raises(UnknownDevice, match="'toaster'"):
        written(HOME)["toaster"]


def test_a_packet_between_two_devices_counts_for_both(written):
    one, two, pc = (0x020000000000 + n for n in (1, 2, 3))
    split = written(HOME).split(packets((one, ROUTER), (ROUTER, two), (pc, one), (ROUTER, ROUTER)))
    assert split["cam"].sent.tolist() == [True, False, False]
    assert split["pc"].sent.tolist() == [True]


def test_the_split_is_in_time_order_and_leaves_silent_devices_out(written):
    split = written(HOME).split(packets((0x020000000001, 9), (9, 0x020000000001), times=[7, 3]))
    assert split["cam"].table.time_ns.tolist() == [3, 7]
    assert split["cam"].sent.tolist() == [False, True]
    assert "pc" not in split


def test_strangers_are_unicast_senders_that_no_device_owns(written):
    multicast = 0x010000000001
    table = packets((ROUTER, 1), (ROUTER, 2), (0x020000000001, 1), (multicast, 1))
    assert written(HOME).strangers(table) == {"02:00:00:00:00:ff": 2}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "lists no device"),
        (HEADER, "lists no device"),
        ("mac,device\na,b\n", "lacks the column category, iot"),
        (HEADER + "nonsense,cam,camera,1\n", "line 2: 'nonsense' is not a MAC"),
        (HEADER + "02:00:00:00:00:01,../x,camera,1\n", "'../x' is not a device name"),
        (HEADER + "02:00:00:00:00:01,cam,camera,maybe\n", "iot = 'maybe'"),
        (HOME + "02:00:00:00:00:01,pc,laptop,0\n", "line 5: .* already belongs to cam"),
        (HOME + "02:00:00:00:00:09,cam,hub,1\n", "cam is a camera elsewhere"),
        (HEADER + "02:00:00:00:00:01\n", "'' is not a device name"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(written, text, says):
    with pytest.raises(BadInventory, match=says):
        written(text)


def test_a_missing_or_binary_inventory_is_refused(tmp_path):
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "none.csv", tmp_path / "binary.csv"):
        with pytest.raises(BadInventory, match="cannot be read"):
            read(path)
