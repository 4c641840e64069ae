"""A test for each attack on the page."""

import re
import socket
from pathlib import Path

import pytest
from household import Household, household, models, request
from page_client import JSON, TOKEN, csrf, get, label, label_with, labels, login, origin

from edgeprint.edge import page as module
from edgeprint.edge.guard import SESSION_S, Guard, Refused
from edgeprint.edge.outlets import Outlets
from edgeprint.edge.page import LARGEST_BODY, MOST_CONNECTIONS
from edgeprint.errors import BadParams


def test_a_name_that_was_pointed_at_this_pi_is_not_served(page: Household) -> None:
    for host in (
        "evil.example",
        f"evil.example:{page.address[1]}",
        "",
        "127.0.0.1.evil.example",
        "localhost.evil",
    ):
        assert request(page.address, "GET", "/devices", {"Host": host}).status == 421, host


def test_addresses_and_own_names_are_served(page: Household, locked: Household) -> None:
    port = page.address[1]
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", "[::1]", "192.0.2.7:80", socket.gethostname()):
        assert request(page.address, "GET", "/devices", {"Host": host}).status == 200, host
    assert request(locked.address, "GET", "/login", {"Host": "pi.example"}).status == 200


def test_a_form_of_another_site_changes_nothing(page: Household) -> None:
    before = labels(page)
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": origin(page) + "1"},
        {"Origin": "", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none", "Origin": ""},
        {"Origin": ""},
    ):
        assert label(page, **headers).status == 403, headers
    assert labels(page) == before


def test_without_the_csrf_token_nothing_changes(page: Household, locked: Household) -> None:
    before = labels(page)
    for token in ("", "0" * 64, csrf(locked, Authorization=f"Bearer {TOKEN}"), "é"):
        assert label(page, **{"X-Edgeprint-CSRF": token}).status == 403
    assert labels(page) == before


def test_what_a_plain_form_can_send_is_no_label(page: Household) -> None:
    assert label(page, **{"Content-Type": "text/plain"}).status == 415


def test_reading_changes_nothing(page: Household) -> None:
    before = labels(page)
    assert get(page, "/devices/plug/label?label=kettle").status == 404
    assert labels(page) == before


@pytest.mark.parametrize(
    "path", ["/", "/login", "/devices", "/page.js", "/nothing", "/devices/plug/spectrogram.png"]
)
def test_every_answer_forbids_scripts_frames_and_resources_of_others(page: Household, path: str) -> None:
    headers = get(page, path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in headers


def test_the_page_holds_no_inline_script_or_style(page: Household) -> None:
    for path in ("/", "/login"):
        text = get(page, path).body.decode()
        assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=", text)
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", get(page, "/page.js").body.decode()
    )


def test_no_path_leaves_the_folder_of_the_page(page: Household) -> None:
    for path in (
        "/../guard.py",
        "/%2e%2e/guard.py",
        "/static/index.html",
        "/index.html",
        "/devices/../../x/history",
    ):
        assert get(page, path).status == 404, path


def test_without_the_token_nothing_is_told(locked: Household) -> None:
    for path in ("/devices", "/healthz", "/metrics", "/labels", "/page.js", "/devices/plug/spectrogram.png"):
        answer = get(locked, path)
        assert answer.status == 401 and b"plug" not in answer.body, path
    assert get(locked, "/").headers["Location"] == "/login"
    assert label_with(locked, {}).status == 401


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x"])
def test_a_wrong_bearer_token_is_refused(locked: Household, value: str) -> None:
    assert get(locked, "/devices", Authorization=value).status == 401


def test_the_right_bearer_token_reads(locked: Household) -> None:
    assert get(locked, "/metrics", Authorization=f"Bearer {TOKEN}").status == 200


def test_a_login_gives_a_cookie_that_scripts_and_other_sites_cannot_use(locked: Household) -> None:
    answer = login(locked)
    assert answer.status == 303 and answer.headers["Location"] == "/"
    cookie, *attributes = answer.headers["Set-Cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(attributes)
    assert TOKEN not in cookie
    assert get(locked, "/devices", Cookie=cookie).status == 200
    token = csrf(locked, Cookie=cookie)
    assert label_with(locked, {"Cookie": cookie, "X-Edgeprint-CSRF": token}).status == 200
    assert label_with(locked, {"Cookie": cookie}).status == 403


def test_a_wrong_token_does_not_log_in(locked: Household) -> None:
    answer = login(locked, "wrong")
    assert answer.status == 401 and "Set-Cookie" not in answer.headers
    assert b"not the token of this agent" in answer.body


def test_another_site_cannot_log_in_or_out(locked: Household) -> None:
    assert login(locked, Origin="https://evil.example").status == 403
    assert request(locked.address, "POST", "/logout", {"Origin": origin(locked)}).status == 401


def test_a_forged_or_expired_cookie_is_refused(locked: Household) -> None:
    cookie = login(locked).headers["Set-Cookie"].split("; ")[0]
    name, value = cookie.split("=")
    expiry, signature = value.split(".")
    for forged in (f"{int(expiry) + 1}.{signature}", f"{expiry}.{'0' * 64}", f"1.{signature}", "x", ".", "é"):
        sent = {"Cookie": f"{name}={forged}".encode().decode("latin-1")}
        assert request(locked.address, "GET", "/devices", sent).status == 401, forged


def test_a_large_or_endless_body_is_not_read(page: Household) -> None:
    sent = {**JSON, "Origin": origin(page), "X-Edgeprint-CSRF": csrf(page)}
    path = "/devices/plug/label"
    for length, status in ((str(LARGEST_BODY + 1), 413), ("-1", 411), ("many", 411)):
        assert request(page.address, "POST", path, {**sent, "Content-Length": length}).status == status
    for body in (b"[]", b"{", b'{"label": 5}', b"\xff"):
        assert request(page.address, "POST", path, sent, body).status == 400


def test_connections_that_say_nothing_do_not_pile_up(
    page: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.Handler, "timeout", 0.5)
    silent = [socket.create_connection(page.address) for _ in range(MOST_CONNECTIONS + 8)]
    closed = [one for one in silent if _ended(one)]
    assert len(closed) >= 8  # those beyond the most at once, the others after their time
    for one in silent:
        one.close()
    assert get(page, "/healthz").status in (200, 503)


def _ended(connection: socket.socket) -> bool:
    connection.settimeout(10)
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_an_address_that_others_reach_needs_a_token(folder: Path) -> None:
    with pytest.raises(BadParams, match="give a --token-file"):
        Outlets(listen="0.0.0.0:0").guard(print)


@pytest.mark.parametrize("listen", ["nowhere", "127.0.0.1", "example.org:80", "127.0.0.1:99999"])
def test_an_address_that_is_none_is_refused(listen: str) -> None:
    with pytest.raises(BadParams, match="--listen"):
        Outlets(listen=listen).guard(print)


def test_a_token_is_made_for_its_owner_only_and_a_short_one_refused(tmp_path: Path) -> None:
    said: list[str] = []
    path = tmp_path / "token"
    Outlets(listen="0.0.0.0:80", token_file=path).guard(said.append)
    made = path.read_text().strip()
    assert (
        path.stat().st_mode & 0o777 == 0o600
        and len(made) == 32
        and said == [f"a new token for the page is in {path}"]
    )
    path.write_text("1234")
    path.chmod(0o644)
    with pytest.raises(BadParams, match="4 characters"):
        Outlets(listen="0.0.0.0:80", token_file=path).guard(said.append)
    assert "can be read by others" in said[-1]


def test_a_port_that_is_taken_is_said(folder: Path, page: Household) -> None:
    taken = Outlets(listen=f"127.0.0.1:{page.address[1]}")
    with pytest.raises(BadParams, match="cannot be had"), household(folder / "taken", models(folder), taken):
        pass


def test_a_session_ends_after_its_time_and_with_another_token() -> None:
    now = [1_000_000.0]
    guard = Guard(token=TOKEN, clock=lambda: now[0])
    sent = {"Cookie": guard.login(TOKEN).split("; ")[0]}
    guard.reader(sent)
    with pytest.raises(Refused):
        Guard(token=TOKEN + "2", clock=lambda: now[0]).reader(sent)
    now[0] += SESSION_S
    with pytest.raises(Refused, match="a token is needed"):
        guard.reader(sent)
