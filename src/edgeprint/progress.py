"""Progress of anything longer than two seconds: a bar on a terminal, else a plain line every few seconds.

for capture in track(captures, "extract"):
    ...
"""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
PLAIN_EVERY_SECONDS = 5.0


def track(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """Yield `items`, showing how many of `total` are done and how long the rest will take."""
    if total is None and isinstance(items, Collection):
        total = len(items)
    if sys.stderr.isatty():
        yield from _bar(items, what, total)
    else:
        yield from _lines(items, what, total)


def _bar(items: Iterable[T], what: str, total: int | None) -> Iterator[T]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield from progress.track(items, total=total, description=what)


def _lines(items: Iterable[T], what: str, total: int | None) -> Iterator[T]:
    begin = shown = time.monotonic()
    done = 0
    for done, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if now - shown >= PLAIN_EVERY_SECONDS:
            shown = now
            print(f"{what}: {done}/{total or '?'} after {now - begin:.0f} s", file=sys.stderr, flush=True)
    if time.monotonic() - begin > 2:
        print(f"{what}: {done} done in {time.monotonic() - begin:.1f} s", file=sys.stderr, flush=True)
