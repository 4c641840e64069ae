"""Who may use the page: pure checks on what a request says, so that each attack has its own small test.

    guard = Guard(token="...", port=8080)        # token None: loopback only, nobody is asked
    guard.host(headers)                          # against DNS rebinding: raises Refused
    guard.reader(headers)                        # bearer token, or the cookie of a login
    guard.writer(headers, csrf)                  # same origin and CSRF token besides

A cookie is an expiry time with its HMAC under a key that is made of the token: it outlives a restart, and a
new token ends every session. The CSRF token is an HMAC of the cookie under the same key.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from email.message import Message
from http.cookies import CookieError, SimpleCookie
from pathlib import Path

from edgeprint.errors import BadParams

COOKIE = "edgeprint"
Headers = Mapping[str, str] | Message
SESSION_S = 30 * 86_400
SHORTEST_TOKEN = 16  # characters; what is made here has 32


class Refused(Exception):
    """A request that is not served: an HTTP status and one sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Guard:
    """The checks of one server."""

    def __init__(
        self,
        *,
        token: str | None,
        names: frozenset[str] = frozenset(),
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`names`: under which the server may be called besides its address and this machine's own name."""
        own = socket.gethostname().lower()
        self._names = {"localhost", own, f"{own}.local", *(name.lower() for name in names)}
        self._token, self._clock = token, clock
        material = token.encode() if token else secrets.token_bytes(32)
        self._key = hashlib.sha256(b"edgeprint page\0" + material).digest()

    @property
    def asks(self) -> bool:
        """Whether a token is needed."""
        return self._token is not None

    def host(self, headers: Headers) -> None:
        """Names that an attacker may point at this Pi are not served (DNS rebinding); addresses cannot be."""
        host = headers.get("Host", "")
        name = _without_port(host)
        if not _is_address(name) and name.lower() not in self._names:
            raise Refused(421, f"this agent is not {host!r}; name it with --page-name")

    def reader(self, headers: Headers) -> None:
        """Someone who knows the token."""
        if self._token is not None and not self._bearer(headers) and not self._cookie(headers):
            raise Refused(401, "a token is needed: log in, or send it as a bearer token")

    def writer(self, headers: Headers, csrf: str) -> None:
        """Someone who knows the token, on this very page: what another site's page sends is refused."""
        self.reader(headers)
        self.same_origin(headers)
        self.form(headers, csrf)

    def form(self, headers: Headers, csrf: str) -> None:
        """Someone who has read a page of this session."""
        if not hmac.compare_digest(csrf.encode(), self.csrf(headers).encode()):
            raise Refused(403, "the CSRF token is not this session's: load the page anew")

    def same_origin(self, headers: Headers) -> None:
        """Browsers say where a request comes from in at least one of the two headers."""
        site, origin = headers.get("Sec-Fetch-Site"), headers.get("Origin")
        own = {f"{scheme}://{headers.get('Host', '')}".lower() for scheme in ("http", "https")}
        if site is None and origin is None:
            raise Refused(403, "neither Origin nor Sec-Fetch-Site says where this request comes from")
        if site not in (None, "same-origin") or (origin is not None and origin.lower() not in own):
            raise Refused(403, f"the request comes from elsewhere: {origin or site}")

    def login(self, token: str) -> str:
        """The cookie for whoever knows the token."""
        if self._token is None or not hmac.compare_digest(token.strip().encode(), self._token.encode()):
            raise Refused(401, "that is not the token of this agent")
        expiry = str(round(self._clock()) + SESSION_S)
        value = f"{expiry}.{self._sign('session', expiry)}"
        return f"{COOKIE}={value}; Path=/; Max-Age={SESSION_S}; HttpOnly; SameSite=Strict"

    def csrf(self, headers: Headers) -> str:
        """The token that this session's page sends back with what it changes."""
        return self._sign("csrf", self._cookie(headers) or "")

    def _bearer(self, headers: Headers) -> bool:
        kind, _, value = headers.get("Authorization", "").partition(" ")
        return kind.lower() == "bearer" and hmac.compare_digest(value.encode(), (self._token or "").encode())

    def _cookie(self, headers: Headers) -> str | None:
        """The session's cookie where it is ours and not expired."""
        try:
            morsel = SimpleCookie(headers.get("Cookie", "")).get(COOKIE)
        except CookieError:
            return None
        expiry, _, signature = (morsel.value if morsel else "").partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign("session", expiry).encode()):
            return None
        return morsel.value if morsel and int(expiry) > self._clock() else None

    def _sign(self, what: str, value: str) -> str:
        return hmac.new(self._key, f"{what}\0{value}".encode(), hashlib.sha256).hexdigest()


def read_token(path: Path, say: Callable[[str], None]) -> str:
    """The token in the file; a new one where there is no file, for its owner's eyes only.

    Raises BadParams for a token that could be guessed.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        token = path.read_text().strip()
        if path.stat().st_mode & 0o077:
            say(f"{path} can be read by others: chmod 600 {path}")
    except OSError as error:
        raise BadParams(f"the token file cannot be made: {error}") from error
    else:
        token = secrets.token_urlsafe(24)
        with os.fdopen(descriptor, "w") as file:
            file.write(token + "\n")
        say(f"a new token for the page is in {path}")
    if len(token) < SHORTEST_TOKEN:
        raise BadParams(
            f"the token in {path} has {len(token)} characters, at least {SHORTEST_TOKEN} are needed"
        )
    return token


def address(listen: str) -> tuple[str, int]:
    """Host and port of `127.0.0.1:8080`, `[::1]:8080` or `8080`. Raises BadParams."""
    host, _, port = listen.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    if not port.isdecimal() or int(port) > 65_535:
        raise BadParams(f"--listen {listen} names no port; give ADDRESS:PORT")
    if not _is_address(host) and host != "localhost":
        raise BadParams(f"--listen {listen}: {host!r} is not an address of this machine")
    return host, int(port)


def is_loopback(host: str) -> bool:
    return host == "localhost" or ipaddress.ip_address(host).is_loopback


def _without_port(host: str) -> str:
    """`[::1]:8080`, `pi.local:8080` and `pi.local` without port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
