"""The line search against its conditions, on functions of one variable."""

import math

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pinnscape.training.line_search import Trial, interpolate, strong_wolfe

DECREASE, CURVATURE = 1e-4, 0.9


class Line:
    """A function of one variable as trials, and how often it was evaluated."""

    def __init__(self, loss, slope):
        self.loss, self.slope, self.steps = loss, slope, []

    def __call__(self, step: float) -> Trial:
        self.steps.append(step)
        return Trial(step, self.loss(step), self.slope(step), torch.tensor([step]), torch.tensor([self.slope(step)]))

    def search(self, step: float, **settings) -> Trial | None:
        return strong_wolfe(self, Trial(0.0, self.loss(0.0), self.slope(0.0), torch.zeros(1), torch.zeros(1)), step, **settings)


def satisfies_strong_wolfe(line: Line, found: Trial, decrease: float = DECREASE, curvature: float = CURVATURE) -> bool:
    """Nocedal & Wright (2006), eq. 3.7; in place of the sufficient decrease also Hager & Zhang (2005), eq. 4.1 with 4.2."""
    start, slope = line.loss(0.0), line.slope(0.0)
    sufficient = found.loss <= start + decrease * found.step * slope
    approximate = found.loss <= start + 1e-14 * abs(start) and found.slope <= (2 * decrease - 1) * slope
    return (sufficient or approximate) and abs(found.slope) <= curvature * abs(slope)


waves = st.fixed_dictionaries(
    {
        "minimum": st.floats(0.01, 100.0),
        "stiffness": st.floats(1e-3, 1e3),
        "height": st.floats(0.0, 0.3),
        "frequency": st.floats(0.1, 8.0),
        "phase": st.floats(0.0, 6.3),
    }
)


def wavy(minimum: float, stiffness: float, height: float, frequency: float, phase: float) -> Line:
    """A parabola with waves: descends at 0, is bounded below and has many local minima."""
    scale = stiffness * minimum**2

    def loss(t: float) -> float:
        return 0.5 * stiffness * (t - minimum) ** 2 + scale * height * math.sin(frequency * t / minimum + phase)

    def slope(t: float) -> float:
        return stiffness * (t - minimum) + scale * height * frequency / minimum * math.cos(frequency * t / minimum + phase)

    return Line(loss, slope)


@settings(max_examples=400)
@given(waves, st.floats(-3.0, 3.0))
def test_an_accepted_step_satisfies_the_strong_wolfe_conditions(wave, exponent):
    line = wavy(**wave)
    assume(line.slope(0.0) < 0.0)
    found = line.search(10.0**exponent)
    assert found is not None
    assert satisfies_strong_wolfe(line, found)
    assert found.step > 0.0
    assert len(line.steps) <= 25


@settings(max_examples=200)
@given(waves, st.floats(0.01, 0.9), st.floats(0.0, 1.0))
def test_other_constants_of_the_conditions_are_met_too(wave, curvature, share):
    line = wavy(**wave)
    assume(line.slope(0.0) < 0.0)
    decrease = share * min(0.45, curvature)
    found = line.search(1.0, decrease=decrease, curvature=curvature, evaluations=60)
    assert found is not None
    assert satisfies_strong_wolfe(line, found, decrease, curvature)


def test_a_first_step_that_satisfies_the_conditions_is_taken():
    line = Line(lambda t: (t - 1.0) ** 2, lambda t: 2.0 * (t - 1.0))
    found = line.search(1.2)
    assert found is not None
    assert found.step == 1.2
    assert line.steps == [1.2]


@pytest.mark.parametrize("beyond", [math.inf, math.nan, -math.inf])
@pytest.mark.parametrize("limit", [3.0, 0.3, 1e-3, 1e-8])
def test_steps_to_where_the_loss_is_not_finite_are_shortened(limit, beyond):
    line = Line(
        lambda t: -math.log(limit - t) - 3.0 * t / limit if t < limit else beyond, lambda t: 1 / (limit - t) - 3.0 / limit
    )
    found = line.search(1.0 if limit < 1.0 else 100.0)
    assert found is not None
    assert found.finite
    assert found.step < limit
    assert satisfies_strong_wolfe(line, found)


def test_a_slope_that_is_not_finite_counts_as_too_large_a_step():
    line = Line(lambda t: (t - 1.0) ** 2, lambda t: 2.0 * (t - 1.0) if t < 1.5 else math.nan)
    found = line.search(1.9)  # the loss there would do
    assert found is not None
    assert found.step < 1.5


def test_no_step_is_found_where_the_loss_is_nowhere_finite():
    assert Line(lambda t: 1.0 if t == 0.0 else math.nan, lambda t: -1.0).search(1.0) is None


@pytest.mark.parametrize("loss", [0.0, 1.0, -7.0])
def test_no_step_is_found_where_every_step_raises_the_loss(loss):
    assert Line(lambda t: loss + (t > 0.0), lambda t: -1.0).search(1.0) is None


def test_without_a_step_that_satisfies_both_conditions_the_best_descent_is_returned():
    line = Line(lambda t: -t, lambda t: -1.0)  # falls for ever
    found = line.search(1.0, evaluations=6)
    assert found is not None
    assert found.step == 32.0
    assert line.steps == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]


def test_a_fall_below_rounding_is_accepted_by_its_slopes():
    # 1 + 1e-18 (t - 1)² is 1 exactly; only the slopes tell that t = 1 is lower.
    line = Line(lambda t: 1.0 + 1e-18 * (t - 1.0) ** 2, lambda t: 2e-18 * (t - 1.0))
    found = line.search(1.0)
    assert found is not None
    assert found.step == 1.0


def test_a_rise_within_rounding_does_not_hide_a_minimum():
    noise = {0.0: 0.0, 1.0: 2.2e-16}
    line = Line(lambda t: 1.0 + noise.get(t, 0.0), lambda t: 1e-18 * (t - 1.0))
    found = line.search(1.0)
    assert found is not None
    assert found.step == 1.0


def test_a_rise_beyond_rounding_is_not_accepted_by_slopes():
    line = Line(lambda t: 1.0 + (1e-12 if t > 0.0 else 0.0), lambda t: 1e-18 * (t - 1.0))
    assert line.search(1.0) is None


@pytest.mark.parametrize("loss", [0.0, 1.0, -2.467, 1e-30])
@pytest.mark.parametrize("slope", [-1e-20, -1e-300, -1.0])
def test_a_loss_that_is_flat_at_rounding_ends_the_search(loss, slope):
    line = Line(lambda t: loss, lambda t: slope)
    line.search(1.0)
    assert len(line.steps) <= 25


@settings(max_examples=200)
@given(
    ends=st.tuples(st.floats(-10, 10), st.floats(0.1, 10.0)),
    place=st.floats(0.1, 0.9),
    curvature=st.floats(0.1, 10.0),
    skew=st.floats(-1.0, 1.0),
    reverse=st.booleans(),
)
def test_interpolation_finds_the_minimum_of_a_cubic(ends, place, curvature, skew, reverse):
    a, b = ends[0], ends[0] + ends[1]
    minimum = a + place * (b - a)

    def trial(t: float) -> Trial:
        z = t - minimum
        cubic = skew * curvature / (b - a)
        return Trial(t, curvature * z**2 + cubic * z**3, 2 * curvature * z + 3 * cubic * z**2, torch.zeros(1), torch.zeros(1))

    low, high = (trial(b), trial(a)) if reverse else (trial(a), trial(b))
    assert interpolate(low, high) == pytest.approx(minimum, abs=1e-9 * max(1.0, abs(a), abs(b)))


def trial(step: float, loss: float, slope: float) -> Trial:
    return Trial(step, loss, slope, torch.zeros(1), torch.zeros(1))


def test_interpolation_keeps_a_tenth_of_the_interval_away_from_its_ends():
    # (t - 0.01)², and the same from the other side
    assert interpolate(trial(0.0, 1e-4, -0.02), trial(1.0, 0.9801, 1.98)) == pytest.approx(0.1)
    assert interpolate(trial(1.0, 0.9801, 1.98), trial(0.0, 1e-4, -0.02)) == pytest.approx(0.1)
    assert interpolate(trial(0.0, 0.9801, -1.98), trial(1.0, 1e-4, 0.02)) == pytest.approx(0.9)


def test_interpolation_halves_an_interval_without_a_minimum_of_the_cubic():
    # t³ + t: its slope has no zero
    assert interpolate(trial(-1.0, -2.0, 4.0), trial(1.0, 2.0, 4.0)) == 0.0


def test_interpolation_takes_a_fifth_towards_an_end_that_is_not_finite():
    assert interpolate(trial(1.0, 0.0, -1.0), trial(2.0, math.nan, 0.0)) == pytest.approx(1.2)
    assert interpolate(trial(1.0, 0.0, -1.0), trial(2.0, 0.0, math.inf)) == pytest.approx(1.2)
