"""Alarms on real traffic, from training to the agent: quiet days stay quiet, a stranger's ways are noticed.

Four devices of a week's captures: trained on days 1 to 4, whose held-out last fifth gives each its streak,
and watched on day 5. The captures are not in the repository.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from benchmarks.captures import DATA, traffic
from edgeprint import artifact, intervals
from edgeprint import params as all_params
from edgeprint.binary.features import SpectrogramSpec, extract
from edgeprint.edge.alarms import Alarm, AlarmBook
from edgeprint.edge.bank import Bank
from edgeprint.edge.replay import Replay
from edgeprint.edge.verdicts import Verdict
from edgeprint.edge.watch import Watch
from edgeprint.feature_table import FeatureTable
from edgeprint.litert import Runner
from edgeprint.packets.decode import decode
from edgeprint.packets.inventory import Inventory
from edgeprint.packets.table import PacketTable

pytestmark = pytest.mark.skipif(not (DATA / "fit-week").is_dir(), reason="needs the captures of fit-week")
NUMBERS = all_params.load(Path(__file__).parents[2] / "params.yaml")
DEVICES = [
    "lockly-hub-01",
    "schlage-lock-01",
    "sifely-hub-01",
    "ultraloq-hub-01",
]  # the cameras say too little
HOUR_NS = 3600 * 10**9
DAY_NS = 24 * HOUR_NS
TRAINED_DAYS = 4


@dataclass
class Week:
    """Packets of all devices in time order, who they are, and the models of the first days."""

    table: PacketTable
    inventory: Inventory
    artifacts: dict[str, artifact.Artifact]

    def day(self, number: int, begin_h: float = 0, end_h: float = 24) -> PacketTable:
        midnight = int(self.table.time_ns[0]) + number * DAY_NS
        since, until = (midnight + round(hour * HOUR_NS) for hour in (begin_h, end_h))
        return self.table.select((self.table.time_ns >= since) & (self.table.time_ns < until))


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Week:
    from edgeprint.binary.network import Model
    from edgeprint.binary.train import train_home

    folder = tmp_path_factory.mktemp("week")
    home = traffic("fit-week", folder)
    inventory = Inventory({name: home.inventory[name] for name in DEVICES})
    captures = [path for path in home.captures if path.stem in DEVICES]
    table = PacketTable.concatenate([decode(path)[0] for path in captures]).in_time_order()
    table = table.select(
        np.isin(table.src, list(inventory.by_mac)) | np.isin(table.dst, list(inventory.by_mac))
    )
    spec = SpectrogramSpec(NUMBERS.binary.features.height, NUMBERS.binary.features.bin_seconds)
    packets = inventory.split(table.select(table.time_ns < table.time_ns[0] + TRAINED_DAYS * DAY_NS))
    rows = FeatureTable.concatenate(
        [FeatureTable.of(spec.schema(), name, "week", *extract(packets[name], spec)) for name in DEVICES]
    ).in_stream_order()
    interval, _ = intervals.assign(rows, "shares", 1)
    held_out = intervals.held_out(rows, interval, NUMBERS.intervals.test_fraction)
    training, quiet = rows.select(~held_out), rows.select(held_out)
    models = train_home(DEVICES, training, quiet, inventory, NUMBERS.binary, seed=NUMBERS.seed)
    found = {}
    for name, model in models.items():
        assert isinstance(model, Model)
        found[name] = exported(folder / name, model, training, quiet, inventory)
    return Week(table, inventory, found)


def exported(
    folder: Path, model: object, training: FeatureTable, quiet: FeatureTable, inventory: Inventory
) -> artifact.Artifact:
    """As the training stage leaves it."""
    from edgeprint.registry import tflite
    from edgeprint.stages.methods import METHODS, Context

    export = METHODS["binary"].export(model, training, Context(inventory, NUMBERS), [quiet])
    network = tflite.convert(export.keras)
    card = artifact.ModelCard(
        family="binary",
        name=f"binary.{export.labels[0]}",
        labels=export.labels,
        input_shape=list(export.inputs.shape[1:]),
        schema_hash=training.schema.hash,
        thresholds=export.thresholds,
        preprocessing=export.preprocessing,
    )
    golden = export.inputs, Runner(network)(export.inputs)
    return artifact.write(folder, tflite=network, card=card, schema=training.schema, golden=golden)


@dataclass
class Watched:
    """Alarms that began, and every verdict of an inference."""

    begun: list[Alarm] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)


def watch(week: Week, table: PacketTable) -> Watched:
    seen, book = Watched(), AlarmBook()

    def hear(verdict: Verdict) -> None:
        if verdict.confidence is not None:
            seen.verdicts.append(verdict)
        alarm = book.after(verdict)
        if alarm and alarm.noticed_ns == verdict.time_ns:
            seen.begun.append(alarm)

    agent = Watch(week.inventory, Bank(week.artifacts), streak=5, on_verdict=hear)
    for batch in Replay(table):
        agent.take(batch)
    agent.finish()
    return seen


def speaking_for(table: PacketTable, victim: int, culprit: int, since_ns: int) -> PacketTable:
    """The victim's packets; from then on they are the culprit's under its address."""
    late = table.time_ns >= since_ns
    own = (table.src == victim) | (table.dst == victim)
    copied = table.select(late & ~own & ((table.src == culprit) | (table.dst == culprit)))
    for column in (copied.src, copied.dst):
        column[column == culprit] = victim
    return PacketTable.concatenate([table.select(~late & own), copied]).in_time_order()


def test_a_quiet_day_raises_no_more_alarms_than_was_chosen(week: Week) -> None:
    seen = watch(week, week.day(TRAINED_DAYS))
    assert {verdict.device for verdict in seen.verdicts} == set(DEVICES)
    assert len(seen.begun) <= NUMBERS.binary.alarms_per_day * len(DEVICES), seen.begun


@pytest.mark.parametrize(("victim", "culprit"), zip(DEVICES, [*DEVICES[1:], DEVICES[0]], strict=True))
def test_foreign_traffic_raises_the_alarm_within_the_streak(week: Week, victim: str, culprit: str) -> None:
    """From the first sample that is wholly foreign on, the streak that training measured is enough."""
    card = week.artifacts[victim].card
    streak, width = int(card.thresholds["streak"]), int(card.preprocessing["width"])
    macs = [next(iter(week.inventory[name].macs)) for name in (victim, culprit)]
    table = week.day(TRAINED_DAYS, 4, 16)
    trigger_ns = int(table.time_ns[0]) + 3 * HOUR_NS
    seen = watch(week, speaking_for(table, *macs, trigger_ns))
    alarm = next(a for a in seen.begun if a.device == victim and a.noticed_ns > trigger_ns)
    since = [v for v in seen.verdicts if v.device == victim and trigger_ns < v.time_ns <= alarm.noticed_ns]
    assert len(since) <= width + streak


def test_the_default_streak_would_have_been_no_measure(week: Week) -> None:
    """Devices differ: one is never missed, another in long streaks, which a common streak cannot know."""
    streaks = {name: found.card.thresholds["streak"] for name, found in week.artifacts.items()}
    assert min(streaks.values()) < 5 < max(streaks.values()), streaks
