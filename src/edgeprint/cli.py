"""The command line: one command a thing that a person does. Heavy imports wait until a command needs them."""

from __future__ import annotations

import signal
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from edgeprint import cli_agent, cli_data, cli_fleet, cli_registry
from edgeprint.errors import BadParams, EdgeprintError, NotEnoughData

app = typer.Typer(
    help="Know what every device on a network is, and whether it still behaves like itself, "
    "from packet headers alone.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.command()
def run(
    data: Annotated[
        Path | None,
        typer.Option(
            help="A folder with captures and devices.csv (columns mac,device,category,iot); "
            "a params.yaml in it replaces the keys that it names. Without it, a simulated home."
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(help="Stop after this stage: extract, train, evaluate, retrain, release or watch."),
    ] = None,
    force: Annotated[bool, typer.Option(help="Recompute every stage, stale or not.")] = False,
) -> None:
    """The main job: from captures to recognised devices, and a page that shows it.

    DVC runs only what is stale: a second run with nothing changed recomputes nothing.

    [bold]edgeprint run[/]  a simulated home      [bold]edgeprint run --data DIR[/]  real captures
    """
    from edgeprint.stages import job

    workspace = job.prepare(Path(), data)
    changed = job.run(workspace, force=force, until=until)
    result = workspace.reports / "index.html" if until is None else workspace.root.resolve()
    print(f"\n{'Done' if changed else 'Nothing to recompute'}. Look at {result}")
    servers, state = workspace.params().servers, workspace.state.resolve()
    here = Path(sys.executable).parent  # programs of this environment, whether it is on PATH or not
    store = f"--backend-store-uri sqlite:///{state}/mlflow.db"
    mlflow = f"MLFLOW_DISABLE_TELEMETRY=true {here}/mlflow ui {store}"
    quiet = "PREFECT_SERVER_ANALYTICS_ENABLED=false"
    prefect = f"PREFECT_HOME={state}/prefect {quiet} {here}/prefect server start"
    print(f"MLflow:   {servers.mlflow or mlflow}\nPrefect:  {servers.prefect or prefect}")


@app.command()
def study(
    name: Annotated[
        str,
        typer.Argument(
            help="One of the papers' tables or figures, a method for all of its own (cclp, lstm-cnn, "
            "binary), or all; without it, a list of them."
        ),
    ] = "",
    data: Annotated[
        Path | None,
        typer.Option(help="A folder with captures and devices.csv. Without it, a simulated home."),
    ] = None,
    quick: Annotated[bool, typer.Option(help="A small try in a minute: nothing to quote.")] = False,
) -> None:
    """Make a table and a figure of a paper anew on your captures, with the paper's figures beside them.

    Writes reports/studies/NAME (table.csv, README.md, figure.png) and a run in MLflow. What the captures are
    too short for is refused with the reason; of several studies the others go on.

    [bold]edgeprint study[/]  what there is      [bold]edgeprint study cclp-labels --data DIR[/]
    """
    from edgeprint.stages import job
    from edgeprint.stages import study as stage

    if not name:
        for each in stage.all_studies().values():
            print(f"{each.name:<20} {each.title}")
        return
    chosen = stage.named(name)
    workspace = job.prepare(Path(), data)
    job.run(workspace, until="extract")
    refused = []
    for each in chosen:
        try:
            print(f"\n{each.name}: look at {stage.run(each, workspace, quick=quick)}")
        except NotEnoughData as error:
            refused.append(f"{each.name}: {error}")
    if refused:
        raise NotEnoughData("\n".join(refused))


@app.command()
def testbed(
    out: Annotated[Path, typer.Argument(help="Folder for the captures, devices.csv and source.json.")],
    devices: Annotated[
        int | None,
        typer.Option(
            min=2, max=40, help="Simulated IoT devices, 8 by default; a laptop and a phone come on top."
        ),
    ] = None,
    quarters: Annotated[int, typer.Option(min=1, max=12)] = 4,
    hours: Annotated[float, typer.Option(min=0.1, help="Hours of traffic in each quarter.")] = 24,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 7,
    params: Annotated[
        Path | None, typer.Option(help="Take all numbers from the testbed section of this params.yaml.")
    ] = None,
    sources: Annotated[
        list[Path] | None,
        typer.Option(
            "--from",
            metavar="DIR",
            help="A folder with real captures and devices.csv, to resample and not to simulate. Repeatable.",
        ),
    ] = None,
    drift: Annotated[
        Path | None,
        typer.Option(
            help="With --from: a TOML file of change tables, each with device, quarter, and any of "
            "periods, sizes, handshakes (factors) and servers = true."
        ),
    ] = None,
    pause: Annotated[
        float, typer.Option(help="With --from: mean minutes between two sessions that were captured apart.")
    ] = 10.0,
) -> None:
    """Make a home: real, well-formed pcaps of many devices over calendar quarters.

    Simulated, with firmware that changes; or, from real captures, long spans resampled out of short ones.
    What each keeps and what not: docs/resampled-home.md.

    [bold]edgeprint testbed OUT[/]      [bold]edgeprint testbed OUT --from WEEK --from SETUPS --drift FILE[/]
    """
    from edgeprint.testbed.home import simulate

    fraction = 0.2
    if params:
        from edgeprint.params import load

        numbers, fraction = load(params).testbed, load(params).intervals.test_fraction
        quarters, hours, seed = numbers.quarters, numbers.hours, numbers.seed
        devices = None if sources else numbers.devices
    if sources:
        from edgeprint.testbed.resample import Plan, resample

        if devices:
            raise BadParams(f"devices = {devices} is for a simulated home: real ones are in devices.csv")
        plan = Plan(quarters=quarters, hours=hours, seed=seed, test_fraction=fraction, pause_minutes=pause)
        made = resample(out, sources, plan, drift)
    else:
        if drift:
            raise BadParams(f"{drift}: drift on request needs --from; a simulated home has its own")
        made = simulate(out, devices=devices or 8, quarters=quarters, hours=hours, seed=seed)
    count = f"{len(made.device_packets)} devices, {made.packets:,} packets, {made.bytes / 1e6:,.1f} MB"
    print(f"{count}, in {len(made.files)} captures under {out}")


app.command()(cli_data.ingest)
app.command()(cli_agent.agent)
app.command()(cli_agent.agent_labels)
app.add_typer(cli_fleet.app, name="fleet")
app.command()(cli_registry.identify)
app.command()(cli_registry.promote)
app.command()(cli_registry.rollback)
app.command()(cli_registry.rebuild)


@app.command()
def compile() -> None:
    """Compile the loops over packets and windows now, so that the first long capture need not wait for it.

    What is compiled is kept beside the source, or in the user's cache folder.
    Empty databases, with which workspaces begin, are kept in the virtual environment.
    `make setup` has done this.
    """
    if find_spec("numba") is None:
        raise EdgeprintError("nothing to compile: numba is missing; pip install 'edgeprint[train]' brings it")
    from edgeprint import blank_databases
    from edgeprint.stages.compile import compile_loops

    compile_loops()
    blank_databases.make()


@app.command()
def page() -> None:
    """Write reports/index.html from the reports of the last run in this folder."""
    from edgeprint.stages.page import write
    from edgeprint.stages.workspace import Workspace

    print(write(Workspace(Path())))


def main() -> None:
    """Run the command line; what goes wrong on purpose is one sentence on stderr and exit status 1."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers are ended on the way out
    try:
        app()
    except EdgeprintError as error:
        print(f"edgeprint: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except BrokenPipeError:
        raise SystemExit(0) from None
