"""What the board keeps of each device, and what it does not keep with it."""

import numpy as np
from household import INVENTORY

from edgeprint.edge.board import COLUMNS, Board


def test_a_device_that_seldom_speaks_does_not_keep_the_columns_of_all_others() -> None:
    board = Board(INVENTORY, {})
    for frame in range(2 * COLUMNS):
        of_a_tick = np.full((40, 75), frame, "f4")
        board.columns("plug", np.array([frame]), of_a_tick[7:8])
    kept = board._seen["plug"].columns
    assert len(kept) == COLUMNS and all(column.base is None for column in kept)
    np.testing.assert_array_equal(board.spectrogram("plug")[:, 0], np.arange(COLUMNS, 2 * COLUMNS))
