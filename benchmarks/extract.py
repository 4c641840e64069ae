"""From a capture to all three feature sets on one core, beside what the project has set itself.

No packet is repeated: what is remembered of one window must not help its copy. Sessions of a set are laid end
to end in one file, captures made side by side are merged.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.captures import SIMULATED, Traffic, traffic
from benchmarks.measure import RUNS, Result, best, compile_at_once, one_core, say
from edgeprint import params
from edgeprint.packets.inventory import Inventory
from edgeprint.stages.extract import CaptureRows, extract_capture

TARGET = 300_000  # packets a second
PARAMS = params.load(Path(__file__).resolve().parents[1] / "params.yaml")
SETS = ("ucl-quarters", "fit-week", SIMULATED)


def run(folder: Path, quick: bool) -> Iterator[Result]:
    with one_core():
        warm_up(folder)
        for name in SETS:
            home = traffic(name, folder, hours=1 if quick else 12)
            if home.real or name == SIMULATED:  # one stand-in is enough
                yield _measured(home, folder / "all.pcap", quick)


def _measured(home: Traffic, path: Path, quick: bool) -> Result:
    reel = home.reel()
    packets = len(reel) // (10 if quick else 1)
    size = reel.write(path, packets)
    seconds = best(lambda: extracted(path, home.inventory))
    say(f"extract: {seconds:.2f} s for {packets:,} packets of {home.name}")
    captures = f"{len(home.captures)} captures {'merged' if home.at_once else 'end to end'}"
    data = (
        f"{home.name} ({home.kind}), {captures}, {packets:,} packets, {size / 1e6:,.0f} MB, "
        f"{len(home.inventory.devices)} devices; best of {RUNS} runs"
    )
    return Result.alone("extract", packets / seconds, "packets/s", data).against("target", TARGET)


def warm_up(folder: Path) -> None:
    """Load what is compiled, on other packets than those to be measured."""
    compile_at_once()
    home = traffic(SIMULATED, folder, hours=2)
    for path in home.captures:
        extracted(path, home.inventory)


def extracted(path: Path, inventory: Inventory) -> CaptureRows:
    """All feature rows, written to Parquet. Raises ValueError where the capture cannot be read."""
    with tempfile.TemporaryDirectory(dir=path.parent) as parts:
        rows = extract_capture(path, path.name, inventory, PARAMS, Path(parts))
    if rows.refused:
        raise ValueError(rows.refused)
    return rows
