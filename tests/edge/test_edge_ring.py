"""Blocks of a ring, written here as the kernel writes them."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeprint.edge import ring
from edgeprint.edge.frame_head import VLAN_VALID
from edgeprint.edge.ring import parse

A, B = 0x0200_0000_0001, 0x0200_0000_0002
SECOND = 10**9
Frame = tuple[int, int, int, bytes]  # time, length on the wire, status, what is kept


def block(frames: list[Frame], *, mac: list[int] | None = None) -> np.ndarray:
    """`mac`: how far each frame is behind its header, 82 where the link layer has 14 bytes."""
    places = mac or [82] * len(frames)
    data = bytearray(1 << 16)
    struct.pack_into("<IIIII", data, 0, 2, 0, 1, len(frames), 48)
    at = 48
    for row, ((time_ns, length, status, kept), place) in enumerate(zip(frames, places, strict=True)):
        size = (place + len(kept) + 7) // 8 * 8
        following = size if row + 1 < len(frames) else 0
        struct.pack_into(
            "<IIIIIIH", data, at, following, *divmod(time_ns, SECOND), len(kept), length, status, place
        )
        data[at + place : at + place + len(kept)] = kept
        at += size
    return np.frombuffer(bytes(data), "u1")


def macs(src: int, dst: int, more: int = 2) -> bytes:
    return dst.to_bytes(6, "big") + src.to_bytes(6, "big") + bytes(more)


def test_a_block_gives_times_lengths_and_macs() -> None:
    found = parse(block([(7 * SECOND + 5, 60, 1, macs(A, B)), (8 * SECOND, 1514, 1, macs(B, A))]))
    assert found.time_ns.tolist() == [7 * SECOND + 5, 8 * SECOND]
    assert found.wire_len.tolist() == [60, 1514]
    assert (found.src.tolist(), found.dst.tolist()) == ([A, B], [B, A])


def test_a_block_that_was_handed_over_empty_gives_nothing() -> None:
    assert [len(column) for column in parse(block([]))] == [0, 0, 0, 0]


def test_a_tag_that_the_kernel_took_out_counts() -> None:
    assert parse(block([(0, 60, 1 | VLAN_VALID, macs(A, B))])).wire_len.tolist() == [64]


def test_a_frame_without_a_whole_header_names_no_device() -> None:
    found = parse(block([(0, 13, 1, macs(A, B, more=1)), (0, 60, 1, macs(A, B))]))
    assert found.src.tolist() == [0, A] and found.wire_len.tolist() == [13, 60]


mac_number = st.integers(0, (1 << 48) - 1)
frames = st.lists(
    st.tuples(
        st.integers(0, 2**31 * SECOND), st.integers(14, 65535), mac_number, mac_number,
        st.sampled_from([82, 86, 98]), st.integers(2, 50), st.booleans(),
    ),
    max_size=30,
)  # fmt: skip


@pytest.mark.parametrize("regular", [True, False])
@given(frames=frames)
def test_frames_are_found_whether_or_not_they_stand_a_constant_stride_apart(
    regular: bool, frames: list[tuple]
) -> None:
    kept = [
        (t, n, 1 | VLAN_VALID * tag, macs(src, dst, 2 if regular else more))
        for t, n, src, dst, _, more, tag in frames
    ]
    places = [82 if regular else place for *_, place, _, _ in frames]
    found = parse(block(kept, mac=places))
    expected = [(t, n + 4 * tag, src, dst) for t, n, src, dst, _, _, tag in frames]
    assert list(zip(*(column.tolist() for column in found), strict=True)) == expected


def test_a_regular_block_is_read_without_a_copy_of_its_frames() -> None:
    data = block([(0, 60, 1, macs(A, B))] * 5)
    at = ring.starts(data.view("u4"), 48, 5)
    assert np.shares_memory(ring.records(data, at, ring.HEADER), data)
