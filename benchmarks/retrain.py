"""The scheduled retrain flow: with nothing to do, after a quarter's arrival, and in full with a break-down.

A simulated home, ingested quarter by quarter as a site would; one device gets new firmware in the last, the
others none. The full run is one of a new workspace that holds all quarters. Its wall time is laid out as DVC
and process starts (outside every flow run), Prefect and reading the features (in flow runs, outside their
tasks), MLflow (in its client), and the rest: the work. Processor seconds are those of all processes together:
on a machine that does much else, they repeat where wall time does not.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import yaml

from benchmarks.measure import Result, say
from edgeprint.stages import job, prefect_server
from edgeprint.stages.ingest import ingest, open_workspace
from edgeprint.stages.workspace import Workspace
from edgeprint.testbed.home import quarter_name, simulate
from edgeprint.testbed.profiles import Member, cast

REPOSITORY = Path(__file__).resolve().parents[1]
CLOCK = Path(__file__).parent / "mlflow_clock"
UPDATED = "plug-a"
FIRMWARE = {
    "what": "keep-alives every second, eight times as large; ARP more often",
    "set": {"beat.0.periods": [1], "beat.0.up": [700, 20], "beat.0.down": [60, 5], "arp": 15},
}
# The LSTM-CNN, asked about kinds that it has never seen, stays below 0.8 in a home of eight devices and would
# be retrained each quarter, drifted or not.
FULL = {"policy": {"min_f1": 0.6}}
QUICK = {
    "cclp": {"features": {"window_minutes": 5}, "train": {"iterations": 30}},
    "lstm_cnn": {"features": {"segment_minutes": 1}, "train": {"epochs": 3}},
    "binary": {"train": {"width": 16, "samples": 20, "epochs": 1}, "evaluate": {"runs": 2, "run_length": 5}},
    "gate": {"max_latency_ms": 1000},
}


@dataclass(frozen=True)
class Breakdown:
    """Seconds of a run: all, in flow runs, in their tasks, and in MLflow's client; `processor` of all."""

    wall: float
    processor: float
    flows: float
    tasks: float
    mlflow: float

    @property
    def parts(self) -> dict[str, float]:
        return {
            "DVC and process starts": self.wall - self.flows,
            "Prefect and reading features": self.flows - self.tasks,
            "MLflow": self.mlflow,
            "work": self.tasks - self.mlflow,
        }

    @property
    def share(self) -> float:
        """Of the wall time, what is not work."""
        return 1 - self.parts["work"] / self.wall

    def __str__(self) -> str:
        return ", ".join(f"{part} {seconds:.0f} s" for part, seconds in self.parts.items())


def run(folder: Path, quick: bool) -> Iterator[Result]:
    devices, quarters, hours = (3, 2, 1) if quick else (8, 4, 24)
    arrived = by_quarter(folder, devices, quarters, hours, quick)
    name = f"simulated home, {devices} devices and 2 computers, {quarters} quarters of {hours} h"
    last = arrived[-1]
    whole = breakdown(opened(folder / "whole", arrived), folder)
    say(f"retrain: a full run takes {whole.wall:.0f} s, {whole.processor:.0f} of a processor: {whole}")
    site = opened(folder / "site", arrived[:-1])
    seconds(site)
    ingest(site, last, last.name)
    arrival, worked = seconds(site)
    report = [line for line in site.report("retrain") if line["interval"] == last.name]
    retrained = [line["model"] for line in report if line["retrained"]]
    names = ", ".join(retrained) or "none"
    say(f"retrain: {last.name} takes {arrival:.0f} s, {worked:.0f} of a processor; retrained: {names}")
    share = Result.alone("retrain-arrival", arrival / whole.wall, "of a full run", name)
    count = f"{len(retrained)} of {len(report)} models retrained"
    yield share.against("target with one device", 0.25, count, less_is_better=True)
    of_processor = Result.alone("retrain-arrival-processor", worked / whole.processor, "of a full run", name)
    yield of_processor.against("target with one device", 0.25, count, less_is_better=True)
    idle = Result.alone("retrain-nothing", seconds(site)[0], "s", name)
    yield idle.against("target", 30, less_is_better=True)
    orchestration = Result.alone("retrain-orchestration", whole.share, "of a full run", f"{name}; {whole}")
    yield orchestration.against("target", 0.15, less_is_better=True)


def by_quarter(folder: Path, devices: int, quarters: int, hours: float, quick: bool) -> list[Path]:
    """A folder a quarter, as captures arrive; the first brings devices.csv and params.yaml."""
    members = one_updated(devices, quarters)
    simulate(folder / "made", devices=devices, quarters=quarters, hours=hours, seed=7, members=members)
    found = []
    captures = sorted((folder / "made").glob("*.pcap"))
    days = len(captures) // quarters
    for number in range(quarters):
        found.append(folder / quarter_name(number + 1))
        found[-1].mkdir()
        for capture in captures[number * days : (number + 1) * days]:
            capture.rename(found[-1] / capture.name)
    for kept in ("devices.csv", "source.json"):
        shutil.move(folder / "made" / kept, found[0] / kept)
    (found[0] / "params.yaml").write_text(yaml.safe_dump(QUICK if quick else FULL))
    return found


def one_updated(devices: int, quarter: int) -> list[Member]:
    """The usual cast, without the updates of their profiles: one device has an update, in that quarter."""
    update = {UPDATED: [{"quarter": quarter, **FIRMWARE}]}
    return [replace(m, raw={**m.raw, "update": update.get(m.name, [])}) for m in cast(devices)]


def opened(root: Path, arrived: list[Path]) -> Workspace:
    workspace = open_workspace(REPOSITORY, root, arrived[0])
    for quarter in arrived:
        ingest(workspace, quarter, quarter.name)
    return workspace


def seconds(workspace: Workspace) -> tuple[float, float]:
    """Wall and processor seconds of a run."""
    begin, before = time.perf_counter(), processor()
    job.run(workspace, until="retrain")
    return time.perf_counter() - begin, processor() - before


def processor() -> float:
    """Seconds that all processes have worked that this one has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def breakdown(workspace: Workspace, folder: Path) -> Breakdown:
    """A full run, on a Prefect server of its own that is asked afterwards; that one's start counts, too."""
    spent = folder / "seconds"
    spent.mkdir()
    begin, before = time.perf_counter(), processor()
    places = os.pathsep.join([str(CLOCK), os.environ.get("PYTHONPATH", "")])
    with prefect_server.beside(workspace) as server:
        with variables(**server, EDGEPRINT_MLFLOW_SECONDS=str(spent), PYTHONPATH=places):
            job.run(workspace, until="retrain")
        wall = time.perf_counter() - begin
        flows, tasks = (
            covered(asked(f"{server[prefect_server.URL]}/{kind}/filter"))
            for kind in ("flow_runs", "task_runs")
        )
    in_mlflow = sum(float(path.read_text()) for path in spent.iterdir())
    return Breakdown(wall, processor() - before, flows, tasks, in_mlflow)


def asked(url: str) -> list[dict]:
    """All runs that the server knows, page by page."""
    found: list[dict] = []
    while True:
        body = json.dumps({"offset": len(found), "limit": 200}).encode()
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            page = json.load(answer)
        found += page
        if len(page) < 200:
            return found


def covered(runs: list[dict]) -> float:
    """Seconds in which at least one of the runs went on."""
    total, until = 0.0, 0.0
    spans = sorted((moment(run["start_time"]), moment(run["end_time"])) for run in runs if run["end_time"])
    for begin, end in spans:
        total += max(0.0, end - max(begin, until))
        until = max(until, end)
    return total


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@contextmanager
def variables(**new: str) -> Iterator[None]:
    before = {key: os.environ.get(key) for key in new}
    os.environ.update(new)
    try:
        yield
    finally:
        for key, value in before.items():
            os.environ.pop(key) if value is None else os.environ.update({key: value})
