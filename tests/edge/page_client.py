"""A client of the agent's page that says what it likes, as the page would or as an attacker would."""

import re

from household import Household, Reply, request

TOKEN = "correct-horse-battery"
JSON = {"Content-Type": "application/json"}


def get(home: Household, path: str, **headers: str) -> Reply:
    return request(home.address, "GET", path, headers)


def origin(home: Household) -> str:
    return f"http://127.0.0.1:{home.address[1]}"


def csrf(home: Household, **headers: str) -> str:
    found = re.search(r'name="csrf" content="([0-9a-f]{64})"', get(home, "/", **headers).body.decode())
    assert found
    return found[1]


def label(home: Household, name: str = "plug", path: str = "/devices/plug/label", **headers: str) -> Reply:
    """As the page sends it, but for the headers given."""
    own = {**JSON, "Origin": origin(home), "X-Edgeprint-CSRF": csrf(home)}
    sent = {name: value for name, value in {**own, **headers}.items() if value}
    return request(home.address, "POST", path, sent, f'{{"label": "{name}"}}'.encode())


def labels(home: Household) -> list[str]:
    return [line["label"] for line in home.service.labels()]


def login(home: Household, token: str = TOKEN, **headers: str) -> Reply:
    form = get(home, "/login").body.decode()
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', form)
    assert found
    sent = {"Content-Type": "application/x-www-form-urlencoded", "Origin": origin(home), **headers}
    return request(home.address, "POST", "/login", sent, f"token={token}&csrf={found[1]}".encode())


def label_with(home: Household, headers: dict[str, str]) -> Reply:
    sent = {**JSON, "Origin": origin(home), **headers}
    return request(home.address, "POST", "/devices/plug/label", sent, b'{"label": "plug"}')
