"""Folders that look like real captures: two devices whose frames all differ in length, and a renamed home."""

import struct
from pathlib import Path

from written_home import home

PLUG, CAMERA, ROUTER = "50c7bf000002", "7811dc000001", "00112233445a"
ADDRESSES = {PLUG: "c0a80720", CAMERA: "c0a80721", ROUTER: "08080404"}  # the router carries a server's
START = 1_600_000_000
VENDOR = bytes.fromhex("7811dc0000")  # in place of 02:00:00:00:00


def tcp(src: str, dst: str, wire_len: int, port: int = 50000, number: int = 1000) -> bytes:
    """A TCP segment, `wire_len` octets on the wire, its payload telling secrets."""
    macs = bytes.fromhex(dst + src) + b"\x08\x00"
    ip = struct.pack(">BBHHHBBH", 0x45, 0, wire_len - 14, 7, 0x4000, 64, 6, 0)
    ip += bytes.fromhex(ADDRESSES[src] + ADDRESSES[dst])
    ports = (443, port) if src == ROUTER else (port, 443)
    header = struct.pack(">HHIIBBHHH", *ports, number, number, 5 << 4, 0x18, 64240, 0xBEEF, 0)
    return (macs + ip + header).ljust(wire_len, b"s")


def pcap(path: Path, frames: list[tuple[float, bytes]]) -> None:
    """Write (time, frame) pairs as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    for time, frame in frames:
        micros = round(time * 1e6)
        data += struct.pack("<IIII", *divmod(micros, 1_000_000), len(frame), len(frame)) + frame
    path.write_bytes(data)


def inventory(folder: Path, **names: str) -> None:
    """devices.csv of MAC by device name."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [f"{bytes.fromhex(mac).hex(':')},{name.replace('_', '-')},thing,1" for name, mac in names.items()]
    (folder / "devices.csv").write_text("mac,device,category,iot\n" + "\n".join(rows) + "\n")


def setups(folder: Path, captures: int = 16) -> Path:
    """A plug's set-ups: 20 frames in 19 s of each capture, every frame of another length, in subfolders."""
    inventory(folder, plug=PLUG)
    length = 60
    for capture in range(captures):
        frames = []
        for i in range(20):
            ends = (PLUG, ROUTER) if i % 2 == 0 else (ROUTER, PLUG)
            time = START + 86_400 * capture + i * 1.0 + (i % 3) * 0.1
            frames.append((time, tcp(*ends, length, port=50000 + capture)))
            length += 1
        pcap(folder / f"setup-{capture % 2}" / f"{capture:02}.pcap", frames)
    return folder


def week(folder: Path, hours: int = 30) -> Path:
    """A camera's long capture: 14 frames of one connection every half hour, then silence; other lengths."""
    inventory(folder, camera=CAMERA)
    frames, length = [], 600
    for half in range(2 * hours):
        for i in range(14):
            ends = (CAMERA, ROUTER) if i % 2 == 0 else (ROUTER, CAMERA)
            time = START + half * 1800 + 60 + i * 0.25
            frames.append((time, tcp(*ends, length, port=40000 + half)))
            length += 1
    pcap(folder / "week.pcap", frames)
    return folder


def renamed_home(folder: Path) -> Path:
    """A simulated home of four quarters whose MACs look real, so that new ones can be told apart."""
    home(folder, devices=4, quarters=4, hours=0.5, seed=3)
    (folder / "source.json").unlink()
    for path in folder.glob("*.pcap"):
        path.write_bytes(path.read_bytes().replace(b"\x02\0\0\0\0", VENDOR))
    table = folder / "devices.csv"
    table.write_text(table.read_text().replace("02:00:00:00:00", VENDOR.hex(":")))
    return folder
