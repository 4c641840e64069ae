"""The commands of the model registry: what device is this, and which version is in use."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from edgeprint.stages.by_hand import Outcome
    from edgeprint.stages.identify import Identity

WORKSPACE = typer.Option(
    "--workspace", help="The folder with params.yaml, data and state: of edgeprint run, workspaces/NAME."
)
FORCE = typer.Option("--force", help="Do it whatever the gate says; the reason is kept with the version.")


def identify(
    capture: Annotated[Path, typer.Argument(help="A pcap or pcapng file, gzipped or not.")],
    device: Annotated[str | None, typer.Option(help="Ask about one MAC only.")] = None,
    most: Annotated[int, typer.Option(min=1, help="Candidates to print of each device.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, as JSON, instead of a table.")] = False,
    workspace: Annotated[Path, WORKSPACE] = Path(),
) -> None:
    """Which device is this? Ask every champion about each device of a capture.

    Prints IoT or not (CCLP), the category (LSTM-CNN) and the known devices it resembles, best first: the mean
    of what CCLP and each device's own network say. Windows of 30 minutes and samples of 60 spectrogram
    columns want half an hour of traffic; what there is too little of is said.

    [bold]edgeprint identify guest.pcap[/]      [bold]edgeprint identify guest.pcap --device MAC --json[/]
    """
    import json

    from edgeprint.stages import identify as stage
    from edgeprint.stages.workspace import Workspace

    found = stage.identify(Workspace(workspace), capture, device)
    if as_json:
        print(json.dumps([each.to_dict() for each in found], indent=1))
    else:
        _draw(found, most)


def _draw(found: Sequence[Identity], most: int) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("device", "packets", "IoT", "category", "is most like", box=None, header_style="bold")
    for each in found:
        likes = [f"{c.device} {c.confidence:.2f}" for c in each.ranking[:most]]
        if each.known is False:
            likes.insert(0, "none that is known;")
        table.add_row(
            each.name or each.mac,
            f"{each.packets:,}",
            _iot(each),
            f"{each.category or '?'}{_sure(each.category_confidence)}",
            " ".join(likes) or "?",
        )
    console = Console()
    console.print(table)
    for note in dict.fromkeys(f"{each.name or each.mac}: {note}" for each in found for note in each.notes):
        console.print(note, style="dim", highlight=False)


def _iot(found: Identity) -> str:
    if found.iot is None:
        return "?"
    sure = found.iot_confidence if found.iot or found.iot_confidence is None else 1 - found.iot_confidence
    return f"{'yes' if found.iot else 'no'}{_sure(sure)}"


def _sure(confidence: float | None) -> str:
    return "" if confidence is None else f" {confidence:.2f}"


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

    Pis get it with the next release: edgeprint run --until release. What the gate refuses, because the newer
    one is better on the data that is here, takes a reason, which is kept.

    [bold]edgeprint rollback binary.camera-a --force "alarms all night"[/]
    """
    from edgeprint.stages import by_hand
    from edgeprint.stages.workspace import Workspace

    done = by_hand.rollback(Workspace(workspace), model, force=force)
    _tell(done)


def rebuild(
    model: Annotated[str, typer.Argument(help="cclp, lstm-cnn or binary.DEVICE.")],
    version: Annotated[int | None, typer.Option(help="Which version; without it, the champion.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep the new workspace here, in an empty folder.")
    ] = None,
    workspace: Annotated[Path, WORKSPACE] = Path(),
) -> None:
    """Make a version again from the data version that it names, and compare.

    Checks the captures of then out into an empty workspace (from DVC's cache, else its remote), extracts,
    trains by the numbers of then, and compares every file with the registry's. On the same kind of machine,
    with the same code and packages, all are the same byte for byte; anything else ends with status 1.

    [bold]edgeprint rebuild binary.camera-a[/]      [bold]edgeprint rebuild cclp --version 3 --out DIR[/]
    """
    import tempfile

    from edgeprint.stages import rebuild as stage
    from edgeprint.stages.workspace import Workspace

    with tempfile.TemporaryDirectory(prefix="edgeprint-rebuild-") as scratch:
        rebuilt = stage.rebuild(Workspace(workspace), model, version, out or Path(scratch))
    print(rebuilt)
    if rebuilt.differing:
        raise typer.Exit(1)


def _tell(done: Outcome) -> None:
    before = f"; it was version {done.before.number}" if done.before and done.before != done.version else ""
    print(f"{done.version.name}: version {done.version.number} is the champion{before}")
