"""Captures that the fuzzer starts from: made ones of every header, and others where they are at hand."""

import gzip
from pathlib import Path

import capture_bytes as write
from capture_bytes import Captured
from made_frames import FRAMES
from real_captures import DATA
from scapy.packet import raw
from tls_talk import (
    CERTIFICATE,
    DONE,
    HIDDEN,
    KEY_EXCHANGE,
    TLS12,
    TLS13,
    Talk,
    client_hello,
    record,
    server_hello,
)


def handshake(version: int, certificate: bytes) -> list[bytes]:
    talk = Talk()
    talk.say(client_hello(), client=True)
    talk.say(record(server_hello(version)) + record(certificate) + record(DONE), client=False)
    talk.say(record(KEY_EXCHANGE) if version == TLS12 else HIDDEN, client=True)
    return talk.frames


def made() -> list[bytes]:
    """Small captures of every link type, format and byte order."""
    conversations = {
        1: [*handshake(TLS12, CERTIFICATE[:4] + CERTIFICATE[4:300]), *handshake(TLS13, CERTIFICATE[:40])]
    }
    found = []
    for link_type, packets in [*FRAMES.items(), *conversations.items()]:
        frames = [packet if isinstance(packet, bytes) else raw(packet) for packet in packets]
        timed = [Captured(10**18 + i * 10**6, frame) for i, frame in enumerate(frames)]
        for order in "<>":
            found += [write.pcap(timed, order=order, link_type=link_type)]
            found += [write.pcapng(timed, order=order, link_type=link_type)]
    return [*found, *(gzip.compress(content) for content in found[:2])]


def write_seeds(folder: Path) -> list[Path]:
    """Fill a folder with made captures; return all folders to start from."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(made()):
        (folder / f"made-{number}").write_bytes(content)
    odd = DATA / "robustness"
    return [folder, odd] if odd.exists() else [folder]
