import json

import numpy as np
import pytest

from edgeprint.drift import report
from edgeprint.errors import NotEnoughData
from edgeprint.feature_table import FeatureTable
from edgeprint.params import Drift
from edgeprint.schema import Column, FeatureSchema

LIMITS = Drift(method="wasserstein", threshold=0.3, minimum_rows=8, field="")
NAMES = ("steady", "shifted", "wider", "flat")
SCHEMA = FeatureSchema("four", tuple(Column(name, "1", "both", "here") for name in NAMES))


def rows(n: int, device: str = "plug", shift: float = 0.0, widen: float = 1.0, seed: int = 0) -> FeatureTable:
    values = np.random.default_rng(seed).normal(5, 1, (n, 4))
    values[:, 1] += shift
    values[:, 2] *= widen
    values[:, 3] = 7
    return FeatureTable.of(SCHEMA, device, "a.pcap", np.arange(n), values)


def test_share_is_of_the_columns_that_vary():
    summary = report.compare(rows(400), rows(400, shift=2.0, seed=1), LIMITS)
    assert list(summary.distances) == ["steady", "shifted", "wider"]
    assert summary.share == pytest.approx(1 / 3)
    assert summary.worst(1) == ["shifted"]


def test_the_device_that_drifted_is_named_by_its_own_share():
    reference = FeatureTable.concatenate([rows(200, "camera"), rows(200, "plug", seed=1)])
    current = FeatureTable.concatenate([rows(200, "camera", seed=2), rows(200, "plug", 3.0, 4.0, seed=3)])
    devices = report.compare(reference, current, LIMITS).devices
    assert devices == {"camera": 0.0, "plug": pytest.approx(2 / 3)}


def test_a_device_with_few_rows_is_not_compared_and_said_so():
    reference = FeatureTable.concatenate([rows(20, "camera"), rows(20, "plug")])
    summary = report.compare(reference, FeatureTable.concatenate([rows(20, "camera"), rows(3)]), LIMITS)
    assert set(summary.devices) == {"camera"}
    assert summary.notes == ["plug is not compared: 20 rows then and 3 now, 8 of each are needed"]


def test_a_device_that_is_gone_is_no_drift_of_the_others():
    far = rows(200, "kettle", shift=50.0, seed=2)
    reference = FeatureTable.concatenate([rows(200), far])
    assert report.compare(reference, rows(200, seed=1), LIMITS).share == 0


def test_few_rows_of_the_same_behaviour_are_no_drift():
    shares = [report.compare(rows(12, seed=i), rows(12, seed=i + 100), LIMITS).share for i in range(20)]
    assert np.mean(shares) < 0.15


def test_an_empty_interval_has_no_share():
    summary = report.compare(rows(20), rows(0), LIMITS)
    assert (summary.share, summary.distances, summary.devices) == (None, {}, {})
    assert summary.notes == ["plug is not compared: 20 rows then and 0 now, 8 of each are needed"]
    assert report.compare(rows(0), rows(0), LIMITS).notes == ["neither side has a row"]


def test_columns_that_never_vary_are_no_drift():
    still = FeatureTable.of(SCHEMA, "plug", "a.pcap", np.arange(9), np.ones((9, 4)))
    assert report.compare(still, still, LIMITS).share == 0
    with pytest.raises(NotEnoughData, match="none of the 4 columns varies"):
        report.evidently_report(still, still, [], LIMITS)


def test_large_sets_are_sampled_evenly_in_time_and_always_alike():
    table = FeatureTable.of(SCHEMA, "plug", "a.pcap", np.arange(9000)[::-1], np.arange(9000 * 4))
    sample = report._sample(table)
    assert len(sample) == report.MOST_ROWS
    assert sample[0, 0] > sample[-1, 0]  # the last row given is the first in time
    assert np.array_equal(sample, report._sample(table))


def test_a_distance_that_is_no_number_counts_as_drift():
    current = rows(20)
    current.values[0, 0] = np.nan
    assert report.compare(rows(20), current, LIMITS).share == pytest.approx(1 / 3)


@pytest.mark.parametrize(("n", "shift"), [(300, 2.0), (12, 0.0)])
def test_evidently_counts_the_columns_that_the_policy_counted(n, shift):
    reference, current = rows(n), rows(n, shift=shift, seed=1)
    summary = report.compare(reference, current, LIMITS)
    assert max(summary.distances.values()) > LIMITS.threshold  # with 12 rows: by chance alone
    page, text = report.evidently_report(reference, current, summary.worst(2), LIMITS)
    count, *columns = [metric["value"] for metric in json.loads(text)["metrics"]]
    assert count["share"] == pytest.approx(summary.share) == pytest.approx(bool(shift) / 3)
    assert columns == pytest.approx([summary.distances[name] for name in summary.worst(2)])
    assert "<html" in page and "shifted" in page


def test_evidently_refuses_too_few_rows_with_their_number():
    with pytest.raises(NotEnoughData, match="20 rows then and 3 now"):
        report.evidently_report(rows(20), rows(3), ["steady"], LIMITS)


def test_pages_of_a_folder_share_their_library_and_are_whole_again_when_read(tmp_path):
    page, _ = report.evidently_report(rows(30), rows(30, shift=2), ["shifted"], LIMITS)
    for name in ("one.html", "two.html"):
        report.write_page(page, tmp_path / name)
        assert report.read_page(tmp_path / name) == page
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert set(sizes) == {"one.html", "two.html", report.LIBRARY}
    assert sizes["one.html"] < sizes[report.LIBRARY] / 10
    assert "drawDashboard" in (tmp_path / "one.html").read_text()
