"""The commands of the model registry: what device is this, and which version is in use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from edgeprint.stages.by_hand import Outcome

WORKSPACE = typer.Option(
    "--workspace", help="The folder with params.yaml, data and state: of edgeprint run, workspaces/NAME."
)
FORCE = typer.Option("--force", help="Do it whatever the gate says; the reason is kept with the version.")


def promote(
    model: Annotated[str, typer.Argument(help="cclp, lstm-cnn or binary.DEVICE.")],
    version: Annotated[
        int | None, typer.Option(help="Which version; without it, the one that waits as challenger.")
    ] = None,
    force: Annotated[str, FORCE] = "",
    workspace: Annotated[Path, WORKSPACE] = Path(),
) -> None:
    """Make a version of a model the champion, if it passes the gate.

    Examined as in the retrain flow, against the champion, on the held-out part of the newest interval. Prints
    every number with its limit; a refusal changes nothing and ends with status 1. Either is a run in MLflow.

    [bold]edgeprint promote binary.camera-a[/]      [bold]edgeprint promote cclp --version 3 --force REASON[/]
    """
    from edgeprint.stages import by_hand
    from edgeprint.stages.workspace import Workspace

    done = by_hand.promote(Workspace(workspace), model, version, force=force)
    _tell(done)


def rollback(
    model: Annotated[str, typer.Argument(help="cclp, lstm-cnn or binary.DEVICE.")],
    force: Annotated[str, FORCE] = "",
    workspace: Annotated[Path, WORKSPACE] = Path(),
) -> None:
    """Make the version before the champion the champion again, if it passes the gate.

    Pis get it with the next release: python -m flows.release. What the gate refuses, because the newer one is
    better on the data that is here, takes a reason: --force "alarms all night at the Smiths'".

    [bold]edgeprint rollback binary.camera-a[/]
    """
    from edgeprint.stages import by_hand
    from edgeprint.stages.workspace import Workspace

    done = by_hand.rollback(Workspace(workspace), model, force=force)
    _tell(done)


def _tell(done: Outcome) -> None:
    before = f"; it was version {done.before.number}" if done.before and done.before != done.version else ""
    print(f"{done.version.name}: version {done.version.number} is the champion{before}")
