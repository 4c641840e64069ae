"""No loop reads outside a frame: numba's own bounds checks, and frames with other bytes around them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import both_ways
import numpy as np
import pytest
from made_frames import FRAMES, captures, damage
from real_captures import DATA
from scapy.packet import raw

from edgeprint.packets.decode import Decoder
from edgeprint.packets.frames import Frames
from edgeprint.packets.table import COLUMNS

DAMAGED = 60  # copies of each made frame for the compiled loops
COPIES = 12  # for the interpreted ones
AROUND = (bytes(64), b"\xff" * 64, b"\x08\x00\x45\x00\x06\x11\x81\x00" * 8)


def test_compiled_loops_stay_inside_their_arrays(tmp_path):
    """IndexError ends the process, as the loop that reads one byte too far shows."""
    pytest.importorskip("numba")
    for link_type, content in captures(DAMAGED).items():
        (tmp_path / f"{link_type}.pcap").write_bytes(content)
    odd = [path for path in (DATA / "robustness").rglob("*") if path.is_file()]
    run = subprocess.run(
        [sys.executable, Path(__file__).with_name("decode_files.py"), "compiled"],
        input="\n".join(map(str, [*tmp_path.glob("*.pcap"), *odd])),
        env={**os.environ, "NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert found["bounds_checked"]
    assert found["packets"] > 3000


def every_cut(frame: bytes, around: bytes, link_type: int) -> dict[str, list]:
    """The table of a frame cut after each of its bytes, with other bytes between the pieces."""
    kept = range(len(frame) + 1)
    data = around + b"".join(frame[:n] + around for n in kept)
    cap_len = np.array(kept)
    frames = Frames(
        np.frombuffer(data, "u1"),
        np.cumsum(cap_len + len(around)) - cap_len,
        cap_len,
        np.full(len(kept), len(frame), "u4"),
        np.zeros(len(kept), "i8"),
        np.full(len(kept), link_type, "u4"),
    )
    table = Decoder().decode(frames)
    asked = {name: getattr(table.dns, name).tolist() for name in ("packet", "qtype", "name")}
    return {name: getattr(table, name).tolist() for name in COLUMNS} | asked


@pytest.mark.parametrize("link_type", FRAMES)
def test_bytes_outside_a_frame_do_not_matter(link_type):
    """Negative indices are legal to numba's checks; this finds them too."""
    chance = Random(1)
    whole = [raw(packet) for packet in FRAMES[link_type]]
    with both_ways.interpreted():
        for frame in [*whole, *(damage(frame, chance).data for frame in whole for _ in range(COPIES))]:
            first, *others = (every_cut(frame, around, link_type) for around in AROUND)
            assert all(other == first for other in others), frame.hex()
