"""The three times of each TLS handshake against tshark's own reassembly of the connections."""

import os
from collections import defaultdict

import numpy as np
import tshark
from real_captures import real

from edgeprint.packets.capture_file import CaptureFile
from edgeprint.packets.decode import decode
from edgeprint.packets.tls import CERTIFICATE, CLIENT_HELLO, CLIENT_KEY_EXCHANGE, SERVER_HELLO

SAMPLE = 60  # every n-th capture of sentinel-setup
TLS13 = 0x0304
FIELDS = ["frame.time_epoch", "tcp.stream", "tcp.srcport", "tls.handshake.type"]
FIELDS += ["tls.handshake.extensions.supported_version"]
OPTIONS = ["-o", "tcp.reassemble_out_of_order:TRUE", "-Y", "tls.handshake.type"]
OPTIONS += ["-d", "tcp.port==8080,tls"]  # a camera's; to tshark it is a web proxy's
Times = tuple[int, int | None, int | None]  # ClientHello, server's certificate, client's key exchange


def captured_whole(path) -> bool:
    return not any(np.any(frames.cap_len < frames.wire_len) for frames in CaptureFile(path))


def their_handshakes(path, environment) -> set[Times]:
    """Full handshakes; of TLS 1.3, whose later messages are hidden, the ClientHello only."""
    streams = defaultdict(list)
    for values in tshark.fields(path, FIELDS, options=OPTIONS, env=environment):
        words = tshark.Words(zip(FIELDS, values, strict=True))
        for kind in words["tls.handshake.type"]:
            streams[words["tcp.stream"][0]].append((int(kind), words))
    return {times for messages in streams.values() if (times := handshake(messages))}


def handshake(messages) -> Times | None:
    server_hello = next((words for kind, words in messages if kind == SERVER_HELLO), None)
    if server_hello is None:
        return None
    server = server_hello["tcp.srcport"]
    first: dict[int, int] = {}
    for kind, words in messages:
        if kind != CERTIFICATE or words["tcp.srcport"] == server:
            first.setdefault(kind, words.time_ns())
    if CERTIFICATE in first and CLIENT_KEY_EXCHANGE in first:
        return first[CLIENT_HELLO], first[CERTIFICATE], first[CLIENT_KEY_EXCHANGE]
    versions = server_hello["tls.handshake.extensions.supported_version"]
    hidden = any(int(version, 0) == TLS13 for version in versions)
    return (first[CLIENT_HELLO], None, None) if hidden else None


def our_handshakes(path) -> set[Times]:
    found = decode(path)[0].handshakes
    columns = (c.tolist() for c in (found.start_ns, found.server_ns, found.client_ns, found.version))
    hidden = (None, None)
    return {
        (start, *(times if version < TLS13 else hidden))
        for start, *times, version in zip(*columns, strict=True)
    }


def test_tshark_finds_the_same_handshakes(tmp_path):
    environment = {**os.environ, "WIRESHARK_CONFIG_DIR": str(tmp_path)}
    paths = [*real("ucl-quarters"), *real("sentinel-setup")[::SAMPLE]]
    count = 0
    for path in filter(captured_whole, paths):
        ours = our_handshakes(path)
        assert ours == their_handshakes(path, environment), path.name
        count += len(ours)
    assert count > 150, count
