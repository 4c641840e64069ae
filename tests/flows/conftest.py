"""One small home, simulated once and run through the whole pipeline once, for all tests here."""

from pathlib import Path

import pytest

from edgeprint.stages import job
from edgeprint.stages.workspace import Workspace
from edgeprint.testbed.home import simulate

REPOSITORY = Path(__file__).resolve().parents[2]
SMALL = """
intervals: {by: calendar, test_fraction: 0.3}
cclp: {features: {window_minutes: 5}, train: {iterations: 50}}
lstm_cnn: {features: {segment_minutes: 1}, train: {epochs: 3}}
binary: {train: {width: 16, samples: 20, epochs: 1}, evaluate: {runs: 2, run_length: 5}}
gate: {min_macro_f1: 0.0, max_latency_ms: 1000}
agent: {hours: 0.5}
"""


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a user would bring: captures with a gap, a broken file, devices.csv, params.yaml."""
    folder = tmp_path_factory.mktemp("data") / "small-home"
    simulate(folder, devices=4, quarters=3, hours=2, seed=3)
    sorted(folder.glob("*.pcap"))[1].unlink()  # a quarter without traffic
    with (folder / "devices.csv").open("a") as inventory:
        inventory.write("02:00:00:00:0f:0f,ghost,switch,1\n")  # a device without traffic
    (folder / "notes.pcap").write_text("this is no capture")
    (folder / "params.yaml").write_text(SMALL)
    return folder


@pytest.fixture(scope="session")
def workspace(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The workspace after one whole run of the main job."""
    made = job.prepare(REPOSITORY, home, tmp_path_factory.mktemp("workspaces"))
    assert job.run(made)
    return made
