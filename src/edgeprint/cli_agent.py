"""The commands of the Pi: the agent, and what people told it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from edgeprint.edge.updates import Following

Source = Annotated[
    str,
    typer.Option(
        help="file:CAPTURE replays a capture; newest:DIR the last one of a folder; live:eth0 reads a "
        "network interface until Ctrl-C or SIGTERM."
    ),
]
Repository = Annotated[str, typer.Option(help="The signed repository: a URL or a folder.")]
Inventory = Annotated[Path, typer.Option(help="devices.csv of this network.")]
State = Annotated[Path, typer.Option(help="Where verified models and trusted metadata are kept.")]
Root = Annotated[
    Path | None, typer.Option(help="The trusted root.json; a local repository's own by default.")
]
Hours = Annotated[
    float | None,
    typer.Option(help="Replay only the last hours of the capture.", rich_help_panel="Replays"),
]
Backend = Annotated[
    str,
    typer.Option(
        help="How to read an interface: ring (memory shared with the kernel), recv (a call a packet; "
        "also where the kernel refuses a ring) or scapy (any system, slow)."
    ),
]
Streak = Annotated[
    int,
    typer.Option(
        min=1,
        help="Samples in a row not taken for the device before it deviates, where its model does not say.",
    ),
]
Params = Annotated[
    Path | None,
    typer.Option(
        help="Take hours and streak from the agent section of this params.yaml.", rich_help_panel="Replays"
    ),
]
Out = Annotated[Path | None, typer.Option(help="Also write every verdict to this file, as JSON lines.")]
Summary = Annotated[Path | None, typer.Option(help="Write the final table to this file, as JSON.")]
Quiet = Annotated[bool, typer.Option(help="Print a device's verdict only when it changes.")]
Speed = Annotated[
    float | None,
    typer.Option(
        help="Replay captures at so many times their speed; without it, as fast as it goes.",
        rich_help_panel="Replays",
    ),
]
Remember = Annotated[
    bool | None,
    typer.Option(
        help="Go on where the last run stopped, so that a restart does not cost the first minutes again; "
        "on by default for an interface, not for captures."
    ),
]
Listen = Annotated[
    str | None,
    typer.Option(
        help="Serve the page, /devices, /healthz and /metrics at ADDRESS:PORT, for example "
        "127.0.0.1:8080. An address that others can reach needs --token-file.",
        rich_help_panel="The page",
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        help="Whoever uses the page must know the token in this file; made where there is none.",
        rich_help_panel="The page",
    ),
]
PageName = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="A further name of this machine by which the page may be called; can be repeated.",
        rich_help_panel="The page",
    ),
]
StoreMb = Annotated[
    float | None,
    typer.Option(
        help="Keep verdicts, alarms and confirmed labels in STATE/history.db of at most so many MB, the "
        "oldest go first; 0 keeps nothing. Without it, 64 with --listen, else 0.",
        rich_help_panel="The page",
    ),
]
Mqtt = Annotated[
    str | None,
    typer.Option(
        help="Publish to a broker, with Home Assistant's discovery: "
        "mqtt://\\[USER@]HOST\\[:PORT]\\[/TOPIC], mqtts:// with TLS.",
        rich_help_panel="A broker",
    ),
]
MqttPasswordFile = Annotated[
    Path | None, typer.Option(help="The broker's password for USER.", rich_help_panel="A broker")
]
MqttCa = Annotated[
    Path | None,
    typer.Option(
        help="The authority of the broker's certificate, where it is your own.", rich_help_panel="A broker"
    ),
]
Identify = Annotated[
    str | None,
    typer.Option(
        help="Ask this server what a device that stays unknown may be: its spectrogram columns are sent to "
        "URL/invocations, never payload or addresses. Nothing is sent without this option.",
        rich_help_panel="Unknown devices",
    ),
]

Pi = Annotated[
    str | None,
    typer.Option(
        help="This Pi's id in its fleet, kept in STATE; made up at the first start by default.",
        rich_help_panel="A fleet",
    ),
]
CheckMinutes = Annotated[
    float,
    typer.Option(
        min=0.01,
        help="Look for new models so often, of an interface or with --speed.",
        rich_help_panel="A fleet",
    ),
]
ProbationTicks = Annotated[
    int,
    typer.Option(
        min=1,
        help="Ticks for which a new model is watched beside the old one, which speaks.",
        rich_help_panel="A fleet",
    ),
]
FleetBroker = Annotated[
    str | None,
    typer.Option(
        help="Tell the fleet's broker how this Pi stands: mqtts://\\[USER@]HOST\\[:PORT]\\[/TOPIC], the "
        "user's name being the Pi's id.",
        rich_help_panel="A fleet",
    ),
]
FleetPasswordFile = Annotated[
    Path | None,
    typer.Option(help="The password of this Pi at the fleet's broker.", rich_help_panel="A fleet"),
]
FleetCa = Annotated[
    Path | None,
    typer.Option(
        help="The authority of that broker's certificate, where it is your own.", rich_help_panel="A fleet"
    ),
]


def agent(
    source: Source,
    repository: Repository,
    inventory: Inventory,
    state: State,
    root: Root = None,
    hours: Hours = None,
    backend: Backend = "ring",
    streak: Streak = 5,
    params: Params = None,
    out: Out = None,
    summary: Summary = None,
    quiet: Quiet = False,
    speed: Speed = None,
    remember: Remember = None,
    listen: Listen = None,
    token_file: TokenFile = None,
    page_name: PageName = None,
    store_mb: StoreMb = None,
    mqtt: Mqtt = None,
    mqtt_password_file: MqttPasswordFile = None,
    mqtt_ca: MqttCa = None,
    identify: Identify = None,
    pi: Pi = None,
    check_minutes: CheckMinutes = 15,
    probation_ticks: ProbationTicks = 48,
    fleet: FleetBroker = None,
    fleet_password_file: FleetPasswordFile = None,
    fleet_ca: FleetCa = None,
) -> None:
    """Watch traffic on a Pi: pull the promoted models, and say of each device whether it is still itself.

    Reading an interface needs the capability CAP_NET_RAW and nothing else; the first 14 bytes of a frame
    (both MACs) and its length are all that is read.

    [bold]edgeprint agent --source live:eth0 --repository URL --root root.json --inventory devices.csv
    --state /var/lib/edgeprint --listen 127.0.0.1:8080[/]
    """
    from edgeprint.edge import agent as edge
    from edgeprint.edge.outlets import Outlets

    lasts = source.startswith("live:") or speed is not None
    every = check_minutes if lasts else None
    following = _following(pi, every, probation_ticks, fleet, fleet_password_file, fleet_ca)
    if params:
        hours, streak = _numbers(params)
    edge.main(
        source=source,
        repository=repository,
        root=root,
        inventory=inventory,
        state=state,
        hours=hours,
        backend=backend,
        streak=streak,
        out=out,
        summary=summary,
        quiet=quiet,
        speed=speed,
        remember=remember,
        outlets=Outlets(
            listen=listen,
            token_file=token_file,
            page_names=tuple(page_name or ()),
            store_mb=store_mb,
            mqtt=mqtt,
            mqtt_password_file=mqtt_password_file,
            mqtt_ca=mqtt_ca,
            identify=identify,
        ),
        following=following,
    )


def _numbers(params: Path) -> tuple[float | None, int]:
    """Hours and streak; params.py needs more than a Pi has."""
    from edgeprint.params import load

    numbers = load(params).agent
    return numbers.hours, numbers.streak


def _following(
    pi: str | None,
    check_minutes: float | None,
    probation_ticks: int,
    fleet: str | None,
    password_file: Path | None,
    ca: Path | None,
) -> Following:
    from edgeprint.broker import broker, password_of
    from edgeprint.edge.probation import Limits
    from edgeprint.edge.updates import Following

    password = password_of(password_file, "--fleet-password-file")
    return Following(
        pi=pi,
        check_seconds=None if check_minutes is None else check_minutes * 60,
        fleet=broker(fleet, password=password, ca=ca, option="--fleet") if fleet else None,
        limits=Limits(ticks=probation_ticks),
    )


def agent_labels(
    state: Annotated[Path, typer.Option(help="The agent's --state.")],
) -> None:
    """Print what people confirmed or corrected on the agent's page, for the next training set.

    A line of JSON each: time, device, the agent's verdict, the label, and the spectrogram columns of that
    moment. Never payload. A file of them can be named in drift.field of params.yaml.

    [bold]edgeprint agent-labels --state /var/lib/edgeprint > labels.jsonl[/]
    """
    from edgeprint.edge.outlets import kept_labels

    for line in kept_labels(state):
        print(line)
