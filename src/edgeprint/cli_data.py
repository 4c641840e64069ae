"""The commands that bring captures in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def ingest(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="A quarter's captures (pcap, pcapng, gzipped or not), and a devices.csv if devices are new.",
        ),
    ],
    quarter: Annotated[str, typer.Option(help="The calendar quarter that they are of, such as 2026Q4.")],
    data: Annotated[
        Path,
        typer.Option(metavar="WORKSPACE", help="Where the quarters come together; made if it is missing."),
    ] = Path("workspaces/site"),
    remote: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Where DVC keeps them from now on: a folder, or s3://BUCKET/PREFIX. "
            "Without it a folder of the workspace, or the one named before.",
        ),
    ] = None,
) -> None:
    """Take a quarter's captures in: examine, version and store them.

    A file that is no capture, is of another quarter, or holds no device of devices.csv goes to
    WORKSPACE/quarantine with its reason in a text file beside it. DIR stays as it is. Running it twice adds
    nothing; after a kill, run it again.

    [bold]edgeprint ingest DIR --quarter 2026Q4[/]      then [bold]edgeprint run --data workspaces/site[/]
    """
    from edgeprint.stages import ingest as stage

    workspace = stage.open_workspace(Path(), data, folder, remote)
    findings = stage.ingest(workspace, folder, quarter)
    for finding in findings:
        if finding.outcome == "quarantined" or finding.why:
            print(finding)
    counts = {word: sum(f.outcome == word for f in findings) for word in stage.OUTCOMES}
    print(", ".join(f"{n} {word}" for word, n in counts.items()))
    print(f"data version {workspace.data_version()} of {workspace.root}")
