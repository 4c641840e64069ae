"""The decoder, all columns on one core, beside what else reads captures.

Ours streams through the file after a warm-up that loads the compiled loop. A program is timed as a whole, on
a file that takes it more than twenty times as long as to start. Slow peers get fewer packets of the same mix.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from benchmarks.captures import Reel, Traffic, traffic
from benchmarks.measure import RUNS, Result, best, compile_at_once, one_core, say
from benchmarks.peers import programs
from edgeprint.packets.decode import decode_chunks

PACKETS, QUICK_PACKETS = 10_000_000, 300_000


@dataclass(frozen=True)
class Peer:
    """A program, or a library where `program` is None; it reads the long file, unless `rounds` says less."""

    name: str
    program: Callable[[Path], None] | None = None
    rounds: int | None = None  # of the captures
    every: int = 1  # n-th packet only
    cores: str = "one core"  # "all cores": it stands on several processes and would suffer on one

    @property
    def installed(self) -> bool:
        return bool(shutil.which(self.name) if self.program else find_spec(self.name))

    def reader(self) -> Callable[[Path], object]:
        return self.program or import_module(f"benchmarks.peers.with_{self.name}").read


PEERS = (
    Peer("capinfos", programs.capinfos),
    Peer("tshark", programs.tshark, rounds=2),
    Peer("dpkt", rounds=1),
    Peer("scapy", rounds=1, every=8),
    Peer("nfstream", rounds=10, cores="all cores"),
)


def run(folder: Path, quick: bool) -> Iterator[Result]:
    home = traffic("ucl-quarters", folder, hours=1 if quick else 12)
    reel, long, packets = home.reel(), folder / "long.pcap", QUICK_PACKETS if quick else PACKETS
    size = reel.write(long, packets)
    compile_at_once()
    with one_core():
        read_all(long)
        ours = packets / best(lambda: read_all(long))
    result = Result.alone("decode", ours, "packets/s", described(home, packets, size))
    for peer in PEERS:
        if not peer.installed:
            say(f"decode: {peer.name} is not installed")
            continue
        with one_core() if peer.cores == "one core" else nullcontext():
            theirs, note = _of(peer, reel, packets, folder, quick)
        yield result.against(peer.name, theirs, note)


def read_all(path: Path) -> int:
    """Packets of a file, decoded block by block."""
    return sum(len(table) for table, _ in decode_chunks(path))


def described(home: Traffic, packets: int, size: int) -> str:
    return (
        f"{home.name} ({home.kind}) repeated, {packets:,} packets, {size / 1e6:,.0f} MB; best of {RUNS} runs"
    )


def _of(peer: Peer, reel: Reel, packets: int, folder: Path, quick: bool) -> tuple[float, str]:
    """Packets a second of a peer, and what it read."""
    path, note, read = folder / "long.pcap", "same file", peer.reader()
    if peer.rounds is not None:
        every = peer.every * (10 if quick else 1)
        reel = reel.every(every)
        path, packets = folder / "few.pcap", len(reel) * peer.rounds
        reel.write(path, packets)
        note = f"{packets:,} packets, {f'every {every}th' if every > 1 else 'its beginning'}"
    seconds = best(lambda: read(path))
    say(f"decode: {peer.name} took {seconds:.2f} s for {packets:,} packets{_start_up(peer, folder)}")
    return packets / seconds, f"{peer.name}: {note}, {peer.cores}, best of {RUNS}"


def _start_up(peer: Peer, folder: Path) -> str:
    """What a program takes where there is no packet, so that a reader can see that it does not matter."""
    if (program := peer.program) is None:
        return ""
    nothing = folder / "nothing.pcap"
    with (folder / "long.pcap").open("rb") as long:
        nothing.write_bytes(long.read(24))
    return f", {best(lambda: program(nothing)):.2f} s of it to start"
