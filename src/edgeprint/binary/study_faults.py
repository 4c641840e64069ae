"""Section 4.4 of papers/binary-edge: how fast, and from which share on, injected faults are detected."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from edgeprint.binary.detection import reached
from edgeprint.binary.effort import affordable, asked_devices
from edgeprint.binary.home import HELD_OUT, Home
from edgeprint.binary.study_sizes import NAN
from edgeprint.binary.trials import (
    ALARMS_PER_DAY,
    ALL,
    AT_RANDOM,
    EVERY,
    FOREIGN,
    NONE,
    RANDOM,
    SEGMENT,
    UNDISTURBED,
    Fault,
    Outcome,
    Undisturbed,
    faults,
    of,
    trials,
)
from edgeprint.errors import NotEnoughData
from edgeprint.study import Cell, Findings, Material, Table, each

SHARES = tuple(percent / 100 for percent in range(10, 100, 10))
EVERY_NTH = (10, 5, 4, 3, 2)
RUNS, QUICK_RUNS = 20, 2  # of a device and fault
GROUPS = 4  # of devices, worked on side by side
AT_LEAST = np.array([1, 2, 5, 10, 20, 30, 60])
WITH_STREAK, MISSED_WHEN_FULL = 7, 13  # cells of a row
LINES = {  # of the figure
    (RANDOM, AT_RANDOM): ("C0", "o-"),
    (RANDOM, EVERY): ("C0", "s--"),
    (FOREIGN, AT_RANDOM): ("C1", "o-"),
    (FOREIGN, EVERY): ("C1", "s--"),
}


def injected(material: Material) -> Findings:
    """Three ways by percentages by two sources: speed, trigger point, streaks."""
    home = Home.of(material)
    devices, notes = _with_room(material, home)
    chosen = faults((0.3,), (2,)) if material.quick else faults(SHARES, EVERY_NTH)
    runs = QUICK_RUNS if material.quick else RUNS
    changed, _ = affordable(material, home, devices, trainings=len(home.names), askings=1)
    groups = [devices[i::GROUPS] for i in range(min(GROUPS, len(devices)))]
    done = each(
        partial(trials, number=runs, seed=material.params.seed, chosen=chosen),
        [(changed, devices, mine) for mine in groups],
        "binary, faults",
        processes=1 if material.quick else -1,
    )
    calm = sorted((left for part, _ in done for left in part), key=lambda left: left.device)
    outcomes = [outcome for _, part in done for outcome in part]
    streak = material.params.agent.streak
    title = f"misses of a device's own model, faults in the {HELD_OUT} of the last interval"
    table = Table(title, _columns(streak), [_row(outcomes, fault) for fault in chosen])
    notes.append(_reading(changed, runs))
    details = [_by_device(outcomes, chosen), _streaks(outcomes, chosen), _calm(calm, streak)]
    return Findings(table, _figure(outcomes, chosen, streak), notes, details)


def _reading(material: Material, runs: int) -> str:
    """How the table is to be read."""
    numbers = material.params.binary.train
    return (
        f"Trained on every interval in turn, up to {numbers.samples} own samples of each, normalised by "
        f"{numbers.normalisation}, {numbers.mixed:.0%} of the negatives mixed; {runs} runs of each device "
        "and fault, which may overlap, shown to the device's own model: a sample of "
        f"{numbers.width} columns is missed where its confidence is below the threshold. Columns and seconds "
        "count from the first faulty column, itself the first; medians over the runs in which it showed at "
        "all. `alarm`: the streak that "
        f"the device left alone completes at most {ALARMS_PER_DAY:g} time a day, taken from the held-out "
        "parts of the intervals before. `trigger point`: median share of faulty columns in the window of the "
        "first miss. `missed when full`: share of the samples that lie wholly after the trigger. The row "
        "without a fault is what nature does by itself. Random numbers are uniform up to the largest "
        "amplitude of one of the device's own columns, drawn anew for each. Columns of another device are "
        "consecutive; training has seen that device among the negatives, by itself and, where they are "
        "mixed, in between the own columns. Random numbers it has never seen."
    )


def _with_room(material: Material, home: Home) -> tuple[list[str], list[str]]:
    """Devices whose last held-out part has room for a run, and notes. Raises NotEnoughData."""
    devices, notes = asked_devices(material, [home])
    if len(home.names) < 2:
        raise NotEnoughData(
            f"{material.name} is one interval: no earlier one says how long natural streaks are"
        )
    needs, last = SEGMENT * home.params.train.width, home.asked(len(home.names) - 1, HELD_OUT)
    columns = {name: len(of(last, name)) for name in devices}
    short = ", ".join(f"{name} ({count})" for name, count in columns.items() if count < needs)
    roomy = [name for name, count in columns.items() if count >= needs]
    if len(roomy) < 2:
        raise NotEnoughData(
            f"{material.name}: {len(roomy)} devices have the {needs} columns of a run in the {HELD_OUT} of "
            f"the last interval, 2 are needed; too short: {short}"
        )
    if short:
        notes.append(
            f"Without room for a run of {needs} columns in the last held-out part, which leaves {len(roomy)} "
            f"devices: {short}."
        )
    return roomy, notes


def _columns(streak: int) -> list[str]:
    return [
        *("faulty columns", "placed", "faulty %", "runs", "missed at all", "columns to a miss"),
        *(
            "seconds to a miss",
            f"streak of {streak}",
            f"columns to {streak}",
            f"seconds to {streak}",
            "alarm",
        ),
        *("columns to alarm", "trigger point", "missed when full", "longest streak"),
    ]


def _row(outcomes: Iterable[Outcome], fault: Fault) -> list[Cell]:
    mine = [outcome for outcome in outcomes if outcome.fault == fault]
    miss, streak, alarm = (
        np.array([getattr(outcome, name) for outcome in mine]) for name in ("miss", "streak", "alarm")
    )
    return [
        fault.source,
        "–" if fault == UNDISTURBED else fault.way,
        f"{100 * fault.share:.0f}",
        len(mine),
        _share(miss),
        _median(miss),
        _median([outcome.miss_seconds for outcome in mine]),
        _share(streak),
        _median(streak),
        _median([outcome.streak_seconds for outcome in mine]),
        _share(alarm),
        _median(alarm),
        NAN if fault == UNDISTURBED else _median([outcome.trigger for outcome in mine]),
        _full(mine),
        float(np.mean([outcome.lengths.max(initial=0) for outcome in mine])),
    ]


def _share(found: NDArray[np.float64]) -> float:
    return float(np.mean(~np.isnan(found)))


def _median(found: ArrayLike) -> float:
    """Of those that are no NaN; NaN without any."""
    seen = np.asarray(found, "f8")
    seen = seen[~np.isnan(seen)]
    return float(np.median(seen)) if len(seen) else NAN


def _full(mine: Iterable[Outcome]) -> float:
    return float(np.mean([outcome.full for outcome in mine]))


def _streaks(outcomes: list[Outcome], chosen: list[Fault]) -> Table:
    """How long the streaks of misses are, without and with faults."""
    rows: list[list[Cell]] = []
    for fault in chosen:
        mine = [outcome.lengths for outcome in outcomes if outcome.fault == fault]
        lengths = np.concatenate(mine)
        longest = reached(np.array([found.max(initial=0) for found in mine]), AT_LEAST)
        cells: list[Cell] = [
            fault.source,
            "–" if fault == UNDISTURBED else fault.way,
            f"{100 * fault.share:.0f}",
        ]
        rows.append([*cells, len(lengths), *longest.tolist()])
    title = "Share of runs with a streak of so many misses, or more"
    return Table(title, ["faulty columns", "placed", "faulty %", "streaks", *map(str, AT_LEAST)], rows)


def _by_device(outcomes: list[Outcome], chosen: list[Fault]) -> Table:
    """Who hides a fault well: misses of each device at 30 % and at all columns."""
    picked = [f for f in chosen if f == UNDISTURBED or (f.way != EVERY and round(f.share, 2) in (0.3, 1.0))]
    rows: list[list[Cell]] = [
        [name, *(_full(o for o in outcomes if (o.device, o.fault) == (name, fault)) for fault in picked)]
        for name in sorted({outcome.device for outcome in outcomes})
    ]
    named = [f"{f.source}, {100 * f.share:.0f} %" if f != UNDISTURBED else "no fault" for f in picked]
    return Table("Samples missed when full, by device", ["device", *named], rows)


def _calm(calm: list[Undisturbed], streak: int) -> Table:
    rows: list[list[Cell]] = [
        [c.device, c.days, c.missed, c.longest, c.alarm, c.later_days, c.later_alarms, c.later_streaks]
        for c in calm
    ]
    columns = ["device", "days observed", "missed", "longest streak", f"streak for {ALARMS_PER_DAY:g} a day"]
    columns += ["days of the last part", "its false alarms a day", f"streaks of {streak} a day"]
    return Table("Devices left alone: natural streaks, and the alarm's streak", columns, rows)


def _figure(outcomes: list[Outcome], chosen: list[Fault], streak: int) -> Figure:
    """Misses and runs with a streak of them by faulty share, and the longest streaks of the runs."""
    figure = Figure(figsize=(14.5, 4.6), layout="constrained")
    missed, found, streaks = figure.subplots(1, 3)
    table = {fault: _row(outcomes, fault) for fault in chosen}
    for (source, way), (colour, style) in LINES.items():
        line = sorted(
            (f for f in chosen if f.source == source and f.way in (way, ALL)), key=lambda f: f.share
        )
        x = [100 * fault.share for fault in line]
        for axes, cell in ((missed, MISSED_WHEN_FULL), (found, WITH_STREAK)):
            y = [table[fault][cell] for fault in line]
            axes.plot(x, y, style, color=colour, label=f"{source}, {way}")
    for axes, cell in ((missed, MISSED_WHEN_FULL), (found, WITH_STREAK)):
        axes.axhline(float(table[UNDISTURBED][cell]), color="k", linestyle=":", label="no fault")
        axes.set(xlabel="faulty columns (%)", ylim=(-0.02, 1.02))
    missed.set_ylabel("samples missed, wholly after the trigger")
    found.set_ylabel(f"runs with a streak of {streak} misses")
    _draw_longest(streaks, outcomes, chosen)
    for axes in (missed, found, streaks):
        axes.grid(alpha=0.3)
    missed.legend(fontsize=8)
    return figure


def _draw_longest(axes: Axes, outcomes: list[Outcome], chosen: list[Fault]) -> None:
    """Share of runs whose longest streak is so long: without a fault, at 30 % and at 100 %."""
    for fault in chosen:
        if fault.way == EVERY or round(fault.share, 2) not in (0.0, 0.3, 1.0):
            continue
        longest = np.array([o.lengths.max(initial=0) for o in outcomes if o.fault == fault])
        at_least = np.arange(1, longest.max(initial=1) + 2)
        colour = {NONE: "k", RANDOM: "C0", FOREIGN: "C1"}[fault.source]
        label = f"{fault.source}, {100 * fault.share:.0f} %" if fault != UNDISTURBED else "no fault"
        style = {0.0: ":", 0.3: "--"}.get(round(fault.share, 2), "-")
        axes.step(at_least, reached(longest, at_least), style, color=colour, where="post")
        axes.plot([], [], style, color=colour, label=label)
    axes.set(xlabel="longest streak of misses (samples)", ylabel="share of runs", ylim=(-0.02, 1.02))
    axes.set_xlim(left=0)
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))  # beside: the steps fill the panel
