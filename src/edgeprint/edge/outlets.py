"""What a household wants to see of the agent besides printed lines, and by which options it says so.

    outlets = Outlets(listen="127.0.0.1:8080", store_mb=64, mqtt="mqtt://broker.lan")
    outlets.guard(say), outlets.store(state, say), outlets.broker()       # None for what is not asked for

All raise BadParams with the option that cannot be used, before anything is started.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edgeprint.edge import guard, ranking
from edgeprint.edge.identify import Identifier
from edgeprint.edge.mqtt import Broker, broker
from edgeprint.edge.store import Store
from edgeprint.errors import BadParams, BadStore

HISTORY = "history.db"
STORE_MB = 64.0  # with a page, where nothing else is said: a day of 40 devices at 7.5 s
SMALLEST_STORE_MB = 4.0


@dataclass(frozen=True)
class Outlets:
    """What of it is wanted; the command line's options of the same names."""

    listen: str | None = None
    token_file: Path | None = None
    page_names: tuple[str, ...] = ()
    store_mb: float | None = None
    mqtt: str | None = None
    mqtt_password_file: Path | None = None
    mqtt_ca: Path | None = None
    identify: str | None = None

    def guard(self, say: Callable[[str], None]) -> guard.Guard | None:
        """Who may use the page; not everybody on the network."""
        if self.listen is None:
            return None
        host, _ = guard.address(self.listen)
        if self.token_file is None and not guard.is_loopback(host):
            raise BadParams(f"--listen {self.listen} can be reached by others: give a --token-file")
        token = None if self.token_file is None else guard.read_token(self.token_file, say)
        return guard.Guard(token=token, names=frozenset(self.page_names))

    def broker(self) -> Broker | None:
        if self.mqtt is None:
            return None
        try:
            password = self.mqtt_password_file.read_text().strip() if self.mqtt_password_file else None
        except OSError as error:
            raise BadParams(f"--mqtt-password-file cannot be read: {error}") from error
        return broker(self.mqtt, password=password, ca=self.mqtt_ca)

    def identifier(self, say: Callable[[str], None]) -> Identifier | None:
        """Who is asked about unknown devices; nobody where the household did not opt in."""
        if self.identify is None:
            return None
        server = ranking.address(self.identify)
        return Identifier(lambda columns: ranking.ask(server, columns), say=say)

    def store(self, state: Path, say: Callable[[str], None]) -> Store | None:
        """The history; also where a page has been asked for, which would forget what people confirm."""
        megabytes = self.store_mb if self.store_mb is not None else (STORE_MB if self.listen else 0)
        if megabytes and megabytes < SMALLEST_STORE_MB:
            raise BadParams(
                f"--store-mb {megabytes:g} is too small, at least {SMALLEST_STORE_MB:g} are needed"
            )
        return Store(state / HISTORY, megabytes=megabytes, say=say) if megabytes else None


def kept_labels(state: Path) -> Iterator[str]:
    """What people said of devices, a line of JSON each. Raises BadStore where no agent kept a history."""
    if not (state / HISTORY).is_file():
        raise BadStore(f"{state} holds no {HISTORY}: no agent has kept labels there")
    store = Store(state / HISTORY, megabytes=STORE_MB, say=lambda _: None)
    yield from (json.dumps(label.as_json()) for label in store.labels())
