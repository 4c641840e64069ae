"""Publish what was promoted as a signed repository that the fleet pulls from, and roll out a container.

python -m flows.release
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, task

from edgeprint.fleet.roll_out import Outcome, RollOut
from edgeprint.fleet.roll_out import roll_out as to_the_pis
from edgeprint.stages import release as stage
from edgeprint.stages.workspace import Workspace
from flows import FROM_THE_STORE, main

IMAGES = Path(__file__).resolve().parents[1] / "state/images"  # where make images writes


@task(**FROM_THE_STORE)
def publish(workspace: Workspace) -> dict:
    return stage.publish(workspace, datetime.now(UTC))


@task(
    task_run_name="roll out {wanted.image}"
)  # never tried again by itself: a Pi that failed is a person's to see
def roll_out(wanted: RollOut) -> Outcome:
    return to_the_pis(wanted, say=get_run_logger().info)


@flow(name="release")
def release(root: Path = Path()) -> dict:
    """Sign the champions, write them where any web server can serve them, and bring the container, if any.

    What came of each Pi is in the report, also where the roll-out stops and this flow fails.
    """
    workspace = Workspace(root.resolve())
    wanted = stage.container(workspace)
    report: dict[str, Any] = publish(workspace)
    if wanted is None:
        workspace.write_report("release", report)
        return report
    outcome = roll_out(wanted)
    made_of = stage.made_of(wanted.image, IMAGES)
    report["containers"] = {**outcome.to_dict(), "images": made_of}
    workspace.write_report("release", report)
    outcome.check()
    return report


if __name__ == "__main__":
    main(release)
