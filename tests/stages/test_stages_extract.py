"""What was made of a capture is kept, for as long as the same would be made of it."""

from pathlib import Path

import pytest

from edgeprint import feature_table, params
from edgeprint.packets.inventory import Inventory, read
from edgeprint.stages import extract
from edgeprint.stages.workspace import Workspace
from edgeprint.testbed.home import simulate

PARAMS = params.load(Path(__file__).resolve().parents[2] / "params.yaml")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace(tmp_path_factory.mktemp("extract"))
    simulate(workspace.captures, devices=2, quarters=2, hours=0.2, seed=3)
    (workspace.captures / "notes.pcap").write_text("this is no capture")
    return workspace


def once(path: Path, inventory: Inventory, numbers: params.Params, parts: Path, kept: Path):
    """As the flow does with one capture."""
    place = extract.place_of(path, path.name, inventory, numbers, kept)
    known = extract.recall(place, parts)
    return known or extract.extract_once(path, path.name, inventory, numbers, parts, place)


def run(home: Workspace, kept: Path, parts: Path, numbers: params.Params = PARAMS) -> tuple[dict, int]:
    """As the flow does: the report, and how many captures were decoded for it."""
    inventory, decoded = read(home.captures / "devices.csv"), []
    parts.mkdir()

    def counted(path: Path, *others: object, **options: object) -> extract.CaptureRows:
        decoded.append(path)
        return decode(path, *others, **options)

    with pytest.MonkeyPatch.context() as patch:
        decode = extract.extract_capture
        patch.setattr(extract, "extract_capture", counted)
        rows = [once(path, inventory, numbers, parts, kept) for path in extract.captures_of(home.captures)]
    report = extract.store(rows, inventory, home, parts)
    extract.forget(kept, rows)
    return report, len(decoded)


def test_only_a_new_capture_is_decoded_and_the_rows_are_the_same(home, tmp_path):
    kept = tmp_path / "kept"
    later = sorted(home.captures.glob("2*.pcap"))[1]
    away = later.rename(tmp_path / later.name)
    assert run(home, kept, tmp_path / "first")[1] == 2  # one quarter, and what is no capture
    away.rename(later)
    report, decoded = run(home, kept, tmp_path / "second")
    made = {method: feature_table.read(home.features / method).values.tobytes() for method in extract.METHODS}
    assert decoded == 1 and [each["capture"] for each in report["refused"]] == ["notes.pcap"]
    anew, decoded = run(home, tmp_path / "elsewhere", tmp_path / "third")
    assert decoded == 3 and anew == report
    for method, values in made.items():
        assert feature_table.read(home.features / method).values.tobytes() == values


def test_a_capture_that_the_disk_does_not_give_is_refused_and_not_kept(home, tmp_path):
    kept, inventory = tmp_path / "kept", read(home.captures / "devices.csv")
    rows = once(home.captures / "gone.pcap", inventory, PARAMS, tmp_path, kept)
    assert rows.refused and "cannot be read" in rows.refused and not kept.exists()


def test_a_second_try_finds_what_the_first_has_left(home, tmp_path):
    path, inventory = sorted(home.captures.glob("2*.pcap"))[0], read(home.captures / "devices.csv")
    (tmp_path / "parts").mkdir()
    parts, kept = tmp_path / "parts", tmp_path / "kept"
    place = extract.place_of(path, path.name, inventory, PARAMS, kept)
    tries = [extract.extract_once(path, path.name, inventory, PARAMS, parts, place) for _ in range(2)]
    tries.append(extract.recall(place, parts))
    assert tries[0] == tries[1] == tries[2] and tries[0].packets > 0


def test_by_other_numbers_all_are_decoded_and_the_old_rows_are_forgotten(home, tmp_path):
    kept = tmp_path / "kept"
    run(home, kept, tmp_path / "first")
    before = set(kept.iterdir())
    (kept / ".begun-by-a-run-that-was-killed").mkdir()
    _, decoded = run(home, kept, tmp_path / "second", PARAMS.changed("cclp", "features", window_minutes=5))
    after = set(kept.iterdir())
    assert decoded == len(after) == 3 and not before & after


def test_another_capture_of_the_same_name_is_decoded(home, tmp_path):
    kept, notes = tmp_path / "kept", home.captures / "notes.pcap"
    run(home, kept, tmp_path / "first")
    notes.write_text("nor is this")
    assert run(home, kept, tmp_path / "second")[1] == 1
