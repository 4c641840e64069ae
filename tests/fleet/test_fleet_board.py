"""The state of every ring as a table and a picture."""

import xml.etree.ElementTree as xml

from edgeprint.fleet.board import headline, picture, pis, table
from edgeprint.fleet.decide import Heard
from edgeprint.rings import Plan, Ring, mark
from edgeprint.standing import Phase, Standing

NOW = "2026-01-05T12:00:00+00:00"
RINGS = (Ring("canary", pis=(mark("pi-1"),)), Ring("all", 1.0))
PLAN = Plan(stable=1, rings=RINGS).begin(2, NOW)
FLEET = {
    "pi-1": Heard(Standing("pi-1", 2, Phase.FAILED, refused={"binary.camera": "it hangs"}), True),
    "pi-2": Heard(Standing("pi-2", 1, Phase.IN_USE), True),
    "pi-3": Heard(Standing("pi-3", 1, Phase.IN_USE, stale="since Monday"), False),
}


def test_a_row_a_ring() -> None:
    assert table(PLAN, FLEET).splitlines() == [
        "release 2 has reached 1 of 2 rings, the others run release 1",
        "",
        "ring    share   state    release  pis  confirmed  trial  failed  behind  offline  stale",
        "canary  0% + 1  open     2        1    0          0      1       0       0        0",
        "all     100%    not yet  1        2    1          0      0       0       1        0",
    ]


def test_a_line_a_pi_with_what_it_refused() -> None:
    lines = pis(PLAN, FLEET).splitlines()
    assert lines[0].split() == ["pi-1", "canary", "release", "2", "failed", "binary.camera:", "it", "hangs"]
    assert lines[2].split() == ["pi-3", "all", "release", "1", "offline", "since", "Monday"]


def test_the_headline_says_why_a_release_was_stopped_or_paused() -> None:
    assert headline(PLAN.pause("by hand")).endswith("; paused: by hand")
    assert headline(PLAN.roll_back("it hangs", NOW)) == (
        "release 1 is everybody's; release 2 was stopped: it hangs"
    )


def test_the_picture_is_well_formed_whatever_a_reason_says() -> None:
    plan = PLAN.pause('<script>alert("x")</script> & more')
    root = xml.fromstring(picture(plan, FLEET, "2026-01-05 12:00 UTC"))
    assert root.tag.endswith("svg") and "<script>" in root.attrib["aria-label"]
    assert (
        len([each for each in root.iter() if each.tag.endswith("title")]) == 3
    )  # failed, confirmed, offline


def test_a_fleet_of_nobody_is_drawn_too() -> None:
    xml.fromstring(picture(Plan(), {}, "now"))
    assert "no release yet" in table(Plan(), {})
