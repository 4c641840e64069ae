"""What a schedule or a person starts in Prefect's UI: bring a workspace up to date, as far as one stage.

The deployments of prefect.yaml are this flow with another `until`. DVC decides what is stale; its stages run
the other flows, which appear beside this one.
"""

from pathlib import Path
from typing import Literal

from prefect import flow, get_run_logger

from edgeprint.stages import job
from flows import main

HERE = Path(__file__).resolve().parents[1]
Until = Literal["extract", "train", "evaluate", "retrain", "release", "page"]


@flow(name="pipeline", flow_run_name="{until} of {workspace}")
def pipeline(workspace: str = "workspaces/site", until: Until = "retrain", force: bool = False) -> bool:
    """Bring a workspace up to date; a stage that fails, fails this run with its sentence.

    Prefect reads what its form says from this section:

    Args:
        workspace: The folder that edgeprint ingest fills; seen from the repository.
        until: The last stage to run; those before it run where stale.
        force: Recompute every stage that leads there, stale or not.

    Returns:
        Whether anything was stale.
    """
    place = job.prepare(HERE, HERE / workspace)
    changed = job.run(place, until=until, force=force)
    get_run_logger().info("%s: %s", place.root, "up to date now" if changed else "there was nothing to do")
    return changed


if __name__ == "__main__":
    main(pipeline)
