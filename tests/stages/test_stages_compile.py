"""What is compiled ahead is what later runs use."""

from pathlib import Path

import pytest

from edgeprint.cclp import series, stationarity
from edgeprint.packets.decode import decode
from edgeprint.stages import compile as ahead


def test_every_loop_is_compiled() -> None:
    ahead.compile_loops()
    assert all(loop._compiled.signatures for loop in ahead.LOOPS)
    assert all(f.signatures for f in (series._describe, series.extents, stationarity.regress))


@pytest.mark.parametrize("name", ahead.captures())
def test_the_capture_it_reads_has_a_question(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(ahead.captures()[name])
    table, report = decode(tmp_path / name)
    assert (len(table), table.dns.name.tolist(), report.cut) == (1, [""], None)
