"""Central differences, which other derivatives are checked against."""

import math

import pytest
import torch

from pinnscape.losses import differences


def curve(t: float) -> torch.Tensor:
    return torch.tensor([math.sin(3.0 * t + 1.0), math.exp(2.0 * t)], dtype=torch.float64)


SLOPE = torch.tensor([3.0 * math.cos(1.0), 2.0], dtype=torch.float64)


def test_a_difference_is_of_fourth_order() -> None:
    errors = [float((differences.slope(curve, step) - SLOPE).abs().max()) for step in (0.2, 0.1)]
    assert 14.0 < errors[0] / errors[1] < 18.0


def test_the_deviation_of_a_derivative_is_that_of_its_largest_entry() -> None:
    assert differences.deviation(curve, SLOPE) < 1e-8
    assert differences.deviation(curve, SLOPE + torch.tensor([0.0, 0.02])) == pytest.approx(0.02 / 2.02, rel=1e-6)
    assert differences.deviation(curve, SLOPE + 0.02, floor=20.0) == pytest.approx(0.001, rel=1e-5)
    assert differences.deviation(curve, SLOPE * math.nan) == math.inf
    assert differences.deviation(lambda t: torch.zeros(2), torch.zeros(2)) == 0.0


def test_steep_functions_get_small_steps() -> None:
    steep = torch.tensor([1e4], dtype=torch.float64)
    assert differences.deviation(lambda t: torch.sin(steep * t), steep) < 1e-8


def test_rounding_is_measured_and_forgiven_but_hides_no_wrong_derivative() -> None:
    def cancelled(t: float) -> torch.Tensor:
        return curve(t) + 1e8 - 1e8  # 1.5e-8 apart

    assert 2e-9 < differences.noise(cancelled) < 2e-8
    assert differences.noise(curve) < 1e-15
    assert differences.deviation(cancelled, SLOPE) <= differences.TOLERANCE
    assert differences.deviation(cancelled, 1.05 * SLOPE) > 0.03
