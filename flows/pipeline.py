"""What a schedule or a person starts in Prefect's UI: bring a workspace up to date, as far as one stage.

The deployments of prefect.yaml are this flow with another `until`. DVC decides what is stale; its stages run
the other flows, which appear beside this one.
"""

from pathlib import Path
from typing import Annotated, Literal

from prefect import flow, get_run_logger
from pydantic import Field

from edgeprint.stages import job
from flows import main

HERE = Path(__file__).resolve().parents[1]
Until = Literal["extract", "train", "evaluate", "retrain", "release", "page"]


@flow(name="pipeline", flow_run_name="{until} of {workspace}")
def pipeline(
    workspace: Annotated[
        str, Field(description="The folder that edgeprint ingest fills; seen from the repository.")
    ] = "workspaces/site",
    until: Annotated[
        Until, Field(description="The last stage to run; those before it run where stale.")
    ] = "retrain",
    force: Annotated[
        bool, Field(description="Recompute every stage that leads there, stale or not.")
    ] = False,
) -> bool:
    """Whether anything was stale; a stage that fails, fails this run with its sentence."""
    place = job.prepare(HERE, HERE / workspace)
    changed = job.run(place, until=until, force=force)
    get_run_logger().info("%s: %s", place.root, "up to date now" if changed else "there was nothing to do")
    return changed


if __name__ == "__main__":
    main(pipeline)
