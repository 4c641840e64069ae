from fractions import Fraction

import capture_bytes as write
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edgeprint.packets.capture_file import CaptureFile
from edgeprint.packets.pcapng import LAST_SECOND, seconds_and_ns

SECOND = 10**9


def read(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    capture = CaptureFile(tmp_path / "x")
    return list(capture), capture


def one(tmp_path, content):
    (frames,), _ = read(tmp_path, content)
    return frames


@pytest.mark.parametrize("order", "<>")
def test_each_interface_has_its_own_link_type_resolution_and_offset(tmp_path, order):
    content = (
        write.section(order)
        + write.interface(order)
        + write.interface(order, link_type=113, resolution=3, shift_s=-5)
        + write.interface(order, link_type=101, resolution=128 + 10, shift_s=7)
        + write.enhanced(b"a", ticks=2_000_001, owner=0, order=order)
        + write.enhanced(b"b", ticks=9_500, owner=1, order=order)
        + write.enhanced(b"c", ticks=1024 + 512, owner=2, order=order)
    )
    frames = one(tmp_path, content)
    assert frames.time_ns.tolist() == [2_000_001_000, 4_500_000_000, 8_500_000_000]
    assert frames.link_type.tolist() == [1, 113, 101]


def test_a_new_section_forgets_interfaces_and_byte_order(tmp_path):
    content = (
        write.section("<") + write.interface("<", link_type=101) + write.enhanced(b"a", ticks=1)
        + write.section(">") + write.interface(">", link_type=1, resolution=9)
        + write.enhanced(b"b", ticks=2, order=">")
    )  # fmt: skip
    frames = one(tmp_path, content)
    assert frames.link_type.tolist() == [101, 1]
    assert frames.time_ns.tolist() == [1000, 2]


def test_simple_packets_are_cut_at_the_snaplen_and_have_no_time(tmp_path):
    data = bytes(range(64))
    frames = one(tmp_path, write.section() + write.interface(snaplen=20) + write.simple(data, wire=900))
    assert (frames[0], frames.wire_len[0], frames.time_ns[0]) == (data[:20], 900, 0)


def test_obsolete_packets_are_read(tmp_path):
    content = write.section() + write.interface() + write.obsolete(b"old", ticks=4, wire=77)
    frames = one(tmp_path, content)
    assert (frames[0], frames.wire_len[0], frames.time_ns[0]) == (b"old", 77, 4000)


def test_unknown_blocks_are_skipped(tmp_path):
    unknown = write.block(0x0BAD, b"x" * 333) + write.block(5, b"statistics")
    content = write.section() + unknown + write.interface() + unknown + write.enhanced(b"a") + unknown
    frames, capture = read(tmp_path, content)
    assert frames[0][0] == b"a"
    assert (capture.cut, capture.malformed) == (None, 0)


def test_packets_of_no_interface_or_longer_than_their_block_count_as_malformed(tmp_path):
    too_long = bytearray(write.enhanced(b"abcd"))
    too_long[20:24] = (5).to_bytes(4, "little")
    content = write.section() + write.enhanced(b"none") + write.interface()
    frames, capture = read(tmp_path, content + bytes(too_long) + write.enhanced(b"good"))
    assert [frames[0][i] for i in range(len(frames[0]))] == [b"good"]
    assert capture.malformed == 2


@pytest.mark.parametrize("length", [0, 8, 0xFFFFFFF0])
def test_an_impossible_block_length_ends_the_pass(tmp_path, length):
    bad = (6).to_bytes(4, "little") + length.to_bytes(4, "little") + bytes(40)
    frames, capture = read(tmp_path, write.section() + write.interface() + write.enhanced(b"a") + bad)
    assert len(frames[0]) == 1
    assert capture.cut == "a block claims an impossible length at byte 84, after 1 packets"


def test_a_section_or_interface_that_is_damaged_ends_the_pass(tmp_path):
    section, interface = bytearray(write.section()), bytearray(write.interface())
    section[8], interface[4] = 99, 8
    for bad, says in ((section, "byte-order magic 63 3c 2b 1a"), (interface, "claims 8 bytes")):
        _, capture = read(tmp_path, write.section() + bytes(bad))
        assert says in capture.cut


def test_interface_options_that_are_cut_count_as_absent(tmp_path):
    head = (1).to_bytes(2, "little") + bytes(6)
    options = b"\x09\x00\x01\x00\x09\x00\x00\x00" + b"\x0e\x00\xff\x00"
    content = write.section() + write.block(1, head + options) + write.enhanced(b"a", ticks=5)
    assert one(tmp_path, content).time_ns.tolist() == [5]


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=5),
    st.integers(0, 127).flatmap(lambda e: st.sampled_from([e, e + 128])),
)
@example([2**63 + 12345], 128 + 60)
@example([2**63 + 12345], 18)
def test_times_of_any_resolution_are_exact(ticks, resolution):
    length = Fraction(1, 2 ** (resolution - 128)) if resolution >= 128 else Fraction(1, 10**resolution)
    seconds, rest_ns = seconds_and_ns(np.array(ticks, "u8"), resolution)
    for tick, whole, rest in zip(ticks, seconds.tolist(), rest_ns.tolist(), strict=True):
        assert whole == min(tick * length // 1, LAST_SECOND)
        assert rest == pytest.approx((tick * length % 1) * SECOND // 1, abs=1)


def test_times_beyond_64_bits_are_held(tmp_path):
    content = (
        write.section() + write.interface(resolution=0, shift_s=2**62) + write.interface(shift_s=-(2**62))
    )
    content += write.enhanced(b"a", ticks=2**64 - 1) + write.enhanced(b"b", ticks=0, owner=1)
    assert one(tmp_path, content).time_ns.tolist() == [LAST_SECOND * SECOND, -LAST_SECOND * SECOND]


def test_a_section_of_another_version_is_not_guessed_at(tmp_path):
    section = bytearray(write.section())
    section[12] = 2
    _, capture = read(tmp_path, write.section() + bytes(section) + write.interface())
    assert capture.cut == "a section is of pcapng version 2, not 1 at byte 28, after 0 packets"


def test_a_block_whose_length_leaves_the_padding_out_is_read(tmp_path):
    odd = bytearray(write.enhanced(b"abc"))
    odd[4] -= 1
    content = write.section() + write.interface() + bytes(odd) + write.enhanced(b"next")
    frames = one(tmp_path, content)
    assert [frames[0], frames[1]] == [b"abc", b"next"]
