"""Who is who in a capture of the scripted home, by its champions."""

import json

import pytest
from scripted_home import DEVICES
from typer.testing import CliRunner

from edgeprint.cli import app
from edgeprint.errors import NotACapture, UnknownDevice, UnknownModel
from edgeprint.packets.inventory import mac_text
from edgeprint.stages import identify as stage
from edgeprint.stages.workspace import Workspace


@pytest.fixture(scope="module")
def capture(trainer, lines):
    """The newest."""
    return sorted(trainer.workspace.captures.glob("*.pcap"))[-1]


@pytest.fixture(scope="module")
def found(trainer, capture) -> dict[str, stage.Identity]:
    return {each.name or each.mac: each for each in stage.identify(trainer.workspace, capture)}


@pytest.mark.parametrize("device", DEVICES)
def test_each_device_is_most_like_itself_and_known(found, device):
    best = found[device].ranking[0]
    assert best.device == device
    assert found[device].known and found[device].iot
    assert found[device].category == best.category == device.split("-")[0].replace("plug", "switch")
    assert best.by == {"binary": best.confidence}


def test_what_has_no_champion_is_said(found):
    assert found["plug-a"].notes == ["cclp has no champion", "lstm-cnn has no champion"]


def test_everybody_who_spoke_is_asked_about_the_router_too(trainer, found):
    names = set(trainer.workspace.inventory().devices)
    assert names < set(found) and len(found) == len(names) + 1


def test_the_command_draws_a_table_or_gives_json(trainer, capture):
    mac = mac_text(min(trainer.workspace.inventory()["plug-a"].macs))
    place = ["--workspace", str(trainer.workspace.root), "--device", mac.upper().replace(":", "-")]
    drawn = CliRunner().invoke(app, ["identify", str(capture), *place], env={"COLUMNS": "200"})
    assert drawn.exit_code == 0, drawn.output
    assert "plug-a 1.00" in drawn.output or "plug-a 0.9" in drawn.output
    (one,) = json.loads(CliRunner().invoke(app, ["identify", str(capture), *place, "--json"]).stdout)
    assert (one["mac"], one["name"], one["ranking"][0]["device"]) == (mac, "plug-a", "plug-a")


def test_a_mac_that_sent_nothing_is_named(trainer, capture):
    with pytest.raises(UnknownDevice, match="02:00:00:00:ff:ff sent no packet in"):
        stage.identify(trainer.workspace, capture, "02:00:00:00:ff:ff")


def test_a_file_that_is_no_capture_is_named(trainer, lines, tmp_path):
    (tmp_path / "notes.pcap").write_text("none")
    with pytest.raises(NotACapture, match=r"notes.pcap"):
        stage.identify(trainer.workspace, tmp_path / "notes.pcap")


def test_without_a_champion_it_says_what_makes_one(trainer, lines, capture, tmp_path):
    from edgeprint.registry import tracking

    (tmp_path / "params.yaml").symlink_to(trainer.workspace.root / "params.yaml")
    try:
        with pytest.raises(UnknownModel, match="has a champion: edgeprint run trains and promotes"):
            stage.identify(Workspace(tmp_path), capture)
    finally:
        tracking.open_store(trainer.workspace.state)
