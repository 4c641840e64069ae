"""What the page and its API answer."""

import re
from pathlib import Path

import pytest
from household import Household, household, models
from page_client import get, label, labels
from simulated_home import CAMERA, ROUTER

from edgeprint.edge.outlets import Outlets


def test_devices_come_with_a_verdict_in_plain_words(page: Household) -> None:
    devices = {row["name"]: row for row in get(page, "/devices").json["devices"]}
    assert devices["kitchen-camera"]["words"] == "Behaves like itself"
    assert devices["kitchen-camera"]["macs"] == [CAMERA] and devices["kitchen-camera"]["randomised"]
    assert re.match(r"Does not behave like itself \(\d+ unusual samples in a row\)", devices["plug"]["words"])
    assert devices["radio"]["words"] == "No model of this device yet"
    assert devices[ROUTER]["stranger"] and not devices["radio"]["stranger"]
    assert len(devices["kitchen-camera"]["recent"]) == devices["kitchen-camera"]["inferences"] > 20


def test_alarms_come_with_their_time_and_reason(page: Household) -> None:
    (alarm,) = get(page, "/devices").json["alarms"]
    assert (alarm["device"], alarm["end"]) == ("plug", None)
    assert "samples in a row were not taken for plug" in alarm["reason"]
    assert alarm["begin"] < alarm["noticed"]


def test_the_history_is_that_of_the_store(page: Household) -> None:
    rows = get(page, "/devices/kitchen-camera/history?hours=1").json["rows"]
    assert rows[-1]["verdict"] == "recognised" and len(rows) > 20
    assert get(page, "/devices/nobody/history").status == 404
    assert get(page, "/devices/plug/history?hours=inf").status == 400


@pytest.mark.parametrize("name", ["plug", "radio", ROUTER, ROUTER.replace(":", "%3A")])
def test_every_device_and_stranger_has_a_picture(page: Household, name: str) -> None:
    answer = get(page, f"/devices/{name}/spectrogram.png")
    assert answer.headers["Content-Type"] == "image/png" and answer.body.startswith(b"\x89PNG")


def test_metrics_and_health_are_there(page: Household) -> None:
    assert b"edgeprint_packets_total 120\n" in get(page, "/metrics").body
    assert get(page, "/healthz").json == {"healthy": True, "reasons": []}


def test_an_unhealthy_agent_answers_503_with_its_reasons(folder: Path) -> None:
    seconds = iter(range(0, 10**9, 1000))
    with household(
        folder / "ill", models(folder), Outlets(listen="127.0.0.1:0"), clock=lambda: next(seconds)
    ) as ill:
        answer = get(ill, "/healthz")
        assert answer.status == 503 and re.match("no packet for", answer.json["reasons"][0])


def test_a_confirmed_label_is_kept_with_columns_and_shown(page: Household) -> None:
    assert label(page, "kettle", f"/devices/{ROUTER}/label").json == {"device": ROUTER, "label": "kettle"}
    (line,) = [line for line in page.service.labels() if line["device"] == ROUTER]
    assert line["mac"] == ROUTER and line["verdict"] == "unknown" and len(line["columns"]) > 20
    devices = {row["name"]: row for row in get(page, "/devices").json["devices"]}
    assert devices[ROUTER]["label"] == "kettle"
    assert get(page, "/labels").body.count(b"\n") == len(labels(page))


@pytest.mark.parametrize(
    ("path", "name", "status"),
    [
        ("/devices/nobody/label", "plug", 404),
        ("/devices/plug/label", "<b>plug</b>", 400),
        ("/devices/plug/other", "plug", 404),
        ("/devices", "plug", 404),
    ],
)
def test_a_label_that_makes_no_sense_is_refused(page: Household, path: str, name: str, status: int) -> None:
    assert label(page, name, path).status == status


def test_everything_the_page_needs_lies_beside_it(page: Household) -> None:
    text = get(page, "/").body.decode()
    for path in re.findall(r'(?:src|href)="([^"]+)"', text):
        assert path.startswith("/") and not path.startswith("//")
        assert get(page, path).status == 200


def test_several_threads_ask_while_the_agent_works(page: Household) -> None:
    page.live(first=40, seconds=10)
    assert all(get(page, path).status == 200 for path in ("/devices", "/metrics", "/healthz") * 5)
