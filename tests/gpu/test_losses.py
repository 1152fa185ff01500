"""Losses and their derivatives on the device."""

import pytest
import torch
from cases import LOSSES, PROBLEMS, initial, small
from gpu.agreement import close, lies_on
from settings_cases import model

from pinnscape.config.sections import Model
from pinnscape.losses import gauss_newton
from pinnscape.losses.field import FieldObjective
from pinnscape.losses.model import discretization
from pinnscape.losses.quadrature_error import QuadratureError
from pinnscape.validation.check import validate_losses

# Rounding of a kernel or a Gram matrix, whose entries are sums of products of derivatives.
PRODUCTS = 1e-11


def built(problem: str, **keys) -> Model:
    """The settings of a case with other keys of its network."""
    made = model(problem)
    return made.model_copy(update={"network": made.network.model_copy(update=keys)})


def pair(problem: str, formulation: str, device: torch.device) -> tuple[FieldObjective, FieldObjective]:
    """A loss on the device and on the CPU."""
    return small(problem, device=device).objective(formulation), small(problem).objective(formulation)


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
    blocks = discretization(model(), str(device), memory=0.1)
    (group,) = blocks.assembly.groups
    assert len(list(group.blocks(group.streams))) > 2
    theta, vectors = points("poisson2d")[0].to(device), points("poisson2d").to(device)
    for formulation in ("deep-ritz", "strong-form"):
        ours, whole = blocks.objective(formulation), small("poisson2d", device=device).objective(formulation)
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
    report = validate_losses(small("poisson1d", device=device))
    assert not report.warnings
    assert all(found.deviation <= found.tolerance for found in report.findings)
    assert {"deep-ritz_gradient", "strong-form_hessian"} <= {found.check for found in report.findings}


SOFT = {"enforce": "soft", "weight": 3.0}
# Losses of several terms at several sets of points, one of them with two sites; derivatives of the fourth order; a reference; other architectures.
OTHERS = {
    "convection": (model("convection", conditions={"initial": SOFT, "periodic": SOFT}), None),
    "wave": (model("wave", conditions={"boundary": SOFT, "initial": SOFT, "rate": SOFT}), None),
    "hard": (model("reaction"), None),
    "burgers": (model("burgers", points=5), lambda p: p.x * p.t),
    "beam": (model("beam", conditions={"clamped": SOFT}), None),
    "sobol": (model("poisson2d", rule="sobol", points=30), None),
    "modified": (built("poisson2d", architecture="modified", scaled=True), None),
    "residual": (built("semilinear2d", architecture="residual", fourier=3), None),
}


@pytest.mark.parametrize("name", OTHERS)
def test_problems_of_other_kinds_have_the_losses_of_the_cpu(name, device) -> None:
    settings, reference = OTHERS[name]
    ours, cpu = (discretization(settings, str(place), reference=reference) for place in (device, "cpu"))
    thetas = torch.stack([initial(cpu, seed) for seed in range(2)])
    there = thetas.to(device)
    found, expected = ours.measure(there), cpu.measure(thetas)
    lies_on(device, *found.values())
    for key, values in expected.items():
        close(found[key], values, 1e-11 if key == "energy_gap" else 1e-12)
    for loss in cpu.losses:
        a, b = ours.objective(loss), cpu.objective(loss)
        pairs = [
            (a.gradient(there), b.gradient(thetas)),
            (a.hessian_product(there[0], there), b.hessian_product(thetas[0], thetas)),
            (a.gauss_newton_product(there[0], there), b.gauss_newton_product(thetas[0], thetas)),
            (gauss_newton.gauss_newton(a, there[0]), gauss_newton.gauss_newton(b, thetas[0])),
            (gauss_newton.kernel(a, there[0]), gauss_newton.kernel(b, thetas[0])),
            *zip(a.terms(there).values(), b.terms(thetas).values(), strict=True),
            *zip(a.fresh.terms(there).values(), b.fresh.terms(thetas).values(), strict=True),
        ]
        lies_on(device, *(found for found, _ in pairs))
        for found_, expected_ in pairs:
            close(found_, expected_, PRODUCTS)


@pytest.mark.parametrize("name", ["convection", "sobol"])
def test_residuals_and_jacobians_are_those_of_the_cpu(name, device) -> None:
    ours, cpu = (discretization(OTHERS[name][0], str(place)).objective("strong-form") for place in (device, "cpu"))
    theta = initial(cpu.discretization)
    there = theta.to(device)
    found = [*ours.residuals(there).values(), ours.jacobian(there)]
    lies_on(device, *found)
    for a, b in zip(found, [*cpu.residuals(theta).values(), cpu.jacobian(theta)], strict=True):
        close(a, b, PRODUCTS)
