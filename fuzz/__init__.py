"""Coverage-guided fuzzing of the capture reader: `make fuzz MINUTES=10`, on Linux with an x86-64."""

import sys
from pathlib import Path

# The tests' own modules: captures to start from, and what a sound table is.
sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "packets"))
