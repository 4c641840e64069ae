"""A restart costs nothing: what is remembered goes on, what does not fit begins anew with one sentence."""

import json
import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_home import CAMERA, PLUG, ROUTER, SPEC, WIDTH, write_model

from edgeprint import artifact
from edgeprint.binary.features import SpectrogramSpec
from edgeprint.edge.bank import Bank
from edgeprint.edge.batch import Batch
from edgeprint.edge.memory import restore, save
from edgeprint.edge.verdicts import Standing, Verdict
from edgeprint.edge.watch import Watch
from edgeprint.packets.inventory import Device, Inventory, mac_number

START = 1_767_614_400 * 10**9
LATER = START + 10**15
MACS = {"camera": CAMERA, "plug": PLUG}
INVENTORY = Inventory({n: Device(n, "", True, frozenset({mac_number(mac)})) for n, mac in MACS.items()})
ADDRESSES = [mac_number(mac) for mac in (CAMERA, PLUG, ROUTER)]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, artifact.Artifact]:
    folder = tmp_path_factory.mktemp("models")
    bias = {"camera": 0.0, "plug": -4.0}  # near 0.5: hits and misses
    return {d: artifact.read(write_model(folder / d, d, bias=b)) for d, b in bias.items()}


class Run:
    """One life of an agent."""

    def __init__(self, models: dict[str, artifact.Artifact], verdicts: list[Verdict]) -> None:
        self.bank = Bank(models)
        self.watch = Watch(INVENTORY, self.bank, streak=3, on_verdict=verdicts.append)

    def take(self, batches: list[Batch]) -> "Run":
        for batch in batches:
            self.watch.take(batch)
        return self


def batches(packets: list[tuple[int, int, int, int]], cuts: list[int]) -> list[Batch]:
    time_ns, src, dst, size = np.array(sorted(packets)).T
    macs = np.array(ADDRESSES, "u8")
    edges = sorted({0, len(time_ns), *(cut for cut in cuts if cut < len(time_ns))})
    return [
        Batch(
            START + time_ns[a:b],
            size[a:b].astype("u4"),
            macs[src[a:b]],
            macs[dst[a:b]],
            START + time_ns[b - 1],
        )
        for a, b in pairwise(edges)
    ]


def steady(seconds: int) -> list[Batch]:
    """The camera sends to the router once a second."""
    return batches([(second * 10**9, 0, 2, 100 + second) for second in range(seconds)], list(range(seconds)))


packet = st.tuples(st.integers(0, 3 * 10**10), st.integers(0, 2), st.integers(0, 2), st.integers(60, 1500))


@settings(deadline=None, max_examples=60)
@given(
    packets=st.lists(packet, min_size=2, max_size=60),
    cuts=st.lists(st.integers(0, 60), max_size=20),
    stop=st.integers(0, 20),
)
def test_a_restart_changes_no_verdict(
    models: dict[str, artifact.Artifact],
    tmp_path_factory: pytest.TempPathFactory,
    packets: list[tuple[int, int, int, int]],
    cuts: list[int],
    stop: int,
) -> None:
    path = tmp_path_factory.mktemp("state") / "memory.npz"
    whole: list[Verdict] = []
    parts: list[Verdict] = []
    traffic = batches(packets, cuts)
    once = Run(models, whole).take(traffic)
    first = Run(models, parts).take(traffic[:stop])
    save(first.watch, first.bank, path)
    second = Run(models, parts)
    assert restore(second.watch, second.bank, path, LATER) == []
    second.take(traffic[stop:])
    for run in (once, second):
        run.watch.finish()
    assert parts == whole
    assert second.watch.summary() == once.watch.summary()


def test_a_restart_does_not_cost_the_bootstrap(models: dict[str, artifact.Artifact], tmp_path: Path) -> None:
    verdicts: list[Verdict] = []
    first = Run(models, verdicts).take(steady(WIDTH + 5))
    save(first.watch, first.bank, tmp_path / "memory.npz")
    verdicts.clear()
    second = Run(models, verdicts)
    restore(second.watch, second.bank, tmp_path / "memory.npz", LATER)
    second.take(steady(WIDTH + 8)[WIDTH + 5 :])
    assert verdicts and all(v.confidence is not None for v in verdicts if v.device == "camera")


def test_a_first_start_has_nothing_to_remember_and_says_nothing(
    models: dict[str, artifact.Artifact], tmp_path: Path
) -> None:
    run = Run(models, [])
    assert restore(run.watch, run.bank, tmp_path / "memory.npz", LATER) == []


def saved(models: dict[str, artifact.Artifact], path: Path) -> Path:
    run = Run(models, []).take(steady(20))
    save(run.watch, run.bank, path)
    return path


def test_columns_of_another_schema_begin_anew_and_the_others_go_on(
    models: dict[str, artifact.Artifact], tmp_path: Path
) -> None:
    path = saved(models, tmp_path / "memory.npz")
    other = SpectrogramSpec(height=20, bin_seconds=0.1)
    plug = artifact.read(write_model(tmp_path / "plug", "plug", spec=other))
    run = Run({**models, "plug": plug}, [])
    (said,) = restore(run.watch, run.bank, path, LATER)
    assert said == "columns of plug are now made otherwise, or nobody's: they begin anew"
    assert run.bank.members["camera"].ring.is_full and not run.bank.members["plug"].ring.count


@pytest.mark.parametrize("size", [0, 10, 500])
def test_a_file_that_broke_off_is_ignored_with_one_sentence(
    models: dict[str, artifact.Artifact], tmp_path: Path, size: int
) -> None:
    path = saved(models, tmp_path / "memory.npz")
    path.write_bytes(path.read_bytes()[:size])
    run = Run(models, [])
    (said,) = restore(run.watch, run.bank, path, LATER)
    assert "cannot be read" in said and run.watch.summary()[0].packets == 0


def test_a_file_with_one_wrong_bit_in_its_directory_is_ignored_with_one_sentence(
    models: dict[str, artifact.Artifact], tmp_path: Path
) -> None:
    path = saved(models, tmp_path / "memory.npz")
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] ^= 1  # it calls itself encrypted
    path.write_bytes(data)
    run = Run(models, [])
    (said,) = restore(run.watch, run.bank, path, LATER)
    assert "cannot be read" in said and run.watch.summary()[0].packets == 0


def test_another_version_and_a_time_to_come_are_ignored_with_one_sentence(
    models: dict[str, artifact.Artifact], tmp_path: Path
) -> None:
    path = saved(models, tmp_path / "memory.npz")
    run = Run(models, [])
    (said,) = restore(run.watch, run.bank, path, START - 10**12)
    assert "yet to come" in said
    with np.load(path) as stored:
        arrays = dict(stored)
    arrays["about"] = np.array(json.dumps({**json.loads(str(arrays["about"])), "version": 99}))
    np.savez(path, **arrays)
    (said,) = restore(run.watch, run.bank, path, LATER)
    assert "version 99" in said and run.watch.summary()[0].packets == 0


def test_a_model_that_came_since_starts_from_an_empty_judgement(
    models: dict[str, artifact.Artifact], tmp_path: Path
) -> None:
    path = saved({"plug": models["plug"]}, tmp_path / "memory.npz")
    run = Run(models, [])
    assert restore(run.watch, run.bank, path, LATER) == []
    assert run.watch.summary()[0].verdict is Standing.NOT_ENOUGH
    assert run.bank.members["camera"].spec == SPEC


def test_a_save_that_fails_leaves_the_old_file(models: dict[str, artifact.Artifact], tmp_path: Path) -> None:
    path = saved(models, tmp_path / "memory.npz")
    before = path.read_bytes()
    (tmp_path / f".memory.npz.{os.getpid()}").mkdir()  # the disk does not take the new one
    with pytest.raises(OSError):
        saved(models, path)
    assert path.read_bytes() == before
