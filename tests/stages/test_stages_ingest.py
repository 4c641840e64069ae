"""Captures come in a quarter at a time: the bad ones are set aside, and nothing is lost or taken twice."""

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import servers

from edgeprint.errors import BadInventory, BadParams, NotACapture
from edgeprint.stages import job
from edgeprint.stages.ingest import Finding, NotStored, ingest, open_workspace
from edgeprint.stages.layout import WrongWorkspace
from edgeprint.stages.workspace import Workspace
from edgeprint.testbed.home import simulate

REPOSITORY = Path(__file__).resolve().parents[2]
GOOD, LATER = "2025-02-12.pcap", "2025-05-14.pcap"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated home of two quarters."""
    folder = tmp_path_factory.mktemp("made")
    simulate(folder, devices=2, quarters=2, hours=0.3, seed=3)
    return folder


def arrive(made: Path, folder: Path) -> Path:
    """What arrives at the end of 2025Q1: a capture, one of another quarter, a cut one, and no capture."""
    (folder / "router").mkdir(parents=True)
    for name in (GOOD, LATER, "devices.csv", "source.json"):
        shutil.copy(made / name, folder / name)
    (folder / "notes.txt").write_text("this is no capture")
    whole = (made / GOOD).read_bytes()
    (folder / "router" / "cut.pcap").write_bytes(whole[: len(whole) // 2])
    return folder


@pytest.fixture
def quarter(made: Path, tmp_path: Path) -> Path:
    return arrive(made, tmp_path / "arrived")


@pytest.fixture(scope="module")
def opened(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace that nothing has come into; tests take copies of it."""
    return open_workspace(REPOSITORY, tmp_path_factory.mktemp("opened") / "site", made)


@pytest.fixture(scope="module")
def taken(made: Path, opened: Workspace, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, list]:
    """The same after 2025Q1, and what was found."""
    folder = tmp_path_factory.mktemp("taken")
    shutil.copytree(opened.root, folder / "site")
    workspace = Workspace(folder / "site")
    return workspace, ingest(workspace, arrive(made, folder / "arrived"), "2025Q1")


@pytest.fixture
def empty(opened: Workspace, tmp_path: Path) -> Workspace:
    shutil.copytree(opened.root, tmp_path / "site")
    return Workspace(tmp_path / "site")


@pytest.fixture
def workspace(taken, tmp_path: Path) -> Workspace:
    shutil.copytree(taken[0].root, tmp_path / "site")
    return Workspace(tmp_path / "site")


def dvc(workspace: Workspace, *arguments: str) -> str:
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(command, cwd=workspace.root, capture_output=True, text=True, check=True).stdout


def test_good_captures_come_in_and_bad_ones_are_set_aside_with_their_reason(quarter, taken):
    workspace, found = taken[0], {f.capture: f for f in taken[1]}
    assert found[GOOD] == Finding(GOOD, "added")
    assert (
        found["router/cut.pcap"].outcome == "added"
        and "in the middle of a packet" in found["router/cut.pcap"].why
    )
    assert found["notes.txt"].outcome == found[LATER].outcome == "quarantined"
    aside = workspace.root / "quarantine/2025Q1"
    assert (aside / LATER).read_bytes() == (quarter / LATER).read_bytes()
    assert "none of its" in (aside / f"{LATER}.txt").read_text()
    assert "neither pcap nor pcapng" in (aside / "notes.txt.txt").read_text()
    assert {p.name for p in (workspace.captures / "2025Q1").rglob("*.pcap")} == {GOOD, "cut.pcap"}
    assert workspace.source()["kind"] == "simulated traffic"


def test_every_quarter_is_a_commit_whose_difference_dvc_shows(quarter, made, workspace):
    first = workspace.data_version()
    folder = quarter.parent / "next"
    folder.mkdir()
    shutil.copy(made / LATER, folder)
    ingest(workspace, folder, "2025Q2")
    assert workspace.data_version() != first
    log = subprocess.run(["git", "log", "--format=%s"], cwd=workspace.root, capture_output=True, text=True)
    assert log.stdout.split("\n")[:2] == ["Captures of 2025Q2", "Captures of 2025Q1"]
    assert f"data/captures/2025Q2/{LATER}" in dvc(workspace, "diff", "HEAD~1")
    assert dvc(workspace, "config", "core.analytics").strip() == "false"


def test_a_second_time_adds_nothing(quarter, workspace):
    version = workspace.data_version()
    again = {f.capture: f.outcome for f in ingest(workspace, quarter, "2025Q1")}
    assert again[GOOD] == again["router/cut.pcap"] == "there already"
    assert again["notes.txt"] == "quarantined"
    assert workspace.data_version() == version


def test_the_same_packets_do_not_count_twice_and_no_capture_replaces_another(quarter, workspace):
    shutil.copy(quarter / GOOD, quarter / "copy.pcap")
    shutil.copy(quarter / "router/cut.pcap", quarter / GOOD)
    found = {f.capture: f.why for f in ingest(workspace, quarter, "2025Q1")}
    assert found["copy.pcap"] == f"it is the same, byte for byte, as 2025Q1/{GOOD}"
    assert found[GOOD] == f"another capture is 2025Q1/{GOOD} already: rename one"
    assert len((workspace.captures / "2025Q1" / GOOD).read_bytes()) > len((quarter / GOOD).read_bytes())


def test_a_capture_of_strangers_waits_until_devices_csv_names_one(quarter, empty):
    whole = (quarter / "devices.csv").read_text()
    (quarter / "devices.csv").write_text("mac,device,category,iot\n02:00:00:00:0f:0f,ghost,switch,1\n")
    first = {f.capture: f.why for f in ingest(empty, quarter, "2025Q1")}
    assert "is of a device in devices.csv" in first[GOOD]
    (quarter / "devices.csv").write_text(whole)
    second = {f.capture: f.outcome for f in ingest(empty, quarter, "2025Q1")}
    assert second[GOOD] == "added"
    assert not list((empty.root / "quarantine").rglob(f"{GOOD}*"))
    assert set(empty.inventory().devices) > {"ghost"}


def test_a_mac_that_changes_its_device_is_refused_and_nothing_changes(quarter, workspace):
    before = (workspace.captures / "devices.csv").read_bytes()
    mac = before.decode().splitlines()[1].split(",")[0]
    (quarter / "devices.csv").write_text(f"mac,device,category,iot\n{mac},lamp,light,1\n")
    with pytest.raises(BadInventory, match=f"{mac} is lamp, but camera-a"):
        ingest(workspace, quarter, "2025Q1")
    assert (workspace.captures / "devices.csv").read_bytes() == before


def test_what_was_pushed_comes_back_from_the_remote(quarter, workspace):
    shutil.rmtree(workspace.captures)
    shutil.rmtree(workspace.root / ".dvc/cache")
    dvc(workspace, "pull", "data/captures.dvc")
    assert (workspace.captures / "2025Q1" / GOOD).read_bytes() == (quarter / GOOD).read_bytes()


def test_a_workspace_on_s3_pushes_there_and_pulls_from_there(quarter, empty, tmp_path, monkeypatch):
    for key, value in servers.KEYS.items():
        monkeypatch.setenv(key, value)
    with servers.s3(tmp_path, "captures") as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        workspace = open_workspace(REPOSITORY, empty.root, quarter, "s3://captures/site")
        ingest(workspace, quarter, "2025Q1")
        shutil.rmtree(workspace.captures)
        shutil.rmtree(workspace.root / ".dvc/cache")
        dvc(workspace, "pull", "data/captures.dvc")
        with urllib.request.urlopen(f"{url}/captures?list-type=2") as answer:
            assert b"site/files/md5/" in answer.read()
    assert (workspace.captures / "2025Q1" / GOOD).read_bytes() == (quarter / GOOD).read_bytes()


def test_a_remote_that_is_away_loses_nothing_and_says_what_to_do(quarter, empty, tmp_path, monkeypatch):
    monkeypatch.setattr("edgeprint.stages.ingest.PUSH_AGAIN_AFTER", ())
    remote = empty.state / "remote"
    remote.write_text("a file where the remote's folder should be")
    with pytest.raises(
        NotStored, match=r"did not take them \(dvc push.*remote.*\): run the same command again"
    ):
        ingest(empty, quarter, "2025Q1")
    remote.unlink()
    assert ingest(empty, quarter, "2025Q1")[0].outcome == "there already"
    assert list(remote.rglob("*.dir"))


def begin(quarter: Path, workspace: Workspace) -> subprocess.Popen:
    command = ["ingest", str(quarter), "--quarter", "2025Q1", "--data", str(workspace.root)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(["src", ".", *sys.path])}
    code = "from edgeprint.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *command],
        cwd=REPOSITORY,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_killed_in_the_middle_the_next_run_goes_on(quarter, empty):
    killed = begin(quarter, empty)
    while not (empty.captures / "2025Q1" / GOOD).exists():
        assert killed.poll() is None
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    found = {f.capture: f.outcome for f in ingest(empty, quarter, "2025Q1")}
    assert found[GOOD] == "there already" and found["router/cut.pcap"] != "quarantined"
    assert dvc(empty, "status", "--cloud", "data/captures.dvc").startswith("Cache and remote")


def test_two_at_once_take_turns(quarter, empty):
    said = sorted(
        process.communicate()[0].splitlines()[-2] for process in [begin(quarter, empty) for _ in "ab"]
    )
    assert said == ["0 added, 2 there already, 2 quarantined", "2 added, 0 there already, 2 quarantined"]
    assert dvc(empty, "status", "--cloud", "data/captures.dvc").startswith("Cache and remote")


def test_what_is_no_quarter_or_holds_nothing_is_refused_in_a_sentence(quarter, empty, tmp_path):
    with pytest.raises(BadParams, match="'2026-4' is no calendar quarter such as 2026Q4"):
        ingest(empty, quarter, "2026-4")
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotACapture, match="holds no file to ingest"):
        ingest(empty, tmp_path / "empty", "2026Q4")
    (quarter / "devices.csv").unlink()
    with pytest.raises(BadInventory, match=r"holds no devices.csv .*, nor does the workspace"):
        ingest(empty, quarter, "2025Q1")


def test_only_a_workspace_of_its_own_takes_captures_in(quarter, tmp_path):
    with pytest.raises(WrongWorkspace, match="name another --data"):
        open_workspace(REPOSITORY, REPOSITORY, quarter)
    mirror = job.prepare(REPOSITORY, quarter, tmp_path / "workspaces")
    with pytest.raises(WrongWorkspace, match=r"mirrors .*arrived"):
        open_workspace(REPOSITORY, mirror.root, quarter)
    with pytest.raises(WrongWorkspace, match="is not empty and no workspace"):
        open_workspace(REPOSITORY, quarter, quarter)


def test_the_main_job_takes_such_a_workspace_as_it_is(quarter, workspace):
    (workspace.root / "params.yaml").write_text(
        (workspace.root / "params.yaml").read_text().replace("seed: 7", "seed: 8  # a reason")
    )
    assert job.prepare(REPOSITORY, workspace.root).root == workspace.root
    assert (workspace.captures / "2025Q1" / GOOD).exists()
    assert "# a reason" in (workspace.root / "params.yaml").read_text()
