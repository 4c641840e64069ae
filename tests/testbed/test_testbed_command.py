"""The command line's two ways to make a home."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from edgeprint.cli import app
from edgeprint.errors import BadParams


def run(*arguments) -> str:
    done = CliRunner().invoke(app, ["testbed", *map(str, arguments)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def test_folders_are_resampled_together(tagged, tmp_path):
    sources = [part for folder in tagged for part in ("--from", folder)]
    said = run(tmp_path, *sources, "--quarters", 1, "--hours", 1, "--pause", 5)
    assert said.startswith("2 devices, ") and "in 1 captures" in said
    source = json.loads((tmp_path / "source.json").read_text())
    assert source["resampled"] and source["pause_minutes"] == 5


def test_params_give_the_numbers(tagged, tmp_path):
    numbers = yaml.safe_load((Path(__file__).parents[2] / "params.yaml").read_text())
    numbers["testbed"] |= {"quarters": 2, "hours": 0.5, "seed": 3}
    numbers["intervals"]["test_fraction"] = 0.4
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(numbers))
    run(tmp_path / "out", "--from", tagged[0], "--params", tmp_path / "params.yaml")
    source = json.loads((tmp_path / "out" / "source.json").read_text())
    assert (source["quarters"], source["hours"], source["seed"], source["test_fraction"]) == (2, 0.5, 3, 0.4)


def test_options_of_the_other_way_are_refused(tagged, tmp_path):
    with pytest.raises(BadParams, match="devices = 5 is for a simulated home"):
        run(tmp_path, "--from", tagged[0], "--devices", 5)
    with pytest.raises(BadParams, match="needs --from"):
        run(tmp_path, "--drift", tmp_path / "drift.toml")
    assert not list(tmp_path.glob("*.pcap"))


def test_the_help_names_what_a_drift_file_holds():
    said = " ".join(run("--help").split())
    assert all(
        word in said for word in ("--from", "--drift", "--pause", "periods", "handshakes", "Repeatable")
    )
