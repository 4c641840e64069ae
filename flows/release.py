"""Publish what was promoted as a signed repository, and follow it and a container to the Pis.

python -m flows.release
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE

from edgeprint.broker import Broker
from edgeprint.fleet.roll_out import Outcome, RollOut
from edgeprint.fleet.roll_out import roll_out as to_the_pis
from edgeprint.stages import release as stage
from edgeprint.stages import release_watch
from edgeprint.stages.release_watch import EVERY_S, Rings
from edgeprint.stages.workspace import Workspace
from flows import FROM_THE_STORE, main

IMAGES = Path(__file__).resolve().parents[1] / "state/images"  # where make images writes


@task(**FROM_THE_STORE)
def publish(workspace: Workspace) -> dict:
    return stage.publish(workspace, datetime.now(UTC))


@task(task_run_name="roll out {wanted.image}", cache_policy=NO_CACHE)
def roll_out(wanted: RollOut) -> Outcome:
    """Never tried again by itself: why a Pi failed is for a person to see."""
    return to_the_pis(wanted, say=_say())


@task(task_run_name="follow the rings", **FROM_THE_STORE)
def follow(workspace: Workspace, broker: Broker, every_s: float) -> Rings | None:
    """May begin anew at any time: all that it knows is in the repository."""
    return release_watch.follow(workspace, broker, datetime.now(UTC), say=_say(), every_s=every_s)


def _say() -> Callable[[str], None]:
    """Line by line into the log, or onto the console where the log is quiet."""
    logger = get_run_logger()
    return logger.info if logger.isEnabledFor(logging.INFO) else partial(print, flush=True)


@flow(name="release")
def release(root: Path = Path(), every_s: float = EVERY_S) -> dict:
    """Sign the champions, write them where any web server can serve them, and bring them to the Pis.

    The container goes first where params.yaml names one: where it fails, no model is published. The rings are
    followed where it names a broker, with a look every `every_s` seconds. What came of both is in the report,
    also where this flow fails.
    """
    workspace = Workspace(root.resolve())
    wanted, broker = stage.container(workspace), release_watch.named_broker(workspace)
    report: dict = {"models": {}}
    if wanted:
        outcome = roll_out(wanted)
        report["containers"] = {**outcome.to_dict(), "images": stage.made_of(wanted.image, IMAGES)}
        workspace.write_report("release", report)
        outcome.check()
    report |= publish(workspace)
    workspace.write_report("release", report)
    if broker and (rings := follow(workspace, broker, every_s)):
        report["rings"] = rings.to_dict()
        workspace.write_report("release", report)
        rings.check()
    return report


if __name__ == "__main__":
    main(release)
