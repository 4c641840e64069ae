"""From a request to an answer: the paths of the page and of the API, without any socket.

GET  /                              the page             /login          where a token is needed
GET  /devices                       JSON (answers.py)    /healthz        200, or 503 with reasons
GET  /devices/NAME/history          JSON                 /metrics        for Prometheus
GET  /devices/NAME/spectrogram.png  a picture            /labels         JSON lines for training
POST /devices/NAME/label            {"label": NAME}: confirm or correct what a device is
POST /login, /logout
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote

from edgeprint.edge import metrics
from edgeprint.edge.guard import COOKIE, Guard, Headers, Refused
from edgeprint.edge.picture import png
from edgeprint.errors import BadStore, EdgeprintError, UnknownDevice

STATIC = {
    "/page.css": "text/css; charset=utf-8",
    "/page.js": "text/javascript; charset=utf-8",
    "/icon.svg": "image/svg+xml",
}
OPEN = {"/login", "/page.css", "/icon.svg"}  # without a token: they say nothing of the household
# Nothing from elsewhere, nothing inline, no frame around the page.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Answer:
    body: bytes | bytearray
    kind: str = "application/json"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class Household(Protocol):
    """What the routes ask for; may be called from any thread."""

    def devices(self) -> dict[str, Any]: ...
    def history(self, name: str, hours: float) -> Iterable[Mapping[str, Any]]: ...
    def spectrogram(self, name: str) -> Any: ...
    def state(self) -> metrics.State: ...
    def reasons(self) -> list[str]: ...
    def labels(self) -> Iterable[Mapping[str, Any]]: ...
    def label(self, name: str, label: str) -> None: ...


class Routes:
    """Answers requests; raises Refused with a status and a sentence for those that it does not serve."""

    def __init__(self, household: Household, guard: Guard) -> None:
        self._household, self._guard = household, guard

    def get(self, path: str, query: str, headers: Headers) -> Answer:
        self._guard.host(headers)
        if path not in OPEN:
            try:
                self._guard.reader(headers)
            except Refused:
                if path != "/":
                    raise
                return Answer(b"", status=303, headers={"Location": "/login"})
        if path in ("/", "/login"):
            return self._html("index.html" if path == "/" else "login.html", headers)
        if path in STATIC:
            return Answer(static(path[1:]), STATIC[path])
        if path.startswith("/devices/"):
            return self._device(path, query)
        return self._figures(path)

    def post(self, path: str, headers: Headers, body: bytes) -> Answer:
        self._guard.host(headers)
        if path == "/login":
            return self._login(headers, _form(body))
        self._guard.writer(headers, headers.get("X-Edgeprint-CSRF", ""))
        if path == "/logout":
            gone = f"{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict"
            return Answer(b"{}", headers={"Set-Cookie": gone})
        name, what = _named(path)
        if what != "label":
            raise Refused(404, f"{path} takes no POST")
        label = _json(headers, body).get("label")
        if not isinstance(label, str):
            raise Refused(400, 'a label is sent as {"label": "kitchen-camera"}')
        with_refusal(lambda: self._household.label(name, label))
        return Answer(dumped({"device": name, "label": label}))

    def _figures(self, path: str) -> Answer:
        if path == "/devices":
            return Answer(dumped(self._household.devices()))
        if path == "/metrics":
            exposition = metrics.text(self._household.state())
            return Answer(exposition.encode(), "text/plain; version=0.0.4; charset=utf-8")
        if path == "/healthz":
            reasons = self._household.reasons()
            return Answer(
                dumped({"healthy": not reasons, "reasons": reasons}), status=503 if reasons else 200
            )
        if path == "/labels":
            lines = b"".join(dumped(line) + b"\n" for line in self._household.labels())
            return Answer(lines, "application/jsonl")
        raise Refused(404, f"there is no {path}")

    def _device(self, path: str, query: str) -> Answer:
        name, what = _named(path)
        if what == "spectrogram.png":
            columns = self._household.spectrogram(name)
            if columns is None:
                raise Refused(404, f"{name!r} has no spectrogram yet")
            return Answer(png(columns), "image/png")
        if what == "history":
            rows = with_refusal(lambda: self._household.history(name, _hours(query)))
            return Answer(_history(name, rows))
        raise Refused(404, f"there is no {path}")

    def _html(self, name: str, headers: Headers, said: str = "") -> Answer:
        page = static(name).decode()
        asks = "yes" if self._guard.asks else "no"
        for place, value in (("csrf", self._guard.csrf(headers)), ("asks", asks), ("said", said)):
            page = page.replace("{{" + place + "}}", value)
        return Answer(page.encode(), "text/html; charset=utf-8")

    def _login(self, headers: Headers, form: Mapping[str, str]) -> Answer:
        self._guard.same_origin(headers)
        self._guard.form(headers, form.get("csrf", ""))
        try:
            cookie = self._guard.login(form.get("token", ""))
        except Refused as refused:
            return replace(self._html("login.html", headers, said=str(refused)), status=refused.status)
        return Answer(b"", status=303, headers={"Location": "/", "Set-Cookie": cookie})


def with_refusal(ask: Any) -> Any:
    """What `ask` gives; errors of the house as a status."""
    try:
        return ask()
    except UnknownDevice as error:
        raise Refused(404, str(error)) from error
    except BadStore as error:
        raise Refused(503, str(error)) from error
    except EdgeprintError as error:
        raise Refused(400, str(error)) from error


def static(name: str) -> bytes:
    return (resources.files("edgeprint.edge") / "static" / name).read_bytes()


def _history(name: str, rows: Iterable[Mapping[str, Any]]) -> bytearray:
    """One buffer that grows: ten thousand lines at once take as much again, and a list of them."""
    body = bytearray(b'{"device":%b,"rows":[' % dumped(name))
    for number, row in enumerate(rows):
        body += b"," if number else b""
        body += dumped(row)
    body += b"]}"
    return body


def _named(path: str) -> tuple[str, str]:
    """Device and rest of `/devices/NAME/REST`."""
    parts = path.split("/")
    if len(parts) != 4 or parts[1] != "devices":
        raise Refused(404, f"there is no {path}")
    return unquote(parts[2]), parts[3]


def _hours(query: str) -> float:
    value = parse_qs(query).get("hours", ["24"])[-1]
    try:
        hours = float(value)
    except ValueError:
        hours = -1.0
    if not 0 < hours <= 24 * 366:
        raise Refused(400, f"hours={value!r} is not a number of hours up to a year")
    return hours


def _form(body: bytes) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}


def _json(headers: Headers, body: bytes) -> dict[str, Any]:
    """The body; a form of another site cannot send this kind."""
    if headers.get("Content-Type", "").partition(";")[0].strip() != "application/json":
        raise Refused(415, "send application/json")
    try:
        value = json.loads(body)
    except ValueError as error:
        raise Refused(400, f"that is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise Refused(400, "send a JSON object")
    return value


def dumped(value: Any) -> bytes:
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
