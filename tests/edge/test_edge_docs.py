"""docs/edge.md says what is there: its options, paths, topics, numbers and pictures."""

import re
from pathlib import Path

import typer
import yaml

from edgeprint import cli
from edgeprint.edge import identify, mqtt, ranking, readers, strangers

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/edge.md").read_text()
COMMANDS = ("agent", "agent-labels")
OF_OTHERS = "--reuid --regid --init-groups --inh-caps --ambient-caps --directory --load --now"


def options(command: str) -> set[str]:
    found = typer.main.get_command(cli.app).commands[command]  # type: ignore[attr-defined]
    return {name for option in found.params for name in option.opts}


def test_every_option_of_the_agent_that_is_shown_exists() -> None:
    own = {option for name in COMMANDS for option in options(name)}
    shown = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", TEXT))
    assert shown <= own | set(OF_OTHERS.split())
    assert {"--listen", "--token-file", "--identify", "--mqtt", "--backend", "--streak"} <= shown


def test_back_ends_topics_and_paths_are_those_of_the_code() -> None:
    assert all(f"| `{backend}` |" in TEXT for backend in readers.BACKENDS)
    assert ranking.PATH in TEXT and identify.AGAIN_S == 6 * 3600 and "after six hours" in TEXT
    assert f"{strangers.MOST} strangers are followed" in TEXT and strangers.FORGOTTEN_NS == 3600 * 10**9
    assert mqtt.broker("mqtt://edgeprint@broker.lan").base == "edgeprint"


def test_the_container_is_the_one_that_is_described() -> None:
    service = yaml.safe_load((ROOT / "docker/edge.compose.yaml").read_text())["services"]["agent"]
    assert service["read_only"] and service["network_mode"] == "host"
    for name in re.findall(r"EDGEPRINT_\w+", TEXT):
        assert any(name in word for word in service["command"])


def test_pictures_and_pages_that_are_linked_are_there_and_small() -> None:
    for picture in re.findall(r"\]\(([\w-]+\.png)\)", TEXT):
        assert (ROOT / "docs" / picture).stat().st_size < 400_000
    headings = {
        re.sub(r"[^a-z0-9 -]", "", line[3:].lower()).replace(" ", "-")
        for line in TEXT.splitlines()
        if line.startswith("## ")
    }
    assert set(re.findall(r"\]\(#([\w-]+)\)", TEXT)) <= headings
