"""Where an MQTT broker is, as a person writes it: the home's, for the agent, and the fleet's.

broker("mqtts://me@broker.lan/edgeprint", password="...", ca=Path("ca.pem"))
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from edgeprint.errors import BadParams

PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True)
class Broker:
    host: str
    port: int
    base: str = "edgeprint"  # of all topics
    tls: bool = False
    ca: Path | None = None  # whom to trust instead of the system's authorities
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    def context(self) -> ssl.SSLContext:
        """For a connection with TLS. Raises BadParams where `ca` cannot be read."""
        try:
            return ssl.create_default_context(cafile=None if self.ca is None else str(self.ca))
        except OSError as error:
            raise BadParams(f"--mqtt-ca {self.ca} cannot be used: {error}") from error


def broker(
    url: str, *, password: str | None = None, ca: Path | None = None, option: str = "--mqtt"
) -> Broker:
    """From mqtt[s]://[USER@]HOST[:PORT][/BASE]. Raises BadParams, also for a password, which `ps` shows."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadParams(f"{option}: {error}") from error
    if parts.scheme not in PORTS or not parts.hostname or parts.query or "#" in url:
        raise BadParams(f"{option} {url} is not mqtt://[USER@]HOST[:PORT][/BASE] or mqtts://")
    if parts.password:
        raise BadParams(f"{option}: give the password in a file, by {option}-password-file")
    base = parts.path.strip("/") or "edgeprint"
    if not re.fullmatch(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*", base):
        raise BadParams(f"{option}: {base!r} is no topic to begin with (letters, digits, -, _ and /)")
    user = unquote(parts.username) if parts.username else None
    tls = parts.scheme == "mqtts"
    return Broker(parts.hostname, port or PORTS[parts.scheme], base, tls, ca, user, password)


def password_of(path: Path | None, option: str) -> str | None:
    """The password in a file. Raises BadParams."""
    try:
        return path.read_text().strip() if path else None
    except OSError as error:
        raise BadParams(f"{option} cannot be read: {error}") from error
