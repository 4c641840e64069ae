"""dvc.yaml names every source file that a stage imports, so that no change of code goes unnoticed."""

from pathlib import Path

import pytest
import yaml

from tools.stage_sources import ENTRIES, ROOT, imports, rewritten, source, sources

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def test_every_stage_has_an_entry() -> None:
    assert set(STAGES) == set(ENTRIES)


def test_dvc_yaml_lists_what_the_programs_import() -> None:
    text = (ROOT / "dvc.yaml").read_text()
    assert text == rewritten(text), "python tools/stage_sources.py writes the lists anew"


@pytest.mark.parametrize("stage", STAGES)
def test_the_numbers_and_sources_of_a_stage_exist(stage: str) -> None:
    deps = [dep for dep in STAGES[stage]["deps"] if dep.startswith("${code}/")]
    assert deps and all((ROOT / dep.removeprefix("${code}/")).is_file() for dep in deps)


def test_a_module_imported_inside_a_function_counts(tmp_path: Path) -> None:
    path = tmp_path / "late.py"
    path.write_text("def f():\n    from edgeprint.cclp import loss\n")
    assert "edgeprint.cclp.loss" in set(imports(path))


def test_the_loss_of_cclp_is_among_the_sources_of_its_training() -> None:
    loss = source("edgeprint.cclp.loss")
    assert loss in sources(ENTRIES["train-cclp"])
    assert loss not in sources(ENTRIES["train-binary"])
