import json

import pytest

from edgeprint.drift import field
from edgeprint.errors import BadParams

TICK = 7_500_000_000


def verdict(
    n: int, verdict: str = "recognised", device: str = "plug", confidence: float | None = 0.9
) -> dict:
    return {
        "time_ns": n * TICK,
        "device": device,
        "mac": None,
        "verdict": verdict,
        "confidence": confidence,
        "columns": n,
        "run": 1,
    }


def label(n: int, said: str) -> dict:
    return {"time_ns": n * TICK, "device": "plug", "verdict": "deviates", "label": said, "columns": []}


def test_shares_and_streaks_are_counted_over_ticks_with_an_inference():
    words = ["recognised", "deviates", "deviates", "recognised", "deviates"]
    lines = [verdict(n, word) for n, word in enumerate(words)]
    lines += [verdict(9, "not enough traffic yet"), verdict(10, "unknown"), verdict(11, confidence=None)]
    found = field.gather(lines)["plug"]
    assert (found.ticks, found.deviating, found.streaks) == (5, 3, 2)
    assert found.deviating_share == 0.6
    assert found.streaks_a_day == pytest.approx(2 / (4 * 7.5 / 86400))


def test_the_order_of_the_lines_does_not_matter():
    lines = [verdict(n, word) for n, word in enumerate(["recognised", "deviates", "recognised"])]
    assert field.gather(lines) == field.gather(lines[::-1])


def test_labels_that_agree_and_that_correct_are_told_apart():
    found = field.gather([label(1, "plug"), label(2, "plug"), label(3, "kettle")])["plug"]
    assert (found.confirmed, found.corrected) == (2, 1)
    assert found.deviating_share is None and found.streaks_a_day is None


def test_only_lines_of_the_interval_count():
    lines = [verdict(n) for n in range(10)]
    assert field.gather(lines, since_ns=3 * TICK, until_ns=6 * TICK)["plug"].ticks == 3


def test_devices_are_kept_apart():
    found = field.gather([verdict(1), verdict(2, "deviates", device="camera")])
    assert {name: signals.deviating for name, signals in found.items()} == {"camera": 1, "plug": 0}


def test_a_folder_is_read_file_by_file(tmp_path):
    for pi in ("one", "two"):
        (tmp_path / f"{pi}.jsonl").write_text(json.dumps(verdict(1)) + "\n\n")
    (tmp_path / "notes.txt").write_text("no line of an agent")
    assert len(list(field.read(tmp_path))) == 2


@pytest.mark.parametrize(
    "line", ["not JSON", "[]", '{"time_ns": 1}', '{"time_ns": "x", "device": 1, "verdict": 2}']
)
def test_a_line_that_is_none_of_an_agents_is_named(tmp_path, line):
    path = tmp_path / "pi.jsonl"
    path.write_text(json.dumps(verdict(1)) + "\n" + line + "\n")
    with pytest.raises(BadParams, match=r"pi.jsonl, line 2 is no line of an agent"):
        list(field.read(path))


def test_a_place_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BadParams, match=r"drift.field = '.*/gone' is neither a file nor a folder"):
        list(field.read(tmp_path / "gone"))
