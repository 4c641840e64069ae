"""What the agent remembers of one device or stranger, and how a tick changes it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeprint.binary.features import ColumnStream
from edgeprint.edge.bank import ColumnRing
from edgeprint.edge.rotation import Heard
from edgeprint.edge.verdicts import Judgement, Summary, Verdict
from edgeprint.packets.inventory import is_randomised, mac_number, mac_text


@dataclass
class Watched:
    """One device or stranger; the counts are of its whole life, over restarts."""

    device: str
    judgement: Judgement
    stream: ColumnStream
    mac: str | None = None
    packets: int = 0
    columns: int = 0
    ticks: int = 0
    inferences: int = 0
    hits: int = 0
    confidence_sum: float = 0.0
    spoke: bool = False  # since the last tick
    ring: ColumnRing | None = None  # a stranger's: what the models of others are tried on
    tries: int = 0  # of them
    heard: Heard | None = None  # None before the first frame that it sent itself

    @property
    def is_made_up(self) -> bool:
        """A stranger whose address its maker did not give it."""
        return self.mac is not None and is_randomised(mac_number(self.mac))

    def take(
        self, time_ns: NDArray[np.int64], signed_size: NDArray[np.int64], src: NDArray[np.uint64]
    ) -> None:
        """Packets [k] of the open tick in time order; those that it sent have a size above 0."""
        self.stream.push(time_ns, signed_size)
        sent = np.flatnonzero(signed_size > 0)
        if len(sent):
            self.hear(src[sent[-1]], int(time_ns[sent[0]]), int(time_ns[sent[-1]]))

    def hear(self, address: int, first_ns: int, last_ns: int) -> None:
        """It sent frames from so long to so long, the last under this address."""
        self.heard = Heard(mac_text(address), self.heard.first_ns if self.heard else first_ns, last_ns)

    def judge(self, time_ns: int, confidence: float | None) -> Verdict:
        self.judgement = self.judgement.after(confidence)
        self.ticks += 1
        if confidence is not None:
            self.inferences += 1
            self.hits += self.judgement.is_hit(confidence)
            self.confidence_sum += confidence
        standing, run = self.judgement.standing, self.judgement.run
        return Verdict(time_ns, self.device, self.mac, standing, confidence, self.columns, run)

    def summary(self) -> Summary:
        share, mean = None, None
        if self.inferences:
            share, mean = self.hits / self.inferences, self.confidence_sum / self.inferences
        standing = self.judgement.standing
        return Summary(self.device, self.packets, self.columns, self.ticks, share, mean, standing)
