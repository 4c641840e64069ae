"""What the page of a run says beside its figures."""

from edgeprint.stages.page import counted


def test_scores_come_with_the_samples_that_they_are_of() -> None:
    cells = [("Q1", "Q1", 10.0), ("Q1", "Q2", 20.0), ("Q2", "Q2", 40.0), ("Q2", "Q1", 80.0)]
    part = {
        "intervals": ["Q1", "Q2"],
        "cells": [{"trained_on": t, "evaluated_on": e, "samples": n} for t, e, n in cells],
    }
    assert counted(part, 0) == 50 and counted(part, 1) == 20
