"""Decodes the captures named on standard input, in a process of its own; says in JSON what it took.

python decode_files.py [compiled] < paths
"""

import json
import re
import sys
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import both_ways
import numpy as np
from sound_table import assert_sound

from edgeprint.errors import NotACapture
from edgeprint.packets.capture_file import CaptureFile
from edgeprint.packets.decode import Decoder, decode
from edgeprint.packets.hot_loop import HotLoop
from edgeprint.packets.link_layer import LINK_TYPES


def one_too_far(data):
    return data[len(data)] + 0


def bounds_are_checked() -> bool:
    try:
        HotLoop(one_too_far, patience=0).compiled(np.zeros(3, "u1"))
    except IndexError:
        return True
    return False


def each_frame_alone(path: str) -> None:
    """In an array of its own size, so that a byte behind a frame is outside of the array too."""
    for frames in CaptureFile(path):
        for i in np.flatnonzero(np.isin(frames.link_type, LINK_TYPES)):
            alone = frames.select(slice(i, i + 1))
            Decoder().decode(replace(alone, data=np.frombuffer(frames[i], "u1"), offset=np.zeros(1, "i8")))


def main(compiled: bool) -> dict:
    refused, longest, packets = {}, 0.0, 0
    with both_ways.compiled() if compiled else nullcontext():
        for path in sys.stdin.read().splitlines():
            before = time.perf_counter()
            try:
                table, report = decode(path)
                assert_sound(table, report)
                packets += report.packets
                if compiled:
                    each_frame_alone(path)
            except NotACapture as error:
                refused[path] = str(error)
            longest = max(longest, time.perf_counter() - before)
    # Not getrusage's maximum, which begins with that of the process this one was forked from.
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return {"refused": refused, "packets": packets, "longest_s": longest, "peak_kib": int(peak)}


if __name__ == "__main__":
    compiled = sys.argv[1:] == ["compiled"]
    print(json.dumps({"bounds_checked": compiled and bounds_are_checked(), **main(compiled)}))
