"""A job's stages start beside the server that they report to, and wait for it."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeprint.stages import prefect_server
from edgeprint.stages.workspace import Workspace

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.delenv(prefect_server.URL, raising=False)
    monkeypatch.delenv(prefect_server.LOG, raising=False)
    (tmp_path / "params.yaml").write_text((REPOSITORY / "params.yaml").read_text())
    return Workspace(tmp_path)


def test_a_stage_waits_until_the_new_server_answers_and_it_is_gone_after_the_job(workspace, monkeypatch):
    with prefect_server.beside(workspace) as variables:
        monkeypatch.setattr(os, "environ", {**os.environ, **variables})
        prefect_server.await_start()
        with urllib.request.urlopen(f"{variables[prefect_server.URL]}/health", timeout=30) as answer:
            assert answer.read() == b"true"
    with pytest.raises(OSError):
        urllib.request.urlopen(f"{variables[prefect_server.URL]}/health", timeout=30)


def test_a_server_that_is_named_is_used_and_not_waited_for(workspace, monkeypatch):
    monkeypatch.setenv(prefect_server.URL, "http://127.0.0.1:1/api")
    with prefect_server.beside(workspace) as variables:
        assert variables == {prefect_server.URL: "http://127.0.0.1:1/api"}
    prefect_server.await_start()


def test_one_that_does_not_start_in_time_is_named_with_its_log(workspace, monkeypatch):
    log = workspace.root / "prefect.log"
    log.touch()
    monkeypatch.setattr(prefect_server, "START_SECONDS", 0.0)
    monkeypatch.setenv(prefect_server.URL, "http://127.0.0.1:1/api")
    monkeypatch.setenv(prefect_server.LOG, str(log))
    with pytest.raises(prefect_server.ServerFailed, match=f"within 0.0 s; see {log}"):
        prefect_server.await_start()


def test_one_that_ends_at_once_is_not_waited_for(workspace, monkeypatch):
    (workspace.state / "prefect").mkdir(parents=True)
    (workspace.state / "prefect/prefect.db").write_text("no database")
    with prefect_server.beside(workspace) as variables:
        monkeypatch.setattr(os, "environ", {**os.environ, **variables})
        with pytest.raises(prefect_server.ServerFailed, match=r"did not start; see .*prefect\.log"):
            prefect_server.await_start()


def test_it_ends_with_a_job_that_is_killed(workspace):
    code = (
        "import sys, time; from pathlib import Path; from edgeprint.stages import prefect_server\n"
        "from edgeprint.stages.workspace import Workspace\n"
        "with prefect_server.beside(Workspace(Path(sys.argv[1]))) as found:\n"
        "    print(found[prefect_server.URL], flush=True); time.sleep(600)"
    )
    job = subprocess.Popen(
        [sys.executable, "-c", code, str(workspace.root)], stdout=subprocess.PIPE, text=True
    )
    assert job.stdout
    url = job.stdout.readline().strip()
    until(lambda: prefect_server._answers(url))
    job.kill()
    job.wait()
    until(lambda: not prefect_server._answers(url))


def until(holds: Callable[[], bool], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)
