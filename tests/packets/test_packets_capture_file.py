import gzip
import zlib
from pathlib import Path

import capture_bytes as write
import numpy as np
import pytest
from capture_bytes import Captured
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeprint.errors import NotACapture
from edgeprint.packets.capture_file import CaptureFile
from edgeprint.packets.frames import Frames

FRAMES = [
    Captured(1_700_000_000_123_456_000, b"a" * 60),
    Captured(1_700_000_001_000_000_000, b"", 90),
    Captured(1_700_000_001_000_001_000, b"b" * 33, 1500),
]
anything = st.lists(
    st.builds(
        Captured,
        st.integers(0, 2**32 * 10**9 - 1),
        st.binary(max_size=70),
        st.none() | st.integers(0, 2**32 - 1),
    ),
    max_size=12,
)
slow = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def frames_of(path: Path, content: bytes, **options) -> tuple[list[Captured], CaptureFile]:
    path.write_bytes(content)
    capture = CaptureFile(path, **options)
    found = []
    for frames in capture:
        rows = zip(frames.time_ns.tolist(), frames.wire_len.tolist(), strict=True)
        found += [Captured(time, frames[i], wire) for i, (time, wire) in enumerate(rows)]
    return found, capture


def same(found: list[Captured], expected: list[Captured]) -> bool:
    return [(f.time_ns, f.data, f.wire) for f in found] == [(f.time_ns, f.data, f.wire) for f in expected]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("nano", [True, False])
def test_pcap_in_both_byte_orders_and_resolutions(tmp_path, order, nano):
    found, capture = frames_of(tmp_path / "x", write.pcap(FRAMES, order=order, nano=nano))
    assert same(found, FRAMES)
    assert capture.cut is None
    assert capture.frames == 3


@slow
@given(frames=anything, order=st.sampled_from("<>"), block_bytes=st.sampled_from([64, 100, 1 << 20]))
def test_what_is_written_as_pcap_is_read_back_whatever_the_block(tmp_path, frames, order, block_bytes):
    content = write.pcap(frames, order=order, nano=True)
    found, capture = frames_of(tmp_path / "x", content, block_bytes=block_bytes)
    assert same(found, frames)
    assert capture.cut is None


@slow
@given(frames=anything, order=st.sampled_from("<>"), block_bytes=st.sampled_from([64, 100, 1 << 20]))
def test_what_is_written_as_pcapng_is_read_back_whatever_the_block(tmp_path, frames, order, block_bytes):
    found, capture = frames_of(tmp_path / "x", write.pcapng(frames, order=order), block_bytes=block_bytes)
    assert same(found, frames)
    assert capture.cut is None


@slow
@given(keep=st.integers(24, 24 + 3 * 16 + 93), zipped=st.booleans())
def test_every_prefix_of_a_capture_gives_its_whole_frames_and_says_if_it_is_cut(tmp_path, keep, zipped):
    content = write.pcap(FRAMES)[:keep]
    found, capture = frames_of(tmp_path / "x", gzip.compress(content) if zipped else content)
    ends = [24 + 76, 24 + 76 + 16, 24 + 76 + 16 + 49]
    assert same(found, FRAMES[: sum(keep >= end for end in ends)])
    assert (capture.cut is None) == (keep in (24, *ends))


def test_the_cut_says_where(tmp_path):
    _, capture = frames_of(tmp_path / "x", write.pcap(FRAMES)[:-1])
    assert capture.cut == "the capture ends in the middle of a packet at byte 116, after 2 packets"


def test_the_name_does_not_matter_and_gzip_is_seen(tmp_path):
    found, _ = frames_of(tmp_path / "x.pcap.txt", gzip.compress(write.pcapng(FRAMES)))
    assert same(found, FRAMES)


def test_two_gzip_members_are_one_capture(tmp_path):
    content = write.pcap(FRAMES)
    found, capture = frames_of(tmp_path / "x", gzip.compress(content[:90]) + gzip.compress(content[90:]))
    assert same(found, FRAMES)
    assert capture.cut is None


def test_a_gzip_stream_that_breaks_off_gives_what_it_held(tmp_path):
    noise = np.random.default_rng(0).bytes(60_000)
    frames = [Captured(10**9 * i, noise[i * 1000 : (i + 1) * 1000]) for i in range(60)]
    found, capture = frames_of(tmp_path / "x", gzip.compress(write.pcap(frames))[:-20_000])
    assert same(found, frames[: len(found)])
    assert 30 < len(found) < 45
    assert "gzip" in capture.cut


def test_a_gzip_stream_that_breaks_off_between_two_packets_says_where(tmp_path):
    stream = zlib.compressobj(wbits=31)
    content = stream.compress(write.pcap(FRAMES)) + stream.flush(zlib.Z_SYNC_FLUSH)
    found, capture = frames_of(tmp_path / "x", content)
    assert same(found, FRAMES)
    assert capture.cut.startswith("the gzip stream is damaged (")
    assert capture.cut.endswith("at byte 165, after 3 packets")


def test_a_frame_longer_than_any_network_has_is_damage(tmp_path):
    content = bytearray(write.pcap(FRAMES))
    content[24 + 76 + 8 : 24 + 76 + 12] = b"\xff\xff\xff\x7f"
    found, capture = frames_of(tmp_path / "x", bytes(content))
    assert same(found, FRAMES[:1])
    assert capture.cut == "a packet claims more than 262,144 captured bytes at byte 100, after 1 packets"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs", "neither pcap nor pcapng: it begins with 76 65 72"),
        (write.pcap([])[:20], "neither pcap nor pcapng"),
        (b"\x0a\x0d\x0d\x0a" + bytes(24), "neither pcap nor pcapng"),
        (gzip.compress(b"hello"), "neither pcap nor pcapng"),
        (b"\x1f\x8b\x00garbage", "gzip"),
    ],
)
def test_what_is_no_capture_is_refused_by_name(tmp_path, content, says):
    with pytest.raises(NotACapture, match=f"x .*{says}"):
        frames_of(tmp_path / "x", content)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(NotACapture, match="cannot be read"):
            list(CaptureFile(path))


def test_bits_above_the_link_type_are_not_part_of_it(tmp_path):
    (tmp_path / "x").write_bytes(write.pcap(FRAMES, link_type=0x14000001))
    assert {int(kind) for frames in CaptureFile(tmp_path / "x") for kind in frames.link_type} == {1}


def test_a_capture_without_packets_has_no_frames(tmp_path):
    assert frames_of(tmp_path / "x", write.pcap([]))[0] == []
    assert frames_of(tmp_path / "y", write.section())[0] == []


def test_frames_can_be_selected_by_mask(tmp_path):
    (tmp_path / "x").write_bytes(write.pcap(FRAMES))
    (frames,) = CaptureFile(tmp_path / "x")
    chosen = frames.select(np.array([False, True, True]))
    assert [chosen[i] for i in range(len(chosen))] == [b"", b"b" * 33]


def test_an_index_that_points_outside_its_bytes_is_refused():
    def frames(offset, cap_len, wire_len=1):
        columns = np.array([offset], "i8"), np.array([cap_len], "i8"), np.ones(wire_len, "u4")
        return Frames(np.zeros(10, "u1"), *columns, np.zeros(1, "i8"), np.ones(1, "u4"))

    assert len(frames(4, 6)) == 1
    for wrong in ((5, 6), (-1, 3), (4, -2), (0, 1, 2)):
        with pytest.raises(ValueError, match="index"):
            frames(*wrong)
