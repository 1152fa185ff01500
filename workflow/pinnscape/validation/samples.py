"""Points and fields at which problems are tried."""

from typing import Any

import torch
from torch import Tensor

from pinnscape.problems import contract

BATCHES = (13, 11)  # numbers of fields and points: sizes that components and dimensions do not have


def interior(count: int, dimension: int, device: torch.device | str = "cpu", seed: int = 1) -> Tensor:
    """Random points (count, d), not close to the boundary."""
    generator = torch.Generator().manual_seed(seed)
    return (0.1 + 0.8 * torch.rand(count, dimension, generator=generator, dtype=torch.float64)).to(device)


def boundary(count: int, dimension: int, device: torch.device | str = "cpu") -> Tensor:
    """Random points (2 · d · count, d) on all faces of the unit cube, and its corners."""
    generator = torch.Generator().manual_seed(2)
    faces = []
    for axis in range(dimension):
        for side in (0.0, 1.0):
            points = torch.rand(count, dimension, generator=generator, dtype=torch.float64)
            points[:, axis] = side
            faces.append(points)
    corners = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * dimension).reshape(-1, dimension)
    return torch.cat([*faces, corners]).to(device)


def states(problem: Any, x: Tensor, count: int = BATCHES[0], seed: int = 0) -> tuple[Tensor, Tensor]:
    """Fields near the exact solution at points (n, d): values (count, n, c) and gradients (count, n, c, d) where the energy exists.

    Raises:
        ProblemError: the energy does not exist at the exact solution.
    """
    value, slope = contract.along(problem, x)
    generator = torch.Generator().manual_seed(seed)
    change, turn = (torch.randn(count, *t.shape, generator=generator, dtype=x.dtype).to(x.device) for t in (value, slope))
    bad = x[~exists(problem, x, value, slope)]
    if len(bad):
        raise contract.fault(
            problem,
            "exact",
            f"the energy does not exist at it{contract.at(bad)}; exact, density and `infeasible` do not fit together",
        )
    size = float(problem.scale)
    for _ in range(30):
        u, du = value + 0.1 * size * change, slope + 0.3 * size * turn
        if exists(problem, x, u, du).all():
            return u, du
        size *= 0.5
    raise contract.fault(
        problem,
        "density",
        "is not finite close to the exact solution, at which it is finite; a problem needs room around its solution",
    )


def exists(problem: Any, x: Tensor, u: Tensor, du: Tensor) -> Tensor:
    """Where (..., n) the energy density is a number.

    Raises:
        ProblemError: ``infeasible`` gives something else than a mask (..., n).
    """
    finite = contract.density(problem, x, u, du).isfinite()
    mask = contract.call(problem, "infeasible", u, du)
    if mask is None:
        return finite
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool or mask.shape != u.shape[:-1]:
        kind = f"{mask.dtype} {tuple(mask.shape)}" if isinstance(mask, Tensor) else type(mask).__name__
        raise contract.fault(problem, "infeasible", f"gives {kind}; must be None or bool (..., n), here {tuple(u.shape[:-1])}")
    return finite & ~mask


def energy_slopes(problem: Any, x: Tensor, u: Tensor, du: Tensor) -> tuple[Tensor, Tensor]:
    """∂e/∂u (n, c) and ∂e/∂∇u (n, c, d) by reverse differentiation."""
    u, du = u.detach().requires_grad_(), du.detach().requires_grad_()
    with (
        torch.enable_grad(),
        contract.naming(problem, "density", "it must be differentiable by torch: no numpy, .detach() or .item()"),
    ):
        total = problem.density(x, u, du).sum()
        if not total.requires_grad:
            return torch.zeros_like(u), torch.zeros_like(du)
        first, second = torch.autograd.grad(total, (u, du), materialize_grads=True)
    return first, second
