"""Lay out sets of real captures as folders for `edgeprint run --data` and `edgeprint study --data`.

    python tools/real_homes.py ../shared/data homes      # homes/fit-week, ucl-quarters, sentinel-setup

The captures stay where they are: the folders hold links, devices.csv from captures.csv and, where a set is
too short for the defaults, a params.yaml. The three Blink cameras of one model are one device. The phones of
two sets, which captures.csv does not list, are named as what is no IoT device.
"""

from __future__ import annotations

import argparse
import csv
import shutil
from pathlib import Path

ONE_MODEL = {"blink-cam-01": "blink-cam", "blink-cam-02": "blink-cam", "blink-cam-03": "blink-cam"}
SAME_MAC = {
    "D-LinkDoorSensor",
    "HueSwitch",
}  # labels of a session: their MACs are D-LinkHomeHub's and HueBridge's
PHONES = {  # not in captures.csv; by their maker (Huawei, Samsung) and the apps' queries they send
    "ucl-quarters": "3c:cd:5d:a2:a9:d7",
    "sentinel-setup": "38:0b:40:ef:85:41",
}
SETTINGS = {
    "fit-week": "intervals: {by: shares, count: 4}\n",
    "ucl-quarters": "cclp: {features: {window_minutes: 1}}\n"
    "lstm_cnn: {features: {segment_minutes: 1}}\n"
    "binary: {train: {width: 30}}\n",
    "sentinel-setup": "intervals: {by: shares, count: 2}\n"
    "cclp: {features: {window_minutes: 1}}\n"
    "lstm_cnn: {features: {segment_minutes: 1}, train: {window: 2, overlap: 0}}\n"
    "binary: {train: {width: 8}}\n",
}


def lay_out(data: Path, name: str, out: Path) -> int:
    """One set of captures.csv as a folder of its own; returns how many captures it links to."""
    with (data / "captures.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["path"].startswith(f"{name}/")]
    if not rows:
        raise SystemExit(f"{data / 'captures.csv'} lists no capture of {name}")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    paths = sorted({row["path"] for row in rows})
    for path in paths:
        link = out / Path(path).relative_to(name)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to((data / path).resolve())
    macs = {
        row["mac"]: (ONE_MODEL.get(row["device"], row["device"]), row["category"])
        for row in rows
        if row["device"] not in SAME_MAC
    }
    lines = [f"{mac},{device},{category},1" for mac, (device, category) in sorted(macs.items())]
    if name in PHONES:
        lines.append(f"{PHONES[name]},phone,phone,0")
    (out / "devices.csv").write_text("\n".join(["mac,device,category,iot", *lines, ""]))
    (out / "params.yaml").write_text(SETTINGS[name])
    return len(paths)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path, help="the folder with captures.csv")
    parser.add_argument("out", type=Path, help="where to make a folder a set")
    chosen = parser.parse_args()
    for name in SETTINGS:
        print(f"{lay_out(chosen.data, name, chosen.out / name)} captures in {chosen.out / name}")


if __name__ == "__main__":
    main()
