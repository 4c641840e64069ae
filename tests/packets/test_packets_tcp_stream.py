from hypothesis import given
from hypothesis import strategies as st

from edgeprint.packets.tcp_stream import Stream

TEXT = bytes(range(100))


def stream(*segments, base=0):
    """Segments (start, end) of TEXT, one a nanosecond."""
    made = Stream(base)
    for time_ns, (start, end) in enumerate(segments):
        made.add((base + start) % 2**32, TEXT[max(start, 0) : end], end - max(start, 0), time_ns)
    return made


def test_segments_in_order_grow_the_stream():
    made = stream((0, 10), (10, 30))
    assert (made.seen, made.seen_ns(10), made.seen_ns(11), made.seen_ns(31)) == (30, 0, 1, None)
    assert made.read(5, 10) == TEXT[5:15]


def test_a_hole_holds_growth_back_until_it_is_filled():
    made = stream((0, 10), (20, 30), (10, 20))
    assert (made.seen_ns(10), made.seen_ns(11), made.seen_ns(30)) == (0, 2, 2)


def test_a_repeated_segment_brings_nothing_new():
    made = stream((0, 10), (10, 20))
    assert not made.add(0, TEXT[:10], 10, 9)
    assert not made.add(5, TEXT[5:15], 10, 9)
    assert made.last_ns == 1


def test_a_segment_from_before_the_base_counts_from_the_base():
    made = Stream(50)
    assert not made.add(30, TEXT[30:50], 20, 0)
    assert made.add(40, TEXT[40:60], 20, 1)
    assert made.read(0, 99) == TEXT[50:60]


def test_sequence_numbers_wrap():
    assert stream((0, 10), (10, 30), base=2**32 - 5).read(0, 30) == TEXT[:30]


def test_bytes_on_the_wire_that_were_not_captured_are_seen_but_not_read():
    made = Stream(0)
    made.add(0, TEXT[:10], 50, 0)
    made.add(50, TEXT[50:60], 10, 1)
    assert (made.seen, made.read(5, 20), made.read(50, 5)) == (60, TEXT[5:10], TEXT[50:55])


def test_a_segment_far_away_is_refused():
    assert not Stream(0).add(2**21, b"x", 1, 0)


@given(st.permutations([(0, 7), (7, 20), (5, 12), (20, 21), (21, 60)]), st.integers(0, 2**32 - 1))
def test_any_order_gives_the_same_bytes(segments, base):
    made = stream(*segments, base=base)
    assert (made.seen, made.read(0, 60)) == (60, TEXT[:60])
