import json
from datetime import date, datetime

import numpy as np
import pytest
from written_home import home, records

from edgeprint.errors import BadParams
from edgeprint.packets.inventory import mac_number
from edgeprint.testbed.frames import Wire
from edgeprint.testbed.home import capture_days, device_rows, quarter_name, simulate
from edgeprint.testbed.profiles import cast


def test_same_arguments_give_the_same_bytes(half_hour, tmp_path):
    again = home(tmp_path, devices=4, quarters=1, hours=0.5, seed=3)
    for path in half_hour.folder.iterdir():
        assert (again.folder / path.name).read_bytes() == path.read_bytes()


def test_another_seed_gives_other_packets(half_hour, tmp_path):
    other = home(tmp_path, devices=4, quarters=1, hours=0.5, seed=4)
    assert other.capture(1).read_bytes() != half_hour.capture(1).read_bytes()


def test_a_device_does_not_depend_on_the_size_of_the_home(half_hour, tmp_path):
    smaller = home(tmp_path, devices=1, quarters=1, hours=0.5, seed=3)
    mac = b"\x02\0\0\0\0\1"
    of_camera = [
        [(r.time, r.data) for r in records(h.capture(1)) if mac in (r.data[:6], r.data[6:12])]
        for h in (half_hour, smaller)
    ]
    assert of_camera[0] == of_camera[1] and len(of_camera[0]) > 100


def test_one_file_a_capture_day_named_for_it(evening):
    assert evening.summary.files == [
        "2025-02-12.pcap",
        "2025-05-14.pcap",
        "2025-08-13.pcap",
        "2025-11-12.pcap",
    ]
    for name in evening.summary.files:
        times = [r.time for r in records(evening.folder / name)]
        assert {datetime.fromtimestamp(t).astimezone().date() for t in (times[0], times[-1])} == {
            date.fromisoformat(name[:10])
        }


def test_packets_are_in_time_order_and_fill_the_capture(evening):
    times = np.array([r.time for r in records(evening.capture(2))])
    assert np.all(np.diff(times) >= 0)
    assert 7200 - 60 < times[-1] - times[0] < 7200


def test_longer_captures_fill_several_days(tmp_path):
    found = home(tmp_path, devices=1, quarters=1, hours=25)
    assert found.summary.files == ["2025-02-12.pcap", "2025-02-13.pcap"]
    assert len(records(found.folder / "2025-02-13.pcap")) > 100


def test_the_summary_counts_what_is_in_the_files(half_hour):
    found = records(half_hour.capture(1))
    assert half_hour.summary.packets == len(found)
    assert half_hour.summary.bytes == half_hour.capture(1).stat().st_size
    senders = [int.from_bytes(r.data[6:12], "big") for r in found]
    receivers = [int.from_bytes(r.data[:6], "big") for r in found]
    for name, device in half_hour.inventory.devices.items():
        own = sum(s in device.macs or r in device.macs for s, r in zip(senders, receivers, strict=True))
        assert own == half_hour.summary.device_packets[name]


def test_the_inventory_lists_iot_devices_and_the_people_s_own(evening):
    assert len(evening.inventory.iot) == 8
    assert {d.name for d in evening.inventory.devices.values() if not d.iot} == {"laptop", "phone"}


def test_only_the_router_is_a_stranger(half_hour):
    senders = {int.from_bytes(r.data[6:12], "big") for r in records(half_hour.capture(1))}
    assert senders - set(half_hour.inventory.by_mac) == {mac_number("02:00:00:00:00:fe")}


def test_addresses_are_local_private_or_for_documentation(evening):
    outside = {
        b"\xc0\x00\x02",
        b"\xc6\x33\x64",
        b"\xcb\x00\x71",
        b"\xc0\xa8\x01",
        b"\xe0\0\0",
        b"\xef\xff\xff",
    }
    for record in records(evening.capture(1))[:20000]:
        assert record.data[0] & 1 or record.data[0] & 2  # multicast or locally administered
        if record.data[12:14] == b"\x08\x00":
            nets = {record.data[26:29], record.data[30:33]}
            assert nets <= outside | {b"\0\0\0", b"\xff\xff\xff"}


def test_the_source_says_that_it_is_simulated_and_what_changed(evening):
    source = json.loads((evening.folder / "source.json").read_text())
    assert source["simulated"] is True
    assert (source["devices"], source["quarters"], source["hours"], source["seed"]) == (8, 4, 2, 3)
    assert {c["device"] for c in source["changes"]} == {"camera-b", "plug-a", "speaker", "sensor"}
    assert all(set(c) == {"device", "quarter", "what"} for c in source["changes"])


def test_changes_after_the_last_quarter_are_not_listed(half_hour):
    assert json.loads((half_hour.folder / "source.json").read_text())["changes"] == []


def test_every_device_is_heard_often_enough_for_spectrograms(evening):
    times, macs = zip(
        *[(r.time, m) for r in records(evening.capture(1)) for m in (r.data[:6], r.data[6:12])], strict=True
    )
    frames, owners = np.array(times) // 15, np.array([int.from_bytes(m, "big") for m in macs])
    for device in evening.inventory.iot:
        own = frames[np.isin(owners, list(evening.inventory[device].macs))]
        assert len(np.unique(own)) > 0.3 * 7200 / 15, device
        assert len(own) > 4 * 100, device


def test_quarters_are_calendar_quarters():
    assert [quarter_name(q) for q in (1, 4, 5)] == ["2025Q1", "2025Q4", "2026Q1"]


@pytest.mark.parametrize("hours", [0.5, 1, 5, 12, 23.5])
def test_a_short_capture_lies_in_one_day_and_sees_evening_and_night(hours):
    (day,) = capture_days(1, hours)
    assert day.begin % 1800 == 0 and day.end - day.begin == hours * 3600 and day.end <= 86400
    assert day.begin < 22.25 * 3600 and (hours < 1 or day.end > 22 * 3600)


@pytest.mark.parametrize("quarter", [1, 2, 3, 4, 9])
@pytest.mark.parametrize("hours", [24, 24 * 40.5, 24 * 90])
def test_a_long_capture_stays_in_its_quarter(quarter, hours):
    days = capture_days(quarter, hours)
    assert sum(day.end - day.begin for day in days) == hours * 3600
    assert {(day.midnight.year, (day.midnight.month - 1) // 3) for day in days} == {
        (2025 + (quarter - 1) // 4, (quarter - 1) % 4)
    }


@pytest.mark.parametrize("person", [0, 1])
def test_people_sleep_at_night(person):
    rows = device_rows(Wire(), cast(0)[person], capture_days(1, 24)[0], seed=1)
    hour = rows["time"] // 3_600_000_000
    evening, night = (rows["length"][(hour >= a) & (hour < a + 5)].sum() for a in (17, 0))
    assert evening > 4 * night


def test_devices_do_not_sleep():
    rows = device_rows(Wire(), cast(1)[0], capture_days(1, 24)[0], seed=1)
    assert np.bincount(rows["time"] // 3_600_000_000).min() > 1000


def test_a_folder_with_other_captures_is_left_alone(tmp_path):
    (tmp_path / "real.pcap").write_bytes(b"precious")
    with pytest.raises(BadParams, match=r"real\.pcap"):
        simulate(tmp_path, devices=1, quarters=1, hours=0.1)
    assert [p.name for p in tmp_path.iterdir()] == ["real.pcap"]


def test_a_second_home_replaces_the_first(tmp_path):
    simulate(tmp_path, devices=1, quarters=2, hours=0.1)
    simulate(tmp_path, devices=1, quarters=1, hours=0.1)
    assert [p.name for p in tmp_path.glob("*.pcap")] == ["2025-02-12.pcap"]


def test_a_home_of_seconds_is_still_a_capture(tmp_path):
    assert len(records(home(tmp_path, devices=2, quarters=1, hours=0.01).capture(1))) >= 0


@pytest.mark.parametrize(
    "wrong", [{"devices": 0}, {"devices": 41}, {"quarters": 0}, {"hours": 0}, {"seed": -1}]
)
def test_numbers_out_of_range_are_refused(tmp_path, wrong):
    with pytest.raises(BadParams, match=f"{next(iter(wrong))} = "):
        simulate(tmp_path / "home", **wrong)
    assert not (tmp_path / "home").exists()
