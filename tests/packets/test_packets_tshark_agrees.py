"""Every column and every DNS question against tshark, on real captures and on made and damaged frames.

Where the two readings differ by design, a rule of tshark_rules says why.
"""

from collections import Counter
from functools import cache

import pytest
import tshark
from made_frames import captures
from real_captures import Joined, joined, real, records
from second_reader import differences, explain
from tshark_rules import RULES

from edgeprint.errors import NotACapture
from edgeprint.packets.decode import decode

MOST = 8000  # packets of a capture
SAMPLE = 18  # every n-th capture of sentinel-setup: 31 of them
DAMAGED = 100  # copies of each made frame
UNKNOWN_TO_TSHARK = {132, 164, 182, 281, 282, 284, 285}  # link types


def made(damaged: int) -> list[Joined]:
    return [
        Joined(bytearray(content), [f"frames made, link type {link_type}"] * len(list(records(content))))
        for link_type, content in captures(damaged).items()
    ]


SOURCES = {
    "fit-week": lambda: joined(real("fit-week"), most=MOST),
    "ucl-quarters": lambda: joined(real("ucl-quarters"), most=MOST),
    "sentinel-setup": lambda: joined(real("sentinel-setup")[::SAMPLE], most=MOST),
    "robustness": lambda: joined(real("robustness"), most=MOST),
    "made frames": lambda: made(0),
    "damaged frames": lambda: made(DAMAGED),
}


@pytest.fixture(scope="module")
def explained(tmp_path_factory):
    """Of a source: what no rule explains, and in how many packets each rule was needed."""
    folder = tmp_path_factory.mktemp("tshark")
    environment = tshark.settings(folder / "settings")

    @cache
    def compare(source: str) -> tuple[list[str], Counter[str]]:
        unexplained, used = [], Counter[str]()
        for capture in SOURCES[source]():
            (folder / "capture").write_bytes(capture.content)
            theirs = tshark.rows(folder / "capture", environment)
            some, rules = explain(differences(folder / "capture", capture.files, theirs), RULES)
            unexplained += some
            used += rules
        return unexplained, used

    return compare


@pytest.mark.parametrize("source", SOURCES)
def test_tshark_reads_the_same(explained, source):
    unexplained, _ = explained(source)
    assert not unexplained, "\n".join([f"{len(unexplained)} packets", *unexplained[:20]])


def test_every_rule_is_needed(explained):
    used = sum((explained(source)[1] for source in SOURCES), Counter())
    assert set(used) == set(RULES), used


def test_frames_of_other_link_types_are_counted():
    counted: dict[int, dict[int, int]] = {}
    for path in real("robustness"):
        try:
            report = decode(path)[1]
        except NotACapture:
            continue
        for kind in report.unsupported.keys() - UNKNOWN_TO_TSHARK - counted.keys():
            counted[kind] = report.unsupported
            assert report.unsupported == {kind: sum(1 for _ in tshark.fields(path, ["frame.number"]))}, (
                path.name
            )
    assert len(counted) > 15
