"""All that tells others what the agent finds, opened and closed together: history, page, metrics, MQTT.

    with Service(inventory, bank, models, source, state, Outlets(listen="127.0.0.1:8080")) as service:
        watch = Watch(..., on_verdict=service.verdict, on_columns=service.columns, on_tick=service.tick)
        service.begin(watch)
        service.received(batch)

What is not asked for costs nothing; none of it can stop the agent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeprint.artifact import Artifact
from edgeprint.edge import answers, guard, metrics, mqtt
from edgeprint.edge.alarms import Alarm, AlarmBook
from edgeprint.edge.bank import Bank
from edgeprint.edge.board import Board
from edgeprint.edge.history_schema import Label
from edgeprint.edge.models import Models
from edgeprint.edge.naming import Naming
from edgeprint.edge.outlets import Outlets
from edgeprint.edge.page import Page
from edgeprint.edge.source import Batch
from edgeprint.edge.verdicts import Standing, Verdict
from edgeprint.edge.watch import Watch
from edgeprint.errors import BadParams, BadStore, UnknownDevice
from edgeprint.packets.inventory import DEVICE_NAME, Inventory

HOUR_NS = 3600 * 10**9


class Service:
    """The household as the page sees it (`routes.Household`), fed by the agent's thread."""

    def __init__(
        self,
        inventory: Inventory,
        bank: Bank,
        models: Models,
        source: Any,
        state: Path,
        outlets: Outlets,
        *,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        pull: Callable[[str], Artifact | None] = lambda _: None,
    ) -> None:
        """`source` counts `received` and `dropped` packets; `pull` gets the model of what people name.

        Raises BadParams for what cannot be had.
        """
        self._bank, self._models, self._source = bank, models, source
        self._clock, self._now = clock, now
        self._say, self._listen = say, outlets.listen
        self._guard, self._broker = outlets.guard(say), outlets.broker()
        self._store = outlets.store(state, say)
        kept = self._store.labels() if self._store else ()
        self._naming = Naming(inventory, kept, bank, pull=pull, identifier=outlets.identifier(say), say=say)
        self.board = Board(self._naming.inventory, self._naming.widths)
        past = self._store.alarms() if self._store else []
        for alarm in reversed(past):
            self.board.alarm(alarm)
        self._book = AlarmBook(past)
        self._written: set[str] = set()  # devices with a verdict in the history
        self._started_s = clock()
        self._heard_s: float | None = None
        self._dropped = 0
        self._dropped_s: float | None = None
        self._packets = 0  # of a source that does not count them
        self._finished = False
        self.page: Page | None = None
        self._publisher: mqtt.Publisher | None = None

    def begin(self, watch: Watch) -> None:
        """Before the first packet: open to the world, and end the alarms that nothing is remembered of.

        Raises BadParams where the page's address cannot be had.
        """
        self._watch = watch
        if self._guard and self._listen:
            self.page = Page(self, self._guard, guard.address(self._listen))
            self._say(f"the page is at {self.page.url}")
        if self._broker:
            self._publisher = mqtt.Publisher(self._broker, say=self._say)
        deviating = {w.device for w in watch.everyone if w.judgement.standing is Standing.DEVIATES}
        for alarm in list(self._book.open.values()):
            if alarm.device not in deviating:
                last = self._store.history(alarm.device, most=1) if self._store else []
                self._tell(self._book.close(alarm.device, last[0][0] if last else alarm.noticed_ns))

    def verdict(self, verdict: Verdict) -> None:
        """Take a verdict; one of a stranger is written down when it appears, not at every tick."""
        self.board.verdict(verdict)
        if self._store and (verdict.confidence is not None or verdict.device not in self._written):
            self._store.verdict(verdict)
        self._written.add(verdict.device)
        if alarm := self._book.after(verdict):
            self._tell(alarm, is_news=not alarm.is_open or alarm.noticed_ns == verdict.time_ns)

    def columns(self, device: str, frames: NDArray[np.int64], columns: NDArray[np.float32]) -> None:
        self.board.columns(device, frames, columns)

    def tick(self, now_ns: int) -> None:
        """A tick is over: write it down, and send what is news."""
        self.board.tick(now_ns, self._watch.summary(), self._watch.strangers.rotation.links)
        self._naming.identify(self.board)
        if self._store:
            self._store.flush()
        if self._publisher:
            for device in self.board.devices():
                self._publisher.device(device)

    def forget(self, stranger: str) -> None:
        """One that is not followed any more."""
        self.board.forget(stranger)
        self._written.discard(stranger)
        self._naming.forget(stranger)

    @property
    def inventory(self) -> Inventory:
        """The list, and what people named since."""
        return self._naming.inventory

    def adopt(self) -> None:
        """Between two batches, or when none comes any more: watch what people named since the last time."""
        self._naming.adopt(self._watch, self.board)

    def received(self, batch: Batch) -> None:
        """Note that the source lives, and whether it loses packets."""
        self.adopt()
        self._packets += len(batch.time_ns)
        if len(batch.time_ns):
            self._heard_s = self._clock()
        dropped = getattr(self._source, "dropped", 0) or 0  # None where the back-end cannot know
        if dropped > self._dropped:
            self._dropped, self._dropped_s = dropped, self._clock()

    def finished(self) -> None:
        """The source has come to its end: silence is no longer a fault."""
        self._finished = True

    def close(self) -> None:
        """The page first, so that nobody asks what is being closed."""
        if self.page:
            self.page.close()
        if self._publisher:
            self._publisher.close()
        if self._naming.identifier:
            self._naming.identifier.close()
        if self._store:
            self._store.close()

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def devices(self) -> dict[str, Any]:
        state, naming = self.state(), self._naming
        return {
            "agent": answers.agent(state, self.board.now_ns, self._clock()),
            "devices": [
                answers.device(found, naming.labels.get(found.name), naming.candidates(found))
                for found in state.devices
            ],
            "alarms": [answers.alarm(found) for found in self.board.alarms()],
            "names": list(self.inventory.devices),
        }

    def history(self, name: str, hours: float) -> Iterator[dict[str, Any]]:
        """Raises UnknownDevice; without a store there is none."""
        if self.board.device(name) is None:
            raise UnknownDevice(f"device {name!r} was never seen here")
        since_ns = self.board.now_ns - round(hours * HOUR_NS)
        return answers.history(self._store.verdicts(name, since_ns) if self._store else ())

    def spectrogram(self, name: str) -> NDArray[np.float32] | None:
        return self.board.spectrogram(name)

    def state(self) -> metrics.State:
        refreshed, store, publisher = self._models.refreshed, self._store, self._publisher
        identifier = self._naming.identifier
        return metrics.State(
            devices=self.board.devices(),
            packets=getattr(self._source, "received", self._packets),
            dropped=self._dropped,
            ticks=self.board.ticks,
            inferences=self.board.inferences,
            alarms=dict(self._book.count),
            open_alarms=sum(alarm.is_open for alarm in self.board.alarms()),
            models=len(self._bank.members),
            models_age_s=None if refreshed is None else (self._now() - refreshed).total_seconds(),
            heard_s=self._heard_s,
            dropped_s=self._dropped_s,
            started_s=self._started_s,
            store_lost=store.lost if store else 0,
            store_trouble=store.trouble if store else None,
            mqtt_connected=publisher.connected if publisher else None,
            mqtt_lost=publisher.lost if publisher else 0,
            backend=getattr(self._source, "backend", "replay"),
            heard=tuple(getattr(self._source, "notes", ())),
            stale=self._models.stale,
            refused=tuple(self._models.refused.values()),
            packets_beyond=self._watch.strangers.packets_beyond,
            not_identified=identifier.trouble if identifier else None,
            finished=self._finished,
        )

    def reasons(self) -> list[str]:
        return metrics.reasons(self.state(), self._clock())

    def labels(self) -> Iterator[Mapping[str, Any]]:
        return (label.as_json() for label in (self._store.labels() if self._store else ()))

    def label(self, name: str, label: str) -> None:
        """Keep what a person says that a device is. Raises UnknownDevice, BadParams and BadStore."""
        found = self.board.device(name)
        if found is None:
            raise UnknownDevice(f"device {name!r} was never seen here")
        if not DEVICE_NAME.fullmatch(label):
            raise BadParams(f"{label!r} is not a device name (letters, digits, - and _)")
        if self._store is None:
            raise BadStore("this agent keeps no history, and so no labels: give it --store-mb")
        member = self._bank.members.get(name)
        spec = member.spec if member else self._watch.spec
        columns = self.board.spectrogram(name)
        if columns is None:
            columns = np.empty((0, spec.height), "f4")
        mac = None if name in self.inventory.devices else name
        when = found.seen_ns or self.board.now_ns
        self._store.label(Label(when, name, mac, found.verdict, label, spec.schema().hash, columns))
        self._naming.say(name, mac, label)

    def _tell(self, alarm: Alarm, *, is_news: bool = True) -> None:
        """Show and keep an alarm at each change, send it when it began or ended."""
        self.board.alarm(alarm)
        if self._store:
            self._store.alarm(alarm)
        if self._publisher and is_news:
            self._publisher.alarm(alarm)
