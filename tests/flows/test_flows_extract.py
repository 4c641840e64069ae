"""Who decodes the captures does not show in the rows."""

import shutil
from pathlib import Path

from edgeprint.stages import job
from edgeprint.stages.workspace import Workspace

REPOSITORY = Path(__file__).resolve().parents[2]


def test_a_dask_cluster_of_two_workers_writes_the_same_parquet(
    home: Path, workspace: Workspace, tmp_path: Path
) -> None:
    folder = tmp_path / home.name
    shutil.copytree(home, folder)
    with (folder / "params.yaml").open("a") as params:
        params.write("extract: {runner: dask, workers: 2}\n")
    made = job.prepare(REPOSITORY, folder, tmp_path / "workspaces")
    assert made.params().extract.runner == "dask"
    assert job.run(made, until="extract")
    written = sorted(workspace.features.rglob("*.parquet"))
    assert len(written) == 6  # two captures of a day each, three methods
    for path in written:
        assert (made.features / path.relative_to(workspace.features)).read_bytes() == path.read_bytes()
