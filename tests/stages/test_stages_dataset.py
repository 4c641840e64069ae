"""Where a workspace's feature rows are cut."""

import json
import shutil
from pathlib import Path

import numpy as np

from edgeprint import feature_table
from edgeprint.feature_table import FeatureTable
from edgeprint.schema import Column, FeatureSchema
from edgeprint.stages import dataset
from edgeprint.stages.workspace import Workspace

REPOSITORY = Path(__file__).parents[2]
SCHEMA = FeatureSchema("one", (Column("bytes", "byte", "both", "here"),))
HOURS = np.arange("2025-02-12T00", "2025-02-13T00", dtype="M8[h]")  # a day of the first quarter
DAYS = np.concatenate([HOURS, HOURS + np.timedelta64(91, "D")]).astype("M8[ns]").astype("i8")


def cut(root: Path, **source: object) -> list[str]:
    """The hours held out of either quarter, of a device that speaks once an hour."""
    workspace = Workspace(root)
    workspace.captures.mkdir(parents=True)
    (workspace.captures / "source.json").write_text(json.dumps({"simulated": False, **source}))
    shutil.copy(REPOSITORY / "params.yaml", root)
    table = FeatureTable.of(SCHEMA, "plug", "a.pcap", DAYS, np.zeros((len(DAYS), 1)))
    feature_table.write(table, workspace.features / "one")
    found = dataset.load(workspace, "one")
    starts = [found.testing(i).start_ns.astype("M8[ns]").astype("M8[h]") for i in (0, 1)]
    assert not set(found.training(1).start_ns) & set(found.testing(1).start_ns)
    return [f"{hours[0]} to {hours[-1]}" for hours in starts]


def test_the_last_fifth_of_each_interval_is_held_out(tmp_path: Path) -> None:
    assert cut(tmp_path) == ["2025-02-12T19 to 2025-02-12T23", "2025-05-14T19 to 2025-05-14T23"]


def test_a_resampled_home_is_held_out_from_where_its_source_says(tmp_path: Path) -> None:
    borders = {"2025Q1": "2025-02-12T21:00:00Z", "2025Q2": "2025-05-14T07:00:00Z"}
    found = cut(tmp_path, resampled=True, held_out_from=borders)
    assert found == ["2025-02-12T21 to 2025-02-12T23", "2025-05-14T07 to 2025-05-14T23"]
