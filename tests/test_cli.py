"""The command line: every command's help is drawn, with its options."""

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from edgeprint.cli import app

COMMANDS = sorted(get_command(app).commands)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_shown(command: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"])
    assert shown.exit_code == 0, shown.exception
    assert "Usage" in shown.output


def test_the_help_of_the_agent_shows_the_parts_of_a_brokers_address() -> None:
    shown = CliRunner().invoke(app, ["agent", "--help"], env={"COLUMNS": "200"})
    assert "mqtt://[USER@]HOST[:PORT][/TOPIC]" in shown.output
