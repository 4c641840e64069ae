"""Work side by side."""

import threading

import pytest

from edgeprint import cores
from edgeprint.cores import each


@pytest.fixture(params=[1, 2])
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(cores, "cores", lambda: request.param)
    return request.param


def test_outcomes_come_in_the_order_of_the_items(machine: int) -> None:
    assert each(lambda n: n * n, range(20)) == [n * n for n in range(20)]
    assert each(lambda n: n, []) == []


def test_an_error_is_raised_and_the_rest_is_not_begun(machine: int) -> None:
    begun = []

    def work(item: int) -> None:
        begun.append(item)
        if item == 0:
            raise ValueError(item)
        threading.Event().wait(0.05)

    with pytest.raises(ValueError, match="0"):
        each(work, range(100))
    assert len(begun) < 50
