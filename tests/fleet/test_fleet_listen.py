"""What a watch hears over a real broker."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from edgeprint.broker import Broker
from edgeprint.edge.voice import Voice
from edgeprint.fleet.listen import Listener, NoBroker
from edgeprint.standing import Phase, Standing
from tests.edge.brokers import free_port, mosquitto, until


@contextmanager
def speaking(port: int, every_s: float) -> Iterator[None]:
    """A Pi that never falls silent."""
    client, over = Client(CallbackAPIVersion.VERSION2), threading.Event()
    client.connect("127.0.0.1", port)
    client.loop_start()

    def speak() -> None:
        while not over.wait(every_s):
            said = Standing("pi-1", 1, Phase.IN_USE).to_json()
            client.publish("edgeprint/fleet/pi-1/standing", said, retain=True)

    thread = threading.Thread(target=speak, daemon=True)
    thread.start()
    yield
    over.set()
    thread.join()
    client.disconnect()
    client.loop_stop()


@contextmanager
def present(port: int) -> Iterator[None]:
    """A Pi that has said how it stands, and is there."""
    with closing(Voice(Broker("127.0.0.1", port), "pi-1", say=print)) as voice:
        voice.tell(Standing("pi-1", 1, Phase.IN_USE))
        yield


def test_a_fleet_that_never_falls_silent_is_heard_all_the_same(tmp_path: Path) -> None:
    port = free_port()
    at = Broker("127.0.0.1", port)
    with mosquitto(tmp_path, port), speaking(port, 0.05), Listener(at, say=print, patience_s=1) as listener:
        assert listener.fleet()["pi-1"].standing.release == 1


def test_while_the_broker_is_gone_no_pi_is_online_and_on_its_return_they_are_again(tmp_path: Path) -> None:
    port, said = free_port(), []
    at = Broker("127.0.0.1", port)
    with mosquitto(tmp_path, port) as process, present(port), Listener(at, say=said.append) as listener:
        until(lambda: listener.fleet()["pi-1"].online)
        process.kill()
        until(lambda: not listener.fleet()["pi-1"].online)
        assert listener.fleet()["pi-1"].standing.release == 1
        assert any("is gone" in sentence for sentence in said)
        with mosquitto(tmp_path, port):
            until(lambda: listener.fleet()["pi-1"].online)


def test_a_broker_that_is_not_there_is_named() -> None:
    with pytest.raises(NoBroker, match="cannot be reached"):
        Listener(Broker("127.0.0.1", free_port()), say=print)
