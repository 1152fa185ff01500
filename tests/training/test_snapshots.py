"""Which snapshots are looked at closely."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinnscape.training.snapshots import logarithmic


@given(st.sets(st.integers(1, 5000), min_size=1, max_size=60), st.integers(2, 20))
def test_the_ends_are_chosen_and_every_position_is_there_once(later, count):
    steps = np.array([0, *sorted(later)])
    chosen = logarithmic(steps, count)
    assert chosen[0] == 0
    assert chosen[-1] == len(steps) - 1
    assert len(chosen) == min(count, len(steps))
    assert np.all(np.diff(chosen) > 0)


def test_steps_are_spread_over_the_decades():
    steps = np.arange(1001)
    assert steps[logarithmic(steps, 5)].tolist() == [0, 1, 10, 100, 1000]


@pytest.mark.parametrize("count", [3, 9])
def test_where_there_are_too_few_all_are_taken(count):
    assert logarithmic(np.array([0, 7, 9]), count).tolist() == [0, 1, 2]
