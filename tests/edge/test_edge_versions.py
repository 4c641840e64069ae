"""What a Pi's disk says of its models, after every change and after a kill in the middle of one."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeprint.edge.versions import MOST_STARTS, Versions
from edgeprint.errors import UntrustedModel

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
MODEL = "binary.camera"
OLD, NEW, NEWER = ("a" * 64, "b" * 64, "c" * 64)


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    for digest in (OLD, NEW, NEWER):
        (tmp_path / "versions" / digest).mkdir(parents=True)
    found = Versions(tmp_path)
    found.swap(MODEL, OLD, trial=False)
    return found


def names(versions: Versions) -> tuple[str | None, str | None]:
    """The version in use, and the one that may be relied on."""
    found = (versions.current(MODEL), versions.confirmed(MODEL))
    return tuple(folder.name if folder else None for folder in found)  # type: ignore[return-value]


def test_a_trial_has_both_and_its_end_leaves_one(versions: Versions) -> None:
    versions.swap(MODEL, NEW, trial=True)
    assert names(versions) == (NEW, OLD)
    versions.confirm(MODEL, NEW)
    assert names(versions) == (NEW, NEW) and not versions.on_trial(MODEL)


def test_a_rejected_version_is_quarantined_and_the_old_one_back(versions: Versions) -> None:
    versions.swap(MODEL, NEW, trial=True)
    versions.reject(MODEL, NEW, "too slow", NOW)
    assert names(versions) == (OLD, OLD)
    about = {"model": MODEL, "reason": "too slow", "time": "2026-01-05T12:00:00Z"}
    assert versions.quarantined() == {NEW: about}


def test_a_verdict_on_a_version_that_was_replaced_meanwhile_changes_no_link(versions: Versions) -> None:
    versions.swap(MODEL, NEW, trial=True)
    versions.swap(MODEL, NEWER, trial=True)
    versions.confirm(MODEL, NEW)
    versions.reject(MODEL, NEW, "too slow", NOW)
    assert names(versions) == (NEWER, OLD) and versions.on_trial(MODEL)


def test_the_first_model_of_a_device_that_fails_leaves_none(tmp_path: Path) -> None:
    (tmp_path / "versions" / NEW).mkdir(parents=True)
    versions = Versions(tmp_path)
    versions.swap(MODEL, NEW, trial=True)
    assert names(versions) == (NEW, None)
    versions.reject(MODEL, NEW, "not a number", NOW)
    assert names(versions) == (None, None) and not versions.on_trial(MODEL)


def test_a_trial_that_ends_the_agent_again_and_again_is_rejected(versions: Versions) -> None:
    versions.swap(MODEL, NEW, trial=True)
    said: list[str] = []
    for _ in range(MOST_STARTS):
        versions.survive(NOW, say=said.append)
        assert names(versions) == (NEW, OLD)
    versions.survive(NOW, say=said.append)
    assert names(versions) == (OLD, OLD) and "ended 3 times while it was on trial" in said[0]


def test_starts_are_counted_anew_for_another_version(versions: Versions) -> None:
    versions.swap(MODEL, NEW, trial=True)
    versions.begin(MODEL)
    versions.swap(MODEL, NEWER, trial=True)
    assert versions.begin(MODEL) == 1


def test_a_version_whose_folder_is_gone_gives_way_to_the_one_before(versions: Versions) -> None:
    versions.swap(MODEL, NEW, trial=True)
    (versions.state / "versions" / NEW).rmdir()
    versions.settle()
    assert names(versions) == (OLD, OLD)


def test_what_nothing_uses_is_cleared_away(versions: Versions) -> None:
    versions.swap(MODEL, NEW, trial=True)
    versions.tidy()
    assert {folder.name for folder in (versions.state / "versions").iterdir()} == {OLD, NEW}


@pytest.mark.parametrize("damage", [b"", b"[]", b"{", b'{"x": 3}', b"\xff"])
def test_a_damaged_quarantine_is_an_empty_one(versions: Versions, damage: bytes) -> None:
    (versions.state / "quarantine.json").write_bytes(damage)
    assert versions.quarantined() == {}


@pytest.mark.parametrize("digest", ["", "..", "/etc", "A" * 64, "a" * 63])
def test_what_is_no_digest_is_no_folder(versions: Versions, digest: str) -> None:
    with pytest.raises(UntrustedModel, match="is no digest"):
        versions.folder(digest)


CHANGES = st.lists(
    st.tuples(st.sampled_from(["swap", "trial", "confirm", "reject"]), st.sampled_from([OLD, NEW, NEWER])),
    max_size=8,
)


@settings(max_examples=50, deadline=None)
@given(CHANGES)
def test_no_order_of_events_leaves_a_device_without_a_model(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[str, str]]
) -> None:
    """But for the rejection of one that was confirmed, which no trial makes."""
    versions = Versions(tmp_path_factory.mktemp("state"))
    for digest in (OLD, NEW, NEWER):
        (versions.state / "versions" / digest).mkdir(parents=True)
    versions.swap(MODEL, OLD, trial=False)
    for change, digest in changes:
        if change in ("swap", "trial"):
            if digest in versions.quarantined():
                continue  # the updater pulls none of these again
            versions.swap(MODEL, digest, trial=change == "trial")
        elif change == "confirm":
            versions.confirm(MODEL, digest)
        elif versions.on_trial(MODEL):
            versions.reject(MODEL, digest, "bad", NOW)
        assert versions.current(MODEL) is not None
        before = names(versions)
        versions.settle()
        assert names(versions)[0] == before[0]
        versions.tidy()
        for each in (OLD, NEW, NEWER):
            (versions.state / "versions" / each).mkdir(exist_ok=True)
