"""The commands for a fleet's rings: see them, let them open by themselves, or stop and go back by hand."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeprint.cli_fleet_options import Folder, Online, now, tell

if TYPE_CHECKING:
    from edgeprint.fleet.chain import Chain
    from edgeprint.fleet.decide import Fleet
    from edgeprint.fleet.listen import Listener
    from edgeprint.rings import Plan

BrokerUrl = Annotated[
    str, typer.Option(help="The fleet's broker: mqtts://USER@HOST\\[:PORT]\\[/TOPIC], mqtt:// without TLS.")
]
BrokerIfThere = Annotated[
    str | None, typer.Option(help="The fleet's broker, to show how the Pis stand: mqtts://USER@HOST.")
]
BrokerPassword = Annotated[Path | None, typer.Option(help="The password for USER, in a file.")]
BrokerCa = Annotated[
    Path | None, typer.Option(help="The authority of the broker's certificate, where it is your own.")
]
Picture = Annotated[Path | None, typer.Option(help="Draw the state of every ring into this file, as SVG.")]


def status(
    folder: Folder,
    broker: BrokerIfThere = None,
    broker_password_file: BrokerPassword = None,
    broker_ca: BrokerCa = None,
    picture: Picture = None,
    pis: Annotated[bool, typer.Option(help="Also a line a Pi.")] = False,
) -> None:
    """Show what the repository offers, until when it is believed, by which keys, and how every ring stands.

    [bold]edgeprint fleet status public --broker mqtts://watch@fleet.example --pis[/]
    """
    from edgeprint.fleet import board, repository
    from edgeprint.fleet.chain import Chain

    tell(repository.status(folder))
    chain = Chain.read(folder)
    print("\n" + "\n".join(_keys(chain)))
    plan, fleet = chain.plan(), {}
    if broker:
        with _listener(broker, broker_password_file, broker_ca) as listener:
            fleet = listener.fleet()
    print("\n" + board.table(plan, fleet))
    if pis:
        print("\n" + board.pis(plan, fleet))
    if picture:
        board.write_picture(picture, plan, fleet, f"{now():%Y-%m-%d %H:%M} UTC")


def _keys(chain: Chain) -> list[str]:
    """The keys of each role by the digits that their files are named by, and how many of them must sign."""
    from edgeprint.fleet.chain import OFFLINE, ONLINE
    from edgeprint.fleet.keys import shown

    lines = []
    for role in (*OFFLINE, *ONLINE):
        delegator = chain.targets.signed if role == "rings" else chain.root.signed
        delegated = delegator.get_delegated_role(role)
        named = " ".join(shown(key_id) for key_id in delegated.keyids)
        lines.append(f"keys of {role:<10} {delegated.threshold} of {named}")
    return lines


def pause(
    folder: Folder,
    online: Online,
    reason: Annotated[str, typer.Option(help="Why, for whoever looks next.")] = "a person paused it",
) -> None:
    """Open no further ring. Pis that have the release keep it, and a failing one is still rolled back."""
    _change(folder, online, lambda plan, at: plan.pause(reason))


def resume(folder: Folder, online: Online) -> None:
    """Go on after a pause; the last ring soaks its whole time again."""
    _change(folder, online, lambda plan, at: plan.resume(at))


def rollback(
    folder: Folder,
    online: Online,
    reason: Annotated[str, typer.Option(help="Why, for whoever looks next.")] = "a person rolled it back",
    to: Annotated[
        int | None,
        typer.Option(help="Also when no release is on its way: everybody returns to this one, at once."),
    ] = None,
) -> None:
    """Stop the release on its way for good: every Pi returns to the one before. Another needs publishing."""
    if to is None:
        _change(folder, online, lambda plan, at: plan.roll_back(reason, at))
    else:
        _change(folder, online, lambda plan, at: plan.return_to(to, reason, at))


def watch(
    folder: Folder,
    online: Online,
    broker: BrokerUrl,
    broker_password_file: BrokerPassword = None,
    broker_ca: BrokerCa = None,
    every_seconds: Annotated[float, typer.Option(min=0.1, help="Between two looks.")] = 60,
    failed: Annotated[
        float, typer.Option(min=0, max=1, help="Roll back when a larger share of a ring's Pis failed it.")
    ] = 0.05,
    unwell: Annotated[
        float, typer.Option(min=0, max=1, help="Pause when a larger share of those that took it complain.")
    ] = 0.3,
    confirmed: Annotated[
        float, typer.Option(min=0, max=1, help="Go on when such a share of those online confirmed it.")
    ] = 0.9,
    offline: Annotated[
        float, typer.Option(min=0, max=1, help="Do not go on while a larger share is offline.")
    ] = 0.3,
    fewest: Annotated[
        int, typer.Option(min=0, help="Pis of the first ring that must have confirmed it.")
    ] = 1,
    soak_hours: Annotated[float, typer.Option(min=0, help="At least so long in each ring.")] = 24,
    patience_hours: Annotated[
        float, typer.Option(min=0, help="Pause when a ring does not get on for so long.")
    ] = 72,
    picture: Picture = None,
) -> None:
    """Let releases go their way by themselves: hear the Pis, open ring after ring, stop a bad one.

    Runs until Ctrl-C or SIGTERM, and may be restarted at any time: all it knows is in the repository. It also
    refreshes the timestamp.
    """
    from edgeprint.fleet import board
    from edgeprint.fleet.decide import Thresholds
    from edgeprint.fleet.keys import Keys
    from edgeprint.fleet.watch import watch as run

    thresholds = Thresholds(
        failed, unwell, confirmed, offline, fewest, soak_hours * 3600, patience_hours * 3600
    )
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())

    def show(plan: Plan, fleet: Fleet, _: object) -> None:
        if picture:
            board.write_picture(picture, plan, fleet, f"{now():%Y-%m-%d %H:%M} UTC")

    with _listener(broker, broker_password_file, broker_ca) as listener:
        run(
            folder,
            Keys(online),
            listener.fleet,
            thresholds,
            every_s=every_seconds,
            over=over,
            say=_say,
            show=show,
        )


def _say(sentence: str) -> None:
    print(sentence, flush=True)


def _listener(url: str, password_file: Path | None, ca: Path | None) -> Listener:
    from edgeprint.broker import broker, password_of
    from edgeprint.fleet.listen import Listener

    password = password_of(password_file, "--broker-password-file")
    return Listener(broker(url, password=password, ca=ca, option="--broker"), say=_say)


def _change(folder: Path, online: Path, change: Callable[[Plan, str], Plan]) -> None:
    from edgeprint.fleet import board, seal
    from edgeprint.fleet.keys import Keys

    at = now()
    plan = seal.change_plan(folder, Keys(online), lambda plan: change(plan, seal.moment(at)), at)
    print(board.headline(plan))
