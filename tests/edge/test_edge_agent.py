"""The whole agent: from a signed repository and a capture to verdicts and a table."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from simulated_home import CAMERA, PLUG, ROUTER, Home, write_capture

from edgeprint.edge import agent
from edgeprint.edge.verdicts import Standing, Summary
from edgeprint.errors import BadInventory, UntrustedModel

START = 1_767_614_400 * 10**9
NEVER_ON_A_PI = (
    "torch lightning tensorflow keras mlflow prefect dvc pandas evidently scipy sklearn statsmodels pyarrow "
    "pydantic yaml matplotlib"
)


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """Twenty seconds in which camera, plug and router each send once a second."""
    macs = [(CAMERA, ROUTER), (PLUG, ROUTER), (ROUTER, "ff:ff:ff:ff:ff:ff")]
    rows = [(START + second * 10**9 + i, *pair, 100) for second in range(20) for i, pair in enumerate(macs)]
    return write_capture(tmp_path / "captures/monday.pcap", rows)


def run(home: Home, capture: Path, devices_csv: Path, **options: object) -> dict[str, Summary]:
    rows = agent.main(
        source=f"file:{capture}",
        inventory=devices_csv,
        state=home.state,
        **{"repository": str(home.folder), "streak": 3, **options},  # type: ignore[arg-type]
    )
    return {row.device: row for row in rows}


def test_promoted_models_recognise_their_devices_in_a_replay(
    home: Home, capture: Path, devices_csv: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home.publish(camera={}, plug={"bias": -4})
    rows = run(home, capture, devices_csv)
    assert rows["camera"].verdict is Standing.RECOGNISED
    assert rows["plug"].verdict is Standing.DEVIATES
    assert rows[ROUTER].verdict is Standing.UNKNOWN
    printed = capsys.readouterr()
    assert "2 of 2 devices have a model" in printed.err
    assert "2026-01-05 12:00:20  camera               recognised" in printed.out
    assert printed.out.splitlines()[-4].startswith("device ")


def test_reports_hold_every_verdict_and_the_table(home: Home, capture: Path, devices_csv: Path) -> None:
    home.publish(camera={})
    out, summary = home.state / "verdicts.jsonl", home.state / "agent.json"
    rows = run(home, capture, devices_csv, out=out, summary=summary, quiet=True)
    assert len(out.read_text().splitlines()) == sum(row.ticks for row in rows.values())
    stored = json.loads(summary.read_text())
    assert stored["stale"] is None and {row["device"] for row in stored["devices"]} == set(rows)


def test_a_device_without_a_promoted_model_is_named(
    home: Home, capture: Path, devices_csv: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home.publish(camera={})
    assert run(home, capture, devices_csv)["plug"].verdict is Standing.UNKNOWN
    assert "1 of 2 devices have a model; none is published of plug" in capsys.readouterr().err


def test_a_stale_agent_goes_on_and_says_so(
    home: Home, capture: Path, devices_csv: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home.publish(camera={})
    run(home, capture, devices_csv, now=lambda: datetime(2026, 1, 5, tzinfo=UTC))
    home.folder.rename(home.folder.with_name("gone"))
    assert run(home, capture, devices_csv)["camera"].verdict is Standing.RECOGNISED
    assert "stale: models as of 2026-01-05 00:00 UTC" in capsys.readouterr().err


def test_over_http_the_root_is_given_by_hand(home: Home, capture: Path, devices_csv: Path) -> None:
    home.publish(camera={})
    with pytest.raises(UntrustedModel, match=r"no root\.json"):
        run(home, capture, devices_csv, repository=home.url)
    given = home.folder.parent / "root.json"
    given.write_bytes(home.root)
    rows = run(home, capture, devices_csv, repository=home.url, root=given)
    assert rows["camera"].verdict is Standing.RECOGNISED


def test_a_bad_inventory_stops_the_agent_before_anything_is_pulled(
    home: Home, capture: Path, devices_csv: Path
) -> None:
    devices_csv.write_text("mac\n")
    with pytest.raises(BadInventory):
        run(home, capture, devices_csv)
    assert not home.state.exists()


def test_the_agent_loads_nothing_that_a_pi_does_not_have(
    home: Home, capture: Path, devices_csv: Path
) -> None:
    home.publish(camera={})
    code = f"""
import pkgutil, sys
from pathlib import Path
import edgeprint.edge
for module in pkgutil.iter_modules(edgeprint.edge.__path__):
    __import__(f"edgeprint.edge.{{module.name}}")
edgeprint.edge.agent.main(source="file:{capture}", repository="{home.folder}",
    inventory=Path("{devices_csv}"), state=Path("{home.state}"), quiet=True)
print([name for name in "{NEVER_ON_A_PI}".split() if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
