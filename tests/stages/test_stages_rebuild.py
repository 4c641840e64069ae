"""A registered version is made again, byte for byte, from the data version that it names."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edgeprint.cli import app
from edgeprint.errors import NotRebuilt, UnknownModel
from edgeprint.registry import promote
from edgeprint.stages import champions, rebuild
from edgeprint.stages.ingest import ingest, open_workspace
from edgeprint.stages.train import Trainer
from edgeprint.stages.workspace import Workspace
from edgeprint.testbed.home import simulate

REPOSITORY = Path(__file__).resolve().parents[2]
NAME = "binary.plug-a"
TINY = """
intervals: {by: calendar, test_fraction: 0.3}
cclp: {features: {window_minutes: 5}}
binary: {train: {width: 16, samples: 20, epochs: 1}, evaluate: {runs: 2, run_length: 5}}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Two quarters as they came: a version after the first, and after the second one that went on from it."""
    folder = tmp_path_factory.mktemp("rebuild")
    simulate(folder / "made", devices=2, quarters=2, hours=0.5, seed=3)
    _, second = sorted((folder / "made").glob("*.pcap"))
    (folder / "later").mkdir()
    second.rename(folder / "later" / second.name)
    (folder / "made/params.yaml").write_text(TINY)
    workspace = open_workspace(REPOSITORY, folder / "site", folder / "made")
    before = None
    for index, arrived in enumerate(("made", "later")):
        ingest(workspace, folder / arrived, f"2025Q{index + 1}")
        rebuild.extract_all(workspace)
        trainer = Trainer(workspace, "binary", stage="retrain")
        before = trainer.train(NAME, index, workspace.state / f"{NAME}-{index}", initial=before)
        promote.promote(NAME, champions.enter(trainer, before).number)
    shutil.rmtree(workspace.features)
    return workspace


def test_the_version_of_an_earlier_quarter_is_made_from_the_captures_of_then(site, tmp_path):
    shutil.rmtree(site.root / ".dvc/cache")  # they come back from the remote
    made = rebuild.rebuild(site, NAME, 1, tmp_path)
    assert made.differing == [] and made.apart == 0.0 and made.before is None
    assert made.data_version == Workspace(tmp_path).data_version() != site.data_version()
    assert [path.parent.name for path in tmp_path.glob("data/captures/*/*.pcap")] == ["2025Q1"]


def test_one_that_went_on_from_another_is_made_from_that_one(site, tmp_path):
    place = ["--workspace", str(site.root), "--out", str(tmp_path)]
    done = CliRunner().invoke(app, ["rebuild", NAME, *place])
    assert done.exit_code == 0, done.output
    assert f"{NAME} version 2, trained on from version 1 through 2025Q2" in done.output
    assert f"data version {site.data_version()}" in done.output
    assert "rebuilt: the same, byte for byte" in done.output
    assert len(list(tmp_path.glob("data/captures/*/*.pcap"))) == 2


def test_what_comes_out_otherwise_is_named_and_ends_with_status_1(site, monkeypatch):
    monkeypatch.setattr(Trainer, "origin", lambda trainer: {"data_source": "another"})
    done = CliRunner().invoke(app, ["rebuild", NAME, "--workspace", str(site.root)])
    assert done.exit_code == 1
    assert "rebuilt: differs in artifact/card.json; its answers are up to 0 apart" in done.output


def test_a_remotes_address_and_secret_are_handed_on_as_they_are_to_the_owner_alone(site, tmp_path):
    local = site.root / ".dvc/config.local"
    local.write_text("['remote \"other\"']\nurl = s3://captures/a%20b\nsecret_access_key = 50%\n")
    made = Workspace(tmp_path)
    (tmp_path / ".dvc").mkdir()
    try:
        rebuild._share_stores(site, made)
    finally:
        local.unlink()
    shared = (tmp_path / ".dvc/config.local").read_text()
    assert "url = s3://captures/a%20b" in shared and "secret_access_key = 50%" in shared
    assert (tmp_path / ".dvc/config.local").stat().st_mode & 0o077 == 0


def test_what_cannot_be_rebuilt_says_why(site, tmp_path):
    with pytest.raises(UnknownModel, match="'camera' is no model's name"):
        rebuild.rebuild(site, "camera", None, tmp_path)
    with pytest.raises(UnknownModel, match="cclp has no champion; --version N names one"):
        rebuild.rebuild(site, "cclp", None, tmp_path)
    (tmp_path / "notes").touch()
    with pytest.raises(NotRebuilt, match="is not empty"):
        rebuild.rebuild(site, NAME, None, tmp_path)
    shutil.move(site.root / ".dvc/cache", tmp_path / "cache")
    shutil.move(site.state / "remote", tmp_path / "remote")
    with pytest.raises(NotRebuilt, match="is neither in DVC's cache nor to be had from its remote"):
        rebuild.rebuild(site, NAME, 1, tmp_path / "new")
