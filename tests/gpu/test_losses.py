"""Losses and their derivatives on the device."""

import pytest
import torch
from cases import LOSSES, PROBLEMS, initial, small
from gpu.agreement import close, lies_on
from settings_cases import model

from pinnscape.losses import gauss_newton
from pinnscape.losses.model import discretization
from pinnscape.losses.objective import Objective
from pinnscape.losses.quadrature_error import QuadratureError
from pinnscape.validation.check import validate

# Rounding of a kernel or a Gram matrix, whose entries are sums of products of derivatives.
PRODUCTS = 1e-11


def pair(problem: str, formulation: str, device: torch.device) -> tuple[Objective, Objective]:
    """A loss on the device and on the CPU."""
    return Objective(small(problem, device=device), formulation), Objective(small(problem), formulation)


def points(problem: str, count: int = 3) -> torch.Tensor:
    """Parameters (count, P) on the CPU."""
    return torch.stack([initial(small(problem), seed) for seed in range(count)])


@pytest.mark.parametrize(("problem", "formulation"), LOSSES)
def test_losses_and_derivatives_are_those_of_the_cpu(problem, formulation, device) -> None:
    ours, cpu = pair(problem, formulation, device)
    thetas = points(problem)
    there = thetas.to(device)
    vectors = torch.randn(thetas.shape, generator=torch.Generator().manual_seed(1), dtype=thetas.dtype)
    found = [
        *ours.loss_and_gradient(there),
        ours.loss(there),
        ours.hessian_product(there[0], vectors.to(device)),
        ours.hessian_product(there[0], vectors[0].to(device)),
        ours.gauss_newton_product(there[0], vectors.to(device)),
    ]
    lies_on(device, *found)
    expected = [
        *cpu.loss_and_gradient(thetas),
        cpu.loss(thetas),
        cpu.hessian_product(thetas[0], vectors),
        cpu.hessian_product(thetas[0], vectors[0]),
        cpu.gauss_newton_product(thetas[0], vectors),
    ]
    for a, b in zip(found, expected, strict=True):
        close(a, b)
    assert ours.minimum == pytest.approx(cpu.minimum, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_every_error_is_that_of_the_cpu(problem, device) -> None:
    ours, cpu = small(problem, device=device), small(problem)
    found, expected = ours.measure(points(problem).to(device)), cpu.measure(points(problem))
    lies_on(device, *found.values())
    for name, values in expected.items():
        close(found[name], values, 1e-11 if name == "energy_gap" else 1e-12)  # a difference


@pytest.mark.parametrize(("problem", "formulation"), [("semilinear2d", "strong-form"), ("neo_hookean2d", "deep-ritz")])
def test_what_losses_are_made_of_is_that_of_the_cpu(problem, formulation, device) -> None:
    ours, cpu = pair(problem, formulation, device)
    theta = points(problem)[0]
    for function in (gauss_newton.gauss_newton, gauss_newton.kernel):
        found = function(ours, theta.to(device))
        lies_on(device, found)
        close(found, function(cpu, theta), PRODUCTS)
    weights = torch.ones(2, gauss_newton.kernel_size(cpu), dtype=torch.float64)
    close(
        gauss_newton.pull_back(ours, theta.to(device), weights.to(device)),
        gauss_newton.pull_back(cpu, theta, weights),
        PRODUCTS,
    )
    if formulation != "deep-ritz":
        for found, expected in zip(
            gauss_newton.least_squares(ours, theta.to(device)), gauss_newton.least_squares(cpu, theta), strict=True
        ):
            close(found, expected, PRODUCTS)


def test_blocks_of_points_sum_up_to_the_whole(device) -> None:
    blocks = discretization("poisson2d", model(), str(device), memory=0.1)
    assert len(blocks.parts) > 2
    theta, vectors = points("poisson2d")[0].to(device), points("poisson2d").to(device)
    for formulation in ("deep-ritz", "strong-form"):
        ours, whole = Objective(blocks, formulation), Objective(small("poisson2d", device=device), formulation)
        found = [
            *ours.loss_and_gradient(theta),
            ours.hessian_product(theta, vectors),
            ours.gauss_newton_product(theta, vectors),
        ]
        lies_on(device, *found)
        expected = [
            *whole.loss_and_gradient(theta),
            whole.hessian_product(theta, vectors),
            whole.gauss_newton_product(theta, vectors),
        ]
        for a, b in zip(found, expected, strict=True):
            close(a, b)


def test_where_the_energy_does_not_exist_there_is_no_loss(device) -> None:
    ours, cpu = pair("neo_hookean2d", "deep-ritz", device)
    theta = 40.0 * points("neo_hookean2d")[0]
    assert bool(cpu.loss(theta).isnan())
    assert bool(ours.loss(theta.to(device)).isnan())
    assert bool(ours.discretization.measure(theta.to(device))["infeasible"])
    assert not bool(ours.gauss_newton_product(theta.to(device), theta.to(device)).isfinite().any())


def test_the_error_of_a_rule_is_that_of_the_cpu(device) -> None:
    thetas = points("neo_hookean2d", 2)
    ours, cpu = QuadratureError(small("neo_hookean2d", device=device)), QuadratureError(small("neo_hookean2d"))
    # Differences of energies near each other: bounds of their rounding are a part of them.
    close(ours.gaps(thetas.to(device)), cpu.gaps(thetas), 1e-6)


def test_a_problem_passes_its_checks(device) -> None:
    report = validate(small("poisson1d", device=device))
    assert not report.warnings
    assert all(found.deviation <= found.tolerance for found in report.findings)
    assert {"equation", "stationarity"} <= {found.check for found in report.findings}
