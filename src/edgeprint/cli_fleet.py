"""The commands of a fleet's operator: keys and releases; those for the rings are cli_rings.py's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeprint import cli_rings
from edgeprint.cli_fleet_options import (
    Folder,
    InTheClear,
    KeyFolders,
    Online,
    OnlineIfThere,
    PassphraseFile,
    now,
    offline_keys,
    tell,
)
from edgeprint.errors import BadParams

if TYPE_CHECKING:
    from edgeprint.fleet.keys import Keys
    from edgeprint.rings import Ring

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

RingsFile = Annotated[
    Path | None,
    typer.Option(
        help="The rings, in order, as TOML: \\[\\[ring]] tables with name, share (0 to 1) and pis (a list of "
        "ids). The last has the share 1. Without it, everybody takes a release at once."
    ),
]


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

    held = offline_keys(keys, passphrase_file, no_passphrase, new=True)
    chosen = _rings(rings) if rings else EVERYBODY
    done = repository.init(
        folder, held, now(), online=Keys(online) if online else None, threshold=threshold, rings=chosen
    )
    tell(done)
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

    [bold]edgeprint fleet publish public --keys keys --online online --workspace workspaces/site[/]
    """
    import tempfile

    from edgeprint.fleet import repository

    chosen = _rings(rings) if rings else None
    held = offline_keys(keys, passphrase_file, no_passphrase)
    if online:
        held = _with_online(held, online)
    with tempfile.TemporaryDirectory() as fetched:
        found = _models(models, workspace, Path(fetched))
        done = repository.publish(folder, held, found, now(), rings=chosen)
    tell(done)
    print(f"changed: {', '.join(done.changed) or 'nothing'}")


@app.command()
def sign(
    folder: Folder,
    keys: KeyFolders,
    passphrase_file: PassphraseFile = None,
    no_passphrase: InTheClear = False,
) -> None:
    """Add a signature to a release that waits for one, after showing what it is.

    Compare the digests with those of the models that you mean, and give the passphrase only then.

    [bold]edgeprint fleet sign public --keys stick-b[/]
    """
    from edgeprint.fleet import release, repository

    held = offline_keys(keys, passphrase_file, no_passphrase)
    print(release.proposed(folder), flush=True)
    print(f"signed: {', '.join(repository.sign(folder, held))}")
    tell(repository.status(folder))


@app.command()
def refresh(folder: Folder, online: Online) -> None:
    """Sign a new timestamp, before the last one expires after seven days; Pis call it frozen otherwise.

    Also lets a release begin that was signed elsewhere. Cron line for a machine without [bold]fleet watch[/]:
    [bold]17 3 * * *  edgeprint fleet refresh /srv/public --online /etc/edgeprint/online[/]
    """
    from edgeprint.fleet import repository
    from edgeprint.fleet.keys import Keys

    tell(repository.refresh(folder, Keys(online), now()))


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

    held = offline_keys(keys, passphrase_file, no_passphrase)
    tell(ceremony.rotate(folder, held, role, now(), lost=lost, online=Keys(online) if online else None))


for command in (cli_rings.status, cli_rings.pause, cli_rings.resume, cli_rings.rollback, cli_rings.watch):
    app.command()(command)


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
