"""What the Pis of a fleet say of themselves over MQTT, gathered.

    with Listener(broker("mqtts://watch@fleet.example"), say=print) as listener:
        listener.fleet()          # {"pi-kitchen": Heard(standing, online=True), ...}

The messages are retained: whoever starts to listen hears at once how every Pi stood last. While the broker is
gone no Pi counts as online: no ring is opened on what was heard before. The broker lets a Pi write below its
own id alone; what it writes there counts as one Pi, and what is no standing as nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from edgeprint.broker import Broker
from edgeprint.errors import EdgeprintError
from edgeprint.fleet.decide import Heard
from edgeprint.rings import PI_ID
from edgeprint.standing import BadStanding, Standing

MOST_PIS = 100_000
PATIENCE_S = 10.0  # for the first connection, and for what is retained
SETTLED_S = 0.5  # without a message: then all that was retained has come


class NoBroker(EdgeprintError):
    """The fleet's broker cannot be heard."""


class Listener:
    """Listens in a thread of its own."""

    def __init__(self, broker: Broker, *, say: Callable[[str], None], patience_s: float = PATIENCE_S) -> None:
        """Raises NoBroker where the broker is not there or refuses."""
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        self._say, self._lock = say, threading.Lock()
        self._base = f"{broker.base}/fleet"
        self._standings: dict[str, Standing] = {}
        self._online: dict[str, bool] = {}
        self._subscribed, self._news = threading.Event(), threading.Event()
        self._refused: str | None = None
        client = self._client = Client(CallbackAPIVersion.VERSION2)
        if broker.username:
            client.username_pw_set(broker.username, broker.password)
        if broker.tls:
            client.tls_set_context(broker.context())
        client.on_connect, client.on_message = self._on_connect, self._on_message
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = lambda *_: self._subscribed.set()
        where = f"{broker.host}:{broker.port}"
        try:
            client.connect(broker.host, broker.port)
        except OSError as error:
            raise NoBroker(f"the fleet's broker {where} cannot be reached: {error}") from error
        client.loop_start()
        if not self._subscribed.wait(patience_s) or self._refused:
            self.close()
            reason = self._refused or f"no answer in {patience_s:.0f} s"
            raise NoBroker(f"the fleet's broker {where} cannot be heard: {reason}")
        self._settle(patience_s)

    def fleet(self) -> dict[str, Heard]:
        """Every Pi that has ever said how it stands."""
        with self._lock:
            return {pi: Heard(said, self._online.get(pi, False)) for pi, said in self._standings.items()}

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _settle(self, patience_s: float) -> None:
        """Wait until what the broker kept has come; a large fleet never falls silent."""
        due = time.monotonic() + patience_s
        while time.monotonic() < due and self._news.wait(SETTLED_S):
            self._news.clear()

    def _on_connect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._refused = str(reason)
            self._subscribed.set()
            return
        client.subscribe([(f"{self._base}/+/standing", 1), (f"{self._base}/+/online", 1)])

    def _on_disconnect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        """The client connects again by itself, and then hears anew who is there."""
        with self._lock:
            self._online.clear()
        if reason.is_failure:
            self._say(f"the fleet's broker is gone: {reason}; no Pi counts as online until it is back")

    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        _, pi, kind = message.topic.rsplit("/", 2)
        self._news.set()
        with self._lock:
            if not PI_ID.fullmatch(pi) or (pi not in self._standings and len(self._standings) >= MOST_PIS):
                return
            if kind == "online":
                self._online[pi] = message.payload == b"online"
                return
            try:
                said = Standing.from_json(message.payload)
                if said.pi != pi:
                    raise BadStanding(f"it says that it is {said.pi}")
                self._standings[pi] = said
            except BadStanding as error:
                self._say(f"{pi}: {error}")
