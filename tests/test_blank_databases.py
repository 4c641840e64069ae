"""A workspace begins with a copy of an empty database, and never loses one that it has."""

import sqlite3
from pathlib import Path

import pytest

from edgeprint import blank_databases
from edgeprint.registry import tracking


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("share")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blank_databases, "FOLDER", folder)
        named = folder.parent / "of-a-person.db"
        for variable in ("PREFECT_API_DATABASE_CONNECTION_URL", "PREFECT_SERVER_DATABASE_CONNECTION_URL"):
            patch.setenv(variable, f"sqlite+aiosqlite:///{named}")
        (folder / "prefect-1.0.0.db").write_text("of an older version")
        blank_databases.make()
    assert not named.exists()
    return folder


@pytest.fixture(autouse=True)
def share(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blank_databases, "FOLDER", made)


def tables(path: Path) -> set[str]:
    with sqlite3.connect(f"file:{path}?immutable=1", uri=True) as database:
        return {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_each_is_made_with_its_tables_and_those_of_older_versions_are_gone(made):
    found = {path.name.partition("-")[0]: tables(path) for path in made.iterdir()}
    assert len(found) == len(list(made.iterdir())) == 2
    assert "flow_run" in found["prefect"] and "registered_models" in found["mlflow"]


def test_mlflow_keeps_runs_in_a_copy_whose_tables_it_did_not_make(tmp_path, made):
    tracking.open_store(tmp_path)
    with tracking.training_run("cclp", "a run", {}, {"stage": "train"}) as run:
        run.metrics({"macro_f1": 0.5})
    assert tracking.tags_of(run.id)["stage"] == "train"
    (kept,) = made.glob("mlflow-*")
    with sqlite3.connect(f"file:{kept}?immutable=1", uri=True) as database:
        assert database.execute("SELECT count(*) FROM runs").fetchone() == (0,)


def test_a_disk_that_knows_no_second_name_is_no_error(tmp_path, monkeypatch):
    monkeypatch.setattr(blank_databases.os, "link", refuse)
    blank_databases.begin("mlflow", tmp_path / "mlflow.db")
    assert not list(tmp_path.iterdir())


def refuse(*_: Path) -> None:
    raise PermissionError("Operation not permitted")


def test_a_database_that_is_there_stays(tmp_path):
    (tmp_path / "prefect.db").write_text("of a run before")
    blank_databases.begin("prefect", tmp_path / "prefect.db")
    assert (tmp_path / "prefect.db").read_text() == "of a run before"
    assert len(list(tmp_path.iterdir())) == 1


def test_one_that_another_process_began_meanwhile_stays(tmp_path, monkeypatch):
    path = tmp_path / "prefect.db"
    monkeypatch.setattr(blank_databases, "sync", lambda _: path.write_text("of another process"))
    blank_databases.begin("prefect", path)
    assert path.read_text() == "of another process" and len(list(tmp_path.iterdir())) == 1


def test_without_any_the_program_makes_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(blank_databases, "FOLDER", tmp_path / "nothing")
    blank_databases.begin("mlflow", tmp_path / "mlflow.db")
    assert not (tmp_path / "mlflow.db").exists()


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "share").write_text("a file where the folder should be")
    monkeypatch.setattr(blank_databases, "FOLDER", tmp_path / "share")
    monkeypatch.setattr(blank_databases, "COMMANDS", {"mlflow": blank_databases.COMMANDS["mlflow"]})
    blank_databases.make()
