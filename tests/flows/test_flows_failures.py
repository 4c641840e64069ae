"""What goes wrong on purpose, or elsewhere, is a sentence: tried again where that may help, no traceback."""

import logging
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException, RestException
from prefect import flow, task
from prefect.testing.utilities import prefect_test_harness

from edgeprint import params
from edgeprint.errors import NotEnoughData
from flows import FROM_THE_STORE, is_away, main
from flows.extract import Unreachable, runner

REPOSITORY = Path(__file__).resolve().parents[2]
AWAY = MlflowException("API request to http://127.0.0.1:5000/api failed")


@pytest.fixture(scope="module", autouse=True)
def server():
    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fails(errors: list[Exception]):
    """A flow whose task raises these, one a try, and then succeeds; returns it with the list of its tries."""
    tries: list[int] = []

    @task(**{**FROM_THE_STORE, "retry_delay_seconds": 0})
    def step() -> str:
        tries.append(len(tries))
        if len(tries) <= len(errors):
            raise errors[len(tries) - 1]
        return "done"

    @flow
    def work() -> str:
        return step()

    return work, tries


def test_a_store_that_is_away_for_a_while_is_tried_again(workspace: Path) -> None:
    work, tries = fails([AWAY, OSError("connection reset")])
    main(work)
    assert len(tries) == 3


def test_what_was_computed_wrongly_is_not(workspace: Path) -> None:
    work, tries = fails([ZeroDivisionError()])
    with pytest.raises(ZeroDivisionError):
        main(work)
    assert len(tries) == 1


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (NotEnoughData("plug: 2025Q2 holds no traffic"), "edgeprint: plug: 2025Q2 holds no traffic"),
        (
            AWAY,
            "does not answer (API request to http://127.0.0.1:5000/api failed); what was finished is kept",
        ),
    ],
)
def test_it_ends_in_a_sentence_that_the_page_keeps(
    workspace: Path,
    capfd: pytest.CaptureFixture,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    sentence: str,
) -> None:
    work, tries = fails([error] * 9)
    with pytest.raises(SystemExit) as ended:
        main(work)
    said = capfd.readouterr().err
    assert ended.value.code == 1 and sentence in said and "Traceback" not in said
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR and record.exc_info]
    assert sentence.removeprefix("edgeprint: ") in (workspace / "state/stopped.txt").read_text()
    assert len(tries) == (4 if is_away(error) else 1)


def test_a_refusal_of_mlflow_is_nobody_s_absence() -> None:
    missing = RestException({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no run"})
    assert not is_away(missing) and is_away(AWAY)


def test_a_dask_scheduler_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.extract.SCHEDULER_SECONDS", 0.5)
    shipped = params.load(REPOSITORY / "params.yaml").extract
    for scheduler in ("tcp://127.0.0.1:1", "no address"):
        chosen = shipped.model_copy(update={"runner": "dask", "scheduler": scheduler})
        with pytest.raises(Unreachable, match=f"extract.scheduler = '{scheduler}' of params.yaml cannot be"):
            runner(chosen)
