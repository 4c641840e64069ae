"""Captures to feature sets: one task a capture, in as many processes as there are cores.

python -m flows.extract
"""

import os
from pathlib import Path

from prefect import flow, get_run_logger, task
from prefect.task_runners import ProcessPoolTaskRunner

from edgeprint.progress import track
from edgeprint.stages import extract as stage
from edgeprint.stages.workspace import Workspace
from flows import main


@task(retries=2, retry_delay_seconds=[1, 10], task_run_name="{name}")
def extract_capture(root: Path, name: str) -> stage.CaptureRows:
    workspace = Workspace(root)
    path = workspace.captures / name
    return stage.extract_capture(path, name, workspace.inventory(), workspace.params())


@flow(name="extract", task_runner=ProcessPoolTaskRunner(max_workers=os.cpu_count()))  # type: ignore[arg-type]
def extract(root: Path = Path()) -> dict:
    """Decode every capture of data/captures and write the three feature sets."""
    workspace = Workspace(root.resolve())
    inventory = workspace.inventory()
    names = [str(p.relative_to(workspace.captures)) for p in stage.captures_of(workspace.captures)]
    futures = [extract_capture.submit(workspace.root, name) for name in names]
    rows = [future.result() for future in track(futures, "captures")]
    report = stage.store(rows, inventory, workspace)
    for line in stage.sentences(report):
        get_run_logger().warning(line)
    workspace.write_report("extract", report)
    return report


if __name__ == "__main__":
    main(extract)
