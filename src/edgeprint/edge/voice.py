"""What this Pi tells its fleet over MQTT: its standing, and by the last will that it is gone.

    voice = Voice(broker("mqtts://pi-kitchen@fleet.example"), "pi-kitchen", say=print)
    voice.tell(standing)
    voice.close()

BASE/fleet/PI/online      online, or offline as the last will      retained
BASE/fleet/PI/standing    JSON (edgeprint.standing)                retained

The broker lets each Pi write below its own id and nowhere else: its user's name is its id. Nothing of the
agent waits for it.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

from edgeprint.broker import Broker
from edgeprint.standing import Standing

SLOWEST_RETRY_S = 60
KEEPALIVE_S = 30
FAREWELL_S = 2.0


class Voice:
    """Sends in a thread of its own; `say` gets a sentence when the broker is lost and when it is back."""

    def __init__(self, broker: Broker, pi: str, *, say: Callable[[str], None]) -> None:
        """Begins to connect, and goes on trying. Raises BadParams where the authority cannot be read."""
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        self._say, self._lock = say, threading.Lock()
        self._base, self._host = f"{broker.base}/fleet/{pi}", broker.host
        self._last: bytes | None = None
        self._said_lost = False
        client = self._client = Client(CallbackAPIVersion.VERSION2, client_id=f"edgeprint-{pi}")
        client.reconnect_delay_set(1, SLOWEST_RETRY_S)
        client.will_set(f"{self._base}/online", "offline", qos=1, retain=True)
        if broker.username:
            client.username_pw_set(broker.username, broker.password)
        if broker.tls:
            client.tls_set_context(broker.context())
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_connect_fail = lambda *_: self._lose("cannot be reached")
        client.connect_async(broker.host, broker.port, KEEPALIVE_S)
        client.loop_start()

    def tell(self, standing: Standing) -> None:
        """Send it where it is news; what the broker does not hear now it hears on its return."""
        data = standing.to_json()
        with self._lock:
            if data != self._last:
                self._last = data
                if self._client.is_connected():
                    self._client.publish(f"{self._base}/standing", data, qos=1, retain=True)

    def close(self) -> None:
        if self._client.is_connected():
            farewell = self._client.publish(f"{self._base}/online", "offline", qos=1, retain=True)
            with contextlib.suppress(RuntimeError, ValueError):
                farewell.wait_for_publish(FAREWELL_S)
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._lose(f"refuses this Pi: {reason}")
            return
        if self._said_lost:
            self._say(f"the fleet's broker {self._host} is back")
        self._said_lost = False
        client.publish(f"{self._base}/online", "online", qos=1, retain=True)
        with self._lock:
            if self._last is not None:
                client.publish(f"{self._base}/standing", self._last, qos=1, retain=True)

    def _on_disconnect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._lose(f"is gone: {reason}")

    def _lose(self, why: str) -> None:
        """Say it once, not at each try."""
        if not self._said_lost:
            self._say(f"the fleet's broker {self._host} {why}; trying again")
        self._said_lost = True
