"""Run a study of a paper on a data set: a table (CSV and Markdown), a figure and an MLflow run.

    (study,) = named("cclp-labels")
    folder = run(study, workspace, quick=True)

Writes studies/<name>/ in the workspace's reports; a quick try goes to studies/<name>-quick/.
"""

from __future__ import annotations

import time
from importlib import import_module
from pathlib import Path

from edgeprint.registry import tracking
from edgeprint.stages.job import StageFailed
from edgeprint.stages.study_features import reader
from edgeprint.stages.workspace import Workspace
from edgeprint.study import Findings, Material, Study

ROOMS = ("cclp", "lstm_cnn", "binary")


def all_studies() -> dict[str, Study]:
    """Every study of every room, by name."""
    rooms = [import_module(f"edgeprint.{room}.studies").STUDIES for room in ROOMS]
    return {name: study for room in rooms for name, study in room.items()}


def named(name: str) -> list[Study]:
    """The study of that name, all of a room ("cclp"), or "all". Raises StageFailed for an unknown name."""
    studies = all_studies()
    rooms = {room.replace("_", "-") for room in ROOMS}
    if name in studies:
        return [studies[name]]
    if name not in {"all", *rooms}:
        raise StageFailed(f"there is no study {name!r}; the studies are {', '.join(studies)}")
    return [study for each, study in studies.items() if name == "all" or each.startswith(f"{name}-")]


def run(study: Study, workspace: Workspace, *, quick: bool = False) -> Path:
    """Make the findings and keep them; the captures of the workspace must be there. Raises NotEnoughData."""
    source = workspace.source()
    material = Material(
        source["name"],
        source["kind"],
        reader(workspace),
        workspace.inventory(),
        workspace.params(),
        quick,
        workspace.held_out_from(),
    )
    begin = time.perf_counter()
    findings = study.run(material)
    minutes = (time.perf_counter() - begin) / 60
    folder = workspace.reports / "studies" / (f"{study.name}-quick" if quick else study.name)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.csv").write_text(findings.table.csv())
    for number, table in enumerate(findings.details, 1):
        (folder / f"detail-{number}.csv").write_text(table.csv())
    (folder / "README.md").write_text(page(study, findings, material, minutes))
    findings.figure.savefig(folder / "figure.png", dpi=110)
    _remember(study, findings, material, workspace, folder)
    return folder


def page(study: Study, findings: Findings, material: Material, minutes: float) -> str:
    """The table with what it was measured on, and what the paper says."""
    size = ", a quick try: nothing to quote" if material.quick else ""
    lines = [
        f"# {study.title}",
        f"Measured on {time.strftime('%Y-%m-%d')} on {material.name} ({material.kind}{size}), "
        f"{len(material.inventory.devices)} devices, in {minutes:.1f} minutes: "
        f"`edgeprint study {study.name}`.",
        f"The paper: {study.paper}",
        findings.table.markdown(),
        *findings.notes,
        "![The figure](figure.png)",
        *(f"## {table.title}\n\n{table.markdown()}" for table in findings.details),
    ]
    return "\n\n".join(lines) + "\n"


def _remember(
    study: Study, findings: Findings, material: Material, workspace: Workspace, folder: Path
) -> None:
    tracking.open_store(workspace.state, workspace.mlflow())
    tags = {
        "stage": "study",
        "study": study.name,
        "data_source": material.name,
        "data_kind": material.kind,
        "data_version": workspace.data_version(),
        "quick": material.quick,
    }
    with tracking.training_run("study", study.title, material.params.model_dump(), tags) as run:
        run.metrics(findings.table.metrics())
        run.figure(study.name, findings.figure)
        for path in sorted(folder.glob("*.csv")) + [folder / "README.md"]:
            run.text(path.name, path.read_text())
