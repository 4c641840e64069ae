"""A ledger against a walk that is killed, repeated or changed anywhere."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeprint.stages.ledger import Ledger


class Killed(BaseException):
    pass


def live(
    path: Path, words: list[str], registry: list[int | None], killed_at: int | None = None
) -> list[dict]:
    """A walk that promotes at every step; killed after the alias moved, before the line is kept."""
    ledger, lines = Ledger.read(path), []
    for place, word in enumerate(words):
        key = ledger.key(place, word)
        line = ledger.line(place, key)
        if line is None:
            lived = ledger.rewritten or place < len(ledger.steps)
            champion = ledger.champion_before(place) if lived else registry[-1]
            champion = ledger.begin(place, key, champion)
            registry.append(place + 1)
            if place == killed_at:
                raise Killed
            line = {"word": word, "from": champion}
            ledger.end(line, place + 1)
        lines.append(line)
    ledger.caught_up()
    return lines


def expected(words: list[str]) -> list[dict]:
    return [{"word": word, "from": place or None} for place, word in enumerate(words)]


WORDS = st.lists(st.sampled_from("abc"), min_size=1, max_size=5)


@given(words=WORDS, killed=st.integers(0, 4))
def test_a_killed_walk_ends_as_one_that_was_not(tmp_path_factory, words, killed):
    path, registry = tmp_path_factory.mktemp("walk") / "ledger.json", [None]
    if killed < len(words):
        with pytest.raises(Killed):
            live(path, words, registry, killed)
    assert live(path, words, registry) == expected(words)


@given(words=WORDS, other=WORDS)
def test_what_changed_is_lived_again_and_what_did_not_is_kept(tmp_path_factory, words, other):
    path, registry = tmp_path_factory.mktemp("walk") / "ledger.json", [None]
    live(path, words, registry)
    moved = len(registry)
    assert live(path, other, registry) == expected(other)
    same = next(
        (i for i, (a, b) in enumerate(zip(words, other, strict=False)) if a != b),
        min(map(len, (words, other))),
    )
    assert len(registry) - moved == len(other) - same


def test_a_version_put_in_use_by_hand_is_what_the_next_interval_begins_from(tmp_path):
    path, registry = tmp_path / "ledger.json", [None]
    live(path, ["a", "b"], registry)
    registry.append(1)  # rolled back
    assert live(path, ["a", "b", "c"], registry)[-1] == {"word": "c", "from": 1}


def test_a_file_that_is_none_begins_anew(tmp_path):
    path = tmp_path / "ledger.json"
    path.write_text("{")
    assert Ledger.read(path).steps == []
