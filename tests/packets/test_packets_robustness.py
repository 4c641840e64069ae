"""Odd, cut and damaged captures: decoded or refused with one sentence, both ways alike, in bounded memory."""

import gzip
import json
import os
import struct
import subprocess
import sys
from itertools import accumulate
from pathlib import Path

import both_ways
import capture_bytes as write
import pytest
from capture_bytes import Captured
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_frames import FRAMES
from real_captures import MAGIC_NG, PCAP_HEADER, real, records
from scapy.packet import raw
from sound_table import assert_sound

from edgeprint.errors import NotACapture
from edgeprint.packets.capture_file import CaptureFile
from edgeprint.packets.decode import decode
from edgeprint.packets.link_layer import LINK_TYPES
from edgeprint.packets.table import COLUMNS, DnsTable, HandshakeTable

MOST_MEMORY = 600 * 1024  # KiB
LONGEST = 2.0  # seconds a file of at most half a megabyte
MOST_BYTES = 3000  # of a real capture whose every prefix is read


def test_every_odd_capture_is_decoded_or_refused_in_bounded_time_and_memory():
    paths = real("robustness")
    run = subprocess.run(
        [sys.executable, "-W", "error", Path(__file__).with_name("decode_files.py")],
        input="\n".join(map(str, paths)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert found["peak_kib"] < MOST_MEMORY
    assert found["longest_s"] < LONGEST
    assert {Path(path).parent.name for path in found["refused"]} == {"not-a-pcap"}
    for path, sentence in found["refused"].items():
        assert sentence.startswith(f"{path} is neither pcap nor pcapng")
        assert "\n" not in sentence


def ends(content: bytes) -> list[tuple[int, int]]:
    """(end, frames until there) of each record or block, found without the reader under test."""
    if content[:4] != MAGIC_NG:
        sizes = accumulate((len(record) for record in records(content)), initial=PCAP_HEADER)
        return [(end, frames) for frames, end in enumerate(sizes)]
    found, at, frames, order = [], 0, 0, "<"
    while at + 12 <= len(content):
        if content[at : at + 4] == MAGIC_NG:
            order = "<" if content[at + 8] == 0x4D else ">"
        kind, length = struct.unpack_from(order + "II", content, at)
        if at + length > len(content):
            break
        at, frames = at + length, frames + (kind in (2, 3, 6))
        found.append((at, frames))
    return found


FRAMES_MADE = [raw(packet) for packet in FRAMES[1][:5]]
TIMED = [Captured(1_600_000_000 * 10**9 + i * 1000, frame) for i, frame in enumerate(FRAMES_MADE)]
CONTENTS = {
    f"{kind} {name}": made(TIMED, order=order)
    for kind, made in (("pcap", write.pcap), ("pcapng", write.pcapng))
    for name, order in (("little", "<"), ("big", ">"))
}


def frames_read(path: Path, content: bytes) -> tuple[list[bytes], str | None]:
    path.write_bytes(content)
    return frames_of(path)


def frames_of(path: Path) -> tuple[list[bytes], str | None]:
    capture = CaptureFile(path, block_bytes=4096)
    return [frames[i] for frames in capture for i in range(len(frames))], capture.cut


def every_prefix_gives_its_whole_packets(path: Path, content: bytes) -> None:
    places = ends(content)
    whole, _ = frames_read(path, content)
    assert len(whole) == places[-1][1]
    first = 28 if content[:4] == MAGIC_NG else PCAP_HEADER
    for keep in reversed(range(first, len(content))):
        os.truncate(path, keep)
        found, cut = frames_of(path)
        end, frames = max(((end, n) for end, n in places if end <= keep), default=(0, 0))
        assert found == whole[:frames]
        says = None if keep == end else f"packet at byte {end:,}, after {frames:,} packets"
        assert (cut and says in cut) if says else cut is None, (keep, cut, says)


@pytest.mark.parametrize("name", CONTENTS)
def test_every_prefix_of_a_made_capture(tmp_path, name):
    every_prefix_gives_its_whole_packets(tmp_path / "x", CONTENTS[name])


def test_every_prefix_of_real_captures(tmp_path):
    kinds = {(path.parent, path.suffix, path.read_bytes()[:4]): path for path in real("robustness")}
    chosen = [path for path in kinds.values() if path.parent.name != "not-a-pcap"]
    for path in chosen:
        content = path.read_bytes()[:MOST_BYTES]
        every_prefix_gives_its_whole_packets(tmp_path / "x", content[: ends(content)[-1][0]])
    assert len(chosen) > 5


@pytest.mark.parametrize("name", CONTENTS)
def test_what_is_shorter_than_a_header_is_refused(tmp_path, name):
    shortest = 12 if CONTENTS[name][:4] == MAGIC_NG else PCAP_HEADER
    for keep in range(shortest):
        with pytest.raises(NotACapture, match=r"is empty|is neither pcap nor pcapng"):
            frames_read(tmp_path / "x", CONTENTS[name][:keep])


def test_every_prefix_of_a_gzip_stream_gives_what_it_holds(tmp_path):
    content = CONTENTS["pcap little"]
    zipped = gzip.compress(content)
    before = 0
    for keep in range(2, len(zipped)):
        try:
            found, cut = frames_read(tmp_path / "x", zipped[:keep])
        except NotACapture as error:
            assert before == 0, error
            continue
        assert found == FRAMES_MADE[: len(found)] and len(found) >= before
        assert "gzip" in cut and f"after {len(found)} packets" in cut
        before = len(found)
    assert frames_read(tmp_path / "x", zipped) == (FRAMES_MADE, None)


changes = st.lists(
    st.tuples(
        st.sampled_from(["set", "insert", "delete"]), st.integers(0, 4000), st.binary(min_size=1, max_size=4)
    ),
    min_size=1,
    max_size=8,
)
captures = st.builds(
    lambda made, link_type, rows, order: made(
        [TIMED[0], *(Captured(10**18, raw(FRAMES[link_type][i % len(FRAMES[link_type])])) for i in rows)],
        order=order,
        link_type=link_type,
    ),
    st.sampled_from([write.pcap, write.pcapng]),
    st.sampled_from(sorted(FRAMES)),
    st.lists(st.integers(0, 20), max_size=6),
    st.sampled_from("<>"),
)


def damaged(content: bytes, kinds, link_type: int | None) -> bytes:
    changed = bytearray(content)
    if link_type is not None and content[:4] != MAGIC_NG:
        changed[20:24] = struct.pack("<I" if content[0] in (0xD4, 0x4D) else ">I", link_type)
    for how, place, octets in kinds:
        at = place % (len(changed) + 1)
        changed[at : at + (0 if how == "insert" else len(octets))] = b"" if how == "delete" else octets
    return bytes(changed)


def outcome(path: Path):
    try:
        table, report = decode(path)
    except NotACapture as error:
        return str(error)
    assert_sound(table, report)
    sides = [(table.dns, DnsTable), (table.handshakes, HandshakeTable)]
    found = {name: getattr(table, name).tolist() for name in COLUMNS}
    for side, kind in sides:
        found |= {f"{kind.__name__}.{f}": getattr(side, f).tolist() for f in kind.__dataclass_fields__}
    return found, report


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(captures, changes, st.none() | st.sampled_from(LINK_TYPES) | st.integers(0, 400), st.booleans())
def test_damaged_captures_are_read_alike_both_ways(tmp_path, content, kinds, link_type, zipped):
    pytest.importorskip("numba")
    content = damaged(content, kinds, link_type)
    (tmp_path / "x").write_bytes(gzip.compress(content) if zipped else content)
    with both_ways.compiled():
        compiled = outcome(tmp_path / "x")
    with both_ways.interpreted():
        assert outcome(tmp_path / "x") == compiled
