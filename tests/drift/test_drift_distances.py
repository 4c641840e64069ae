import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgeprint.drift.distances import column_distances, noise, varies

METHODS = ("wasserstein", "jensenshannon")


def drawn(n: int, columns: int = 1, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 2, (n, columns))


def test_wasserstein_of_a_shift_is_the_shift_in_deviations():
    reference = drawn(500)
    assert column_distances(reference, reference + 3, "wasserstein") == pytest.approx(3 / np.std(reference))


def test_a_constant_column_has_no_distance_until_it_moves_and_stays_finite():
    flat = np.full((20, 1), 7.0)
    assert column_distances(flat, flat, "wasserstein") == 0
    assert column_distances(flat, flat + 1e6, "wasserstein") == pytest.approx(2)


def test_jensenshannon_of_rows_apart_is_as_large_as_it_gets():
    apart = column_distances(drawn(200), drawn(200) + 100, "jensenshannon")
    assert apart == pytest.approx(np.sqrt(np.log(2)))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("n", "m"), [(48, 48), (20, 200), (1000, 300)])
def test_noise_is_the_distance_of_rows_drawn_from_one_distribution(method, n, m):
    then, now = drawn(n, 200), drawn(m, 200, seed=1)
    expected = noise(then, now, method).mean()
    assert column_distances(then, now, method).mean() == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize("method", METHODS)
@given(rows=arrays("f8", (6, 3), elements=st.floats(-1e6, 1e6, width=32)))
def test_the_same_rows_in_any_order_are_no_distance_apart(method, rows):
    assert column_distances(rows, rows[::-1], method) == pytest.approx(np.zeros(3), abs=1e-6)
    assert np.isfinite(noise(rows, rows, method)).all()


def test_a_column_varies_where_a_value_differs_within_or_between_the_sides():
    then, now = np.array([[1, 1, 1], [1, 2, 1]]), np.array([[1, 1, 9], [1, 1, 9]])
    assert varies(then, now).tolist() == [False, True, True]
