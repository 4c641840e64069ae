"""What the page of a run says beside its figures."""

from pathlib import Path

from edgeprint.stages.page import PARTS
from edgeprint.stages.page_evaluate import counted
from edgeprint.stages.workspace import Workspace


def test_scores_come_with_the_samples_that_they_are_of() -> None:
    cells = [("Q1", "Q1", 10.0), ("Q1", "Q2", 20.0), ("Q2", "Q2", 40.0), ("Q2", "Q1", 80.0)]
    part = {
        "intervals": ["Q1", "Q2"],
        "cells": [{"trained_on": t, "evaluated_on": e, "samples": n} for t, e, n in cells],
    }
    assert counted(part, 0) == 50 and counted(part, 1) == 20


def test_a_release_is_shown_with_its_rings_and_what_came_of_the_container_on_each_pi() -> None:
    (show,) = PARTS["release"]
    models = {"binary.camera": {"digest": "ab" * 32}}
    rings = {"headline": "release 3 is everybody's", "table": "canary <1>"}
    pis = {"pi-2": {"state": "failed", "reason": "not healthy"}}
    report = {"models": models, "rings": rings, "containers": {"image": "edge@sha256:1", "pis": pis}}
    shown = show(Workspace(Path()), report)
    assert "everybody" in shown and "canary &lt;1&gt;" in shown and "edge@sha256:1" in shown
    assert "<td>pi-2</td><td>failed</td><td>not healthy</td>" in shown
    assert "Container" not in show(Workspace(Path()), {"models": models})
