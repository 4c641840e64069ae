"""The compiled statistics read nothing outside of their series: a run with numba's bounds checks on."""

import os
import subprocess
import sys
from pathlib import Path

EVERY_LENGTH = """
import numpy as np
from edgeprint.cclp.series import _describe, extents

rng = np.random.default_rng(0)
for n in [*range(70), 400, 3000]:
    for x in (rng.normal(size=n).cumsum(), rng.choice([60.0, 1514.0], n), np.zeros(n)):
        begin, end = np.array([0, n // 2, n]), np.array([n, n, n])
        _describe(x, begin, end)
        extents(x, begin, end)
try:
    extents(np.zeros(3), np.array([0, 0]), np.array([3]))  # one end is missing
except IndexError:
    print("checked")
"""


def test_no_series_is_read_past_its_end(tmp_path: Path) -> None:
    environment = {**os.environ, "NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", EVERY_LENGTH], env=environment, capture_output=True, text=True
    )
    assert (run.returncode, run.stdout) == (0, "checked\n"), run.stderr
