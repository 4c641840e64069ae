"""A study on a workspace: what it writes and remembers, and feature rows at settings of its own."""

import shutil
import subprocess
import sys
from pathlib import Path
from pkgutil import resolve_name

import numpy as np
import pytest

from edgeprint import feature_table
from edgeprint.errors import BadParams
from edgeprint.packets.decode import decode
from edgeprint.stages import study as stage
from edgeprint.stages.job import StageFailed
from edgeprint.stages.study_features import reader
from edgeprint.stages.workspace import Workspace
from edgeprint.study import Material, Study, Table, each
from edgeprint.testbed.home import simulate

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Two hours of a simulated home, not yet extracted."""
    made = Workspace(tmp_path_factory.mktemp("home"))
    simulate(made.captures, devices=3, quarters=1, hours=2, seed=3)
    shutil.copy(REPOSITORY / "params.yaml", made.root)
    return made


@pytest.fixture(scope="module")
def material(workspace: Workspace) -> Material:
    source = workspace.source()
    rest = workspace.inventory(), workspace.params()
    return Material(source["name"], source["kind"], reader(workspace), *rest, quick=True)


def test_rows_at_other_settings_are_those_of_a_direct_extraction(material, workspace) -> None:
    from edgeprint.lstm_cnn.features import extract

    table = material.table("lstm_cnn", segment_minutes=2)
    (capture,) = workspace.captures.glob("*.pcap")
    packets, _ = decode(capture)
    for device, mine in workspace.inventory().split(packets).items():
        columns = workspace.params().lstm_cnn.features.columns
        start_ns, values = extract(mine, segment_minutes=2, columns=columns)
        rows = table.select(table.device == device)
        np.testing.assert_array_equal(rows.start_ns, start_ns)
        np.testing.assert_array_equal(rows.values, values)


def test_rows_are_made_once_for_each_setting(material, workspace) -> None:
    for _ in range(2):
        for height in (16, 24):
            assert material.table("binary", height=height).values.shape[1] == height
    made = [path.name for path in (workspace.state / "studies").iterdir() if path.name.startswith("binary")]
    assert len(made) == 2


def test_the_pipelines_own_rows_are_taken_where_the_settings_agree(material, workspace) -> None:
    table = material.table("cclp", window_minutes=10)
    feature_table.write(table.select(np.arange(5)), workspace.features / "cclp")
    try:
        assert len(material.table("cclp", window_minutes=10)) == 5
        assert len(material.table("cclp", window_minutes=20)) > 5
    finally:
        shutil.rmtree(workspace.features)


def test_a_setting_out_of_range_is_refused_by_name(material) -> None:
    with pytest.raises(BadParams, match=r"binary\.features\.height = 2 is refused"):
        material.table("binary", height=2)


def test_a_study_goes_by_its_name_by_its_method_or_with_all() -> None:
    assert [study.name for study in stage.named("cclp-labels")] == ["cclp-labels"]
    assert {study.name.partition("-")[0] for study in stage.named("cclp")} == {"cclp"}
    assert stage.named("all") == list(stage.all_studies().values())


def test_listing_the_studies_imports_nothing_that_trains() -> None:
    listed = (
        "import sys; from edgeprint.stages.study import all_studies; "
        "print(len(all_studies()), sorted({'torch', 'tensorflow', 'keras', 'sklearn'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", listed], capture_output=True, text=True, check=True).stdout
    assert said == f"{len(stage.all_studies())} []\n"


@pytest.mark.parametrize("study", stage.all_studies().values(), ids=lambda study: study.name)
def test_every_study_names_a_function_of_its_room(study: Study) -> None:
    room = study.name.rsplit("-", 1)[0].replace("-", "_")
    assert resolve_name(study.made_by).__module__.startswith(f"edgeprint.{room}.")


def test_an_unknown_study_is_refused_with_the_names_of_all() -> None:
    with pytest.raises(StageFailed, match=r"no study .cclp-acuracy.; the studies are .*cclp-accuracy"):
        stage.named("cclp-acuracy")


def test_a_study_writes_its_table_and_figure_and_is_a_run_in_mlflow(workspace) -> None:
    import mlflow

    params = workspace.root / "params.yaml"
    params.write_text(params.read_text().replace("window_minutes: 30", "window_minutes: 5"))
    (study,) = stage.named("cclp-accuracy")
    folder = stage.run(study, workspace, quick=True)
    assert {"table.csv", "README.md", "figure.png"} <= {path.name for path in folder.iterdir()}
    text = (folder / "README.md").read_text()
    assert "simulated traffic, a quick try: nothing to quote" in text and "The paper: Section VI" in text
    runs = mlflow.search_runs(experiment_names=["edgeprint"], filter_string="tags.study = 'cclp-accuracy'")
    assert len(runs) == 1
    assert runs["tags.data_kind"][0] == "simulated traffic"
    assert any(name.startswith("metrics.accuracy/") for name in runs.columns)


def test_cases_side_by_side_come_back_in_order() -> None:
    assert each(divmod, [(i, 3) for i in range(20)], "divide") == [divmod(i, 3) for i in range(20)]


def test_a_table_shows_what_was_not_measured_as_a_dash_and_keeps_it_from_mlflow() -> None:
    table = Table("t", ["split", "F1", "±"], [["by time", 0.5, float("nan")]])
    assert table.markdown().splitlines()[-1] == "| by time | 0.500 | – |"
    assert table.metrics() == {"F1/by time": 0.5}
