"""Reading a real interface: what the agent sees is what a capture taken beside it holds."""

import socket
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import wire
from wire import captured, frame, in_capture, send, watching

from benchmarks.veth import LAN, SENDER, ip, lay
from edgeprint.edge import ring
from edgeprint.edge.bank import Bank
from edgeprint.edge.live import Live
from edgeprint.edge.source import open_source
from edgeprint.edge.strangers import MOST
from edgeprint.edge.watch import Watch
from edgeprint.errors import BadParams, CannotCapture
from edgeprint.packets.inventory import Device, Inventory

A, B = 0x0200_0000_0001, 0x0200_0000_0002
TAGGED = frame(A, B)[:12] + b"\x81\x00\x00\x07" + frame(A, B)[12:]


@pytest.fixture(autouse=True)
def link() -> Iterator[None]:
    with wire.link():
        yield


@pytest.mark.parametrize("backend", ["ring", "recv", "scapy"])
def test_each_back_end_sees_what_tcpdump_sees(backend: str, tmp_path: Path) -> None:
    wire.needs("tcpdump")
    sizes = np.random.default_rng(1).integers(14, 9000, 30 if backend == "scapy" else 500)
    frames = [frame(A + i % 7, B, int(size)) for i, size in enumerate(sizes)]
    with watching(Live(LAN, backend)) as seen, captured(tmp_path / "beside.pcap") as beside:
        send(*frames, TAGGED)
        seen.wait_for(len(frames) + 1)
    ours, theirs = seen.packets, in_capture(beside)
    # scapy's times are floats
    assert np.abs(ours.time_ns - theirs.time_ns).max() <= (1000 if backend == "scapy" else 0)
    assert all(np.array_equal(a, b) for a, b in zip(ours[1:], theirs[1:], strict=True))
    assert (seen.source.backend, seen.source.received, seen.source.late) == (backend, len(frames) + 1, 0)


@pytest.mark.parametrize("backend", ["ring", "recv", "scapy"])
def test_a_vlan_tag_counts_as_it_does_in_a_capture(backend: str) -> None:
    with watching(Live(LAN, backend)) as seen:
        send(frame(A, B), TAGGED)
        seen.wait_for(2)
    assert seen.packets.wire_len.tolist() == [100, 104]


@pytest.mark.parametrize("backend", ["ring", "recv"])
def test_what_comes_in_and_what_goes_out_are_each_seen_once(backend: str) -> None:
    with watching(Live(LAN, backend)) as seen:
        send(frame(A, B))
        send(frame(B, A), over=LAN)
        seen.wait_for(2)
    assert sorted(seen.packets.src.tolist()) == [A, B]


@pytest.mark.parametrize("backend", ["ring", "recv"])
def test_on_the_loopback_interface_a_packet_counts_once(backend: str) -> None:
    ip("link set lo up")
    with watching(Live("lo", backend)) as seen:
        send(frame(A, B), over="lo")
        seen.wait_for(1)
    assert seen.packets.src.tolist() == [A]


def test_segments_that_the_kernel_joins_are_said_to_be() -> None:
    ip(f"link set {LAN} mtu 1500")
    size, tcp = 3000, bytes(12) + b"\x50\x10" + bytes(6)
    header = b"\x45\0" + struct.pack(">HHHBBH", size, 0, 0, 64, 6, 0) + bytes([192, 0, 2, 1, 192, 0, 2, 2])
    joined = frame(A, B)[:12] + b"\x08\0" + (header + tcp).ljust(size, b"\0")
    with watching(Live(LAN)) as seen, socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.setsockopt(263, 15, 1)  # PACKET_VNET_HDR: it may be given what a network card would cut
        raw.bind((SENDER, 0))
        raw.send(struct.pack("<BBHHHH", 1, 1, 54, 1400, 34, 16) + joined)  # TCP over IPv4
        seen.wait(lambda: bool(seen.source.notes))
    assert seen.packets.wire_len.tolist() == [14 + size]
    assert "frames of 3,014 bytes on lan0: its segments are joined" in seen.source.notes[0]


def test_time_goes_on_while_nothing_is_sent() -> None:
    with watching(Live(LAN)) as seen:
        seen.wait(lambda: len(seen.batches) >= 2)
    first, second = (batch.now_ns for batch in seen.batches[:2])
    assert 0.9e9 < second - first < 5e9 and len(seen.packets.time_ns) == 0


@pytest.mark.parametrize("backend", ["ring", "recv"])
def test_packets_that_the_kernel_had_no_room_for_are_counted(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ring, "BLOCKS", 2)
    monkeypatch.setattr(ring, "BLOCK_BYTES", 1 << 12)
    monkeypatch.setattr("edgeprint.edge.recv.BUFFER_BYTES", 1 << 16)
    source = Live(LAN, backend)
    send(*[frame(A, B)] * 1000)
    with watching(source) as seen:
        seen.wait(lambda: bool(source.dropped))
    assert source.dropped and 0 < source.received == 1000 - source.dropped


def test_a_kernel_that_refuses_a_ring_is_read_packet_by_packet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ring, "BLOCK_BYTES", 1000)  # no multiple of a page
    with watching(Live(LAN, "ring")) as seen:
        send(frame(A, B))
        seen.wait_for(1)
    assert seen.source.backend == "recv"
    assert "the kernel refuses a ring (Invalid argument)" in seen.source.notes[0]


@pytest.mark.parametrize("backend", ["ring", "recv", "scapy"])
def test_an_interface_that_was_down_is_read_again(backend: str) -> None:
    with watching(Live(LAN, backend)) as seen:
        send(frame(A, B))
        seen.wait_for(1)
        ip(f"link set {LAN} down")
        seen.wait(lambda: "lan0 is down" in seen.source.notes)
        ip(f"link set {LAN} up")
        seen.wait(lambda: "lan0 is up" in seen.source.notes)
        send(frame(B, A))
        seen.wait_for(2)
    assert seen.packets.src.tolist() == [A, B]


@pytest.mark.parametrize("backend", ["ring", "recv", "scapy"])
def test_an_interface_that_was_deleted_and_made_again_is_read_again(backend: str) -> None:
    with watching(Live(LAN, backend)) as seen:
        send(frame(A, B))
        seen.wait_for(1)
        ip(f"link del {LAN}")
        seen.wait(lambda: "lan0 is gone" in seen.source.notes)
        lay()
        seen.wait(lambda: "lan0 is back and up" in seen.source.notes)
        send(frame(B, A))
        seen.wait_for(2)
    assert seen.packets.src.tolist() == [A, B]


def test_an_interface_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(CannotCapture, match=r"no interface is called 'eth7'; there are lo, .*lan0"):
        open_source("live:eth7")


def test_an_interface_without_macs_is_refused() -> None:
    if subprocess.run(["ip", "tuntap", "add", "tun7", "mode", "tun"], capture_output=True).returncode:
        pytest.skip("needs a kernel with tun")
    with pytest.raises(CannotCapture, match="tun7 is of kind 65534, not Ethernet"):
        open_source("live:tun7")


def test_a_back_end_that_there_is_not_is_refused() -> None:
    with pytest.raises(BadParams, match=r"'pcap' is no back-end of capture; give ring, recv, scapy"):
        open_source(f"live:{LAN}", backend="pcap")


@pytest.mark.parametrize("backend", ["ring", "recv"])
def test_frames_of_any_content_are_counted_by_their_length(backend: str) -> None:
    random = np.random.default_rng(2)
    frames = [random.bytes(size) for size in random.integers(14, 200, 300).tolist()]
    with watching(Live(LAN, backend)) as seen:
        send(*frames)
        seen.wait_for(300)
    assert sorted(seen.packets.wire_len.tolist()) == sorted(map(len, frames))
    assert set(seen.packets.src.tolist()) == {int.from_bytes(f[6:12], "big") for f in frames}


def test_a_flood_of_made_up_macs_is_counted_in_bounded_memory() -> None:
    nobody = Inventory({"nobody": Device("nobody", "", True, frozenset({1}))})
    watch = Watch(nobody, Bank({}), streak=3, on_verdict=lambda _: None)
    flood = 30_000
    with watching(Live(LAN)) as seen:
        send(*(frame(A + number, B) for number in range(flood)))
        seen.wait_for(flood)
    for batch in seen.batches:
        watch.take(batch)
    assert watch.strangers.packets_beyond == flood - MOST
    assert len(watch.summary()) == 1 + MOST


def test_the_other_end_of_the_link_may_be_read_too() -> None:
    with watching(Live(SENDER)) as seen:
        send(frame(A, B))
        seen.wait_for(1)
    assert seen.packets.dst.tolist() == [B]
