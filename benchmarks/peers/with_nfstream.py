"""Flows by nfstream: one meter, names of applications left out."""

from __future__ import annotations

from pathlib import Path

from nfstream import NFStreamer


def read(path: Path) -> int:
    """Packets in all flows of a file."""
    return sum(flow.bidirectional_packets for flow in NFStreamer(str(path), n_meters=1, n_dissections=0))
