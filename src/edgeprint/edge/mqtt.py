"""The agent on a home's MQTT broker: a state a device, alarms, and Home Assistant's discovery.

    publisher = Publisher(broker("mqtts://me@broker.lan/edgeprint", password="..."), say=print)
    publisher.device(device)            # at each tick: sent when it is news
    publisher.alarm(alarm)              # once when it begins, once when it ends
    publisher.close()

BASE/status             online, or offline as the last will      retained
BASE/DEVICE/state       JSON: verdict, words, confidence, ...    retained
BASE/alarm              JSON: an alarm that began or ended
homeassistant/...       two sensors a device                     retained

The broker may come, go and come back: states are kept and sent again on its return, alarms wait in a bounded
queue. Nothing else of the agent waits for it.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Callable
from typing import Any

from edgeprint.broker import Broker, broker
from edgeprint.edge import answers
from edgeprint.edge.alarms import Alarm
from edgeprint.edge.board import STRANGER, Device
from edgeprint.edge.verdicts import Standing

__all__ = ["Broker", "Publisher", "broker"]

MOST_QUEUED = 1000  # messages while the broker is gone or slow
AGAIN_NS = 60 * 10**9  # of the packets' time, after which a changed confidence alone is news
SLOWEST_RETRY_S = 60
KEEPALIVE_S = 30
FAREWELL_S = 2.0  # for the broker to take the last message


class Publisher:
    """Sends in a thread of its own; `say` gets a sentence when the broker is lost and when it is back."""

    def __init__(self, broker: Broker, *, say: Callable[[str], None]) -> None:
        """Begins to connect, and goes on trying. Raises BadParams where `ca` cannot be read."""
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

        self._queue_full = MQTTErrorCode.MQTT_ERR_QUEUE_SIZE
        self._broker, self._say = broker, say
        self._lock = threading.RLock()
        self._latest: dict[str, Device] = {}
        self._sent: dict[str, Device] = {}
        self._said_lost = False
        self.lost = 0  # alarms that the queue had no room for
        client = self._client = Client(CallbackAPIVersion.VERSION2, client_id=f"{broker.base}-agent")
        client.max_queued_messages_set(MOST_QUEUED)
        client.reconnect_delay_set(1, SLOWEST_RETRY_S)
        client.will_set(self._topic("status"), "offline", qos=1, retain=True)
        if broker.username:
            client.username_pw_set(broker.username, broker.password)
        if broker.tls:
            client.tls_set_context(broker.context())
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_connect_fail = self._on_connect_fail
        client.connect_async(broker.host, broker.port, KEEPALIVE_S)
        client.loop_start()

    @property
    def connected(self) -> bool:
        return self._client.is_connected()

    def device(self, device: Device) -> None:
        """Send the state of a listed device where it is news; strangers could flood a home with sensors."""
        if device.category == STRANGER:
            return
        with self._lock:
            known = device.name in self._latest
            self._latest[device.name] = device
            if self.connected:
                if not known:
                    self._announce(device)
                if is_news(device, self._sent.get(device.name)):
                    self._state(device)

    def alarm(self, alarm: Alarm) -> None:
        """An alarm that began or ended; it waits where the broker is gone."""
        event = "began" if alarm.is_open else "ended"
        payload = json.dumps({"event": event, **answers.alarm(alarm)})
        done = self._client.publish(self._topic("alarm"), payload, qos=1)
        self.lost += done.rc == self._queue_full

    def close(self) -> None:
        """Say goodbye, where somebody listens."""
        if self.connected:
            farewell = self._client.publish(self._topic("status"), "offline", qos=1, retain=True)
            with contextlib.suppress(RuntimeError, ValueError):  # gone in this very moment: the will speaks
                farewell.wait_for_publish(FAREWELL_S)
        self._client.disconnect()
        self._client.loop_stop()

    def _announce(self, device: Device) -> None:
        for topic, payload in discovery(device, self._broker.base).items():
            self._keep(topic, payload)

    def _state(self, device: Device) -> None:
        self._sent[device.name] = device
        self._keep(self._topic(f"{node(device.name)}/state"), state(device))

    def _keep(self, topic: str, payload: dict[str, Any]) -> None:
        """Retained, and never sent twice: a copy of an hour ago would overtake what is sent on return."""
        self._client.publish(topic, json.dumps(payload), qos=0, retain=True)

    def _topic(self, rest: str) -> str:
        return f"{self._broker.base}/{rest}"

    def _on_connect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        """Everything a broker should know that has just come up, perhaps with nothing on its disk."""
        if reason.is_failure:
            self._lose(f"refuses this agent: {reason}")
            return
        if self._said_lost:
            self._say(f"the MQTT broker {self._broker.host} is back")
        self._said_lost = False
        client.publish(self._topic("status"), "online", qos=1, retain=True)
        with self._lock:
            for device in self._latest.values():
                self._announce(device)
                self._state(device)

    def _on_disconnect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._lose(f"is gone: {reason}")

    def _on_connect_fail(self, client: Any, userdata: Any) -> None:
        self._lose("cannot be reached")

    def _lose(self, why: str) -> None:
        """Say it once, not at each try."""
        if not self._said_lost:
            self._say(f"the MQTT broker {self._broker.host} {why}; trying again")
        self._said_lost = True


def is_news(device: Device, sent: Device | None) -> bool:
    """Another verdict at once, another confidence once a minute."""
    if sent is None or device.verdict != sent.verdict:
        return True
    return (device.seen_ns or 0) - (sent.seen_ns or 0) >= AGAIN_NS and device != sent


def state(device: Device) -> dict[str, Any]:
    return {
        "verdict": device.verdict,
        "deviates": device.verdict is Standing.DEVIATES,
        "words": device.words,
        "confidence": None if device.confidence is None else round(device.confidence, 4),
        "run": device.run,
        "packets": device.packets,
        "seen": answers.seconds(device.seen_ns),
    }


def discovery(device: Device, base: str) -> dict[str, dict[str, Any]]:
    """Two retained messages by topic, from which Home Assistant makes a device with two sensors.

    https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery
    """
    name = node(device.name)
    owner = f"{base.replace('/', '_')}_{name}"
    shared = {
        "state_topic": f"{base}/{name}/state",
        "availability_topic": f"{base}/status",
        "device": {"identifiers": [owner], "name": device.name, "model": device.category},
        "origin": {"name": "edgeprint"},
    }
    problem = {
        "name": "Behaviour",
        "unique_id": f"{owner}_problem",
        "device_class": "problem",
        "value_template": "{{ 'ON' if value_json.deviates else 'OFF' }}",
        "json_attributes_topic": shared["state_topic"],
    }
    confidence = {
        "name": "Confidence",
        "unique_id": f"{owner}_confidence",
        "unit_of_measurement": "%",
        "state_class": "measurement",
        "value_template": "{{ (value_json.confidence * 100) | round if value_json.confidence is not none }}",
    }
    return {
        f"homeassistant/binary_sensor/{owner}/problem/config": {**shared, **problem},
        f"homeassistant/sensor/{owner}/confidence/config": {**shared, **confidence},
    }


def node(name: str) -> str:
    """The name as one level of a topic."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)
