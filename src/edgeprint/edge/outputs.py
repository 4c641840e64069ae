"""What the agent prints and writes: a line a verdict, JSON lines, and a table at the end."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from edgeprint.edge.verdicts import Standing, Summary, Verdict
from edgeprint.errors import BadParams

COLOURS = {
    Standing.RECOGNISED: "green",
    Standing.DEVIATES: "red",
    Standing.UNKNOWN: "magenta",
    Standing.NOT_ENOUGH: "dim",
}
HEADER = ("device", "packets", "columns", "ticks", "recognised", "confidence", "verdict")


class VerdictLines:
    """Takes verdicts: prints each, or with `quiet` a device's only when it changes; stores all in `file`."""

    def __init__(
        self, say: Callable[[str], None], *, quiet: bool = False, file: JsonLines | None = None
    ) -> None:
        self._say, self._quiet, self._file = say, quiet, file
        self._last: dict[str, Standing] = {}

    def __call__(self, verdict: Verdict) -> None:
        if self._file:
            self._file.write(verdict._asdict())
        if not self._quiet or self._last.get(verdict.device) != verdict.verdict:
            self._say(line(verdict))
        self._last[verdict.device] = verdict.verdict

    def forget(self, stranger: str) -> None:
        """One that is not followed any more: made-up addresses never end."""
        self._last.pop(stranger, None)


class JsonLines:
    """A line of JSON a value, each on the disk at once and whole: a disk that is full stops nothing."""

    def __init__(self, file: io.FileIO, say: Callable[[str], None]) -> None:
        self._file, self._say = file, say
        self._is_lost = False  # the last line
        self.lost = 0

    def write(self, value: dict[str, Any]) -> None:
        """A line that the disk does not take is dropped and counted."""
        line = json.dumps(value).encode() + b"\n"
        try:
            if (written := self._file.write(line)) != len(line):
                self._file.seek(-(written or 0), io.SEEK_CUR)
                self._file.truncate()
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self.lost += 1
            if not self._is_lost:
                self._say(f"verdicts are not written to {self._file.name!s} for now: {error.strerror}")
            self._is_lost = True
        else:
            if self._is_lost:
                self._say(f"verdicts are written again; {self.lost} were lost so far")
            self._is_lost = False


@contextlib.contextmanager
def opened(path: Path | None, say: Callable[[str], None]) -> Iterator[JsonLines | None]:
    """The file to write to, or None where none is wanted. Raises BadParams where it cannot be made."""
    if path is None:
        yield None
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("wb", buffering=0)
    except OSError as error:
        raise BadParams(f"--out cannot be written: {error}") from error
    with file:
        yield JsonLines(file, say)


def line(verdict: Verdict) -> str:
    """`2026-01-05 12:00:07  camera-a  recognised  0.97`"""
    moment = datetime.fromtimestamp(verdict.time_ns // 10**9, UTC)
    return (
        f"{moment:%Y-%m-%d %H:%M:%S}  {verdict.device:<20} {verdict.verdict:<22} {_share(verdict.confidence)}"
    )


def table(rows: Sequence[Summary], file: IO[str]) -> None:
    """The devices over the whole run: drawn on a terminal, aligned columns elsewhere."""
    cells = [_cells(row) for row in rows]
    if file.isatty():
        _draw(rows, cells, file)
        return
    widths = [max(map(len, column)) for column in zip(HEADER, *cells, strict=True)]
    for row in (HEADER, *cells):
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip(), file=file
        )


def write_summary(path: Path, rows: Sequence[Summary], say: Callable[[str], None], **about: object) -> None:
    """The same as JSON: {"devices": [...]} and what else is to be known of the run."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**about, "devices": [asdict(row) for row in rows]}, indent=1))
    except OSError as error:
        say(f"the summary is not written: {error}")


def _cells(row: Summary) -> tuple[str, ...]:
    counts = (f"{number:,}" for number in (row.packets, row.columns, row.ticks))
    return (row.device, *counts, _share(row.recognised), _share(row.mean_confidence), row.verdict)


def _draw(rows: Sequence[Summary], cells: Sequence[tuple[str, ...]], file: IO[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    drawn = Table(*HEADER)
    for row, texts in zip(rows, cells, strict=True):
        drawn.add_row(*texts, style=COLOURS[row.verdict])
    Console(file=file).print(drawn)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
