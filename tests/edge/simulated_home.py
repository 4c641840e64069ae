"""A home with one Pi: tiny real TFLite models, a repository on a real web server, captures."""

import contextlib
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

from edgeprint import artifact
from edgeprint.binary.features import SpectrogramSpec
from edgeprint.fleet import repository
from edgeprint.litert import Runner
from edgeprint.packets.inventory import mac_number

SPEC = SpectrogramSpec(height=10, bin_seconds=0.1)  # a hop of one second
WIDTH = 6
CAMERA, PLUG, ROUTER = "02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:99"


@cache
def tflite(height: int, width: int, bias: float) -> bytes:
    """A small convolution whose output is near 1 for a bias of 4 and near 0 for -4."""
    import tensorflow as tf
    from keras import Sequential, layers

    tf.keras.utils.set_random_seed(1)
    output = layers.Dense(1, "sigmoid", kernel_initializer="zeros")
    network = Sequential(
        [layers.Input((height, width, 1), batch_size=1), layers.Conv2D(2, 3), layers.Flatten(), output]
    )
    kernel = np.random.default_rng(1).normal(scale=0.01, size=output.kernel.shape)
    output.set_weights([kernel, np.array([bias])])
    return tf.lite.TFLiteConverter.from_keras_model(network).convert()


def write_model(
    folder: Path, device: str, *, bias: float = 4, revision: str = "1", spec: SpectrogramSpec = SPEC
) -> Path:
    """An artifact folder as training leaves it; another `revision` is another model to the repository."""
    model = tflite(spec.height, WIDTH, bias)
    inputs = np.random.default_rng(0).random((2, spec.height, WIDTH, 1), "f4")
    card = artifact.ModelCard(
        family="binary",
        name=f"binary.{device}",
        labels=[device],
        input_shape=[spec.height, WIDTH, 1],
        schema_hash=spec.schema().hash,
        thresholds={"recognised": 0.5},
        preprocessing={
            "height": spec.height,
            "width": WIDTH,
            "bin_seconds": spec.bin_seconds,
            "normalisation": "max",
        },
        git_revision=revision,
    )
    golden = inputs, Runner(model)(inputs)
    return artifact.write(folder, tflite=model, card=card, schema=spec.schema(), golden=golden).folder


@dataclass
class Home:
    """A repository, who serves it, and the state of one Pi."""

    folder: Path
    keys: Path
    url: str
    models: Path
    state: Path

    def publish(self, **options: dict) -> None:
        """Offer one model a device, made with the options given for it."""
        models = {
            f"binary.{device}": write_model(self.models / device, device, **some)
            for device, some in options.items()
        }
        repository.publish(self.folder, self.keys, models, datetime.now(UTC))

    @property
    def root(self) -> bytes:
        return (self.folder / "metadata/1.root.json").read_bytes()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def served(folder: Path, handler: type[SimpleHTTPRequestHandler] = Quiet) -> Iterator[str]:
    """A web server of that folder on loopback; gives its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=folder))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def write_capture(path: Path, rows: list[tuple[int, str, str, int]]) -> Path:
    """A pcap with nanoseconds of frames (time_ns, src, dst, wire length), at most 60 bytes of each kept."""
    data = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1)
    for time_ns, src, dst, length in rows:
        frame = mac_number(dst).to_bytes(6) + mac_number(src).to_bytes(6) + b"\x08\x00"
        kept = frame + bytes(max(0, min(length, 60) - len(frame)))
        data += struct.pack("<IIII", *divmod(time_ns, 10**9), len(kept), length) + kept
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
