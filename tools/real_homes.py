"""Lay out sets of real captures as folders for `edgeprint run --data` and `edgeprint study --data`.

    python tools/real_homes.py ../shared/data homes   # homes/fit-week, ucl-quarters, sentinel-setup, all-real

The captures stay where they are: the folders hold links, devices.csv from captures.csv and, where a set does
not suit the defaults, a params.yaml. all-real is the three sets together, for what needs many devices: there
each model is one device, so that a model left out of training is left out whole. The phones of two sets,
which captures.csv does not list, are named as what is no IoT device.
"""

from __future__ import annotations

import argparse
import csv
import shutil
from dataclasses import dataclass, field
from pathlib import Path

BLINKS = {f"blink-cam-{number:02}": "blink-cam" for number in (1, 2, 3)}
PAIRS = {
    "EdnetCam1": "EdnetCam",
    "EdnetCam2": "EdnetCam",
    "EdimaxCam1": "EdimaxCam",
    "EdimaxCam2": "EdimaxCam",
    "WeMoSwitch2": "WeMoSwitch",
    "WeMoInsightSwitch2": "WeMoInsightSwitch",
    "philips-hue": "HueBridge",  # of two sets; perhaps of two versions, so one device is the stricter test
    "tplink-plug": "TP-LinkPlugHS110",  # likewise
}
SAME_MAC = {
    "D-LinkDoorSensor",
    "HueSwitch",
}  # labels of a session: their MACs are D-LinkHomeHub's and HueBridge's
PHONES = {  # not in captures.csv; by their maker (Huawei, Samsung) and the apps' queries they send
    "ucl-quarters": "3c:cd:5d:a2:a9:d7",
    "sentinel-setup": "38:0b:40:ef:85:41",
}


@dataclass(frozen=True)
class Home:
    """Folders of captures.csv, what of params.yaml they replace, and devices that go under another name."""

    sets: tuple[str, ...]
    settings: str
    renamed: dict[str, str] = field(default_factory=lambda: BLINKS)


HOMES = {
    "fit-week": Home(("fit-week",), "intervals: {by: shares, count: 4}\n"),
    "ucl-quarters": Home(
        ("ucl-quarters",),
        "cclp: {features: {window_minutes: 1}}\n"
        "lstm_cnn: {features: {segment_minutes: 1}}\n"
        "binary: {train: {width: 30}}\n",
    ),
    "sentinel-setup": Home(
        ("sentinel-setup",),
        "intervals: {by: shares, count: 2}\n"
        "cclp: {features: {window_minutes: 1}}\n"
        "lstm_cnn: {features: {segment_minutes: 1}, train: {window: 2, overlap: 0}}\n"
        "binary: {train: {width: 8}}\n",
    ),
    "all-real": Home(
        ("fit-week", "ucl-quarters", "sentinel-setup"),
        "intervals: {by: shares, count: 2}\n"
        "# A set-up lasts a minute or two, a window of six segments 36 s; weeks and sessions are cut alike.\n"
        "lstm_cnn: {features: {segment_minutes: 0.1}}\n"
        "binary: {train: {width: 8}}\n",
        BLINKS | PAIRS,
    ),
}


def lay_out(data: Path, home: Home, out: Path) -> int:
    """Sets of captures.csv as a folder of their own; returns how many captures it links to."""
    with (data / "captures.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if Path(row["path"]).parts[0] in home.sets]
    if not rows:
        raise SystemExit(f"{data / 'captures.csv'} lists no capture of {', '.join(home.sets)}")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    paths = sorted({row["path"] for row in rows})
    for path in paths:
        link = out / (path if len(home.sets) > 1 else Path(path).relative_to(home.sets[0]))
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to((data / path).resolve())
    macs = {
        row["mac"]: (home.renamed.get(row["device"], row["device"]), row["category"])
        for row in rows
        if row["device"] not in SAME_MAC
    }
    lines = [f"{mac},{device},{category},1" for mac, (device, category) in sorted(macs.items())]
    lines += [f"{PHONES[name]},phone-{name},phone,0" for name in home.sets if name in PHONES]
    (out / "devices.csv").write_text("\n".join(["mac,device,category,iot", *lines, ""]))
    (out / "params.yaml").write_text(home.settings)
    return len(paths)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path, help="the folder with captures.csv")
    parser.add_argument("out", type=Path, help="where to make a folder a home")
    chosen = parser.parse_args()
    for name, home in HOMES.items():
        print(f"{lay_out(chosen.data, home, chosen.out / name)} captures in {chosen.out / name}")


if __name__ == "__main__":
    main()
