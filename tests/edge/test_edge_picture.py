"""The picture of a spectrogram is a PNG that other programs read."""

import io

import numpy as np
import pytest
from matplotlib.image import imread

from edgeprint.edge.picture import PALETTE, png


def pixels(columns: np.ndarray) -> np.ndarray:
    """[height, width, 3] as another reader sees it, 0 to 255."""
    return np.round(imread(io.BytesIO(png(columns)), format="png")[..., :3] * 255).astype("u1")


def test_time_goes_right_and_frequency_up() -> None:
    columns = np.zeros((4, 3), "f4")
    columns[1, 0] = 1000  # the lowest frequency of the second column
    picture = pixels(columns)
    assert picture.shape == (3, 4, 3)
    assert np.array_equal(picture[2, 1], PALETTE[255]) and np.array_equal(picture[0, 0], PALETTE[0])


def test_loudness_is_logarithmic() -> None:
    picture = pixels(np.array([[0, 9, 999]], "f4"))  # log10(1 + x): 0, 1, 3
    assert picture[::-1, 0].tolist() == PALETTE[[0, 85, 255]].tolist()


@pytest.mark.parametrize("columns", [np.zeros((1, 1), "f4"), np.full((3, 2), np.nan, "f4")])
def test_silence_is_dark(columns: np.ndarray) -> None:
    assert np.all(pixels(columns) == PALETTE[0])
