"""A whole resampled home: what it says of itself, where each packet comes from, what never shows."""

import itertools
import json
from collections import defaultdict

import numpy as np
import pytest
from real_home import ADDRESSES, CAMERA, PLUG, inventory, pcap, setups, tcp
from test_testbed_stretches import recording
from written_home import records

from edgeprint.errors import BadInventory, BadParams, NotEnoughData, UnknownDevice
from edgeprint.packets.decode import decode
from edgeprint.packets.inventory import read
from edgeprint.testbed.drift import Drift
from edgeprint.testbed.home import simulate
from edgeprint.testbed.resample import Plan, Player, resample
from edgeprint.testbed.sources import SECOND
from edgeprint.testbed.stretches import Stretch

HOURS = 4
BORDER = 0.8 * HOURS * 3600  # of a quarter, from its first second


@pytest.fixture(scope="module")
def lengths(tagged):
    """Where each length, and with it each frame, stands in the sources: (device, time)."""
    found = {}
    for folder, device in zip(tagged, ("plug", "camera"), strict=True):
        for path in sorted(folder.rglob("*.pcap")):
            found |= {record.wire_len: (device, record.time) for record in records(path)}
    return found


@pytest.fixture(scope="module")
def made(tagged, tmp_path_factory):
    out = tmp_path_factory.mktemp("made")
    return out, resample(out, tagged, Plan(hours=HOURS))


def parts(out):
    """(records, seconds from the quarter's first) of each part of each quarter, first parts first."""
    for path in sorted(out.glob("*.pcap")):
        found = records(path)
        midnight = found[0].time // 86400 * 86400
        begin = midnight + (22 - HOURS / 2) * 3600
        early = [r for r in found if r.time - begin < BORDER]
        yield path.stem, early, begin
        yield path.stem + " held out", found[len(early) :], begin + BORDER


def test_every_packet_is_one_source_frame_under_its_own_device(made, lengths):
    out, summary = made
    by_mac = read(out / "devices.csv").by_mac
    seen = 0
    for path in sorted(out.glob("*.pcap")):
        for record in records(path):
            macs = {int.from_bytes(record.data[i : i + 6], "big") for i in (0, 6)}
            assert {by_mac[m] for m in macs if m in by_mac} == {lengths[record.wire_len][0]}
            seen += 1
    assert seen == summary.packets == sum(summary.device_packets.values()) > 1000


def test_no_source_frame_stands_in_two_parts(made):
    where = defaultdict(set)
    for name, found, _ in parts(made[0]):
        for record in found:
            where[record.wire_len].add(name)
    assert len({name for names in where.values() for name in names}) == 8
    assert all(len(names) == 1 for names in where.values())


def test_parts_follow_the_source_s_order(made, lengths):
    for device in ("plug", "camera"):
        spans = []
        for _, found, _ in parts(made[0]):
            own = [lengths[r.wire_len][1] for r in found if lengths[r.wire_len][0] == device]
            spans += [(min(own), max(own))]
        assert all(a[1] < b[0] for a, b in itertools.pairwise(spans))


def test_times_between_the_frames_of_a_stretch_are_those_of_the_source(made, lengths):
    """Also the order: whoever follows within a stretch follows in the source."""
    checked = 0
    for _, found, _ in parts(made[0]):
        for device in ("plug", "camera"):
            own = [r for r in found if lengths[r.wire_len][0] == device]
            for before, after in itertools.pairwise(own):
                real = lengths[after.wire_len][1] - lengths[before.wire_len][1]
                if after.wire_len == before.wire_len + 1 and real < 60:
                    assert after.time - before.time == pytest.approx(real, abs=2e-6)
                    checked += 1
    assert checked > 0.9 * made[1].packets


def test_a_day_s_held_out_part_begins_on_the_half_hour():
    assert Plan(hours=24).border == 19 * 3600
    assert Plan(hours=4).border == BORDER == 3.2 * 3600  # its last part is shorter than two windows


def test_no_quarter_is_laid_out_like_another(made):
    starts = [found[0].time - begin for _, found, begin in parts(made[0])]
    assert len({round(start, 3) for start in starts}) == len(starts)


@pytest.mark.parametrize(("sessions", "periods"), [(2, 1.0), (2, 2.0), (40, 1.0)])
def test_pauses_are_for_sessions_however_finely_these_are_cut(sessions, periods):
    """600 s of pieces and, between sessions, a pause of ten minutes on average, longer as periods are."""
    whole = recording(*[[1000.0 * i + 6000 * j / sessions for j in range(20)] for i in range(sessions)])
    pieces = [
        Stretch(int(begin), int(begin) + 10 * SECOND, i, i + 1, sessions / 40)
        for i, begin in enumerate(whole.frames["time"][:40])
    ]
    player = Player(whole, pieces, [[list(range(40)), [0]]])
    tracks, _ = player.lay(Drift(periods=periods), 1, Plan(quarters=1, hours=2000))
    first = tracks.stop < tracks.stop[-1]
    pauses = np.diff(tracks.start[first]) / 1e6 - 10 * periods
    assert abs(pauses.mean() / (600 * periods * sessions / 40) - 1) < 0.1


def test_the_decoder_finds_no_fault(made):
    for name in made[1].files:
        table, report = decode(made[0] / name)
        assert report.malformed == 0 and report.cut is None and not report.unsupported
        assert (np.diff(table.time_ns) >= 0).all()


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(tagged, tmp_path):
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        resample(tmp_path / name, tagged, Plan(quarters=2, hours=1, seed=seed))
    files = {name: [p.read_bytes() for p in sorted((tmp_path / name).iterdir())] for name in "abc"}
    assert files["a"] == files["b"]
    assert files["a"] != files["c"]


def test_a_device_s_times_do_not_depend_on_the_others(tagged, tmp_path):
    heard = []
    for name, folders in (("both", tagged), ("alone", tagged[:1])):
        summary = resample(tmp_path / name, folders, Plan(quarters=1, hours=1))
        found = records(tmp_path / name / summary.files[0])
        heard.append([(r.time, r.wire_len) for r in found if r.wire_len < 60 + 16 * 20])
    assert heard[0] == heard[1] != []


def test_no_old_address_and_no_payload_is_in_the_bytes(made):
    for name in made[1].files:
        data = (made[0] / name).read_bytes()
        for mac in (PLUG, CAMERA, "00112233445a"):
            assert bytes.fromhex(mac) not in data
        for address in ADDRESSES.values():
            assert bytes.fromhex(address) not in data
        assert b"sss" not in data


def test_no_mac_of_a_home_is_in_the_bytes_in_any_form(renamed, tmp_path):
    old = read(renamed / "devices.csv").by_mac
    summary = resample(tmp_path, [renamed], Plan(quarters=1, hours=0.5))
    data = b"".join((tmp_path / name).read_bytes() for name in summary.files)
    for mac in old:
        raw = mac.to_bytes(6, "big")
        eui = bytes([raw[0] ^ 2]) + raw[1:3] + b"\xff\xfe" + raw[3:]
        for form in (raw, eui, raw.hex().encode(), raw.hex(":").encode(), raw.hex("-").encode()):
            assert form not in data
    assert b"\xc0\xa8\x01" not in data  # 192.168.1.0/24


def test_the_source_says_what_it_is(made):
    source = json.loads((made[0] / "source.json").read_text())
    assert (source["simulated"], source["resampled"], source["from"]) == (False, True, ["setups", "week"])
    assert (source["seed"], source["quarters"], source["hours"]) == (7, 4, HOURS)
    assert source["changes"] == [] and source["left_out"] == {} and source["unread"] == {}
    assert source["held_out_from"]["2025Q1"] == "2025-02-12T23:12:00Z"
    assert source["stretches"]["plug"] == "3+1 3+1 3+1 3+1"
    assert source["connections_in_two_pools"] == {}


def test_a_device_with_too_few_stretches_is_left_out_with_the_reason(tagged, tmp_path):
    inventory(tmp_path / "short", blinker=CAMERA)
    pcap(tmp_path / "short" / "a.pcap", [(0.0, tcp(CAMERA, PLUG, 90)), (0.1, tcp(CAMERA, PLUG, 91))])
    summary = resample(tmp_path / "out", [tagged[0], tmp_path / "short"], Plan(quarters=1, hours=1))
    left_out = json.loads((tmp_path / "out" / "source.json").read_text())["left_out"]
    assert left_out == {
        "blinker": "blinker: 2 packets in 1 sessions give 1 stretches, and 2 parts of quarters need one each"
    }
    assert set(summary.device_packets) == {"plug"} == set(read(tmp_path / "out" / "devices.csv").devices)


def test_a_home_without_any_device_is_refused(tmp_path):
    inventory(tmp_path / "empty", blinker=CAMERA)
    with pytest.raises(NotEnoughData, match="blinker: 0 packets"):
        resample(tmp_path / "out", [tmp_path / "empty"], Plan())
    assert not (tmp_path / "out").exists()


def test_what_is_no_capture_is_named_and_passed_over(tmp_path):
    setups(tmp_path / "setups")
    (tmp_path / "setups" / "notes.txt").write_text("not a capture at all, only notes")
    resample(tmp_path / "out", [tmp_path / "setups"], Plan(quarters=1, hours=0.5))
    unread = json.loads((tmp_path / "out" / "source.json").read_text())["unread"]
    assert "neither pcap nor pcapng" in unread["notes.txt"]


def test_folders_that_list_one_mac_twice_are_refused(tagged, tmp_path):
    inventory(tmp_path / "again", other=PLUG)
    with pytest.raises(BadInventory, match="other is plug of another folder"):
        resample(tmp_path / "out", [tagged[0], tmp_path / "again"], Plan())


def test_captures_that_may_be_real_are_never_replaced(tagged, tmp_path):
    (tmp_path / "real.pcap").write_bytes(b"precious")
    with pytest.raises(BadParams, match=r"real\.pcap"):
        resample(tmp_path, tagged[:1], Plan(quarters=1, hours=0.5))
    assert (tmp_path / "real.pcap").read_bytes() == b"precious"


def test_a_simulated_home_may_be_replaced(tagged, tmp_path):
    simulate(tmp_path, devices=1, quarters=2, hours=0.1)
    resample(tmp_path, tagged[:1], Plan(quarters=1, hours=0.5))
    assert [p.name for p in tmp_path.glob("*.pcap")] == ["2025-02-12.pcap"]


def test_a_long_quarter_goes_on_from_day_to_day(tagged, tmp_path):
    summary = resample(tmp_path, tagged, Plan(quarters=1, hours=36))
    assert summary.files == ["2025-02-12.pcap", "2025-02-13.pcap"]
    days = [[r.time for r in records(tmp_path / name)] for name in summary.files]
    assert days[0][-1] // 86400 == days[0][0] // 86400 == days[1][0] // 86400 - 1
    assert days[1][-1] % 86400 < 12 * 3600


def test_drift_of_a_device_that_is_not_there_is_refused(tagged, tmp_path):
    (tmp_path / "drift.toml").write_text('[[change]]\ndevice = "lock"\nquarter = 2\nsizes = 2.0\n')
    with pytest.raises(UnknownDevice, match="'lock'"):
        resample(tmp_path / "out", tagged, Plan(), tmp_path / "drift.toml")
    assert not (tmp_path / "out").exists()


def test_handshakes_that_were_not_captured_cannot_be_scaled(tagged, tmp_path):
    (tmp_path / "drift.toml").write_text('[[change]]\ndevice = "plug"\nquarter = 2\nhandshakes = 2.0\n')
    with pytest.raises(BadParams, match="no TLS handshake of plug was captured"):
        resample(tmp_path / "out", tagged, Plan(), tmp_path / "drift.toml")


def test_drift_begins_in_its_quarter_and_is_listed(tagged, tmp_path):
    (tmp_path / "drift.toml").write_text('[[change]]\ndevice = "plug"\nquarter = 2\nsizes = 2.0\n')
    plan = Plan(quarters=2, hours=2)
    resample(tmp_path / "calm", tagged, plan)
    summary = resample(tmp_path / "drift", tagged, plan, tmp_path / "drift.toml")
    source = json.loads((tmp_path / "drift" / "source.json").read_text())
    assert source["changes"] == [{"device": "plug", "quarter": "2025Q2", "what": "payloads × 2"}]
    first, second = (tuple((tmp_path / d / f).read_bytes() for d in ("calm", "drift")) for f in summary.files)
    assert first[0] == first[1] and second[0] != second[1]
    calm, drifted = (records(tmp_path / d / summary.files[1]) for d in ("calm", "drift"))
    assert [r.time for r in calm] == [r.time for r in drifted]
    for before, after in zip(calm, drifted, strict=True):
        plug = before.wire_len < 60 + 16 * 20
        assert after.wire_len == (54 + 2 * (before.wire_len - 54) if plug else before.wire_len)


@pytest.mark.parametrize(
    "wrong", [{"quarters": 0}, {"hours": 0}, {"seed": -1}, {"test_fraction": 1.0}, {"pause_minutes": 0}]
)
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(BadParams, match=f"{next(iter(wrong))} = {next(iter(wrong.values()))}"):
        Plan(**wrong)
