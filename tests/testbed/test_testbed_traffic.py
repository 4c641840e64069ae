"""A device's day, judged by its rows."""

from dataclasses import replace

import numpy as np
import pytest

from edgeprint.testbed import traffic
from edgeprint.testbed.frames import Wire
from edgeprint.testbed.profiles import Beat, Datagram, Profile, Server, Stream, Web, cast
from edgeprint.testbed.tape import FIN, SYN, Tape

SERVER = Server(name="a.example.com", rtt_ms=20)
HOUR = 3600.0


@pytest.fixture
def quiet() -> Profile:
    """A device that does nothing on its own, not even restart."""
    return replace(cast(1)[0].profile(1), activities=(), reboots=0, loss=0)


def rows_of(profile, begin=0.0, end=HOUR, booting=True):
    tape = Tape(Wire(), np.random.default_rng(5))
    traffic.day(tape, 3, profile, begin, end, booting=booting)
    rows = tape.finish(begin, end, profile.loss)
    return rows[np.argsort(rows["time"], kind="stable")], tape.wire.seal()


def headers(rows, wire):
    return wire.render(rows)[0]


def ports(rows, wire):
    """The other side's port of IPv4 rows [n]."""
    words = headers(rows, wire).view(">u2")
    return np.where(rows["up"], words[:, 18], words[:, 17])


def data(rows):
    """Rows with application data."""
    return rows[(rows["flags"] > 0) & (rows["length"] > 0) & ~rows["whole"]]


def test_a_cold_start_begins_with_dhcp(quiet):
    rows, wire = rows_of(quiet)
    assert rows["up"][:4].tolist() == [True, False, True, False]
    assert ports(rows[:4], wire).tolist() == [67] * 4
    assert headers(rows[:1], wire)[0, :6].tolist() == [255] * 6
    transactions = {bytes(wire.pool[t + 4 : t + 8]) for t in rows["tail"][:4]}
    assert len(transactions) == 1 and bytes(4) not in transactions


def test_a_day_that_goes_on_has_no_dhcp_but_renewals(quiet):
    rows, wire = rows_of(quiet, end=3 * HOUR, booting=False)
    renewals = rows[ports(rows, wire) == 67]
    assert len(renewals) == 4 and renewals["time"][0] > HOUR / 2 * 1e6


def test_time_is_asked_for_at_the_device_s_own_period(quiet):
    rows, wire = rows_of(replace(quiet, clock=replace(quiet.clock, period=100.0)))
    asked = rows["time"][(ports(rows, wire) == 123) & rows["up"]] / 1e6
    assert abs(np.median(np.diff(asked)) - 100) < 3


def test_keep_alives_come_at_the_period_of_their_connection(quiet):
    beat = Beat(server=SERVER, periods=(12.0,), up=(80, 0), down=(70, 0), hours=10)
    rows, _ = rows_of(replace(quiet, activities=(beat,)))
    sent = data(rows)[data(rows)["up"]]
    assert abs(np.median(np.diff(sent["time"])) / 1e6 - 12) < 0.5
    assert set(sent["length"]) == {80} and set(data(rows)["length"]) == {80, 70}


def test_each_connection_draws_its_period(quiet):
    beat = Beat(server=SERVER, periods=(5.0, 40.0), up=(80, 0), down=(70, 0), jitter=0.0, hours=0.1)
    rows, _ = rows_of(replace(quiet, activities=(beat,)))
    sent = data(rows)[data(rows)["up"]]
    steps = [np.diff(sent["time"][sent["flow"] == flow]) / 1e6 for flow in np.unique(sent["flow"])]
    assert all(np.allclose(own, own[:1], atol=0.1) for own in steps)
    assert {round(float(step)) for own in steps for step in own} == {5, 40}


def test_connections_open_once_and_close_once(quiet):
    stream = Stream(
        server=SERVER, per_hour=30, seconds=(5, 0.2), rate=5, size=(2000, 0.2), up=True, night=1.0
    )
    rows, _ = rows_of(replace(quiet, activities=(stream,)))
    tcp = rows[rows["flags"] > 0]
    opened = tcp[(tcp["flags"] & SYN > 0) & tcp["up"]]
    assert len(np.unique(opened["flow"])) == len(opened) == len(np.unique(tcp["flow"])) > 10
    closed = tcp[(tcp["flags"] & FIN > 0) & tcp["up"]]
    assert set(closed["flow"]) >= set(opened["flow"][:-2])


@pytest.mark.parametrize("up", [True, False])
def test_media_flow_one_way(quiet, up):
    stream = Stream(server=SERVER, per_hour=20, seconds=(20, 0.2), rate=5, size=(5000, 0.2), up=up, night=1.0)
    found = data(rows_of(replace(quiet, activities=(stream,)))[0])
    assert found["length"][found["up"] == up].sum() > 20 * found["length"][found["up"] != up].sum()


def test_datagrams_are_answered(quiet):
    datagram = Datagram(server=replace(SERVER, port=10001), period=20, up=(60, 0), down=(50, 0))
    rows, wire = rows_of(replace(quiet, activities=(datagram,)))
    own = rows[ports(rows, wire) == 10001]
    assert 170 < own["up"].sum() < 190 and abs(int(own["up"].sum()) - len(own) / 2) <= 1


def test_a_visit_of_pages_asks_several_servers(quiet):
    servers = tuple(replace(SERVER, name=f"{c}.example.com") for c in "abcd")
    web = Web(servers=servers, per_hour=20, pages=4, connections=3, up=(700, 100), size=(9000, 1), night=1)
    rows, wire = rows_of(replace(quiet, activities=(web,)))
    opened = rows[(rows["flags"] & SYN > 0) & rows["up"]]
    assert len({bytes(h[30:34]) for h in headers(opened, wire)}) == 4


def test_a_reboot_is_a_silence_and_a_cold_start(quiet):
    beat = Beat(server=SERVER, periods=(2.0,), up=(80, 0), down=(70, 0))
    rows, wire = rows_of(replace(quiet, activities=(beat,), reboots=200.0), end=2 * HOUR)
    boots = rows["time"][(headers(rows, wire)[:, :6] == 255).all(1)] / 1e6
    discovered = boots[np.diff(boots, prepend=-60) > 1]
    assert len(discovered) > 3
    for boot in discovered[1:]:
        before = rows["time"][rows["time"] < boot * 1e6 - 1].max() / 1e6
        assert boot - before >= traffic.DOWNTIME - 3
