"""Publish what was promoted as a signed repository that the fleet pulls from.

python -m flows.release
"""

from datetime import UTC, datetime
from pathlib import Path

from prefect import flow, task

from edgeprint.stages import release as stage
from edgeprint.stages.workspace import Workspace
from flows import FROM_THE_STORE, main


@task(**FROM_THE_STORE)
def publish(workspace: Workspace) -> dict:
    return stage.publish(workspace, datetime.now(UTC))


@flow(name="release")
def release(root: Path = Path()) -> dict:
    """Sign the champions and write them where any web server can serve them."""
    workspace = Workspace(root.resolve())
    report = publish(workspace)
    workspace.write_report("release", report)
    return report


if __name__ == "__main__":
    main(release)
