"""Captures to feature sets: one task a capture, in processes of this machine or on a Dask cluster.

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
from edgeprint.progress import track
from edgeprint.stages import extract as stage
from edgeprint.stages.workspace import Workspace
from flows import FROM_THE_STORE, main

SCHEDULER_SECONDS = 10


class Unreachable(EdgeprintError):
    """A Dask cluster that params.yaml names does not answer."""


@task(task_run_name="{name}", **FROM_THE_STORE)
def extract_capture(root: Path, name: str, parts: Path, kept: Path) -> stage.CaptureRows:
    workspace = Workspace(root)
    path = workspace.captures / name
    return stage.extract_once(path, name, workspace.inventory(), workspace.params(), parts, kept)


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


@flow(name="extract")
def extract(root: Path = Path()) -> dict:
    """Decode every capture of data/captures and write the three feature sets."""
    workspace = Workspace(root.resolve())
    inventory = workspace.inventory()
    stage.check(workspace.params())
    names = [str(p.relative_to(workspace.captures)) for p in stage.captures_of(workspace.captures)]
    kept = workspace.state / "rows"
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=workspace.state, prefix="parts-") as folder:  # where workers see it
        parts = Path(folder)
        futures = [extract_capture.submit(workspace.root, name, parts, kept) for name in names]
        rows = [future.result() for future in track(futures, "captures")]
        report = stage.store(rows, inventory, workspace, parts)
    stage.forget(kept, rows)
    for line in stage.sentences(report):
        get_run_logger().warning(line)
    workspace.write_report("extract", report)
    return report


if __name__ == "__main__":
    main(lambda: extract.with_options(task_runner=runner(params.load().extract))())
