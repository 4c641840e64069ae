"""Packets in, columns and verdicts out: bit for bit what offline extraction makes of the same capture."""

import json
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from simulated_home import CAMERA, PLUG, ROUTER, SPEC, WIDTH, write_capture, write_model

from edgeprint import artifact
from edgeprint.binary.features import SpectrogramSpec, columns
from edgeprint.edge.bank import Bank
from edgeprint.edge.batch import Packets
from edgeprint.edge.replay import cut
from edgeprint.edge.source import Batch, Replay
from edgeprint.edge.strangers import MOST
from edgeprint.edge.verdicts import Standing, Verdict
from edgeprint.edge.watch import Watch
from edgeprint.packets.decode import decode
from edgeprint.packets.inventory import Device, Inventory, mac_number
from edgeprint.packets.table import PacketTable

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
PAPER = SpectrogramSpec(height=75, bin_seconds=0.1)
START = 1_767_614_400 * 10**9
STREAK = 3


@pytest.fixture(scope="module")
def banks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bank]:
    """By spec; networks are loaded once, rings are as full as an earlier test left them."""
    folder = tmp_path_factory.mktemp("models")
    return {
        "small": bank(folder / "small", SPEC, camera=4, plug=4),
        "paper": bank(folder / "paper", PAPER, a=4, b=4),
    }


def bank(folder: Path, spec: SpectrogramSpec, **bias: float) -> Bank:
    models = {d: write_model(folder / d, d, bias=b, spec=spec) for d, b in bias.items()}
    return Bank({device: artifact.read(model) for device, model in models.items()})


class Record:
    """What a watch said and made."""

    def __init__(self, inventory: Inventory, bank: Bank) -> None:
        self.verdicts: list[Verdict] = []
        self.frames: dict[str, list[int]] = defaultdict(list)
        self.columns: dict[str, list[NDArray[np.float32]]] = defaultdict(list)
        self.watch = Watch(
            inventory, bank, streak=STREAK, on_verdict=self.verdicts.append, on_columns=self._keep
        )

    def _keep(self, device: str, frames: NDArray[np.int64], made: NDArray[np.float32]) -> None:
        self.frames[device] += frames.tolist()
        self.columns[device] += list(made)

    def of(self, device: str) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if verdict.device == device]


def watched(inventory: Inventory, bank: Bank, batches: Replay | list[Batch]) -> Record:
    record = Record(inventory, bank)
    for batch in batches:
        record.watch.take(batch)
    record.watch.finish()
    return record


def assert_same_as_offline(
    record: Record, inventory: Inventory, table: PacketTable, spec: SpectrogramSpec
) -> None:
    offline = {device: columns(packets, spec) for device, packets in inventory.split(table).items()}
    assert offline and set(record.frames) & set(inventory.devices) == set(offline)
    for device, (frames, made) in offline.items():
        assert record.frames[device] == frames.tolist()
        assert np.array_equal(np.array(record.columns[device]).view("u4"), made.view("u4"))


@pytest.mark.parametrize(
    "capture",
    ["ucl-quarters/latency__all-devices__my-firewall__wlan2.4.pcap", "fit-week/schlage-lock-01.pcap"],
)
def test_columns_of_a_replayed_real_capture_are_those_of_offline_extraction(
    banks: dict[str, Bank], capture: str
) -> None:
    if not DATA.is_dir():
        pytest.skip("needs ../shared/data with the real captures")
    table = decode(DATA / capture)[0].in_time_order()
    table = table.select(np.arange(min(len(table), 4000)))
    senders, packets = np.unique(table.src, return_counts=True)
    a, b = senders[np.argsort(packets)[-2:]].tolist()
    inventory = Inventory({n: Device(n, "", True, frozenset({mac})) for n, mac in (("a", a), ("b", b))})
    record = watched(inventory, banks["paper"], Replay(table))
    assert_same_as_offline(record, inventory, table, PAPER)
    assert len(record.of("a")) == len(record.frames["a"])


def test_columns_of_a_replayed_simulated_capture_are_those_of_offline_extraction(
    tmp_path: Path, banks: dict[str, Bank], inventory: Inventory
) -> None:
    random = np.random.default_rng(5)
    macs = [CAMERA, PLUG, ROUTER]
    rows = [
        (START + int(time), *random.choice(macs, 2, replace=False).tolist(), int(random.integers(60, 1500)))
        for time in random.integers(0, 120 * 10**9, 3000)
    ]
    table, _ = decode(write_capture(tmp_path / "a.pcap", rows))
    assert_same_as_offline(watched(inventory, banks["small"], Replay(table)), inventory, table, SPEC)


packet = st.tuples(st.integers(0, 10**11), st.integers(0, 3), st.integers(0, 3), st.integers(60, 1500))


@settings(deadline=None, max_examples=60)
@given(packets=st.lists(packet, min_size=1, max_size=40), cuts=st.lists(st.integers(0, 40)))
def test_how_packets_are_cut_into_batches_does_not_show(
    banks: dict[str, Bank], packets: list[tuple[int, int, int, int]], cuts: list[int]
) -> None:
    macs = {"camera": {1, 2}, "plug": {3}}  # two MACs of one device, and they may talk to each other
    inventory = Inventory({n: Device(n, "", True, frozenset(some)) for n, some in macs.items()})
    time_ns, src, dst, size = np.array(packets).T
    table = PacketTable.from_columns(
        {"time_ns": START + time_ns, "src": src, "dst": dst, "wire_len": size}
    ).in_time_order()
    edges = sorted({0, len(table), *(cut for cut in cuts if cut < len(table))})
    batches = []
    for begin, end in pairwise(edges):
        part = table.select(np.arange(begin, end))
        batches.append(Batch(part.time_ns, part.wire_len, part.src, part.dst, int(part.time_ns[-1])))
    record = watched(inventory, banks["small"], batches)
    if inventory.split(table):
        assert_same_as_offline(record, inventory, table, SPEC)


def steady(seconds: int, mac: str = CAMERA, first: int = 0) -> list[tuple[int, int, int, int]]:
    """One packet a second (time, src, dst, size)."""
    src, dst = mac_number(mac), mac_number(ROUTER)
    return [(START + second * 10**9, src, dst, 100) for second in range(first, first + seconds)]


def replay(*packets: tuple[int, int, int, int]) -> Replay:
    time_ns, src, dst, size = zip(*packets, strict=True)
    columns = {"time_ns": np.array(time_ns), "src": np.array(src, "u8"), "dst": np.array(dst, "u8")}
    return Replay(PacketTable.from_columns({**columns, "wire_len": np.array(size)}))


def test_a_device_is_recognised_after_the_bootstrap(inventory: Inventory, tmp_path: Path) -> None:
    record = watched(inventory, bank(tmp_path, SPEC, camera=4), replay(*steady(20)))
    standings = [verdict.verdict for verdict in record.of("camera")]
    before = [Standing.NOT_ENOUGH] * (WIDTH - 1)
    assert standings == before + [Standing.RECOGNISED] * (len(standings) - len(before))


def test_a_device_that_the_model_does_not_know_again_deviates_after_a_streak(
    inventory: Inventory, tmp_path: Path
) -> None:
    record = watched(inventory, bank(tmp_path, SPEC, camera=-4), replay(*steady(20)))
    standings = [verdict.verdict for verdict in record.of("camera")]
    assert standings.index(Standing.DEVIATES) == WIDTH - 1 + STREAK - 1
    assert set(standings) == {Standing.NOT_ENOUGH, Standing.DEVIATES}


def test_verdicts_come_at_ticks_that_are_aligned_to_the_epoch(inventory: Inventory, tmp_path: Path) -> None:
    record = watched(inventory, bank(tmp_path, SPEC, camera=4), replay(*steady(20)))
    times = [verdict.time_ns for verdict in record.of("camera")]
    assert np.diff(times).tolist() == [SPEC.hop_ns] * (len(times) - 1) and times[0] % SPEC.hop_ns == 0


def test_silence_gives_no_verdict_and_costs_no_tick(inventory: Inventory, tmp_path: Path) -> None:
    year = 365 * 86_400
    record = watched(inventory, bank(tmp_path, SPEC, camera=4), replay(*steady(10), *steady(10, first=year)))
    assert len(record.of("camera")) == 22  # each ten seconds touch eleven frames
    assert record.of("camera")[11].verdict is Standing.RECOGNISED  # the ring outlives the silence


def test_a_device_without_a_model_is_unknown(inventory: Inventory, tmp_path: Path) -> None:
    record = watched(inventory, bank(tmp_path, SPEC, camera=4), replay(*steady(10, PLUG)))
    assert {verdict.verdict for verdict in record.of("plug")} == {Standing.UNKNOWN}
    assert record.of("plug")[0].mac is None


def test_a_mac_that_is_not_in_the_inventory_is_unknown_while_it_sends(
    inventory: Inventory, banks: dict[str, Bank]
) -> None:
    record = watched(inventory, banks["small"], replay(*steady(5, ROUTER)))
    assert [(v.device, v.mac, v.verdict) for v in record.verdicts] == [(ROUTER, ROUTER, Standing.UNKNOWN)] * 5


def test_columns_of_a_stranger_are_made_for_a_person_to_name_but_not_judged(
    inventory: Inventory, banks: dict[str, Bank]
) -> None:
    packets = replay(*steady(20, ROUTER), *steady(20, CAMERA))  # the camera sends to the router
    record = watched(inventory, banks["small"], packets)
    stranger = Inventory({ROUTER: Device(ROUTER, "", False, frozenset({mac_number(ROUTER)}))})
    (_, made) = columns(stranger.split(packets._table)[ROUTER], SPEC)
    assert np.array_equal(np.array(record.columns[ROUTER]), made)
    assert {verdict.confidence for verdict in record.of(ROUTER)} == {None}


def test_a_tick_is_announced_after_its_verdicts(inventory: Inventory, tmp_path: Path) -> None:
    said: list[int] = []
    watch = Watch(
        inventory,
        bank(tmp_path, SPEC, camera=4),
        streak=STREAK,
        on_verdict=lambda verdict: said.append(-verdict.time_ns),
        on_tick=said.append,
    )
    for batch in replay(*steady(5)):
        watch.take(batch)
    watch.finish()
    assert said[:2] == [-said[1], said[1]] and min(said) == -max(said)


def test_who_asks_at_a_tick_gets_the_counts_of_that_tick_and_ticks_in_order(
    inventory: Inventory, tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []
    sent = START + 10**8 * np.concatenate([np.arange(40), 70 + np.arange(20)])  # with silence between
    watch = Watch(
        inventory,
        bank(tmp_path, SPEC, camera=4),
        streak=STREAK,
        on_verdict=lambda _: None,
        on_tick=lambda now_ns: told.append((now_ns, watch.summary()[0].packets)),
    )
    table = PacketTable.from_columns(
        {"time_ns": sent, "src": np.full(60, mac_number(CAMERA)), "dst": np.full(60, mac_number(ROUTER))}
        | {"wire_len": np.full(60, 100)}
    )
    for batch in cut(Packets(table.time_ns, table.wire_len, table.src, table.dst), 7 * 10**8):
        watch.take(batch)  # most end within a tick
    watch.finish()
    times = [now_ns for now_ns, _ in told]
    assert times == sorted(set(times)) and {now_ns % SPEC.hop_ns for now_ns in times} == {0}
    assert [count for _, count in told] == [np.sum(sent < now_ns) for now_ns in times]


def test_a_streak_that_training_measured_goes_before_the_given_one(
    inventory: Inventory, tmp_path: Path
) -> None:
    folder = write_model(tmp_path / "camera", "camera", bias=-4)
    card = json.loads((folder / "card.json").read_text())
    card["thresholds"]["streak"] = 8
    (folder / "card.json").write_text(json.dumps(card))
    record = watched(inventory, Bank({"camera": artifact.read(folder)}), replay(*steady(20)))
    standings = [verdict.verdict for verdict in record.of("camera")]
    assert standings.index(Standing.DEVIATES) == WIDTH - 1 + 8 - 1


def test_group_addresses_are_no_devices(inventory: Inventory, banks: dict[str, Bank]) -> None:
    record = watched(
        inventory, banks["small"], replay(*steady(5, "01:00:5e:00:00:01"), *steady(5, "ff:ff:ff:ff:ff:ff"))
    )
    assert record.verdicts == []


def test_a_flood_of_strangers_is_followed_in_bounded_memory(
    inventory: Inventory, banks: dict[str, Bank]
) -> None:
    flood = [(START, 0x0200_0000_1000 + number, 1, 100) for number in range(1000)]
    record = watched(inventory, banks["small"], replay(*flood))
    assert len(record.watch.summary()) == len(inventory.devices) + MOST
    assert record.watch.strangers.packets_beyond == 1000 - MOST


def test_strangers_from_before_a_flood_are_still_followed(
    inventory: Inventory, banks: dict[str, Bank]
) -> None:
    first = [(START, 7, 1, 100), (START, 5, 1, 100)]
    flood = [(START + 1, 0x0200_0000_1000 + number, 1, 100) for number in range(1000)]
    last = [(START + 10**9, mac, 1, 100) for mac in (5, 7, 7, 6)]
    record = Record(inventory, banks["small"])
    for part in (first, flood, last):
        for batch in replay(*part):
            record.watch.take(batch)
    packets = {row.device: row.packets for row in record.watch.summary()}
    assert (packets["00:00:00:00:00:05"], packets["00:00:00:00:00:07"]) == (2, 3)
    assert record.watch.strangers.packets_beyond == 1000 - (MOST - 2) + 1


def test_models_with_other_hops_live_side_by_side(inventory: Inventory, tmp_path: Path) -> None:
    slow = SpectrogramSpec(height=15, bin_seconds=0.1)
    models = {
        "camera": write_model(tmp_path / "a", "camera"),
        "plug": write_model(tmp_path / "b", "plug", spec=slow),
    }
    both = Bank({device: artifact.read(folder) for device, folder in models.items()})
    table = replay(*steady(30), *steady(30, PLUG))
    record = watched(inventory, both, table)
    assert np.diff([v.time_ns for v in record.of("camera")]).tolist() == [SPEC.hop_ns] * 30
    assert np.diff([v.time_ns for v in record.of("plug")]).tolist() == [slow.hop_ns] * 20


def test_the_summary_counts_what_was_seen(inventory: Inventory, tmp_path: Path) -> None:
    record = watched(inventory, bank(tmp_path, SPEC, camera=4), replay(*steady(20), *steady(5, ROUTER)))
    camera, plug, router = record.watch.summary()
    assert (camera.packets, camera.columns, camera.ticks, camera.recognised) == (20, 21, 21, 1.0)
    assert camera.mean_confidence == pytest.approx(0.98, abs=0.02)
    assert (plug.packets, plug.verdict, plug.recognised) == (0, Standing.UNKNOWN, None)
    assert (router.device, router.packets, router.verdict) == (ROUTER, 5, Standing.UNKNOWN)


def test_nothing_at_all_is_no_error(inventory: Inventory, banks: dict[str, Bank]) -> None:
    assert watched(inventory, banks["small"], []).verdicts == []
