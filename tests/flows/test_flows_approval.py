"""A person is asked through a real Prefect server, and answers, or does not."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.flow_runs import resume_flow_run
from prefect.testing.utilities import prefect_test_harness

from edgeprint import params
from edgeprint.stages.methods import Context
from flows import approval

CHECK = {"name": "macro_f1", "value": 0.91234, "limit": 0.9, "passed": True, "sentence": ""}


def line(model: str, version: int, awaits: bool = True) -> dict[str, Any]:
    found = {"model": model, "version": version, "interval": "2025Q4", "promoted": False}
    waits = {"awaits": f"edgeprint promote {model} --version {version}"} if awaits else {}
    return {**found, "reasons": ["F1 fell"], "gate": [CHECK], **waits}


@dataclass
class Walk:
    """Stands for retrain.Walk, whose `approve` is tested with a real registry."""

    hours: float = 1.0
    approved: list[tuple[str, int]] = field(default_factory=list)

    @property
    def trainer(self) -> Any:
        gate = params.load().gate.model_copy(update={"approval_hours": self.hours})
        context = Context(None, params.load().model_copy(update={"gate": gate}))
        return type("Trainer", (), {"context": context})

    def waits(self, line: dict[str, Any]) -> bool:
        return bool(line.get("awaits")) and line["version"] > 1  # version 1 is not the challenger any more

    def approve(self, line: dict[str, Any]) -> dict[str, Any]:
        self.approved.append((line["model"], line["version"]))
        return {**line, "promoted": True, "awaits": None}


@flow
def ask(walk: Walk, lines: list[dict]) -> list[dict]:
    return approval.settle(walk, lines)


@pytest.fixture(scope="module")
def server():
    with prefect_test_harness(server_startup_timeout=180):
        yield


def answer(promote: list[str], seen: list[str]) -> None:
    """What a person does: wait for the run that is paused, read the form, resume it."""
    with get_client(sync_client=True) as client:
        for _ in range(1200):
            paused = [run for run in client.read_flow_runs() if run.state and run.state.is_paused()]
            if paused:
                keyset = paused[0].state.state_details.run_input_keyset
                seen.append(client.read_flow_run_input(paused[0].id, keyset["description"]))
                resume_flow_run(paused[0].id, run_input={"promote": promote})
                return
            time.sleep(0.1)


def test_what_a_person_leaves_in_the_form_is_promoted_and_the_rest_waits(server):
    walk, seen = Walk(hours=0.05), []
    lines = [line("cclp", 3), line("binary.plug", 1), line("binary.plug", 2), line("binary.tv", 1, False)]
    with ThreadPoolExecutor() as people:
        person = people.submit(answer, ["binary.plug"], seen)
        done = ask(walk, lines)
        person.result()
    assert walk.approved == [("binary.plug", 2)]
    assert [each["promoted"] for each in done] == [False, False, True, False]
    assert "macro_f1" in seen[0] and "0.9123" in seen[0] and "cclp, version 3" in seen[0]


def test_where_nobody_answers_in_time_nothing_is_promoted(server):
    walk = Walk(hours=0.001)
    assert ask(walk, [line("cclp", 3)]) == [line("cclp", 3)]
    assert walk.approved == []


def test_without_a_server_nobody_is_asked(server, monkeypatch):
    walk = Walk()
    monkeypatch.setattr(approval, "PREFECT_API_URL", type("Unset", (), {"value": staticmethod(lambda: None)}))
    assert ask(walk, [line("cclp", 3)]) == [line("cclp", 3)]


def test_where_nothing_waits_no_flow_is_needed():
    lines = [line("cclp", 3, False)]
    assert approval.settle(Walk(), lines) is lines
