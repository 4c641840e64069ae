"""The scheduled retrain flow: with nothing to do, after a quarter's arrival, and beside full runs.

A simulated home, ingested quarter by quarter as a site would; one device gets new firmware in the last, the
others none. Two runs are of new workspaces that hold all quarters: `edgeprint run`, whose training stages
train every model after each quarter, and the retrain flow alone, which has no champion to begin from. Wall
time of both is laid out as DVC and process starts (outside every flow run), Prefect (in flow runs, outside
their tasks), MLflow (to import it, and in its client), and the rest: the work.
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
CLOCK = Path(__file__).parent / "clock"
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
    "gate": {"max_latency_ms": 1000, "min_macro_f1": 0},  # there must be something to release
}


@dataclass(frozen=True)
class Breakdown:
    """Seconds of a run: all; in flow runs, in their tasks, in MLflow and in programs that are no flows; until
    all models were trained (0 where no training stage ran).
    """

    wall: float
    flows: float
    tasks: float
    mlflow: float
    programs: float
    trained: float

    @property
    def parts(self) -> dict[str, float]:
        return {
            "DVC and process starts": self.wall - self.flows - self.programs,
            "Prefect": self.flows - self.tasks,
            "MLflow": self.mlflow,
            "work": self.tasks - self.mlflow + self.programs,
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
    whole = breakdown(opened(folder / "whole", arrived), folder / "seconds-whole")
    say(f"retrain: a full run takes {whole.wall:.0f} s, {whole.trained:.0f} s to train all models: {whole}")
    site = opened(folder / "site", arrived[:-1])
    seconds(site)
    ingest(site, last, last.name)
    arrival, worked = seconds(site)
    report = [line for line in site.report("retrain") if line["interval"] == last.name]
    retrained = [line["model"] for line in report if line["retrained"]]
    names = ", ".join(retrained) or "none"
    say(f"retrain: {last.name} takes {arrival:.0f} s, {worked:.0f} of a processor; retrained: {names}")
    count = f"{len(retrained)} of {len(report)} models retrained"
    yield _of("retrain-arrival", arrival / whole.trained, "of a full training", name, 0.25, count)
    yield _of("retrain-nothing", seconds(site)[0], "s", name, 30)
    yield _of("retrain-orchestration", whole.share, "of a full run", f"{name}; {whole}", 0.15)
    if quick:  # all code has run
        return
    anew = breakdown(opened(folder / "anew", arrived), folder / "seconds-anew", until="retrain")
    say(f"retrain: the retrain flow of a new workspace takes {anew.wall:.0f} s: {anew}")
    yield _of("retrain-arrival-anew", arrival / anew.wall, "of a retrain flow anew", name, 0.25, count)
    yield _of("retrain-orchestration-anew", anew.share, "of a retrain flow anew", f"{name}; {anew}", 0.15)


def _of(name: str, value: float, unit: str, data: str, target: float, note: str = "") -> Result:
    return Result.alone(name, value, unit, data).against("target", target, note, less_is_better=True)


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


def breakdown(workspace: Workspace, spent: Path, until: str | None = None) -> Breakdown:
    """A run of a new workspace, on a Prefect server of its own that is asked afterwards; its start counts."""
    spent.mkdir()
    began, begin = time.time(), time.perf_counter()
    places = os.pathsep.join([str(CLOCK), os.environ.get("PYTHONPATH", "")])
    with prefect_server.beside(workspace) as server:
        with variables(**server, EDGEPRINT_SECONDS=str(spent), PYTHONPATH=places):
            job.run(workspace, until=until)
        wall = time.perf_counter() - begin
        url = server[prefect_server.URL]
        flows, tasks, known = (asked(f"{url}/{kind}/filter") for kind in ("flow_runs", "task_runs", "flows"))
    (train,) = (flow["id"] for flow in known if flow["name"] == "train") if until is None else ("",)
    trained = [moment(run["end_time"]) - began for run in flows if run["flow_id"] == train]
    told = [json.loads(path.read_text()) for path in spent.iterdir()]
    return Breakdown(
        wall,
        covered(flows),
        covered(tasks),
        sum(each["mlflow"] for each in told),
        sum(each["program"] for each in told),
        max(trained, default=0.0),
    )


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
