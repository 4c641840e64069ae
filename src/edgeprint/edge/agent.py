"""The agent on the Pi, put together: pull the models, watch the source, say what is found.

main(source="file:monday.pcap", repository="https://models.example/edgeprint", root=Path("root.json"),
     inventory=Path("devices.csv"), state=Path("/var/lib/edgeprint"))
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from edgeprint.edge import outputs
from edgeprint.edge.bank import Bank
from edgeprint.edge.models import Models, pull
from edgeprint.edge.source import Batch, Replay, open_source
from edgeprint.edge.verdicts import Summary, Verdict
from edgeprint.edge.watch import Watch
from edgeprint.packets import inventory as inventories
from edgeprint.packets.inventory import Inventory
from edgeprint.progress import track


def main(
    *,
    source: str,
    repository: str,
    inventory: Path,
    state: Path,
    root: Path | None = None,
    hours: float | None = None,
    streak: int = 5,
    speed: float | None = None,
    out: Path | None = None,
    summary: Path | None = None,
    quiet: bool = False,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> list[Summary]:
    """Replay the source to its end, printing verdicts and a final table.

    Raises UntrustedModel where there is no model to trust; NotACapture, BadInventory and BadParams.
    """
    devices = inventories.read(inventory)
    replay = open_source(source, hours=hours, speed=speed)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # the sentence below says it once, and better
    models = pull(repository, state, devices.iot, root=root, now=now())
    for sentence in [*replay.notes, *about(models, devices.iot)]:
        print(sentence, file=sys.stderr)
    with outputs.opened(out) as file:
        lines = outputs.VerdictLines(print, quiet=quiet, file=file)
        watch = run(_with_progress(replay, quiet), devices, models, streak=streak, on_verdict=lines)
    rows = watch.summary()
    outputs.table(rows, sys.stdout)
    if watch.packets_beyond:
        print(f"{watch.packets_beyond:,} packets of further strangers", file=sys.stderr)
    if summary:
        outputs.write_summary(summary, rows, source=source, stale=models.stale, refused=models.refused)
    return rows


def run(
    source: Iterable[Batch],
    inventory: Inventory,
    models: Models,
    *,
    streak: int,
    on_verdict: Callable[[Verdict], None],
) -> Watch:
    """Watch a source to its end."""
    watch = Watch(inventory, Bank(models.artifacts), streak=streak, on_verdict=on_verdict)
    for batch in source:
        watch.take(batch)
    watch.finish()
    return watch


def about(models: Models, devices: list[str]) -> list[str]:
    """What is to be said of the models before they are used."""
    lacking = [
        device for device in devices if device not in models.artifacts and device not in models.refused
    ]
    return [
        f"{len(models.artifacts)} of {len(devices)} devices have a model"
        + (f"; none is published of {', '.join(lacking)}" if lacking else ""),
        *([f"stale: {models.stale}"] if models.stale else []),
        *(f"refused: {sentence}" for sentence in models.refused.values()),
    ]


def _with_progress(replay: Replay, quiet: bool) -> Iterable[Batch]:
    """A bar where few lines come; not where it would draw into a terminal what is meant for a pipe."""
    piped = sys.stderr.isatty() and not sys.stdout.isatty()
    return track(replay, "watch", total=len(replay)) if quiet and not piped else replay
