"""Captures to feature sets: one task a new capture, in processes of this machine or on a Dask cluster.

python -m flows.extract
"""

import os
import tempfile
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner

from edgeprint import params
from edgeprint.errors import EdgeprintError
from edgeprint.packets.inventory import Inventory
from edgeprint.progress import track
from edgeprint.stages import extract as stage
from edgeprint.stages.workspace import Workspace
from flows import FROM_THE_STORE, main

SCHEDULER_SECONDS = 10


class Unreachable(EdgeprintError):
    """A Dask cluster that params.yaml names does not answer."""


@task(task_run_name="{name}", **FROM_THE_STORE)
def extract_capture(root: Path, name: str, parts: Path, place: Path | None) -> stage.CaptureRows:
    workspace = Workspace(root)
    path = workspace.captures / name
    return stage.extract_once(path, name, workspace.inventory(), workspace.params(), parts, place)


@task(task_run_name="all captures together", **FROM_THE_STORE)
def store(rows: list[stage.CaptureRows], inventory: Inventory, workspace: Workspace, parts: Path) -> dict:
    return stage.store(rows, inventory, workspace, parts)


def runner(chosen: params.Extract) -> TaskRunner[Any]:
    """Who decodes: processes of this machine, a Dask cluster of it, or one that is already there."""
    workers = chosen.workers or os.cpu_count() or 1
    if chosen.runner == "processes":
        return ProcessPoolTaskRunner(max_workers=workers)
    from prefect_dask import DaskTaskRunner

    if chosen.scheduler:
        _reach(chosen.scheduler)
        return DaskTaskRunner(address=chosen.scheduler)
    local = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None}
    return DaskTaskRunner(cluster_kwargs=local)


def _reach(scheduler: str) -> None:
    from distributed import Client

    try:
        Client(scheduler, timeout=SCHEDULER_SECONDS).close()
    except (OSError, ValueError) as error:
        raise Unreachable(
            f"extract.scheduler = {scheduler!r} of params.yaml cannot be reached: {error}"
        ) from None


def _read(root: Path, places: dict[str, Path | None], parts: Path) -> dict[str, stage.CaptureRows]:
    """Captures side by side; one alone in this process, for a worker takes seconds to start."""
    if len(places) == 1:
        return {
            name: extract_capture(root, name, parts, places[name]) for name in track(list(places), "captures")
        }
    futures = {name: extract_capture.submit(root, name, parts, place) for name, place in places.items()}
    return {name: futures[name].result() for name in track(list(futures), "captures")}


@flow(name="extract")
def extract(root: Path = Path()) -> dict:
    """Decode what is new in data/captures and write the three feature sets of all of it."""
    workspace = Workspace(root.resolve())
    inventory, numbers = workspace.inventory(), workspace.params()
    stage.check(numbers)
    kept = workspace.state / "rows"
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=workspace.state, prefix="parts-") as folder:  # where workers see it
        parts = Path(folder)
        names = [str(p.relative_to(workspace.captures)) for p in stage.captures_of(workspace.captures)]
        places = {
            name: stage.place_of(workspace.captures / name, name, inventory, numbers, kept) for name in names
        }
        known = {name: found for name, place in places.items() if (found := stage.recall(place, parts))}
        known |= _read(workspace.root, {n: place for n, place in places.items() if n not in known}, parts)
        rows = [known[name] for name in names]
        report = store(rows, inventory, workspace, parts)
    stage.forget(kept, rows)
    for line in stage.sentences(report):
        get_run_logger().warning(line)
    workspace.write_report("extract", report)
    return report


if __name__ == "__main__":
    main(lambda: extract.with_options(task_runner=runner(params.load().extract))())
