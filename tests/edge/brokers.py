"""A real MQTT broker (mosquitto) of a test's own, and a client that hears everything."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
SOON_S = 20.0


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def program(name: str) -> str:
    """Skips the test where it is not installed."""
    return shutil.which(name, path=PLACES) or pytest.skip(f"needs {name}, of Debian's package mosquitto")


@contextlib.contextmanager
def mosquitto(folder: Path, port: int, *lines: str) -> Iterator[subprocess.Popen]:
    """A broker on loopback; `lines` are added to its configuration. Skips the test where there is none."""
    command = [program("mosquitto"), "-c", str(folder / "mosquitto.conf")]
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "mosquitto.conf"
    listener = ["user root", f"listener {port} 127.0.0.1"]
    config.write_text("\n".join([*listener, *(lines or ("allow_anonymous true",)), ""]))
    log = folder / "mosquitto.log"
    with log.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file)
        try:
            until(lambda: answers("127.0.0.1", port) or process.poll() is not None)
            assert process.poll() is None, log.read_text()
            yield process
        finally:
            process.kill()
            process.wait()


class Ear:
    """Everything that a broker passes on: the last payload by topic, and all of them in order."""

    def __init__(self, port: int) -> None:
        self.last: dict[str, str] = {}
        self.all: list[tuple[str, str]] = []
        self._subscribed = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._hear
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._subscribed.wait(SOON_S)

    def _hear(self, client: Client, userdata: object, message: MQTTMessage) -> None:
        self.all.append((message.topic, message.payload.decode()))
        self.last[message.topic] = message.payload.decode()

    def json(self, topic: str) -> dict:
        until(lambda: topic in self.last)
        return json.loads(self.last[topic])

    def __enter__(self) -> "Ear":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def until(fact: Callable[[], object]) -> None:
    """Wait for something that another process does; fails when it never comes."""
    end = time.monotonic() + SOON_S
    while not fact():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def answers(host: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False
