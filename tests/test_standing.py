"""What a Pi says of itself is read back as it was said, and nothing else is believed."""

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeprint.standing import FILE, BadStanding, Phase, Standing, read

TABLES = st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=4)
STANDINGS = st.builds(
    Standing,
    pi=st.from_regex(r"[a-z0-9]{1,10}", fullmatch=True),
    release=st.integers(0, 10**6),
    phase=st.sampled_from(Phase),
    models=TABLES,
    trials=TABLES,
    refused=TABLES,
    stale=st.none() | st.text(max_size=30),
    refreshed=st.none() | st.text(max_size=30),
    health=st.lists(st.text(max_size=20), max_size=3).map(tuple),
)


@given(STANDINGS)
def test_it_survives_its_message(standing: Standing) -> None:
    assert Standing.from_json(standing.to_json()) == standing


@given(st.binary(max_size=100))
def test_bytes_that_are_none_are_refused_by_name(data: bytes) -> None:
    with pytest.raises(BadStanding):
        Standing.from_json(data)


@given(
    STANDINGS,
    st.sampled_from(["pi", "release", "phase", "models", "health"]),
    st.sampled_from([None, [1], "x/y", -1.5, {}]),
)
def test_a_field_of_another_kind_breaks_nothing(standing: Standing, name: str, value: object) -> None:
    said = json.loads(standing.to_json())
    said[name] = value
    with contextlib.suppress(BadStanding):
        Standing.from_json(json.dumps(said).encode())


def test_a_flood_of_words_is_cut() -> None:
    said = Standing("pi-1", health=tuple("x" * 10_000 for _ in range(3)))
    assert max(map(len, Standing.from_json(said.to_json()).health)) == 500


def test_a_message_larger_than_a_pi_sends_is_refused() -> None:
    with pytest.raises(BadStanding, match="bytes are more than a Pi says"):
        Standing.from_json(Standing("pi-1", health=("x" * 100_000,)).to_json())


def test_an_agent_that_said_nothing_stands_nowhere(tmp_path: Path) -> None:
    assert read(tmp_path) is None
    (tmp_path / FILE).write_bytes(Standing("pi-1", 3).to_json())
    assert read(tmp_path) == Standing("pi-1", 3)
