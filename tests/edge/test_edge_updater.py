"""What an honest repository gives a Pi: its own release, verified, proven, swapped in one step.

Each story begins with a Pi that has pulled version 1 of the camera's model from a real web server.
"""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from simulated_home import Home, Quiet, served
from updating import CAMERA, now, pull, refuses, updater

from edgeprint import artifact
from edgeprint.edge.updater import Updater, current
from edgeprint.edge.versions import Versions
from edgeprint.errors import UntrustedModel
from edgeprint.fleet import repository
from edgeprint.fleet.keys import Keys
from edgeprint.fleet.seal import change_plan
from edgeprint.rings import Plan, Ring, mark

RINGS = (Ring("canary", pis=(mark("pi-1"),)), Ring("all", 1.0))


def plan(home: Home, change: Callable[[Plan], Plan]) -> None:
    change_plan(home.folder, Keys(home.keys), change, datetime.now(UTC))


def test_a_pulled_model_is_the_published_one(pi: Home) -> None:
    folder = current(pi.state, CAMERA)
    assert folder is not None and artifact.digest(folder) == artifact.digest(pi.models / "camera")
    assert folder.parent == (pi.state / "versions").resolve()


def test_a_folder_serves_as_well_as_a_web_server(home: Home) -> None:
    home.publish(camera={})
    assert pull(home, str(home.folder)) == home.state / "versions" / artifact.digest(home.models / "camera")


def test_a_new_version_is_swapped_in_on_trial_and_the_old_one_kept(pi: Home) -> None:
    old = current(pi.state, CAMERA)
    pi.publish(camera={"revision": "2"})
    new = pull(pi)
    versions = Versions(pi.state)
    assert new != old and versions.current(CAMERA) == new.resolve()
    assert versions.on_trial(CAMERA) and versions.confirmed(CAMERA) == old


def test_a_third_version_keeps_the_one_that_was_confirmed(pi: Home) -> None:
    first = current(pi.state, CAMERA)
    for revision in ("2", "3"):
        pi.publish(camera={"revision": revision})
        pull(pi)
    assert Versions(pi.state).confirmed(CAMERA) == first
    assert len(list((pi.state / "versions").iterdir())) == 2


def test_a_confirmed_version_is_the_only_one_left_after_the_next_look(pi: Home) -> None:
    pi.publish(camera={"revision": "2"})
    new = pull(pi)
    Versions(pi.state).confirm(CAMERA, new.name)
    pull(pi)
    assert [folder.name for folder in (pi.state / "versions").iterdir()] == [new.name]


def written(state: Path) -> dict[Path, tuple[int, int]]:
    """Which file or link each name stands for, and when it was last written."""
    found = {path: path.lstat() for path in state.rglob("*")}
    return {path: (about.st_ino, about.st_mtime_ns) for path, about in found.items()}


def test_a_look_that_finds_nothing_new_asks_twice_and_writes_nothing(pi: Home) -> None:
    asked = []

    class Counting(Quiet):
        def log_request(self, *_: object) -> None:
            asked.append(self.path)

    pull(pi)  # the first look after a pull still clears away
    before = written(pi.state)
    with served(pi.folder, Counting) as url:
        pull(pi, url)
    assert written(pi.state) == before
    assert asked == ["/metadata/2.root.json", "/metadata/timestamp.json"]


def test_a_model_that_is_not_offered_is_none(pi: Home) -> None:
    assert pull(pi, model="binary.toaster") is None


def test_only_the_models_that_a_pi_asks_for_are_downloaded(pi: Home) -> None:
    pi.publish(camera={}, plug={})
    pull(pi)
    assert len(list((pi.state / "versions").iterdir())) == 1
    assert not (pi.state / "metadata/binary.plug.json").exists()


def test_a_withdrawn_model_is_no_longer_used(pi: Home) -> None:
    pi.publish(plug={})
    assert pull(pi) is None and current(pi.state, CAMERA) is None


def test_a_model_damaged_on_this_disk_is_pulled_again(pi: Home) -> None:
    folder = current(pi.state, CAMERA)
    (folder / "model.tflite").write_bytes(b"bad sector")
    assert artifact.digest(pull(pi)) == folder.name


def test_what_a_killed_pull_left_behind_does_not_stand_in_the_way(pi: Home) -> None:
    pi.publish(camera={"revision": "2"})
    digest = artifact.digest(pi.models / "camera")
    for leftover in (f"versions/{digest}.begun/model.tflite", f"versions/{digest}/card.json"):
        (pi.state / leftover).parent.mkdir()
        (pi.state / leftover).write_bytes(b"half")
    (pi.state / f"current/.{CAMERA}.begun").symlink_to("../nowhere")
    assert artifact.digest(pull(pi)) == digest


def test_a_model_that_fails_its_self_test_is_quarantined_and_never_pulled_again(pi: Home) -> None:
    pi.publish(camera={"bias": -4})
    model = pi.models / "camera"
    shutil.copy(model / "golden.npz", pi.models / "golden.npz")
    pi.publish(camera={"revision": "3"})
    shutil.copy(pi.models / "golden.npz", model / "golden.npz")
    repository.publish(pi.folder, pi.keys, {CAMERA: model}, now())
    refuses(pi, "binary.camera misses its golden outputs")
    assert list(Versions(pi.state).quarantined()) == [artifact.digest(model)]
    asked = []

    class Counting(Quiet):
        def log_request(self, *_: object) -> None:
            asked.append(self.path)

    with served(pi.folder, Counting) as url:
        refuses(pi, "failed here on .* golden outputs", lambda: pull(pi, url))
    assert not [path for path in asked if path.startswith("/targets/binary.camera")]


def test_another_version_than_the_quarantined_one_is_pulled(pi: Home) -> None:
    pi.publish(camera={"revision": "2"})
    bad = pull(pi)
    Versions(pi.state).reject(CAMERA, bad.name, "too slow", now())
    refuses(pi, "too slow")
    pi.publish(camera={"revision": "3"})
    assert pull(pi) not in (None, bad)


def test_each_pi_pulls_the_release_of_its_ring(pi: Home) -> None:
    plan(pi, lambda plan: replace(plan, rings=RINGS))
    old = current(pi.state, CAMERA)
    pi.publish(camera={"revision": "2"})
    assert pull(pi, pi="pi-2").resolve() == old
    assert pull(pi, pi="pi-1").resolve() != old


def test_a_release_that_was_rolled_back_is_left_without_a_trial(pi: Home) -> None:
    plan(pi, lambda plan: replace(plan, rings=RINGS))
    old = current(pi.state, CAMERA)
    pi.publish(camera={"revision": "2"})
    new = pull(pi, pi="pi-1")
    Versions(pi.state).confirm(CAMERA, new.name)
    pull(pi, pi="pi-1")
    plan(pi, lambda plan: plan.roll_back("too many alarms", "2026-01-01T00:00:00+00:00"))
    assert pull(pi, pi="pi-1").resolve() == old
    assert not Versions(pi.state).on_trial(CAMERA)


def test_a_pis_id_is_made_once_and_kept(pi: Home) -> None:
    kept = (pi.state / "pi").read_text()
    updater(pi)
    assert kept.startswith("pi-") and (pi.state / "pi").read_text() == kept


def test_a_rotated_root_is_followed(pi: Home) -> None:
    from edgeprint.fleet.ceremony import ROLES, rotate

    first_root = pi.root
    for role in ROLES:
        rotate(pi.folder, pi.keys, role, now())
        pull(pi)
    pi.publish(camera={"revision": "2"})
    assert artifact.digest(pull(pi)) == artifact.digest(pi.models / "camera")
    newcomer = Updater(pi.url, pi.state.parent / "newcomer", first_root)
    newcomer.refresh()
    assert newcomer.pull(CAMERA).name == artifact.digest(pi.models / "camera")


def test_a_root_that_is_none_is_refused(pi: Home) -> None:
    with pytest.raises(UntrustedModel, match=r"root\.json"):
        Updater(pi.url, pi.state, b"{}")


def test_a_server_that_is_down_is_named(pi: Home) -> None:
    with served(pi.folder) as url:
        pass
    refuses(pi, f"{url} cannot be reached", lambda: pull(pi, url))


@pytest.mark.parametrize("missing", ["metadata/timestamp.json", "targets"])
def test_a_repository_with_holes_is_refused(pi: Home, missing: str, tmp_path: Path) -> None:
    pi.publish(camera={"revision": "2"})
    (pi.folder / missing).rename(tmp_path / "taken away")
    refuses(pi, "cannot be reached")
    refuses(pi, "cannot be reached", lambda: pull(pi, str(pi.folder)))
