"""What a tick costs the agent a device, in the steps of the paper's figure 4, beside the paper's prototype.

Both get the same packets, in turns, on one core and one thread: the agent in batches of a second as an
interface gives them, the prototype once a window. Spectrograms are full from the start. Costs are processor
time, which is the delay of a machine with nothing else to do: the fastest of several passes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.edge_home import SIZES, EdgeHome, network
from benchmarks.measure import RUNS, Result, one_core, say
from benchmarks.peers import prototype_identify
from benchmarks.peers.prototype_identify import STEPS, Prototype
from edgeprint.artifact import Artifact
from edgeprint.edge import watch as agent
from edgeprint.edge.bank import Bank
from edgeprint.edge.batch import Batch, Packets
from edgeprint.edge.replay import cut
from edgeprint.edge.verdicts import Verdict
from edgeprint.packets.inventory import mac_text

MINUTES, QUICK_MINUTES = 30.0, 3.0
SECOND_NS = 10**9
PEER, SAME_NETWORK = "prototype", "prototype with our network"
Costs = dict[str, float]  # microseconds a device and tick, by step


def run(folder: Path, quick: bool) -> Iterator[Result]:
    home = EdgeHome.simulated(folder / "home", QUICK_MINUTES if quick else MINUTES)
    for height, width in SIZES:
        artifacts = home.artifacts(folder / f"{height}x{width}", height, width)
        ours, theirs = network(height, width), prototype_identify.network(height, width)
        with one_core():
            costs = fastest(
                {
                    "ours": lambda: _agent(home, artifacts),  # noqa: B023
                    PEER: lambda: _prototype(home, theirs, height, width),  # noqa: B023
                    SAME_NETWORK: lambda: _prototype(home, ours, height, width),  # noqa: B023
                }
            )
        for who, cost in costs.items():
            say(f"edge-delay {height}x{width}: {who}: {_said(cost)}")
        yield from _results(f"edge-delay {height}x{width}", costs, home.what)


def fastest(ways: dict[str, Callable[[], Costs]]) -> dict[str, Costs]:
    """Each way's cheapest pass of several, taken in turns."""
    passes = [{who: way() for who, way in ways.items()} for _ in range(RUNS)]
    return {who: min((one[who] for one in passes), key=lambda cost: sum(cost.values())) for who in ways}


def _results(name: str, costs: dict[str, Costs], what: str) -> Iterator[Result]:
    ours, theirs = costs["ours"], costs[PEER]
    data = f"{what}; processor time a device and tick, best of {RUNS} passes"
    for step in STEPS:
        result = Result.alone(f"{name}, {step}", ours[step], "µs/device", data)
        yield result.against(PEER, theirs[step], f"prototype {theirs[step]:.1f} µs", less_is_better=True)
    total = Result.alone(name, sum(ours.values()), "µs/device", f"{data}; {_said(ours)}")
    for peer in (PEER, SAME_NETWORK):
        note = f"{peer}: {sum(costs[peer].values()):.1f} µs, {_said(costs[peer])}"
        yield total.against(peer, sum(costs[peer].values()), note, less_is_better=True)


def _said(cost: Costs) -> str:
    return ", ".join(f"{step} {value:.1f}" for step, value in cost.items())


def _agent(home: EdgeHome, artifacts: dict[str, Artifact]) -> Costs:
    """What is neither resampling, FFT nor inference is summaries: splitting by device, and the verdicts."""
    bank, inferences = Bank(artifacts), 0
    for member in bank.members.values():
        full = np.random.default_rng(0).random((member.width, member.spec.height), "f4")
        member.ring.restore(member.width, full)

    def count(verdict: Verdict) -> None:
        nonlocal inferences
        inferences += verdict.confidence is not None

    watch = agent.Watch(home.inventory, bank, streak=5, on_verdict=count)
    batches = _batches(home)
    spent = dict.fromkeys(STEPS, 0.0)
    with ExitStack() as stack:
        for place, name, step in (
            (agent, "push_all", "resampling"),
            (agent, "advance_all", "FFT"),
            (Bank, "predict", "inference"),
        ):
            stack.enter_context(patch.object(place, name, _timed(getattr(place, name), spent, step)))
        begin = time.thread_time()
        for batch in batches:
            watch.take(batch)
        whole = time.thread_time() - begin
    spent["summaries"] = whole - sum(spent.values())
    return {step: 1e6 * seconds / inferences for step, seconds in spent.items()}


def _batches(home: EdgeHome) -> list[Batch]:
    table = home.table
    return list(cut(Packets(table.time_ns, table.wire_len, table.src, table.dst), SECOND_NS))


def _timed(work: Callable[..., Any], spent: Costs, step: str) -> Callable[..., Any]:
    def timed(*given: Any) -> Any:
        begin = time.thread_time()
        try:
            return work(*given)
        finally:
            spent[step] += time.thread_time() - begin

    return timed


def _prototype(home: EdgeHome, tflite: bytes, height: int, width: int) -> Costs:
    macs = {mac_text(min(home.inventory[device].macs)): tflite for device in home.inventory.iot}
    prototype = Prototype(macs, height, width, clock=time.thread_time)
    for spectrogram in prototype.spectrograms.values():
        spectrogram.extend(np.random.default_rng(0).random((width, height)))
    inferences = 0
    for begin_s, collected in _windows(home, height / prototype.hertz):
        inferences += len(prototype.identify(collected, begin_s))
    return {step: 1e6 * seconds / inferences for step, seconds in prototype.seconds.items()}


def _windows(home: EdgeHome, seconds: float) -> Iterator[tuple[float, prototype_identify.Collected]]:
    """Begin of each sampling window, and what scapy would have collected in it."""
    table = home.table
    window = table.time_ns // round(seconds * 1e9)
    for number in np.unique(window).tolist():
        rows = np.flatnonzero(window == number)
        columns = (table.src[rows], table.dst[rows], table.time_ns[rows] / 1e9, table.wire_len[rows])
        src, dst, time_s, size = (column.tolist() for column in columns)
        yield (
            number * seconds,
            list(zip(map(mac_text, src), map(mac_text, dst), time_s, size, strict=True)),
        )
