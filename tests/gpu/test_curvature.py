"""Hessians on the device: products, eigenvalues and estimates, from the same random vectors as on the CPU."""

import numpy as np
import pytest
import torch
from cases import initial, small
from gpu import settings
from gpu.agreement import close, datasets_agree, lies_on

from pinnscape.curvature import dense
from pinnscape.curvature.files import spectrum_dataset
from pinnscape.linalg import by_products, density, eigen
from pinnscape.linalg.lanczos import extremes
from pinnscape.linalg.trace import hutch_plus_plus
from pinnscape.linalg.warm_started import WarmStartedLanczos

# Eigenvalues by products: the orthogonalisation of a Lanczos process multiplies rounding, least where eigenvalues are well apart.
PROCESS = 1e-9


def hessian(device: torch.device | str, problem: str = "poisson1d"):
    """Products (k, P) -> (k, P) with a Hessian on a device, its point, and the loss."""
    objective = small(problem, device=device).objective("strong-form")
    theta = initial(small(problem)).to(device)
    return lambda rows: objective.hessian_product(theta, rows), theta, objective


def test_a_dense_hessian_and_its_eigenpairs_are_those_of_the_cpu(device) -> None:
    (_, theta, ours), (_, reference, cpu) = (hessian(place, "neo_hookean2d") for place in (device, "cpu"))
    found, expected = dense.hessian(ours, theta), dense.hessian(cpu, reference)
    lies_on(device, found)
    close(found, expected)
    values, rows = eigen.decompose(found)
    lies_on(device, values, rows)
    close(values, eigen.decompose(expected)[0])
    close((rows * values.unsqueeze(-1)).T @ rows, expected)


@pytest.mark.parametrize("count", [1, 3])
def test_extreme_eigenpairs_are_those_of_the_cpu(count, device) -> None:
    (product, theta, _), (reference, cpu, objective) = hessian(device), hessian("cpu")
    found, expected = (extremes(*operator, count, 33, 1e-8, 3) for operator in ((product, theta), (reference, cpu)))
    lies_on(device, found.values, found.vectors, found.low, found.high, found.residual_bounds)
    assert found.verified.tolist() == expected.verified.tolist()
    assert found.index.tolist() == expected.index.tolist()
    close(found.values, expected.values, PROCESS)
    exact = eigen.decompose(dense.hessian(objective, cpu))[0]
    close(found.values, torch.cat([exact[:count], exact[-count:]]), PROCESS)
    close(product(found.vectors), found.values.unsqueeze(-1) * found.vectors, 1e-6)


def test_a_spectral_density_is_that_of_the_cpu(device) -> None:
    (product, theta, _), (reference, cpu, _) = hessian(device), hessian("cpu")
    nodes, weights = density.quadrature(product, theta, 3, 8, 5)
    others, theirs = density.quadrature(reference, cpu, 3, 8, 5)
    assert weights.sum() == pytest.approx(1.0, rel=1e-12)
    close(nodes, others, PROCESS)
    close(weights, theirs, 1e-6)  # squares of entries of eigenvectors: those of nodes that are near each other mix


def test_known_eigenpairs_are_taken_out_of_a_density(device) -> None:
    (product, theta, ours), (reference, cpu, _) = hessian(device), hessian("cpu")
    found = []
    for operator, at in ((product, theta), (reference, cpu)):
        objective = ours if operator is product else hessian("cpu")[2]
        values, rows = (part[:4] for part in eigen.decompose(dense.hessian(objective, at)))
        found.append(density.quadrature(operator, at, 2, 5, 1, (values, rows)))
    (nodes, weights), (others, theirs) = found
    close(nodes, others, PROCESS)
    close(weights, theirs, 1e-6)


def test_estimates_are_those_of_the_cpu(device) -> None:
    (product, theta, _), (reference, cpu, _) = hessian(device), hessian("cpu")
    close(np.array(hutch_plus_plus(product, theta, 12, 2)), np.array(hutch_plus_plus(reference, cpu, 12, 2)), 1e-10)
    found, expected = (
        [*by_products.frobenius(*operator, 12, 2), *by_products.below(*operator, 20, 2, 1e-6)]
        for operator in ((product, theta), (reference, cpu))
    )
    close(np.array(found), np.array(expected), PROCESS)


def test_the_leading_eigenvalue_along_a_path_is_that_of_the_cpu(device) -> None:
    rows = []
    for place in (device, "cpu"):
        _, theta, objective = hessian(place)
        leading = WarmStartedLanczos(30, 1e-6, 4)
        at = [theta, 1.01 * theta]
        rows.append([leading(lambda rows, t=t, o=objective: o.hessian_product(t, rows), t)[0] for t in at])
    close(np.array(rows[0]), np.array(rows[1]), PROCESS)


def test_random_vectors_are_made_on_the_cpu_so_that_a_seed_gives_the_same_everywhere(device) -> None:
    """The first products that each estimate asks for are with the same vectors."""
    routes = {
        "lanczos": lambda operator, like: extremes(operator, like, 1, 3, 1e-3, 7),
        "density": lambda operator, like: density.quadrature(operator, like, 2, 2, 7),
        "trace": lambda operator, like: hutch_plus_plus(operator, like, 6, 7),
        "leading": lambda operator, like: WarmStartedLanczos(4, 1e-3, 7)(operator, like),
        "below": lambda operator, like: by_products.below(operator, like, 2, 7, 1e-6),
    }
    for name, route in routes.items():
        seen: dict[str, torch.Tensor] = {}
        for place in (device, torch.device("cpu")):

            def product(rows: torch.Tensor, place: torch.device = place, seen: dict = seen) -> torch.Tensor:
                seen.setdefault(place.type, rows.cpu())
                return rows * torch.arange(1.0, 43.0, dtype=rows.dtype, device=rows.device)

            route(product, torch.zeros(42, dtype=torch.float64, device=place))
        found, expected = seen[device.type], seen["cpu"]
        # Signs are taken as they are; other vectors are divided by their norms on the device.
        close(found, expected, 0.0 if name == "trace" else 1e-14)


@pytest.mark.parametrize("route", ["dense", "products"])
def test_the_file_of_a_spectrum_is_that_of_the_cpu(route, device) -> None:
    how = settings.spectrum(route)
    (_, theta, ours), (_, reference, cpu) = hessian(device), hessian("cpu")
    found, expected = spectrum_dataset(ours, theta, how, 1), spectrum_dataset(cpu, reference, how, 1)
    assert found.attrs == expected.attrs
    # Residual norms and distances of bounds are rounding; smooth densities and weights are of nodes that may lie close together.
    loose = {"residual_norm": np.inf, "weight": 1e-5, "density": 1e-5, "eigenvector": 1e-5}
    datasets_agree(found, expected, 1e-8, loose)
    assert float(found["residual_norm"].max()) <= 1e-6 * float(np.abs(expected["ritz_value"]).max())
