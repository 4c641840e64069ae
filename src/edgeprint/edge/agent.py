"""The agent on the Pi, put together: pull the models, watch the source, say what is found.

main(source="file:monday.pcap", repository="https://models.example/edgeprint", root=Path("root.json"),
     inventory=Path("devices.csv"), state=Path("/var/lib/edgeprint"))
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from edgeprint.artifact import Artifact
from edgeprint.edge import metrics, outputs
from edgeprint.edge.bank import Bank
from edgeprint.edge.batch import Batch
from edgeprint.edge.confirmed import Confirmed
from edgeprint.edge.heap import one_heap
from edgeprint.edge.identity import pi_id
from edgeprint.edge.live import Live, stopped_by_signals
from edgeprint.edge.memory import Memory, restore
from edgeprint.edge.models import FAMILY, Models, pull, pull_one
from edgeprint.edge.outlets import Outlets
from edgeprint.edge.page import Page
from edgeprint.edge.service import Service
from edgeprint.edge.source import Source, open_source
from edgeprint.edge.updates import Following, Updates
from edgeprint.edge.verdicts import Summary, Verdict
from edgeprint.edge.versions import Versions
from edgeprint.edge.watch import Watch
from edgeprint.packets import inventory as inventories
from edgeprint.progress import track

MEMORY = "memory.npz"
ADOPTED_EVERY_S = 0.5  # while a replay that is over is looked at
NOTHING_ELSE = Outlets()
ALONE = Following()


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
    backend: str = "ring",
    out: Path | None = None,
    summary: Path | None = None,
    quiet: bool = False,
    remember: bool | None = None,
    outlets: Outlets = NOTHING_ELSE,
    following: Following = ALONE,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> list[Summary]:
    """Watch the source to its end, printing verdicts and a final table; SIGTERM and Ctrl-C end a live one.

    `remember` goes on where the last run stopped; by default of an interface, whose time only goes on.
    Raises UntrustedModel where there is no model to trust; NotACapture, CannotCapture, BadInventory
    and BadParams.
    """
    one_heap()
    packets = open_source(source, hours=hours, speed=speed, backend=backend)
    listed, history = inventories.read(inventory), outlets.store(state, _say)
    home = Confirmed(listed, history.labels() if history else ())
    pi = pi_id(state, following.pi)
    Versions(state).survive(now(), say=_say)

    def look(known: Mapping[str, Artifact]) -> Models:
        return _models(home, repository, state, root, now(), pi, known)

    models = look({})
    for sentence in [*packets.notes, *about(models, home.inventory.iot)]:
        _say(sentence)
    bank = Bank(models.artifacts)

    def pull_named(name: str) -> Artifact | None:
        return pull_one(name, repository, state, root=root)

    with (
        outputs.opened(out, _say) as file,
        Service(listed, bank, models, packets, state, outlets, say=_say, now=now, pull=pull_named) as service,
        Updates(
            models, bank, state, pi=pi, look=look, following=following, say=_say, health=service.reasons
        ) as updates,
        stopped_by_signals(packets) if isinstance(packets, Live) else nullcontext(),
    ):
        watch = _watch(service, bank, streak, outputs.VerdictLines(print, quiet=quiet, file=file))
        keeps = isinstance(packets, Live) if remember is None else remember
        memory = _remembered(watch, bank, state / MEMORY, now()) if keeps else None
        service.begin(watch)
        updates.begin(watch)
        run(_with_progress(packets, quiet), watch, service, memory, updates)
        rows = watch.summary()
        outputs.table(rows, sys.stdout)
        if service.page and not isinstance(packets, Live):
            _stay(service, service.page)
    for sentence in metrics.losses(service.state()):
        _say(sentence)
    if summary:
        about_run = {"source": source, "stale": models.stale, "refused": models.refused}
        outputs.write_summary(summary, rows, _say, **about_run)
    return rows


def _models(
    home: Confirmed,
    repository: str,
    state: Path,
    root: Path | None,
    now: datetime,
    pi: str,
    known: Mapping[str, Artifact],
) -> Models:
    """Those of the devices, under the devices' names."""
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # the agent's sentence says it once, and better
    models = pull(repository, state, home.wanted, root=root, now=now, pi=pi, known=known)
    for name in {*models.trials} - {*home.inventory.devices}:  # an alias: nobody here bears that name
        Versions(state).confirm(f"{FAMILY}.{name}")
        models.artifacts[name] = models.trials.pop(name)
    return replace(models, artifacts=home.by_device(models.artifacts))


def _watch(service: Service, bank: Bank, streak: int, lines: outputs.VerdictLines) -> Watch:
    """A watch that tells the service everything, and prints its verdicts."""

    def both(verdict: Verdict) -> None:
        lines(verdict)
        service.verdict(verdict)

    def forget(stranger: str) -> None:
        lines.forget(stranger)
        service.forget(stranger)

    return Watch(
        service.inventory,
        bank,
        streak=streak,
        on_verdict=both,
        on_columns=service.columns,
        on_tick=service.tick,
        on_forget=forget,
    )


def run(
    source: Iterable[Batch], watch: Watch, service: Service, memory: Memory | None, updates: Updates
) -> None:
    """Watch a source to its end; what is open then is kept in the memory, or closed where there is none."""
    for batch in source:
        service.received(batch)
        watch.take(batch)
        updates.between_batches()
        if memory:
            memory.now_and_then()
    if memory:
        memory.keep()
    else:
        watch.finish()
    service.finished()


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


def _with_progress(packets: Source, quiet: bool) -> Iterable[Batch]:
    """A bar where few lines come; not where it would draw into a terminal what is meant for a pipe."""
    piped = sys.stderr.isatty() and not sys.stdout.isatty()
    if isinstance(packets, Live) or not quiet or piped:
        return packets
    return track(packets, "watch", total=len(packets))


def _remembered(watch: Watch, bank: Bank, path: Path, now: datetime) -> Memory:
    """Let the watch go on where the last one stopped."""
    for sentence in restore(watch, bank, path, round(now.timestamp() * 1e9)):
        _say(sentence)
    return Memory(watch, bank, path, say=_say)


def _stay(service: Service, page: Page) -> None:
    """Let a person look at a replay that is over, and name what is in it."""
    _say(f"the replay is over; the page stays at {page.url} until Ctrl-C")
    with suppress(KeyboardInterrupt):
        while True:
            service.adopt()
            time.sleep(ADOPTED_EVERY_S)


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
