"""How many samples a study of the binary method can afford on a home: the paper's numbers, or as many as fit.

    material, note = affordable(material, home, devices, trainings=36, askings=360)

A home of forty devices asks forty models about forty devices: the work grows with the square.

Few samples in full batches are few steps, so batches shrink with the samples. Both were chosen on fit-week's
training rows alone, the last fifth of each interval's for validation (four devices, log+max, a tenth of the
negatives mixed, 10 epochs, one seed); F1 of the highest confidence on the same interval and on later ones:

    samples     80           80           80          400
    batch       64           16           8           64
    F1          .972, .940   .985, .966   .988, .975  .997, .991

As many samples as params.binary.study allows, then, and about as many steps an epoch as params.yaml's samples
and batch make: batches of 8 name devices a little better, but find fewer faults (30 % foreign columns in .70
of the runs, against .80).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgeprint.binary.home import HELD_OUT, WHERE, Home
from edgeprint.errors import NotEnoughData
from edgeprint.study import Material

PAPER_SAMPLES = 5000  # a device and interval, section 4.2
FEWEST_SAMPLES = 60  # a device and interval, whatever it costs
RUNS = ((100, 100), (50, 50), (30, 30), (20, 20), (10, 10), (10, 5), (10, 3))  # how many, of what length
PAPER_AREA = 75 * 60
SMALLEST_BATCH = 8
FEWER_REPEATS = 2  # where all would leave each training the fewest samples


def affordable(
    material: Material, home: Home, devices: list[str], *, trainings: float, askings: float
) -> tuple[Material, str]:
    """The material with params' samples and runs replaced, and a sentence that says by what.

    `trainings`: of one interval, each counted as often as its samples are larger than 75×60; `askings`:
    likewise, of one interval's rows, held out or whole. A quick try keeps the params.
    """
    numbers = material.params.binary
    train, evaluate, most = numbers.train, numbers.evaluate, numbers.study
    samples, (runs, length) = train.samples, (evaluate.runs, evaluate.run_length)
    if not material.quick:
        samples = max(FEWEST_SAMPLES, min(PAPER_SAMPLES, int(most.trained / (trainings * len(devices)))))
        costs = [askings * len(devices) * _asked(home, devices, *numbers) for numbers in RUNS]
        runs, length = next((n for n, c in zip(RUNS, costs, strict=True) if c <= most.asked), RUNS[-1])
    batch = min(train.batch, max(SMALLEST_BATCH, round(train.batch * samples / train.samples)))
    changed = material.changed("binary", "train", samples=samples, batch=batch)
    changed = changed.changed("binary", "evaluate", runs=runs, run_length=length)
    return changed, (
        f"Up to {samples} own samples of a device and interval in training (the paper: 5000), "
        f"{train.negatives} negatives for each, {train.mixed:.0%} of them mixed, {train.epochs} epochs in "
        f"batches of {batch}; evaluated on up to {runs} runs of {length} consecutive samples of a device and "
        "interval, fewer where it has no room for more (the paper: 100 of 100)."
    )


def repeats(material: Material, trainings: int, devices: list[str]) -> int:
    """How often to train anew, at so many `trainings` a repeat: less often where all would get too few."""
    samples = material.params.binary.study.trained / (trainings * len(devices))
    enough = samples >= FEWEST_SAMPLES * material.repeats
    return material.repeats if enough else min(material.repeats, FEWER_REPEATS)


def _asked(home: Home, devices: list[str], runs: int, length: int) -> float:
    """Samples that so many runs give, of all devices, on average over intervals, held out or whole."""
    total = 0
    for where in WHERE:
        rows = home.table.device[home.held_out] if where == HELD_OUT else home.table.device
        columns = [int(np.count_nonzero(rows == name)) // len(home.names) for name in devices]
        total += sum(min(runs * length, count) for count in columns)
    return total / len(WHERE)


def asked_devices(material: Material, homes: Sequence[Home]) -> tuple[list[str], list[str]]:
    """Who is long enough at every input size, and sentences on the intervals and on who is left out.

    Raises NotEnoughData where fewer than two devices are left, or where time is not cut at all.
    """
    devices = [name for name in material.inventory.iot if all(name in home.long_enough() for home in homes)]
    needs = max(home.params.train.width for home in homes)
    fewest = {
        name: min(home.shortest()[name] for home in homes)
        for name in material.inventory.iot
        if name not in devices
    }
    short = ", ".join(f"{name} ({count})" for name, count in fewest.items())
    if len(devices) < 2:
        raise NotEnoughData(
            f"{material.name}: {len(devices)} of {len(material.inventory.iot)} IoT devices have the columns "
            f"of a sample ({needs}) in the training and the held-out part of each of {len(homes[0].names)} "
            f"intervals, 2 are needed; the fewest columns of a part: {short}"
        )
    names = homes[0].names
    if material.held_out_from:
        part = "what follows its border in source.json, whose packets are of captures of their own, is"
    else:
        part = f"the last {material.params.intervals.test_fraction:.0%} of each by time are"
    lines = [
        f"{len(devices)} devices are evaluated. Intervals: {', '.join(names)}; {part} held out of "
        "training. The whole interval, which the paper evaluates, holds training columns where it was "
        "trained on last, and none where it is a later one."
    ]
    if short:
        lines.append(
            f"Left out, with the fewest columns of a part of an interval (a sample needs {needs}): {short}."
        )
    return devices, lines
