"""The page in a real browser: what a person sees and does, at a desk and on a phone, also without a mouse."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from brokers import until
from browser import Tab, tab
from household import Household, household, models
from page_client import TOKEN, labels
from simulated_home import CAMERA, ROUTER, write_model
from test_edge_naming import Server
from test_edge_rotation import LONG, MADE_UP, batches

from edgeprint import artifact
from edgeprint.edge.outlets import Outlets

PHONE, DESK = 360, 1280
CARD = "document.getElementById('device-{}')"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with tab(tmp_path_factory.mktemp("chromium")) as found:
        yield found


def url(page: Household) -> str:
    assert page.service.page
    return page.service.page.url


def text(browser: Tab, device: str, selector: str) -> str:
    return browser.value(f"{CARD.format(device)}.querySelector('{selector}').innerText")


def shown(browser: Tab, place: str) -> str:
    return browser.value(f"document.getElementById('{place}').innerText")


def opened(browser: Tab, page: Household, width: int, *, dark: bool = False) -> None:
    browser.complaints.clear()
    browser.open(url(page), width, dark=dark)
    browser.until("document.querySelectorAll('.card').length === 4")


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_a_person_sees_devices_alarms_and_strangers(browser: Tab, page: Household, width: int) -> None:
    opened(browser, page, width)
    assert text(browser, "kitchen-camera", ".verdict") == "recognised Behaves like itself"
    assert text(browser, "kitchen-camera", ".confidence") == "98\u00a0%"
    assert "Does not behave like itself" in text(browser, "plug", ".words")
    assert "were not taken for plug" in browser.value("document.getElementById('alarms').innerText")
    assert browser.value(f"document.getElementById('strangers').innerText.includes('{ROUTER}')")
    browser.until("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    assert browser.value(f"document.documentElement.scrollWidth <= {width}")  # nothing to push sideways
    assert browser.complaints == []


def test_a_person_confirms_a_label_with_the_keyboard_alone(browser: Tab, page: Household) -> None:
    opened(browser, page, PHONE)
    before = labels(page)
    for _ in range(20):
        browser.press("Tab")
        if browser.value("document.activeElement.innerText") == "Yes, this is my kitchen-camera":
            break
    browser.press("Enter")
    browser.until("document.getElementById('said').textContent.startsWith('Saved: kitchen-camera')")
    browser.until(
        f"{CARD.format('kitchen-camera')}.querySelector('.told').innerText.endsWith('kitchen-camera')"
    )
    assert labels(page) == [*before, "kitchen-camera"]
    assert browser.complaints == []


def test_a_person_names_a_stranger_and_is_told_of_a_name_that_cannot_be(
    browser: Tab, page: Household
) -> None:
    opened(browser, page, DESK)
    before = labels(page)
    form = f"{CARD.format(ROUTER)}.querySelector('form')"
    fill = "{0}.closest('details').open = true; {0}.elements.label.value = '{1}'; {0}.requestSubmit()"
    browser.value(fill.format(form, "not a name!"))
    assert not browser.value(f"{form}.checkValidity()")
    browser.value(fill.format(form, "kettle"))
    browser.until("document.getElementById('said').textContent.includes('is kettle')")
    assert labels(page) == [*before, "kettle"]


def test_what_a_person_types_outlives_the_next_drawing(browser: Tab, page: Household) -> None:
    opened(browser, page, DESK)
    field = f"{CARD.format('radio')}.querySelector('input')"
    browser.value(f"{field}.closest('details').open = true; {field}.focus()")
    for key in "ket":
        browser.press(key)
    browser.value("look()")
    browser.until(f"{field}.value === 'ket' && document.activeElement === {field}")


def test_every_control_has_a_name_and_room_for_a_thumb(browser: Tab, page: Household) -> None:
    opened(browser, page, PHONE)
    assert browser.value("[...document.querySelectorAll('button')].every(b => b.textContent || b.hidden)")
    assert browser.value("[...document.querySelectorAll('input')].every(i => i.labels.length)")
    assert browser.value("[...document.images].every(image => image.alt)")
    assert browser.value(
        "[...document.querySelectorAll('.confirm')].every(b => b.hidden || b.offsetHeight >= 44)"
    )


def test_light_and_dark_follow_the_person(browser: Tab, page: Household) -> None:
    backgrounds = []
    for dark in (False, True):
        opened(browser, page, DESK, dark=dark)
        backgrounds.append(browser.value("getComputedStyle(document.body).backgroundColor"))
    assert backgrounds == ["rgb(245, 246, 244)", "rgb(20, 25, 27)"]


def test_a_page_with_a_token_asks_for_it_and_lets_a_person_out_again(browser: Tab, locked: Household) -> None:
    browser.open(url(locked), PHONE)
    browser.until("location.pathname === '/login' && document.forms.length")
    for token in ("wrong", TOKEN):
        browser.value(f"document.forms[0].token.value = '{token}'; document.forms[0].requestSubmit()")
        if token == "wrong":
            browser.until("document.body.innerText.includes('not the token of this agent')")
    browser.until("document.querySelectorAll('.card').length === 4")
    assert browser.value("document.cookie") == ""  # no script can read it
    browser.value("document.getElementById('logout').click()")
    browser.until("location.pathname === '/login'")


def test_the_file_of_a_screenshot_is_a_picture(browser: Tab, page: Household, tmp_path: Path) -> None:
    opened(browser, page, PHONE)
    browser.screenshot(tmp_path / "phone.png", PHONE, 1000)
    assert (tmp_path / "phone.png").read_bytes().startswith(b"\x89PNG")


def test_what_the_agent_has_to_say_is_on_the_page(browser: Tab, tmp_path: Path, folder: Path) -> None:
    found = models(folder)
    found.stale, found.refused = (
        "models as of Monday, for the repository is gone",
        {"plug": "plug is not signed"},
    )
    with household(tmp_path, found, Outlets(listen="127.0.0.1:0")) as agent:
        agent.service._source = SimpleNamespace(
            notes=["lan0 is down"], dropped=7, received=90, backend="recv"
        )
        agent.live()
        for width in (PHONE, DESK):
            opened(browser, agent, width)
            assert "Live, packet by packet · 90 packets, 7 lost · 2 models" in shown(browser, "agent")
            assert shown(browser, "reasons") == "packets are dropped: 7 so far"
            assert "4 notes on this agent" in shown(browser, "known")
            browser.value("document.getElementById('known').open = true")
            notes = shown(browser, "notes")
            for sentence in (
                "lan0 is down",
                "models as of Monday",
                "plug is not signed",
                "7 packets were lost",
            ):
                assert sentence in notes
            assert browser.value(f"document.documentElement.scrollWidth <= {width}")
        assert browser.complaints == []


def test_a_person_picks_a_candidate_and_its_card_becomes_the_device(
    browser: Tab, tmp_path: Path, folder: Path
) -> None:
    with Server() as server:
        outlets = Outlets(listen="127.0.0.1:0", identify=server.url)
        pull = lambda name: artifact.read(write_model(tmp_path / name, name))  # noqa: E731
        with household(tmp_path, models(folder), outlets, pull=pull) as agent:
            agent.live()
            candidates = agent.service._naming.identifier.candidates
            until(lambda: candidates(ROUTER) or candidates("radio"))
            name = ROUTER if candidates(ROUTER) else "radio"
            opened(browser, agent, PHONE)
            button = f"{CARD.format(name)}.querySelector('.candidate')"
            browser.until(f"{button} !== null")
            assert browser.value(f"{button}.innerText") == "Yes, kettle (kitchen), 80\u00a0%"
            assert browser.value(f"{button}.offsetHeight >= 44")
            browser.value(f"{button}.click()")
            browser.until("document.getElementById('said').textContent.includes('is kettle')")
            until(lambda: "the model of kettle is here" in agent.said)
            agent.live(first=40, seconds=3)
            browser.value("look()")
            device = "kettle" if name == ROUTER else "radio"
            browser.until(f"{CARD.format(device)}?.querySelector('.badge').innerText === 'recognised'")
            assert browser.value(f"{CARD.format(ROUTER)} === null") == (name == ROUTER)
            assert browser.complaints == []
        server.shutdown()


def test_a_made_up_address_is_shown_as_probably_a_device_and_confirmed(
    browser: Tab, tmp_path: Path, folder: Path
) -> None:
    with household(tmp_path, models(folder), Outlets(listen="127.0.0.1:0")) as agent:
        for batch in batches((CAMERA, range(10)), (MADE_UP, range(20, 20 + LONG))):
            agent.service.received(batch)
            agent.watch.take(batch)
        browser.open(url(agent), DESK)
        card = CARD.format(MADE_UP)
        browser.until(f"{card}?.querySelector('.confirm').innerText === 'Yes, this is my kitchen-camera'")
        assert text(browser, MADE_UP, ".words") == "Probably kitchen-camera under a new made-up address"
        assert CAMERA in text(browser, MADE_UP, ".about")
        browser.value(f"{card}.querySelector('.confirm').click()")
        browser.until("document.getElementById('said').textContent.includes('is kitchen-camera')")
        agent.live(first=60, seconds=2)
        browser.value("look()")
        browser.until(f"{card} === null")
        assert browser.complaints == []
