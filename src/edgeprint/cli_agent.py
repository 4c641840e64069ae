"""The commands of the Pi: the agent, and what people told it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from edgeprint.edge.updates import Following


def agent(
    source: Annotated[
        str,
        typer.Option(
            help="file:CAPTURE replays a capture; newest:DIR the last one of a folder; live:eth0 reads a "
            "network interface until Ctrl-C or SIGTERM."
        ),
    ],
    repository: Annotated[str, typer.Option(help="The signed repository: a URL or a folder.")],
    inventory: Annotated[Path, typer.Option(help="devices.csv of this network.")],
    state: Annotated[Path, typer.Option(help="Where verified models and trusted metadata are kept.")],
    root: Annotated[
        Path | None, typer.Option(help="The trusted root.json; a local repository's own by default.")
    ] = None,
    hours: Annotated[float | None, typer.Option(help="Replay only the last hours of the capture.")] = None,
    backend: Annotated[
        str,
        typer.Option(
            help="How to read an interface: ring (memory shared with the kernel), recv (a call a packet; "
            "also where the kernel refuses a ring) or scapy (any system, slow)."
        ),
    ] = "ring",
    streak: Annotated[
        int, typer.Option(min=1, help="Misclassified ticks in a row before a device deviates.")
    ] = 5,
    params: Annotated[
        Path | None, typer.Option(help="Take hours and streak from the agent section of this params.yaml.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Also write every verdict to this file, as JSON lines.")
    ] = None,
    summary: Annotated[Path | None, typer.Option(help="Write the final table to this file, as JSON.")] = None,
    quiet: Annotated[bool, typer.Option(help="Print a device's verdict only when it changes.")] = False,
    speed: Annotated[
        float | None, typer.Option(help="Replay captures at so many times their speed; as fast as it goes.")
    ] = None,
    remember: Annotated[
        bool | None,
        typer.Option(
            help="Go on where the last run stopped, so that a restart does not cost the first minutes again; "
            "the default of an interface, not of captures."
        ),
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option(
            help="Serve the page, /devices, /healthz and /metrics at ADDRESS:PORT, for example "
            "127.0.0.1:8080. An address that others can reach needs --token-file."
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            help="Whoever uses the page must know the token in this file; made where there is none."
        ),
    ] = None,
    page_name: Annotated[
        list[str] | None,
        typer.Option(help="A further name of this machine by which the page may be called; can be repeated."),
    ] = None,
    store_mb: Annotated[
        float | None,
        typer.Option(
            help="Keep verdicts, alarms and confirmed labels in STATE/history.db of at most so many MB, the "
            "oldest go first; 64 with --listen, 0 keeps nothing."
        ),
    ] = None,
    mqtt: Annotated[
        str | None,
        typer.Option(
            help="Publish to a broker, with Home Assistant's discovery: "
            "mqtt://\\[USER@]HOST\\[:PORT]\\[/TOPIC], mqtts:// with TLS."
        ),
    ] = None,
    mqtt_password_file: Annotated[Path | None, typer.Option(help="The broker's password for USER.")] = None,
    mqtt_ca: Annotated[
        Path | None, typer.Option(help="The authority of the broker's certificate, where it is your own.")
    ] = None,
    pi: Annotated[
        str | None,
        typer.Option(help="This Pi's id in its fleet, kept in STATE; made up at the first start by default."),
    ] = None,
    check_minutes: Annotated[
        float,
        typer.Option(min=0.01, help="Look for new models so often, of an interface or with --speed."),
    ] = 15,
    probation_ticks: Annotated[
        int,
        typer.Option(min=1, help="Ticks for which a new model is watched beside the old one, which speaks."),
    ] = 48,
    fleet: Annotated[
        str | None,
        typer.Option(
            help="Tell the fleet's broker how this Pi stands: mqtts://\\[USER@]HOST\\[:PORT]\\[/TOPIC], the "
            "user's name being the Pi's id."
        ),
    ] = None,
    fleet_password_file: Annotated[
        Path | None, typer.Option(help="The password of this Pi at the fleet's broker.")
    ] = None,
    fleet_ca: Annotated[
        Path | None, typer.Option(help="The authority of that broker's certificate, where it is your own.")
    ] = None,
) -> None:
    """Watch traffic on a Pi: pull the promoted models, and say of each device whether it is still itself.

    Reading an interface needs the capability CAP_NET_RAW and nothing else; the first 14 bytes of a frame
    (both MACs) and its length are all that is read.

    [bold]edgeprint agent --source live:eth0 --repository URL --root root.json --inventory devices.csv
    --state /var/lib/edgeprint --listen 127.0.0.1:8080[/]
    """
    from edgeprint.edge import agent as edge
    from edgeprint.edge.outlets import Outlets

    following = _following(
        pi,
        check_minutes if source.startswith("live:") or speed else None,
        probation_ticks,
        fleet,
        fleet_password_file,
        fleet_ca,
    )
    if params:
        from edgeprint.params import load

        numbers = load(params).agent
        hours, streak = numbers.hours, numbers.streak
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
        ),
        following=following,
    )


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
    moment. Never payload.
    """
    from edgeprint.edge.outlets import kept_labels

    for line in kept_labels(state):
        print(line)
