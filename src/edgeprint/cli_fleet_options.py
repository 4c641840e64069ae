"""What the fleet's commands share: options, the keys that they open, and what they tell of a repository."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeprint.errors import BadParams

if TYPE_CHECKING:
    from edgeprint.fleet.keys import Keys
    from edgeprint.fleet.repository import Published

Folder = Annotated[Path, typer.Argument(help="The repository: the folder that a web server serves.")]
KeyFolders = Annotated[
    list[Path],
    typer.Option(
        "--keys",
        metavar="DIR",
        help="A folder of offline keys, such as a stick; repeat it for each. One passphrase each.",
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


def now() -> datetime:
    return datetime.now(UTC)


def offline_keys(
    folders: list[Path], passphrase_file: Path | None, in_the_clear: bool, new: bool = False
) -> Keys:
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


def tell(published: Published) -> None:
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
