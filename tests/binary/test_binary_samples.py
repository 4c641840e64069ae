"""Windows: consecutive columns of one device, drawn as the paper draws them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_home import SPEC, TONES, WIDTH, home, stream

from edgeprint.binary.samples import Drawn, Streams
from edgeprint.errors import NotEnoughData
from edgeprint.feature_table import FeatureTable


def random() -> np.random.Generator:
    return np.random.default_rng(0)


def owner(streams: Streams, starts: np.ndarray) -> list[str]:
    """Whose window each is, told by its loudest frequency in every column."""
    names = {tone: name for name, tone in TONES.items()}
    loudest = streams.samples(starts).argmax(1)
    assert (loudest == loudest[:, :1]).all(), "a window reaches from one device into another"
    return [names[tone] for tone in loudest[:, 0].tolist()]


@pytest.mark.parametrize("device", TONES)
def test_a_devices_windows_are_its_own(device: str) -> None:
    streams = Streams.of(home(20), WIDTH)
    starts = streams.random_own(device, 99, random())
    assert sorted(starts - streams.first[device]) == list(range(20 - WIDTH + 1))
    assert set(owner(streams, starts)) == {device}


def test_a_window_runs_on_across_silence_and_captures() -> None:
    one, two = stream("camera-a", 5), stream("camera-a", 5, seed=1)
    later = FeatureTable.of(SPEC.schema(), "camera-a", "next.pcap", two.start_ns + 10**15, two.values)
    streams = Streams.of(FeatureTable.concatenate([later, one]), 10)
    whole = streams.samples(streams.random_own("camera-a", 1, random()))
    assert np.array_equal(whole[0].T, np.concatenate([one.values, two.values]))


def test_no_window_is_drawn_twice_of_the_device_itself() -> None:
    starts = Streams.of(home(50), WIDTH).random_own("plug-b", 30, random())
    assert len(set(starts.tolist())) == 30


def test_five_negatives_a_positive_from_all_other_devices_alike() -> None:
    streams = Streams.of(home(60, laptop=WIDTH), WIDTH)  # the laptop has a single window
    drawn = Drawn.draw(streams, "camera-a", 40, 5, random())
    names = np.array(owner(streams, drawn.starts))
    assert (names[drawn.label == 1] == "camera-a").all()
    found, count = np.unique(names[drawn.label == 0], return_counts=True)
    assert found.tolist() == ["hub-c", "laptop", "plug-b"]
    assert count.sum() == 200
    assert count.min() > 45


def parts(mixed: float) -> tuple[Drawn, np.ndarray, np.ndarray]:
    """Windows of plug-b and others, each window's rows [n, w], and whether its columns are own [n, w]."""
    drawn = Drawn.draw(Streams.of(home(60), WIDTH), "plug-b", 40, 5, random())
    rows = drawn.rows(mixed, random())
    first = drawn.streams.first["plug-b"]
    return drawn, rows, (first <= rows) & (rows < first + 60)


def test_without_mixing_rows_are_consecutive_from_each_start():
    drawn, rows, _ = parts(0.0)
    assert np.array_equal(rows, drawn.starts[:, None] + np.arange(WIDTH))


def test_of_a_share_of_the_others_windows_some_columns_are_the_devices_own():
    drawn, rows, own = parts(0.5)
    assert own[drawn.label == 1].all(), "an own window is never mixed"
    some = own.any(1)[drawn.label == 0]
    assert 0.3 < some.mean() <= 0.5  # a mixed one may by chance have no own column
    assert not own.all(1)[drawn.label == 0].all()
    theirs = ~own & (drawn.label == 0)[:, None]
    assert np.array_equal(rows[theirs], (drawn.starts[:, None] + np.arange(WIDTH))[theirs])


def test_mixed_columns_stay_in_their_order_and_are_drawn_anew_each_time():
    drawn, rows, own = parts(1.0)
    for mine, from_own in zip(rows, own, strict=True):
        assert (np.diff(mine[from_own]) > 0).all()
        assert (np.diff(mine[~from_own]) > 0).all()
    generator = random()
    assert not np.array_equal(drawn.rows(1.0, generator), drawn.rows(1.0, generator))


@given(
    count=st.integers(WIDTH, 200),
    number=st.integers(1, 12),
    length=st.integers(1, 60),
    seed=st.integers(0, 99),
)
def test_runs_are_consecutive_inside_the_stream_and_never_overlap(
    count: int, number: int, length: int, seed: int
) -> None:
    windows = count - WIDTH + 1
    streams = Streams.of(stream("hub-c", count), WIDTH)
    starts = streams.runs("hub-c", number, length, np.random.default_rng(seed))
    length = min(length, windows)
    runs = starts.reshape(-1, length)
    assert len(runs) == min(number, windows // length)
    assert (np.diff(runs, axis=1) == 1).all()
    assert (np.diff(starts) > 0).all()
    assert starts[0] >= 0
    assert starts[-1] < windows


def test_a_device_of_too_few_columns_is_named_with_both_numbers() -> None:
    streams = Streams.of(home(20, hub_c=WIDTH - 1), WIDTH)
    with pytest.raises(NotEnoughData, match="hub-c has 7 spectrogram columns, a sample needs 8"):
        streams.runs("hub-c", 1, 1, random())
    with pytest.raises(NotEnoughData, match="camera-z has 0 spectrogram columns"):
        streams.random_own("camera-z", 1, random())


def test_a_device_alone_has_no_negatives() -> None:
    with pytest.raises(NotEnoughData, match="no device but plug-b has 8"):
        Drawn.draw(Streams.of(stream("plug-b", 20), WIDTH), "plug-b", 5, 5, random())
