"""The id of this Pi in its fleet: given, or made up once and kept."""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path

from edgeprint.errors import BadParams
from edgeprint.rings import PI_ID
from edgeprint.whole_file import write_whole

FILE = "pi"


def pi_id(state: Path, given: str | None = None) -> str:
    """By default the one in STATE/pi, made at the first start. Raises BadParams for one that cannot be."""
    kept = state / FILE
    try:
        found = given or kept.read_text().strip()
    except OSError:
        found = f"pi-{secrets.token_hex(6)}"
    if not PI_ID.fullmatch(found):
        raise BadParams(f"{found!r} is not a Pi's id (letters, digits, - and _, at most 63)")
    with suppress(OSError):  # a disk that takes nothing: the id lasts until the next start
        if not kept.is_file() or kept.read_text().strip() != found:
            write_whole(kept, found.encode())
    return found
