"""A folder of captures becomes a workspace of its own, or is refused in one sentence."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from edgeprint.errors import BadInventory, BadParams, NotACapture
from edgeprint.stages import job, programs
from edgeprint.stages.layout import WrongWorkspace
from edgeprint.stages.programs import commit
from edgeprint.stages.workspace import Workspace

REPOSITORY = Path(__file__).resolve().parents[2]
EMPTY_PCAP = bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with one capture (of no packet) and one device."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "monday.pcap").write_bytes(EMPTY_PCAP)
    (folder / "devices.csv").write_text("mac,device,category,iot\n02:00:00:00:00:01,plug,switch,1\n")
    return folder


def prepared(home: Path) -> Workspace:
    return job.prepare(REPOSITORY, home, home.parent / "workspaces")


def test_without_data_the_repository_is_the_workspace() -> None:
    assert job.prepare(REPOSITORY, None).root == REPOSITORY


def test_the_captures_are_copied_and_versioned(home: Path) -> None:
    workspace = prepared(home)
    assert (workspace.captures / "monday.pcap").read_bytes() == EMPTY_PCAP
    assert workspace.data_version().endswith(".dir")
    assert workspace.source() == {
        "simulated": False,
        "resampled": False,
        "name": "home",
        "kind": "real captures",
    }


def test_the_same_captures_have_the_same_version_and_others_another(home: Path) -> None:
    first = prepared(home).data_version()
    assert prepared(home).data_version() == first
    (home / "tuesday.pcap").write_bytes(EMPTY_PCAP)
    assert prepared(home).data_version() != first


def test_a_simulated_home_stays_simulated(home: Path) -> None:
    (home / "source.json").write_text('{"simulated": true, "seed": 3}')
    source = prepared(home).source()
    assert source["simulated"]
    assert source["kind"] == "simulated traffic"


def test_a_home_resampled_from_real_captures_says_so(home: Path) -> None:
    (home / "source.json").write_text('{"simulated": false, "resampled": true}')
    assert prepared(home).source()["kind"] == "resampled from real captures"


def test_a_capture_that_is_gone_leaves_the_workspace(home: Path) -> None:
    (home / "tuesday.pcap").write_bytes(EMPTY_PCAP)
    prepared(home)
    (home / "tuesday.pcap").unlink()
    assert not (prepared(home).captures / "tuesday.pcap").exists()


def test_the_folder_s_params_replace_the_keys_they_name(home: Path) -> None:
    (home / "params.yaml").write_text("intervals: {by: shares}\n")
    params = prepared(home).params()
    assert params.intervals.by == "shares" and params.intervals.count == 4


def test_an_unknown_key_of_the_folder_s_params_is_refused(home: Path) -> None:
    (home / "params.yaml").write_text("intervals: {bye: shares}\n")
    with pytest.raises(BadParams, match=r"intervals.bye is not a known key"):
        prepared(home)


@pytest.mark.parametrize("text", ["intervals: {by: [shares\n", "shares\n", "\x00"])
def test_params_that_are_no_yaml_are_refused_in_a_sentence(home: Path, text: str) -> None:
    (home / "params.yaml").write_text(text)
    with pytest.raises(BadParams, match=r"home/params.yaml (cannot be read|holds)"):
        prepared(home)


def test_two_folders_of_one_name_do_not_share_a_workspace(home: Path, tmp_path: Path) -> None:
    prepared(home)
    other = tmp_path / "elsewhere" / home.name
    shutil.copytree(home, other)
    with pytest.raises(WrongWorkspace, match="has the same name: rename one"):
        job.prepare(REPOSITORY, other, home.parent / "workspaces")
    shutil.rmtree(home)  # moved, not copied
    assert job.prepare(REPOSITORY, other, home.parent / "workspaces").captures.exists()


def test_the_simulated_home_is_no_stage_of_real_captures(home: Path) -> None:
    stages = yaml.safe_load((prepared(home).root / "dvc.yaml").read_text())["stages"]
    assert "testbed" not in stages and "extract" in stages


def test_a_folder_without_devices_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInventory, match=r"holds no devices.csv"):
        job.prepare(REPOSITORY, tmp_path)


def test_a_folder_without_captures_is_refused(home: Path) -> None:
    (home / "monday.pcap").unlink()
    (home / "notes.txt").write_text("nothing here")
    with pytest.raises(NotACapture, match=r"holds no capture"):
        prepared(home)


def test_a_capture_is_known_by_its_first_bytes(home: Path) -> None:
    (home / "monday.pcap").rename(home / "monday.dump")
    assert (prepared(home).captures / "monday.dump").exists()


def test_a_run_in_a_checkout_of_the_code_commits_nothing_there(tmp_path: Path) -> None:
    for name in (".gitignore", "params.yaml"):
        shutil.copy(REPOSITORY / name, tmp_path)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    (tmp_path / "reports").mkdir()
    (tmp_path / "dvc.lock").write_text("schema: '2.0'\n")
    assert not commit(Workspace(tmp_path), "Reproduced everything")
    found = subprocess.run(["git", "rev-parse", "--verify", "HEAD"], cwd=tmp_path, capture_output=True)
    assert found.returncode != 0  # still without a commit


STAGES = """
stages:
  extract: {cmd: cp data/captures/one features, deps: [data/captures], outs: [features]}
  retrain: {cmd: cp features models, deps: [features], outs: [models]}
"""


def test_what_came_makes_a_later_stage_stale_and_a_stage_that_fails_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")  # of flows: there are none here
    workspace = Workspace(tmp_path)
    (tmp_path / "params.yaml").write_text((REPOSITORY / "params.yaml").read_text())
    (tmp_path / "dvc.yaml").write_text(STAGES)
    workspace.captures.mkdir(parents=True)
    (workspace.captures / "one").write_text("2025Q1")
    workspace.state.mkdir()
    (workspace.state / "mlflow.db").touch()  # the store, without which all would be stale
    programs.dvc_says(workspace, "init", "--no-scm")
    assert job.run(workspace, until="retrain") and not job.run(workspace, until="retrain")
    (workspace.captures / "one").write_text("2025Q2")
    assert job.run(workspace, until="retrain")
    assert (tmp_path / "models").read_text() == "2025Q2"
    (workspace.captures / "one").unlink()
    with pytest.raises(job.StageFailed, match="the pipeline stopped in"):
        job.run(workspace, until="retrain")


def test_dvc_is_not_asked_where_captures_have_come_since_the_last_run(home: Path, monkeypatch) -> None:
    workspace = prepared(home)
    asked = []
    monkeypatch.setattr(job, "dvc", lambda *arguments: asked.append(arguments) or 0)
    read = {"path": "data/captures", "hash": "md5", "md5": workspace.data_version()}
    stages = {"extract": {"cmd": "python -m flows.extract", "deps": [read]}}
    (workspace.root / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))
    assert not job._is_stale(workspace, []) and len(asked) == 1
    (home / "tuesday.pcap").write_bytes(EMPTY_PCAP)
    assert job._is_stale(prepared(home), []) and len(asked) == 1
