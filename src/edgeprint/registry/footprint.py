"""What a model costs in memory: how much a process of its own grows by when it loads and runs it.

rss_bytes(artifact.tflite)           # Linux: resident memory from /proc
"""

from __future__ import annotations

import os
import subprocess
import sys

from edgeprint.errors import BadArtifact

PROGRAM = """
import sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1])

network = sys.stdin.buffer.read()
before = resident()
interpreter = Interpreter(model_content=network, num_threads=1)
interpreter.allocate_tensors()
(source,) = interpreter.get_input_details()
interpreter.set_tensor(source["index"], np.zeros(source["shape"], source["dtype"]))
interpreter.invoke()
print(max(0, resident() - before))
"""


def rss_bytes(tflite: bytes) -> int:
    """Bytes of resident memory, in whole pages, that loading and one inference take; 0 where within a page.

    Measured in a new process: this one has memory to spare from earlier models. Raises BadArtifact where the
    model does not run there.
    """
    done = subprocess.run([sys.executable, "-c", PROGRAM], input=tflite, capture_output=True)
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise BadArtifact(f"a model of {len(tflite)} bytes does not run in a process of its own: {reason}")
    return int(done.stdout) * os.sysconf("SC_PAGE_SIZE")
