"""Stretches laid end to end."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgeprint.testbed.bootstrap import Tracks, lay_down, sent
from edgeprint.testbed.stretches import Stretch


@given(
    st.lists(st.tuples(st.integers(0, 500), st.floats(0, 300)), min_size=1, max_size=8),
    st.integers(0, 1000),
    st.integers(1, 20_000),
    st.integers(0, 99),
)
def test_stretches_follow_each_other_without_overlap(blocks, begin, span, seed):
    lengths, pauses = (np.array(column) for column in zip(*blocks, strict=True))
    pool = 10 + np.arange(len(blocks))
    tracks = lay_down(pool, lengths, pauses, begin, begin + span, np.random.default_rng(seed))
    stops = tracks.start + lengths[tracks.piece - 10]
    assert begin <= tracks.start[0] <= begin + 0.1 * span
    assert (tracks.start[1:] >= stops[:-1]).all() and tracks.start[-1] < begin + span
    assert set(tracks.stop) == {begin + span}
    for i in range(0, len(tracks.piece) - len(pool) + 1, len(pool)):
        assert sorted(tracks.piece[i : i + len(pool)]) == pool.tolist()  # each once before any again


def test_pauses_have_the_mean_that_was_asked_for(rng):
    pool = np.arange(2)
    tracks = lay_down(pool, np.array([10, 10]), np.array([1000.0, 3000.0]), 0, 10_000_000, rng)
    pause = np.diff(tracks.start) - 10
    for piece, mean in ((0, 1000), (1, 3000)):
        assert abs(pause[tracks.piece[:-1] == piece].mean() / mean - 1) < 0.1


def test_only_what_passes_in_time_is_sent():
    pieces = [Stretch(0, 100, 0, 3, 1.0), Stretch(100, 200, 3, 3, 1.0), Stretch(200, 300, 3, 5, 1.0)]
    since = np.array([0, 40, 90, 5, 50])
    tracks = Tracks(
        np.array([2, 1, 0, 0]), np.array([1000, 1100, 1200, 1300]), np.full(4, 1350), np.arange(4, dtype="u4")
    )
    rows = sent(pieces, tracks, since, 1050, 1400)
    assert rows["frame"].tolist() == [4, 0, 1, 2, 0, 1]
    assert rows["time"].tolist() == [1050, 1200, 1240, 1290, 1300, 1340]
    assert rows["shift"].tolist() == [0, 2, 2, 2, 3, 3]
