"""A Pi's look at the repository over HTTP on loopback: with nothing new, and with a new model of 200 kB."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

from benchmarks.measure import Result, one_core
from edgeprint import artifact
from edgeprint.binary.features import SpectrogramSpec
from edgeprint.edge.fetch import Web
from edgeprint.edge.updater import Updater
from edgeprint.edge.versions import Versions
from edgeprint.fleet import repository
from edgeprint.litert import Runner

DEVICES, CHECKS, PULLS = 40, 100, 10
SPEC, WIDTH = SpectrogramSpec(), 60
SHIPPED, WIDE = 32, 180  # units of the dense layer: the network that ships has 90 kB, the wide one 200 kB
MODEL = "binary.camera"


class Quiet(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # as web servers do: head and body go out at once

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """A static web server of that folder in this process, as slow as the standard library's is."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def network(path: Path, units: int = SHIPPED) -> bytes:
    """The binary CNN with a dense layer of so many units, as TFLite.

    Made in another process: an agent has no tensorflow in its memory.
    """
    make = (
        "from pathlib import Path; from edgeprint.binary import network; "
        f"from edgeprint.registry import tflite; import sys; network.DENSE = {units}; "
        f"Path(sys.argv[1]).write_bytes(tflite.convert(network.build({SPEC.height}, {WIDTH}, seed=0)))"
    )
    subprocess.run([sys.executable, "-c", make, str(path)], check=True, capture_output=True)
    return path.read_bytes()


def write(folder: Path, device: str, model: bytes, revision: str) -> Path:
    """An artifact folder whose golden outputs are right."""
    name = f"binary.{device}"
    numbers: dict[str, float | int | str] = {"height": SPEC.height, "width": WIDTH, "normalisation": "max"}
    numbers["bin_seconds"] = SPEC.bin_seconds
    shape = [SPEC.height, WIDTH, 1]
    card = artifact.ModelCard(
        "binary", name, [device], shape, SPEC.schema().hash, {"recognised": 0.5}, numbers, {}, revision
    )
    inputs = np.random.default_rng(0).random((2, *shape), "f4")
    golden = inputs, Runner(model)(inputs)
    return artifact.write(folder, tflite=model, card=card, schema=SPEC.schema(), golden=golden).folder


def cpu_seconds() -> float:
    """Of this process, web server included, and of the self-tests that it has ended."""
    return time.process_time() + sum(os.times()[2:4])


def run(folder: Path, quick: bool) -> Iterator[Result]:
    checked, pulled = (2, 2) if quick else (CHECKS, PULLS)
    model = network(folder / "model.tflite", WIDE)
    public, keys, state = folder / "public", folder / "keys", folder / "state"
    repository.init(public, keys, datetime.now(UTC))
    devices = ["camera", *(f"device-{number}" for number in range(DEVICES - 1))]
    with served(public) as url, one_core():
        root = (public / "metadata/1.root.json").read_bytes()

        def publish(revision: str) -> None:
            shutil.rmtree(folder / "models", ignore_errors=True)
            made = {f"binary.{d}": write(folder / "models" / d, d, model, revision) for d in devices}
            repository.publish(public, keys, made, datetime.now(UTC))

        def look(models: list[str]) -> tuple[float, float, Web]:
            web, begin, begun_cpu = Web(), time.perf_counter(), cpu_seconds()
            updater = Updater(url, state, root, fetcher=web)
            updater.refresh()
            for each in models:
                updater.pull(each)
            updater.finish()
            return time.perf_counter() - begin, cpu_seconds() - begun_cpu, web

        publish("0")
        look([MODEL])
        checks = [look([MODEL]) for _ in range(checked)]
        pulls = []
        for number in range(pulled):
            publish(str(number + 1))
            pulls.append(look([MODEL]))
            Versions(state).confirm(MODEL)
        size = sum((folder / "models/camera" / file).stat().st_size for file in artifact.FILES)
    where = f"a repository of {DEVICES} models, a Pi with one of them, HTTP on loopback, one core for both"
    web, data = checks[0][-1], f"{where}, best of {checked}"
    yield Result.alone("update-check", min(wall for wall, *_ in checks) * 1000, "ms", data)
    yield Result.alone("update-check-cpu", min(cpu for _, cpu, _ in checks) * 1000, "ms", f"{data}; of both")
    yield Result.alone("update-check-requests", web.requests, "requests", where)
    web = pulls[0][-1]
    data = f"{size / 1000:.0f} kB artifact with its network of {len(model) / 1000:.0f} kB, {where}; "
    data += f"verified, self-tested, swapped; best of {len(pulls)}"
    yield Result.alone("update-pull", min(wall for wall, *_ in pulls) * 1000, "ms", data)
    yield Result.alone("update-pull-cpu", min(cpu for _, cpu, _ in pulls) * 1000, "ms", f"{data}; of both")
    yield Result.alone("update-pull-requests", web.requests, "requests", where)
    yield Result.alone("update-pull-bytes", web.received, "bytes", where)
