"""The commands of a fleet's operator: keys, releases, rings."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeprint.errors import BadParams

if TYPE_CHECKING:
    from edgeprint.fleet.decide import Fleet
    from edgeprint.fleet.keys import Keys
    from edgeprint.fleet.repository import Published
    from edgeprint.rings import Plan, Ring

HELP = """Deliver models to Pis: signed, in rings, from any static web server.

Two kinds of keys. [bold]Offline[/] (root, targets): they say what may run at all. Keep them on sticks
in a drawer, encrypted, several of them, so that no single stick can sign. [bold]Online[/] (rings,
snapshot, timestamp): they say which of the signed releases a Pi runs and that nothing newer exists. They
live on the machine that runs [bold]fleet watch[/]; whoever steals them cannot bring in a model.

[bold]1[/]  edgeprint fleet init public --keys stick-a --keys stick-b --threshold 2 --online online

[bold]2[/]  edgeprint fleet publish public --keys stick-a --keys stick-b --models champions

[bold]3[/]  edgeprint fleet refresh public --online online      [dim](what was published begins)[/]

[bold]4[/]  edgeprint fleet watch public --online online --broker mqtts://watch@fleet.example

`public` is what a web server serves; give public/metadata/1.root.json to each Pi once. docs/fleet.md has
the whole way, a lost key and a bad release included.
"""
HELP = "\n\n".join(" ".join(paragraph.split()) for paragraph in HELP.split("\n\n"))  # lines are this file's

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help=HELP,
)

Folder = Annotated[Path, typer.Argument(help="The repository: the folder that a web server serves.")]
KeyFolders = Annotated[
    list[Path],
    typer.Option(
        "--keys", help="A folder of offline keys, such as a stick; repeat it for each. One passphrase each."
    ),
]
Online = Annotated[Path, typer.Option(help="The folder of the online keys: rings, snapshot, timestamp.")]
OnlineIfThere = Annotated[
    Path | None,
    typer.Option(help="The folder of the online keys, where they are at hand; else run refresh later."),
]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(help="Read the passphrase of all offline keys from this file, and do not ask for it."),
]
InTheClear = Annotated[
    bool, typer.Option("--no-passphrase", help="The offline keys are not encrypted: for a home's own use.")
]
RingsFile = Annotated[
    Path | None,
    typer.Option(
        help="The rings, in order, as TOML: \\[\\[ring]] tables with name, share (0 to 1) and pis (a list of "
        "ids). The last has the share 1. Without it, everybody takes a release at once."
    ),
]
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


@app.command()
def init(
    folder: Folder,
    keys: KeyFolders,
    online: OnlineIfThere = None,
    threshold: Annotated[
        int, typer.Option(min=1, help="So many of the offline keys must sign, root and targets alike.")
    ] = 1,
    rings: RingsFile = None,
    passphrase_file: PassphraseFile = None,
    no_passphrase: InTheClear = False,
) -> None:
    """Make the keys and an empty repository, once in its life.

    A root and a targets key go into each folder of --keys. With --threshold 2 and three folders, any two of
    them sign, and one may be lost.

    [bold]edgeprint fleet init public --keys a --keys b --keys c --threshold 2 --online online[/]
    """
    from edgeprint.fleet import repository
    from edgeprint.fleet.keys import Keys
    from edgeprint.rings import EVERYBODY

    held = _keys(keys, passphrase_file, no_passphrase, new=True)
    chosen = _rings(rings) if rings else EVERYBODY
    done = repository.init(
        folder, held, _now(), online=Keys(online) if online else None, threshold=threshold, rings=chosen
    )
    _tell(done)
    print(f"give each Pi {folder}/metadata/1.root.json, by hand or with its image: it trusts nothing else")


@app.command()
def publish(
    folder: Folder,
    keys: KeyFolders,
    models: Annotated[
        Path | None,
        typer.Option(help="A folder with a model's artifact folder in each of its folders; exactly these."),
    ] = None,
    workspace: Annotated[
        Path | None,
        typer.Option(help="Take the champions of the registry of this workspace (a run's folder) instead."),
    ] = None,
    online: OnlineIfThere = None,
    rings: RingsFile = None,
    passphrase_file: PassphraseFile = None,
    no_passphrase: InTheClear = False,
) -> None:
    """Sign models as a new release; what is not given is withdrawn with it.

    Needs the offline targets keys, a threshold of them: here, or one by one with [bold]fleet sign[/].
    With the online keys the release begins at once in the first ring, otherwise at the next
    [bold]fleet refresh[/].
    """
    import tempfile

    from edgeprint.fleet import repository

    chosen = _rings(rings) if rings else None
    held = _keys(keys, passphrase_file, no_passphrase)
    if online:
        held = _with_online(held, online)
    with tempfile.TemporaryDirectory() as fetched:
        found = _models(models, workspace, Path(fetched))
        done = repository.publish(folder, held, found, _now(), rings=chosen)
    _tell(done)
    print(f"changed: {', '.join(done.changed) or 'nothing'}")


@app.command()
def sign(
    folder: Folder,
    keys: KeyFolders,
    passphrase_file: PassphraseFile = None,
    no_passphrase: InTheClear = False,
) -> None:
    """Add a signature to a release that waits for one: look at what it is, then sign."""
    from edgeprint.fleet import repository

    held = _keys(keys, passphrase_file, no_passphrase)
    print(f"signed: {', '.join(repository.sign(folder, held))}")
    _tell(repository.status(folder))


@app.command()
def refresh(folder: Folder, online: Online) -> None:
    """Sign a new timestamp, before the last one expires after seven days; Pis call it frozen otherwise.

    Also lets a release begin that was signed elsewhere. Cron line for a machine without [bold]fleet watch[/]:
    [bold]17 3 * * *  edgeprint fleet refresh /srv/public --online /etc/edgeprint/online[/]
    """
    from edgeprint.fleet import repository

    _tell(repository.refresh(folder, _online(online), _now()))


@app.command()
def rotate(
    folder: Folder,
    keys: KeyFolders,
    role: Annotated[str, typer.Option(help="root, targets, rings, snapshot or timestamp.")],
    lost: Annotated[
        list[str] | None,
        typer.Option(help="Replace only the key whose id begins so, as its file's name does; repeatable."),
    ] = None,
    online: OnlineIfThere = None,
    passphrase_file: PassphraseFile = None,
    no_passphrase: InTheClear = False,
) -> None:
    """Replace keys: because one was lost, because one was seen, or because a year has passed.

    A threshold of the root keys signs a new root, which every Pi follows by itself. New offline keys go into
    the folders of --keys, new online ones into --online. Whoever lost so many root keys that the threshold
    cannot be reached must give every Pi a new root.json by hand: keep more of them than the threshold.

    [bold]edgeprint fleet rotate public --keys a --keys b --role targets --lost 1f3c9a2b --online online[/]
    """
    from edgeprint.fleet import ceremony
    from edgeprint.fleet.keys import Keys

    held = _keys(keys, passphrase_file, no_passphrase)
    _tell(ceremony.rotate(folder, held, role, _now(), lost=lost, online=Keys(online) if online else None))


@app.command()
def status(
    folder: Folder,
    broker: BrokerIfThere = None,
    broker_password_file: BrokerPassword = None,
    broker_ca: BrokerCa = None,
    picture: Picture = None,
    pis: Annotated[bool, typer.Option(help="Also a line a Pi.")] = False,
) -> None:
    """Show what the repository offers, until when it is believed, and how every ring stands."""
    from edgeprint.fleet import board, repository
    from edgeprint.fleet.chain import Chain

    _tell(repository.status(folder))
    plan, fleet = Chain.read(folder).plan(), {}
    if broker:
        with _listener(broker, broker_password_file, broker_ca) as listener:
            fleet = listener.fleet()
    print("\n" + board.table(plan, fleet))
    if pis:
        print("\n" + board.pis(plan, fleet))
    if picture:
        picture.write_text(board.picture(plan, fleet, f"{_now():%Y-%m-%d %H:%M} UTC"))


@app.command()
def pause(
    folder: Folder,
    online: Online,
    reason: Annotated[str, typer.Option(help="Why, for whoever looks next.")] = "a person paused it",
) -> None:
    """Open no further ring. Pis that have the release keep it, and a failing one is still rolled back."""
    _change(folder, online, lambda plan, now: plan.pause(reason))


@app.command()
def resume(folder: Folder, online: Online) -> None:
    """Go on after a pause; the last ring soaks its whole time again."""
    _change(folder, online, lambda plan, now: plan.resume(now))


@app.command()
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
        _change(folder, online, lambda plan, now: plan.roll_back(reason, now))
    else:
        _change(folder, online, lambda plan, now: plan.return_to(to, reason, now))


@app.command()
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
    from edgeprint.fleet.watch import watch as run
    from edgeprint.whole_file import write_whole

    thresholds = Thresholds(
        failed, unwell, confirmed, offline, fewest, soak_hours * 3600, patience_hours * 3600
    )
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())

    def show(plan: Plan, fleet: Fleet, _: object) -> None:
        if picture:
            drawn = board.picture(plan, fleet, f"{_now():%Y-%m-%d %H:%M} UTC")
            write_whole(picture, drawn.encode())

    with _listener(broker, broker_password_file, broker_ca) as listener:
        run(
            folder,
            _online(online),
            listener.fleet,
            thresholds,
            every_s=every_seconds,
            over=over,
            say=_say,
            show=show,
        )


def _now() -> datetime:
    return datetime.now(UTC)


def _say(sentence: str) -> None:
    print(sentence, flush=True)


def _keys(folders: list[Path], passphrase_file: Path | None, in_the_clear: bool, new: bool = False) -> Keys:
    """The offline keys; a folder's passphrase is asked for when its first key is needed."""
    from edgeprint.broker import password_of
    from edgeprint.fleet.keys import Keys

    if in_the_clear:
        return Keys(*folders)
    given = password_of(passphrase_file, "--passphrase-file")

    def ask(folder: Path) -> str:
        found = given or typer.prompt(
            f"Passphrase of the keys in {folder}", hide_input=True, confirmation_prompt=new, err=True
        )
        if not found:
            raise BadParams(f"the passphrase of {folder} is empty: --no-passphrase leaves keys in the clear")
        return found

    return Keys(*folders, passphrase=ask)


def _online(folder: Path) -> Keys:
    from edgeprint.fleet.keys import Keys

    return Keys(folder)


def _with_online(keys: Keys, folder: Path) -> Keys:
    """Both kinds in one sitting."""
    from edgeprint.fleet.keys import Keys

    return Keys(*keys.folders, folder, passphrase=keys.passphrase)


def _rings(path: Path) -> tuple[Ring, ...]:
    from edgeprint.fleet.rings_file import read

    return read(path)


def _models(models: Path | None, workspace: Path | None, into: Path) -> dict[str, Path]:
    """Artifact folders by the model's name."""
    from edgeprint import artifact

    if (models is None) == (workspace is None):
        raise BadParams("give --models or --workspace, one of them: where the models come from")
    if workspace is not None:
        from edgeprint.stages.release import champions
        from edgeprint.stages.workspace import Workspace

        return champions(Workspace(workspace.resolve()), into)
    assert models is not None
    folders = sorted(path for path in models.iterdir() if path.is_dir()) if models.is_dir() else []
    if not folders:
        raise BadParams(f"--models {models} holds no folder of a model")
    return {artifact.read(folder).card.name: folder for folder in folders}


def _listener(url: str, password_file: Path | None, ca: Path | None):  # type: ignore[no-untyped-def]
    from edgeprint.broker import broker, password_of
    from edgeprint.fleet.listen import Listener

    password = password_of(password_file, "--broker-password-file")
    return Listener(broker(url, password=password, ca=ca, option="--broker"), say=_say)


def _change(folder: Path, online: Path, change: Callable[[Plan, str], Plan]) -> None:
    from edgeprint.fleet import board, seal

    now = _now()
    plan = seal.change_plan(folder, _online(online), lambda plan: change(plan, seal.moment(now)), now)
    print(board.headline(plan))


def _tell(published: Published) -> None:
    """Versions and expiry of every role, models, and what waits for signatures."""
    for role, version in published.versions.items():
        print(
            f"{role:<10} {version:>5}   believed until {published.expires[role][:16].replace('T', ' ')} UTC"
        )
    if published.release:
        print(f"release {published.release}: {len(published.models)} models")
    for model, about in published.models.items():
        print(f"  {model:<32} {about['digest'][:12]}  {about['bytes'] / 1000:,.0f} kB")
    for role, missing in published.waiting.items():
        print(f"{role} waits for {missing} more signature{'s' if missing > 1 else ''}: edgeprint fleet sign")
