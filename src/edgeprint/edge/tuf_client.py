"""python-tuf's client, which leaves alone on disk what already stands there.

A Pi looks a hundred times a day and mostly finds nothing new. python-tuf writes the root that it was given,
and makes the link to the newest one again, at each look: wear of the card, and waiting for the disk.
What is verified, and in which order, stays python-tuf's.
"""

from __future__ import annotations

from pathlib import Path

from tuf import ngclient


class Client(ngclient.Updater):
    """Like its base class, and a look with nothing new changes no file."""

    def _persist_file(self, filename: str, data: bytes) -> None:
        try:
            if Path(filename).read_bytes() == data:
                return
        except OSError:
            pass
        super()._persist_file(filename, data)

    def _update_root_symlink(self) -> None:
        link = Path(self._dir, "root.json")
        newest = Path("root_history", f"{self._trusted_set.root.version}.root.json")
        if not link.is_symlink() or link.readlink() != newest:
            super()._update_root_symlink()
