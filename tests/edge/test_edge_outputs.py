"""What a person and a program read of the agent."""

import io
import json
from pathlib import Path

import pytest
from disks import mounted

from edgeprint.edge.outputs import VerdictLines, line, opened, table, write_summary
from edgeprint.edge.verdicts import Standing, Summary, Verdict
from edgeprint.errors import BadParams

NOON = 1_767_614_400 * 10**9
ROWS = [
    Summary("camera", 12_345, 80, 80, 0.975, 0.91, Standing.RECOGNISED),
    Summary("02:00:00:00:00:99", 7, 0, 3, None, None, Standing.UNKNOWN),
]


def verdict(standing: Standing, confidence: float | None = None, tick: int = 0) -> Verdict:
    return Verdict(NOON + tick * 10**9, "camera", None, standing, confidence, 60)


def test_a_line_says_when_who_what_and_how_sure() -> None:
    words = line(verdict(Standing.RECOGNISED, 0.974)).split()
    assert words == ["2026-01-05", "12:00:00", "camera", "recognised", "0.97"]


def test_quiet_lines_come_when_a_verdict_changes() -> None:
    said: list[str] = []
    lines = VerdictLines(said.append, quiet=True)
    for tick, standing in enumerate([Standing.RECOGNISED] * 3 + [Standing.DEVIATES] * 2):
        lines(verdict(standing, tick=tick))
    assert [words.split()[1] for words in said] == ["12:00:00", "12:00:03"]


def test_of_strangers_that_are_gone_nothing_is_remembered() -> None:
    lines = VerdictLines(lambda _: None, quiet=True)
    for number in range(100):
        stranger = f"06:00:00:00:00:{number:02x}"
        lines(verdict(Standing.UNKNOWN)._replace(device=stranger))
        lines.forget(stranger)
    assert not lines._last


def test_every_verdict_is_stored_as_a_json_line_even_when_quiet(tmp_path: Path) -> None:
    path = tmp_path / "reports/verdicts.jsonl"
    with opened(path, print) as file:
        lines = VerdictLines(lambda _: None, quiet=True, file=file)
        lines(verdict(Standing.RECOGNISED, 0.5))
        lines(verdict(Standing.RECOGNISED, tick=1))
    stored = [json.loads(text) for text in path.read_text().splitlines()]
    assert stored[0] == {
        "time_ns": NOON,
        "device": "camera",
        "mac": None,
        "verdict": "recognised",
        "confidence": 0.5,
        "columns": 60,
        "run": 0,
    }
    assert len(stored) == 2


def test_a_file_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadParams, match="--out cannot be written"), opened(tmp_path / "file/a.jsonl", print):
        pass


def test_a_line_that_the_disk_takes_half_of_is_taken_back_and_counted(tmp_path: Path) -> None:
    said: list[str] = []
    with mounted(tmp_path / "disk", "64k") as disk, opened(disk / "verdicts.jsonl", said.append) as file:
        assert file
        for number in range(2000):
            file.write({"number": number, "words": "x" * 40})
        assert file.lost and len(said) == 1 and "No space left" in said[0]
        kept = [json.loads(line)["number"] for line in (disk / "verdicts.jsonl").read_text().splitlines()]
        assert kept == list(range(2000 - file.lost))


def test_no_path_stores_nothing() -> None:
    with opened(None, print) as file:
        assert file is None


def test_the_table_is_aligned_where_there_is_no_terminal() -> None:
    file = io.StringIO()
    table(ROWS, file)
    assert file.getvalue().splitlines() == [
        "device             packets  columns  ticks  recognised  confidence  verdict",
        "camera             12,345   80       80     0.97        0.91        recognised",
        "02:00:00:00:00:99  7        0        3      -           -           unknown",
    ]


def test_the_table_is_drawn_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    file = io.StringIO()
    file.isatty = lambda: True  # type: ignore[method-assign]
    table(ROWS, file)
    assert "┃" in file.getvalue() and "12,345" in file.getvalue() and "unknown" in file.getvalue()


def test_the_summary_as_json_has_a_flat_row_a_device(tmp_path: Path) -> None:
    write_summary(tmp_path / "reports/agent.json", ROWS, print, stale=None)
    stored = json.loads((tmp_path / "reports/agent.json").read_text())
    assert stored["stale"] is None and [row["verdict"] for row in stored["devices"]] == [
        "recognised",
        "unknown",
    ]
