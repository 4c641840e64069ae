import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeprint.packets.table import TCP
from edgeprint.testbed.frames import Endpoint, Wire, record_at
from edgeprint.testbed.tape import ACK, FIN, PSH, SYN, Tape
from edgeprint.testbed.tcp import send

NEAR, FAR = Endpoint(2, bytes([192, 168, 1, 20])), Endpoint(3, bytes([192, 0, 2, 7]))
DATA = ACK | PSH


def tape_with_flows(n=1, seed=0):
    wire = Wire()
    return Tape(wire, np.random.default_rng(seed)), wire.open(NEAR, FAR, TCP, 40000 + np.arange(n), 443)


def say(tape, flow, time, up, length=0, flags=ACK, lag=0.0):
    tail = record_at(np.array([length])) if length else 0
    tape.add(np.array([time]), flow, up, tail=tail, length=length, flags=flags, lag=lag)


def told(rows):
    """Sequence and acknowledgement of each row, counted from the first of each side."""
    up = rows["up"]
    base = rows["seq"][up][0], rows["seq"][~up][0]
    seq = rows["seq"] - np.where(up, *base).astype("u4")
    ack = rows["ack"] - np.where(up, *base[::-1]).astype("u4")
    return [(int(s), int(a)) for s, a in zip(seq, ack, strict=True)]


def test_a_conversation_counts_its_bytes_its_syn_and_its_fin():
    tape, flow = tape_with_flows()
    say(tape, flow, 1.0, True, flags=SYN)
    say(tape, flow, 1.1, False, flags=SYN | ACK)
    say(tape, flow, 1.2, True, 100, DATA)
    say(tape, flow, 1.3, False, 50, DATA)
    say(tape, flow, 1.4, True, flags=FIN | ACK)
    say(tape, flow, 1.5, False, flags=FIN | ACK)
    say(tape, flow, 1.6, True)
    rows = tape.finish(0, 10, loss=0)
    assert told(rows)[1:] == [(0, 1), (1, 1), (1, 101), (101, 51), (51, 102), (102, 52)]
    assert rows["ack"][0] == 0  # nothing to acknowledge yet


def test_an_acknowledgement_does_not_know_what_is_still_on_its_way():
    tape, flow = tape_with_flows()
    for i in range(3):
        say(tape, flow, 1 + i / 100, True, 100, DATA)
        say(tape, flow, 1.025 + i / 100, False, lag=0.025)
    rows = tape.finish(0, 10, loss=0)
    assert [ack for (_, ack), row in zip(told(rows), rows, strict=True) if not row["up"]] == [100, 200, 300]


def test_an_acknowledgement_never_goes_back():
    tape, flow = tape_with_flows()
    say(tape, flow, 1.00, True, 100, DATA)
    say(tape, flow, 1.01, True, 100, DATA)
    say(tape, flow, 1.02, False, 60, DATA)  # has seen both
    say(tape, flow, 1.03, False, lag=0.025)  # was to see the first only
    rows = tape.finish(0, 10, loss=0)
    assert [ack for (_, ack), row in zip(told(rows), rows, strict=True) if not row["up"]] == [200, 200]


def test_connections_are_numbered_apart_from_each_other():
    tape, flows = tape_with_flows(2)
    for time, flow in enumerate([*flows, *flows], 1):
        say(tape, flow, time, True, 100, DATA)
    rows = tape.finish(0, 10, loss=0)
    assert rows["flow"].tolist() == [0, 0, 1, 1]
    assert (np.diff(rows["seq"].astype("i8")) % 2**32)[[0, 2]].tolist() == [100, 100]


def test_what_is_sent_again_has_its_old_number_and_is_acknowledged():
    tape, flow = tape_with_flows()
    for second in range(1, 9):
        say(tape, flow, second, True, 100, DATA)
    rows = tape.finish(0, 10, loss=1)
    data, answers = rows[rows["up"]], rows[~rows["up"]]
    assert len(data) == 8 + 5 and len(answers) == 5  # the last three seconds are spared
    assert len(np.unique(data["seq"])) == 8
    again = np.flatnonzero(np.diff(data["seq"].astype("i8")) == 0)
    wait = data["time"][again + 1] - data["time"][again]
    assert np.all((wait >= 200_000) & (wait < 2_000_000))


def test_nothing_is_heard_of_a_device_that_is_off():
    tape, flow = tape_with_flows()
    tape.until = 5.0
    for second in range(1, 9):
        say(tape, flow, second, True, 100, DATA)
    assert tape.finish(0, 10, loss=0)["time"].max() < 5_000_000


def test_rows_outside_the_capture_are_dropped():
    tape, flow = tape_with_flows()
    for second in range(1, 9):
        say(tape, flow, second, True, 100, DATA)
    assert tape.finish(3, 6, loss=1)["time"].tolist() == [3_000_000, 4_000_000, 5_000_000]


def test_an_empty_tape_is_an_empty_day():
    assert len(Tape(Wire(), np.random.default_rng(0)).finish(0, 10, loss=0.5)) == 0


@settings(deadline=None, max_examples=40)
@given(
    sizes=st.lists(st.integers(1, 9000), min_size=1, max_size=20),
    ack_after=st.sampled_from([None, 0.001, 0.03]),
    loss=st.sampled_from([0.0, 0.3]),
    up=st.booleans(),
)
def test_all_that_is_sent_arrives_in_order(sizes, ack_after, loss, up):
    tape, flow = tape_with_flows()
    size = np.array(sizes, float)
    send(
        tape,
        np.arange(len(sizes)) * 2.0,
        np.repeat(flow, len(sizes)),
        size,
        up=up,
        gap=0.001,
        ack_after=ack_after,
    )
    rows = tape.finish(0, 1000, loss)
    data = rows[(rows["up"] == up) & (rows["length"] > 0)]
    _, first = np.unique(data["seq"] - data["seq"][0], return_index=True)
    assert data["length"][first].sum() == np.maximum(size, 30).sum() or np.any(size % 1440 < 30)
    ends = (data["seq"][first] + data["length"][first]).astype("u4")
    assert np.array_equal(ends[:-1], data["seq"][first][1:])
    if ack_after is not None:
        assert rows[rows["up"] != up]["ack"][-1] == ends[-1]
